"""The frame that every domain of a generated world shares: its times, size, random streams and the
company's name.

Belongs here: what is fixed before anything is drawn, and arithmetic on dates. Does not belong here: any
domain.
"""

from __future__ import annotations

import calendar
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

T = TypeVar("T")

COMPANY_NAME = "Trilha"
OWN_DOMAIN = "trilha.example"
TIME_ZONE = "America/Sao_Paulo"
REPORTING_CURRENCY = "USD"
CRM_HISTORY_MONTHS = 18
"""Customers older than the world's start have deals and contracts up to this long before it."""


@dataclass(frozen=True)
class Setting:
    """All times naive UTC, whole seconds.

    Arguments:
        accounts: how many CRM accounts exist by the end, prospects, tests and duplicates included.
        starts_at: when product usage, support and delivery work begin to be recorded.
        crm_starts_at: when the oldest customers begin (deals and contracts only).
        as_of: the moment at which the company is looked at first.
        ends_at: nothing happens after it.
    """

    seed: int
    accounts: int
    starts_at: datetime
    crm_starts_at: datetime
    as_of: datetime
    ends_at: datetime

    @classmethod
    def of(cls, *, seed: int, accounts: int, months: int, as_of: datetime, horizon_days: int) -> Setting:
        """The frame for a world that reaches `months` back and `horizon_days` on from `as_of`."""
        if accounts < 10 or months < 2 or horizon_days < 1:
            raise ValueError(
                f"expected at least 10 accounts, 2 months and 1 day of horizon, got {accounts}, {months}, "
                f"{horizon_days}: a smaller company has nothing to measure"
            )
        as_of = (as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of).replace(microsecond=0)
        first_day = add_months(to_local(as_of).date().replace(day=1), -months)
        starts_at = from_local(datetime.combine(first_day, time(0)))
        crm_first_day = add_months(first_day, -CRM_HISTORY_MONTHS)
        return cls(
            seed=seed,
            accounts=accounts,
            starts_at=starts_at,
            crm_starts_at=from_local(datetime.combine(crm_first_day, time(0))),
            as_of=as_of,
            ends_at=as_of + timedelta(days=horizon_days),
        )

    def stream(self, name: str) -> np.random.Generator:
        """A random stream of its own for each domain: more draws in one never shift another."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, zlib.crc32(name.encode())]))

    @property
    def first_monday(self) -> date:
        """The Monday (company's time) of the week in which the world starts."""
        day = to_local(self.starts_at).date()
        return day - timedelta(days=day.weekday())

    @property
    def week_count(self) -> int:
        """Weeks from `first_monday` that the world touches."""
        return (to_local(self.ends_at).date() - self.first_monday).days // 7 + 1

    def week_of(self, moment: datetime | date) -> int:
        """Index of the week (company's time) of a moment or day; may lie outside the world."""
        day = to_local(moment).date() if isinstance(moment, datetime) else moment
        return (day - self.first_monday).days // 7

    def between(self, share: float) -> datetime:
        """The moment at a share (0-1) of the way from `starts_at` to `as_of`."""
        return (self.starts_at + (self.as_of - self.starts_at) * share).replace(microsecond=0)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """A time zone, kept."""
    return ZoneInfo(name)


def to_local(moment: datetime, time_zone: str = TIME_ZONE) -> datetime:
    """Naive UTC to naive local time."""
    return moment.replace(tzinfo=UTC).astimezone(zone(time_zone)).replace(tzinfo=None)


def from_local(moment: datetime, time_zone: str = TIME_ZONE) -> datetime:
    """Naive local time to naive UTC."""
    return moment.replace(tzinfo=zone(time_zone)).astimezone(UTC).replace(tzinfo=None)


def add_months(day: date, months: int) -> date:
    """The same day of another month, or its last day where that month is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def business_moment(
    rng: np.random.Generator,
    day: date,
    time_zone: str = TIME_ZONE,
    first_hour: float = 9.0,
    last_hour: float = 18.0,
) -> datetime:
    """A whole second in office hours of a day in a time zone, as naive UTC."""
    seconds = int((first_hour + (last_hour - first_hour) * rng.random()) * 3600)
    return from_local(datetime.combine(day, time(0)) + timedelta(seconds=seconds), time_zone)


def next_weekday(day: date) -> date:
    """The day itself, or the Monday after a weekend."""
    return day + timedelta(days={5: 2, 6: 1}.get(day.weekday(), 0))


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each as likely."""
    return options[int(rng.random() * len(options))]


def pick_weighted(rng: np.random.Generator, options: Sequence[T], weights: Sequence[float]) -> T:
    """One of the options by weight."""
    mark = rng.random() * sum(weights)
    for option, weight in zip(options, weights, strict=True):
        mark -= weight
        if mark < 0:
            return option
    return options[-1]


def text_of(value: Any) -> str | None:
    """A value as a change shows it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(int(value)) if value == int(value) else repr(round(value, 6))
    return str(value)
