"""The releases to mark on every series.

Belongs here: which releases are worth a mark, and their numbers. Does not belong here: drawing them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from orchestration.publishing.report.published import Published

TABLE = "impact.mart_impact__release_marks"


@dataclass(frozen=True)
class ReleaseMark:
    """A release that has come.

    Arguments:
        number: the same on all pages of a publication, in the order of release.
        metric_ids: what it was meant to move.
    """

    number: int
    name: str
    on: date
    metric_ids: frozenset[str]
    team_id: str | None
    delivery_id: str | None


def release_marks(published: Published) -> list[ReleaseMark]:
    """The deliveries that the company names; without any, released epics; without those, versions."""
    if published.missing([TABLE]):
        return []
    rows = published.rows(
        f"select * from {TABLE} where is_past and marked_on is not null order by marked_on, mark_id"
    )
    for is_wanted in (
        lambda row: row["is_governed"],
        lambda row: row["mark_kind"] == "delivery",
        lambda row: True,
    ):
        wanted = [row for row in rows if is_wanted(row)]
        if wanted:
            return [
                ReleaseMark(
                    number,
                    str(row["mark_name"] or row["delivery_id"] or row["release_id"]),
                    row["marked_on"],
                    frozenset(one.strip() for one in (row["metric_ids"] or "").split(",") if one.strip()),
                    row["team_id"],
                    row["delivery_id"],
                )
                for number, row in enumerate(wanted, start=1)
            ]
    return []
