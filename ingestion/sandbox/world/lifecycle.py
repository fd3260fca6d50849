"""When each account pays: the chain of terms on its main subscription line, with churn and return.

Belongs here: which terms follow which, by health. Does not belong here: prices, deals and further lines
(revenue.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from ingestion.sandbox.world.customers import Account, Customers
from ingestion.sandbox.world.setting import Setting, add_months, pick, pick_weighted, to_local

CHURN_REASONS: tuple[tuple[str, float], ...] = (
    ("missing_feature", 0.22),
    ("price", 0.2),
    ("low_usage", 0.18),
    ("competitor", 0.15),
    ("poor_support", 0.1),
    ("business_closed", 0.07),
    ("reliability", 0.08),
)


@dataclass
class Term:
    """One paid term of the main line. `ends_on` is the first unpaid day if nothing follows."""

    starts_on: date
    months: int
    kind: str  # new, renewal, return

    @property
    def ends_on(self) -> date:
        return add_months(self.starts_on, self.months)


@dataclass
class Life:
    """The terms of an account in order, and why each paid stretch ended."""

    account: Account
    terms: list[Term] = field(default_factory=list)
    churns: list[tuple[date, str]] = field(default_factory=list)

    def is_paying(self, day: date) -> bool:
        """Whether a term covers the day."""
        return any(term.starts_on <= day < term.ends_on for term in self.terms)

    def next_churn(self, after: date) -> date | None:
        """The first day without a paid term after a day, if it comes within the world."""
        return next((day for day, _ in self.churns if day > after), None)


def make_lives(setting: Setting, customers: Customers) -> dict[int, Life]:
    """The life of every account, by account id; accounts that never buy have no terms."""
    rng = setting.stream("lifecycle")
    return {account.account_id: _live(setting, rng, account) for account in customers.accounts}


def _live(setting: Setting, rng: np.random.Generator, account: Account) -> Life:
    life = Life(account)
    starts_on = account.first_start_on
    if starts_on is None:
        return life
    last_day = to_local(setting.ends_at).date()
    months = _first_term(rng, account)
    kind = "new"
    while starts_on <= last_day:
        term = Term(starts_on, months, kind)
        life.terms.append(term)
        if account.kind == "duplicate":
            break
        if term.ends_on > last_day + timedelta(days=60):
            break
        if account.kind == "customer" and rng.random() < _churn_chance(account, months):
            reason = pick_weighted(rng, [r for r, _ in CHURN_REASONS], [w for _, w in CHURN_REASONS])
            life.churns.append((term.ends_on, reason))
            if rng.random() > 0.3:
                break
            starts_on, kind = term.ends_on + timedelta(days=int(rng.integers(45, 170))), "return"
            months = pick(rng, (1, 12, 12))
            continue
        starts_on, kind = term.ends_on, "renewal"
        if months >= 7 and rng.random() < 0.18:
            # An early renewal: both terms are paid for the overlap, the newer one counts.
            starts_on -= timedelta(days=int(rng.integers(10, 75)))
        if rng.random() < 0.12:
            months = pick(rng, (7, 12, 12, 24))
    return life


def _first_term(rng: np.random.Generator, account: Account) -> int:
    if account.segment == "smb":
        return pick_weighted(rng, (1, 7, 12, 24), (0.16, 0.1, 0.69, 0.05))
    return pick_weighted(rng, (1, 7, 12, 24), (0.01, 0.05, 0.72, 0.22))


def _churn_chance(account: Account, months: int) -> float:
    """Chance to leave at the end of a term; a month's chance for monthly payers."""
    yearly = min(
        0.85,
        0.05 + 1.7 * max(0.0, 0.95 - account.health) ** 2.0 + (0.06 if account.segment == "smb" else 0.0),
    )
    return 1 - (1 - yearly) ** (1 / 9) if months == 1 else yearly
