"""What the company's truth says at one `now`: the reading of a world that every expected table starts from.

Belongs here: visibility, replayed states, identity and calendars in plain pandas. Does not belong here:
anything of dbt's SQL or of the vendors; the expected tables are a second, independent derivation from the
definitions, so they must never share code with what they check.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import yaml

from ingestion.sandbox.world.world import World

FREE_MAIL = frozenset(
    {"gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "yahoo.com.br", "uol.com.br", "icloud.com"}
)


def naive(moment: datetime) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp


Expected = TypeVar("Expected")


def remembered(derive: Callable[[Truth], Expected]) -> Callable[[Truth], Expected]:
    """Derive a table once per Truth; callers get a copy of a frame, so they may change it."""

    @wraps(derive)
    def recall(truth: Truth) -> Expected:
        if derive not in truth.derived:
            truth.derived[derive] = derive(truth)
        value = truth.derived[derive]
        return value.copy()

    return recall


def rows_by(frame: pd.DataFrame, column: str) -> dict[Any, list[Any]]:
    """The rows of each value of a column, in their order: plain tuples, since a frame for each is slow."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in frame.itertuples():
        found[getattr(row, column)].append(row)
    return dict(found)


@dataclass(frozen=True)
class Calendar:
    fiscal_years: pd.DataFrame  # fiscal_year, starts_on, in order
    rates: dict[tuple[int, str], float]
    reporting_currency: str
    holidays: frozenset[date]

    @cached_property
    def _starts(self) -> list[date]:
        return list(self.fiscal_years.starts_on)

    @cached_property
    def _years(self) -> list[int]:
        return [int(year) for year in self.fiscal_years.fiscal_year]

    def fiscal_year(self, day: date) -> int:
        began = bisect_right(self._starts, day)
        return self._years[max(began, 1) - 1]

    def rate(self, day: date, currency: str) -> float:
        if currency == self.reporting_currency:
            return 1.0
        return self.rates[(self.fiscal_year(day), currency)]


class Truth:
    """One world as it stands at `now`.

    Arguments:
        world: the world.
        now: aware UTC.
        company: the directory of governance files the pipeline read for this `now`.
        published: the file that is compared: what a model said of texts has no truth in the world, and is
            taken from there by what is counted on top of it.
    """

    def __init__(self, world: World, now: datetime, company: Path, published: Path | None = None) -> None:
        self.world = world
        self.now = naive(now)
        self.aware_now = now
        self.company = company
        self.published = published
        self.derived: dict[Any, Any] = {}
        self.zone = ZoneInfo(world.meta.time_zone)

    # -- time
    def local(self, stamps: pd.Series) -> pd.Series:
        """Naive UTC stamps as naive local wall-clock."""
        return pd.to_datetime(stamps).dt.tz_localize("UTC").dt.tz_convert(self.zone).dt.tz_localize(None)

    def local_date(self, stamps: pd.Series) -> pd.Series:
        return self.local(stamps).dt.date

    def local_day(self, stamp: pd.Timestamp) -> date:
        return stamp.tz_localize("UTC").tz_convert(self.zone).date()

    @cached_property
    def today(self) -> date:
        return self.local_day(self.now)

    def day_ends(self, days: list[date]) -> pd.DatetimeIndex:
        """The UTC instants at which local days end (exclusive)."""
        return pd.DatetimeIndex(
            [
                pd.Timestamp(datetime.combine(day + timedelta(days=1), datetime.min.time()), tz=self.zone)
                .tz_convert("UTC")
                .tz_localize(None)
                for day in days
            ]
        )

    # -- tables
    def visible(self, table: str) -> pd.DataFrame:
        return self.world.visible(table, self.aware_now)

    def state(self, table: str) -> pd.DataFrame:
        return self.world.state(table, self.aware_now)

    def changes(self, table: str) -> pd.DataFrame:
        return self.world.changes(table, self.aware_now)

    # -- governance files
    def yaml(self, name: str) -> Any:
        text = (self.company / name).read_text(encoding="utf-8")
        # The parser in C: a company's files are thousands of lines.
        return yaml.load(text, Loader=yaml.CSafeLoader)

    def csv(self, name: str) -> list[dict[str, str]]:
        path = self.company / name
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    @cached_property
    def calendar(self) -> Calendar:
        import holidays as holiday_calendars

        spec = self.yaml("calendars.yml")
        years = sorted(spec["fiscal_years"], key=lambda entry: entry["year"])
        frame = pd.DataFrame(
            {
                "fiscal_year": [entry["year"] for entry in years],
                "starts_on": [entry["starts_on"] for entry in years],
            }
        )
        rates = {
            (entry["year"], currency): float(rate)
            for entry in years
            for currency, rate in entry["rates"].items()
        }
        default = spec["calendars"][0]
        days = holiday_calendars.country_holidays(
            default["country"], subdiv=default.get("subdivision"), years=range(2018, 2032)
        )
        off = set(days) | {entry["on"] for entry in default.get("extra_holidays", [])}
        return Calendar(frame, rates, years[-1]["reporting_currency"], frozenset(off))

    def is_working_day(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.calendar.holidays

    @cached_property
    def working_day_index(self) -> dict[date, int]:
        """Working days up to and including each day, from a fixed start."""
        first, count, index = date(2018, 1, 1), 0, {}
        for offset in range(366 * 12):
            day = first + timedelta(days=offset)
            count += self.is_working_day(day)
            index[day] = count
        return index

    # -- identity
    @cached_property
    def survivor(self) -> dict[int, int]:
        """account_id -> the account it stands for now (merges followed to their end)."""
        merged = self.state("accounts").set_index("account_id").merged_into.dropna()
        into = {int(loser): int(winner) for loser, winner in merged.items()}
        result = {}
        for account in self.visible("accounts").account_id:
            target = int(account)
            while target in into:
                target = into[target]
            result[int(account)] = target
        return result

    @cached_property
    def accounts(self) -> pd.DataFrame:
        """Accounts that exist now: neither deleted nor merged away; with is_excluded."""
        state = self.state("accounts")
        alive = state[~state.is_deleted.astype(bool) & state.merged_into.isna()].copy()
        excluded = {
            int(row["external_id"])
            for row in self.csv("accounts.csv")
            if row.get("excluded") and row["source"] == "hubspot"
        }
        alive["is_excluded"] = alive.is_test.astype(bool) | alive.account_id.isin(excluded)
        return alive

    @cached_property
    def counted_accounts(self) -> frozenset[int]:
        return frozenset(self.accounts.loc[~self.accounts.is_excluded, "account_id"].astype(int))

    def account_of(self, accounts: pd.Series) -> pd.Series:
        """World account ids followed to their survivors; <NA> where unknown."""
        return accounts.map(
            lambda account: self.survivor.get(int(account)) if pd.notna(account) else None
        ).astype("Int64")

    @cached_property
    def segment_history(self) -> pd.DataFrame:
        """account_id, at, segment: from creation on, ordered."""
        base = self.visible("accounts")[["account_id", "created_at", "segment"]].rename(
            columns={"created_at": "at"}
        )
        changes = self.changes("accounts")
        changed = changes[changes.field == "segment"][["account_id", "changed_at", "to_value"]].rename(
            columns={"changed_at": "at", "to_value": "segment"}
        )
        return (
            pd.concat([base, changed]).sort_values(["at", "account_id"], kind="stable").reset_index(drop=True)
        )

    def segment_at(self, accounts: pd.Series, moments: pd.Series) -> pd.Series:
        """Segment of each account just before each UTC moment; the first one known for earlier moments."""
        asked = pd.DataFrame(
            {
                "account_id": pd.array(accounts, dtype="Int64"),
                "at": pd.to_datetime(moments).astype("datetime64[us]").to_numpy(),
                "order": np.arange(len(accounts)),
            }
        )
        history = self.segment_history.astype({"account_id": "Int64", "at": "datetime64[us]"})
        first = history.drop_duplicates("account_id").set_index("account_id").segment
        known = asked[asked.account_id.notna()].sort_values("at", kind="stable")
        joined = pd.merge_asof(known, history, on="at", by="account_id", allow_exact_matches=False)
        joined["segment"] = joined.segment.fillna(joined.account_id.map(first))
        result = (
            asked.merge(joined[["order", "segment"]], on="order", how="left").sort_values("order").segment
        )
        return pd.Series(result.to_numpy(), index=accounts.index)
