"""Where each metric stands: its latest value, how it changed, and how far it is from its target.

Belongs here: choosing from `mart_metric__daily` what a page shows of a metric. Does not belong here:
computing a metric, and words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from orchestration.publishing.report.published import Published

WINDOW_DAYS = 28
_SERIES_WEEKS = 26
# Where the single values lie of the metrics that are medians, and which of them count.
MEDIANS = {
    "first_reply_minutes_median": ("metric.fct_tickets", "first_reply_minutes", "created_on", "true"),
    "full_resolution_minutes_median": (
        "metric.fct_tickets",
        "full_resolution_minutes",
        "solved_on",
        "not is_merged",
    ),
}
OPINIONS = frozenset({"nps", "csat_ratio"})
TOO_FEW_ANSWERS = 30


@dataclass(frozen=True)
class Standing:
    """A metric as of the last complete day.

    Arguments:
        reading: over which days it is read, as `dim_metrics.reading` says; key results read it the same way.
        value, before: now, and one window (28 days) earlier; None where there is none.
        count, count_before: the denominators (answers, ratings) behind both, where the metric has one.
        series: weekly values of the last half year, for a small line.
        is_good: whether the change is in the good direction; None without a change.
    """

    metric_id: str
    name: str
    unit: str
    reading: str
    good_direction: str
    owner: str | None
    value: float | None
    before: float | None
    count: float | None
    count_before: float | None
    series: tuple[float, ...]
    target: float | None
    target_on: date | None

    @property
    def change(self) -> float | None:
        return None if self.value is None or self.before is None else self.value - self.before

    @property
    def relative_change(self) -> float | None:
        if self.value is None or not self.before:
            return None
        return self.value / self.before - 1

    @property
    def is_good(self) -> bool | None:
        if not self.change:
            return None
        return (self.change > 0) == (self.good_direction != "down")

    @property
    def meets_target(self) -> bool | None:
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target if self.good_direction != "down" else self.value <= self.target

    @property
    def is_within_chance(self) -> bool:
        """Whether a change of a sampled opinion is smaller than the 95 % intervals of both values allow."""
        if self.value is None or self.before is None or not self.count:
            return False
        # Of answers that are not known there may be as few as now.
        counts = (self.count, self.count_before or self.count)
        if self.metric_id == "nps":
            halves = [
                nps_half_width(value, count)
                for value, count in zip((self.value, self.before), counts, strict=True)
            ]
        elif self.metric_id == "csat_ratio":
            bounds = [
                wilson(value * count, count)
                for value, count in zip((self.value, self.before), counts, strict=True)
            ]
            halves = [(high - low) / 2 for low, high in bounds]
        else:
            return False
        return abs(self.value - self.before) < sum(half * half for half in halves) ** 0.5

    @property
    def is_too_few(self) -> bool:
        """Opinions of fewer than 30 answers are not shown as a number."""
        return self.metric_id in OPINIONS and (self.count or 0) < TOO_FEW_ANSWERS


# The value, its denominator and its numerator.
_Days = dict[date, tuple[float | None, float | None, float | None]]


def standings(published: Published) -> dict[str, Standing]:
    """metric_id -> where it stands, for the whole company."""
    last = published.last_complete_day
    by_metric: dict[str, _Days] = {}
    began: dict[str, date] = {}
    if not published.missing(["metric.mart_metric__daily"]):
        for row in published.rows(
            "select metric_id, min(date_on) as began_on from metric.mart_metric__daily"
            " where segment = 'all' group by metric_id"
        ):
            began[row["metric_id"]] = row["began_on"]
        for row in published.rows(
            "select metric_id, date_on, value, numerator, denominator from metric.mart_metric__daily"
            " where segment = 'all' and date_on between ? and ? order by metric_id, date_on",
            last - timedelta(days=_SERIES_WEEKS * 7 + WINDOW_DAYS),
            last,
        ):
            by_metric.setdefault(row["metric_id"], {})[row["date_on"]] = (
                row["value"],
                row["denominator"],
                row["numerator"],
            )
    return {
        metric_id: _standing(published, row, by_metric.get(metric_id, {}), began.get(metric_id), last)
        for metric_id, row in published.metrics.items()
        if row.get("is_daily", True)
    }


def _standing(
    published: Published, metric: dict[str, object], days: _Days, began_on: date | None, last: date
) -> Standing:
    metric_id = str(metric["metric_id"])
    reading = str(metric["reading"])

    def level(end: date) -> float | None:
        return days.get(end, (None, None, None))[0]

    def total(end: date, count: int = WINDOW_DAYS) -> float | None:
        # A window that reaches back before the first day would look like growth.
        if began_on is None or end - timedelta(days=count - 1) < began_on:
            return None
        return sum(level(end - timedelta(days=n)) or 0.0 for n in range(count))

    def mean(end: date) -> float | None:
        found = [level(end - timedelta(days=n)) for n in range(7)]
        known = [value for value in found if value is not None]
        return sum(known) / len(known) if known else None

    def ratio(end: date, count: int = WINDOW_DAYS) -> float | None:
        found = [days[day] for n in range(count) if (day := end - timedelta(days=n)) in days]
        whole = sum(denominator or 0.0 for _, denominator, _ in found)
        return sum(numerator or 0.0 for _, _, numerator in found) / whole if whole else None

    def median(end: date, count: int = WINDOW_DAYS) -> float | None:
        return _median(published, metric_id, end, count)

    ends = [last - timedelta(days=7 * n) for n in range(_SERIES_WEEKS, -1, -1)]
    earlier = last - timedelta(days=WINDOW_DAYS)
    if reading == "mean_28_days":
        # Told as the sum of the window; so is its target, which is per day like the metric.
        value, before, weekly = total(last), total(earlier), [total(end, 7) for end in ends]
    elif reading == "median_28_days":
        # A daily median jumps with a handful of tickets: the window's is read from the tickets themselves.
        value, before, weekly = median(last), median(earlier), [median(end, 7) for end in ends]
    elif reading == "ratio_28_days":
        # A share of one day's tickets jumps likewise.
        value, before, weekly = ratio(last), ratio(earlier), [ratio(end, 7) for end in ends]
    elif reading == "mean_7_days":
        # Weekends are quiet: whatever day the last one is, there is one of each.
        value, before, weekly = mean(last), mean(earlier), [mean(end) for end in ends]
    else:
        value, before, weekly = level(last), level(earlier), [level(end) for end in ends]
    target = metric["target_value"]
    scale = WINDOW_DAYS if reading == "mean_28_days" else 1
    return Standing(
        metric_id=metric_id,
        name=str(metric["metric_name"]),
        unit=str(metric["unit"] or ""),
        reading=reading,
        good_direction=str(metric["good_direction"] or "up"),
        owner=str(metric["owner"]) if metric["owner"] else None,
        value=value,
        before=before,
        count=days.get(last, (None, None, None))[1],
        count_before=days.get(earlier, (None, None, None))[1],
        series=tuple(number for number in weekly if number is not None),
        target=float(target) * scale if isinstance(target, float | int) else None,
        target_on=metric["target_on"] if isinstance(metric["target_on"], date) else None,
    )


def _median(published: Published, metric_id: str, end: date, count: int) -> float | None:
    table, column, moment, counts = MEDIANS[metric_id]
    if published.missing([table]):
        return None
    found = published.row(
        f"select median({column}) as value from {table} where {counts} and {moment} >= ? and {moment} < ?",
        end - timedelta(days=count - 1),
        end + timedelta(days=1),
    )["value"]
    return None if found is None else float(found)


def wilson(successes: float, count: float) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927)."""
    z = 1.959963984540054
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * ((share * (1 - share) + z * z / (4 * count)) / count) ** 0.5
    return middle - half, middle + half


def nps_half_width(score: float, count: float) -> float:
    """Half the 95 % interval of an NPS, in points, at its widest.

    The variance of +1/0/-1 answers is p + d - (p - d)^2, at most 1 - (p - d)^2: the mart tells p - d and n,
    so the interval is never too narrow.
    """
    mean = score / 100
    return 1.959963984540054 * (max(0.0, 1 - mean * mean) / count) ** 0.5 * 100
