"""The company's exchange rates: one fixed set per fiscal year, and what recurring revenue is by them.

Belongs here: rates and the plain arithmetic that sets plausible targets. Does not belong here: the marts'
logic, which is never taken from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

FIRST_YEAR = 2020
_BRL = (0.20, 0.19, 0.19, 0.195, 0.20, 0.172, 0.184, 0.180)
_EUR = (1.13, 1.18, 1.06, 1.08, 1.09, 1.05, 1.14, 1.12)


def rates_of(year: int) -> dict[str, float]:
    """Reporting units for one unit of each currency in a fiscal year (which begins on 1 January)."""
    place = (year - FIRST_YEAR) % len(_BRL)
    return {"BRL": _BRL[place], "EUR": _EUR[place]}


def recurring_revenue(
    contracts: Iterable[dict[str, Any]], day: date, accounts: set[int] | None = None
) -> float:
    """Recurring revenue a month on a day, in the reporting currency; to set targets by, not to check marts
    with."""
    current: dict[tuple[int, int], dict[str, Any]] = {}
    for contract in contracts:
        if not contract["is_recurring"] or not contract["starts_on"] <= day < contract["ends_on"]:
            continue
        if accounts is not None and contract["account_id"] not in accounts:
            continue
        line = (contract["account_id"], contract["plan_id"])
        if line not in current or current[line]["starts_on"] <= contract["starts_on"]:
            current[line] = contract
    rates = {"USD": 1.0, **rates_of(day.year)}
    return sum(c["amount"] / c["term_months"] * rates[c["currency"]] for c in current.values())
