"""How numbers, times and names are written for people.

Belongs here: formatting of single values in one language. Does not belong here: sentences (the catalogue
of texts).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

DASH = "–"


def is_missing(value: Any) -> bool:
    """None, NaN and NaT alike."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or value != value


@dataclass(frozen=True)
class Conventions:
    """How one language writes numbers and dates, as its catalogue of texts says.

    Arguments:
        months: twelve short names.
        thousands, decimal: separators.
        day, month: patterns of {day}, {month}, {year}.
        axis_month, axis_day: the same where room is scarce; the year has two digits.
        money: pattern of {symbol} and {amount}.
        symbols: ISO code -> symbol; a currency that is not there is shown by its code.
        sizes: what stands behind thousands, millions and billions.
    """

    months: tuple[str, ...]
    thousands: str
    decimal: str
    day: str
    month: str
    axis_month: str
    axis_day: str
    money: str
    symbols: Mapping[str, str]
    sizes: tuple[str, str, str]


@dataclass(frozen=True)
class Formats:
    """Writes single values.

    Arguments:
        conventions: of the language.
        currency: ISO code of the amounts; None shows bare numbers.
    """

    conventions: Conventions
    currency: str | None = None

    def number(self, value: Any, digits: int = 0) -> str:
        """1,234.5"""
        if is_missing(value):
            return DASH
        text = f"{float(value):,.{digits}f}"
        if float(text.replace(",", "")) == 0:
            text = text.replace("-", "")
        text = text.translate({ord(","): self.conventions.thousands, ord("."): self.conventions.decimal})
        return text.replace("-", "−")

    def signed(self, value: Any, digits: int = 0) -> str:
        """+12 or −3."""
        text = self.number(value, digits)
        return text if is_missing(value) or round(float(value), digits) <= 0 else f"+{text}"

    def money(self, value: Any) -> str:
        """In full below ten thousand, then shortened: $9,120, $158.2k, $1.24M."""
        if is_missing(value):
            return DASH
        amount = float(value)
        size = abs(amount)
        thousand, million, billion = self.conventions.sizes
        if size < 9_999.5:
            text = self.number(size)
        elif size < 999_950:
            text = self.number(size / 1e3, 1) + thousand
        elif size < 999_950_000:
            text = self.number(size / 1e6, 2) + million
        else:
            text = self.number(size / 1e9, 2) + billion
        sign = "−" if amount < 0 and round(size) else ""
        if self.currency is None:
            return sign + text
        symbol = self.conventions.symbols.get(self.currency, f"{self.currency}\u00a0")
        return sign + self.conventions.money.format(symbol=symbol, amount=text)

    def signed_money(self, value: Any) -> str:
        """+$1,200 or −$300."""
        text = self.money(value)
        return text if is_missing(value) or float(value) <= 0 else f"+{text}"

    def percent(self, ratio: Any, digits: int = 1) -> str:
        """A share of 0 to 1 as a percentage."""
        return DASH if is_missing(ratio) else f"{self.number(float(ratio) * 100, digits)}%"

    def minutes(self, value: Any) -> str:
        """As a person would say it: 42 min, 1 h 40 min, 2.3 days."""
        if is_missing(value):
            return DASH
        minutes = float(value)
        if minutes < 90:
            return f"{self.number(minutes)} min"
        if minutes < 24 * 60:
            hours, rest = divmod(round(minutes), 60)
            return f"{hours} h {rest} min" if rest else f"{hours} h"
        return f"{self.number(minutes / 1440, 1)} d"

    def hours(self, value: Any) -> str:
        """An age in hours."""
        if is_missing(value):
            return DASH
        hours = float(value)
        if hours < 1.5:
            return f"{self.number(hours * 60)} min"
        return f"{self.number(hours)} h" if hours < 48 else f"{self.number(hours / 24, 1)} d"

    def day(self, value: Any) -> str:
        """5 Oct 2026"""
        if is_missing(value):
            return DASH
        return self.conventions.day.format(
            day=value.day, month=self.conventions.months[value.month - 1], year=value.year
        )

    def short_day(self, value: date) -> str:
        """5 Oct"""
        return self.conventions.axis_day.format(day=value.day, month=self.conventions.months[value.month - 1])

    def month(self, value: date) -> str:
        """Oct 2026"""
        return self.conventions.month.format(month=self.conventions.months[value.month - 1], year=value.year)

    def moment(self, value: datetime | None) -> str:
        """5 Oct 2026, 06:00 UTC"""
        if is_missing(value) or value is None:
            return DASH
        return f"{self.day(value)}, {value:%H:%M} UTC"

    def of_unit(self, value: Any, unit: str | None) -> str:
        """A metric's value in its own unit, as `dim_metrics.unit` names it."""
        if is_missing(value):
            return DASH
        unit = (unit or "").lower()
        if unit.startswith("currency"):
            return self.money(value)
        if unit == "ratio":
            return self.percent(value)
        if unit == "minutes":
            return self.minutes(value)
        if unit == "points":
            return self.signed(value)
        if unit == "days":
            return f"{self.number(value, 1)} d"
        whole = isinstance(value, int | Decimal) or float(value) == round(float(value))
        return self.number(value, 0 if whole or abs(float(value)) >= 100 else 1)
