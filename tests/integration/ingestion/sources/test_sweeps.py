"""What vendors do not tell: objects that vanish without a trace are found at each sweep's own cadence.

Against the sandbox, over HTTP, through the pipeline. What a sweep does with one odd answer stands beside each
connector's other tests.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from ingestion.sandbox.world.schema import CHANGES
from ingestion.sandbox.world.world import World

pytestmark = pytest.mark.vendors
EVERY = 9


@pytest.mark.parametrize(
    ("vendor", "table", "resource", "cadence", "number"),
    [
        ("hubspot", "people", "contacts", {"sweep_every_hours": 168}, int),
        ("hubspot", "notes", "notes", {"sweep_every_hours": 168}, int),
        (
            "zendesk",
            "accounts",
            "organizations",
            {"organizations_every_hours": 168},
            lambda key: int(key) - 900_000_000,
        ),
        (
            "intercom",
            "people",
            "contacts",
            {"contacts_sweep_every_hours": 168},
            lambda key: int(key.removeprefix("65f0"), 16),
        ),
        ("jira", "issues", "issues", {"deletions_every_hours": 168}, int),
        ("salesforce", "deals", "opportunities", {"reread_every_days": 7}, lambda key: int(key[6:15])),
    ],
)
def test_what_vanished_without_a_trace_is_known_after_the_next_sweep(
    account: Callable[[str], Any],
    vendor: str,
    table: str,
    resource: str,
    cadence: dict[str, float],
    number: Callable[[str], int],
) -> None:
    one = account(vendor)
    now = one.world.meta.as_of
    plan = {"plan": {"intercom": {"requests_per_minute": 0}}}
    one.server.set_scenario(plan)
    one.load(now, **cadence)
    before = one.alive(resource)
    gone = {key for key in before if number(key) % EVERY == 0}
    assert gone
    vanishing = {"kind": "deletions", "every": EVERY, "tables": [table], "leaves_trace": False}
    one.server.set_scenario(plan | {"faults": {vendor: [vanishing]}})

    one.load(now + timedelta(hours=1), **cadence)
    assert gone <= one.alive(resource), "nothing tells of them"

    later = now + timedelta(days=8)
    one.load(later, **cadence)
    there = still_there(one.world, table, later)
    assert one.alive(resource) & before == {key for key in before - gone if number(key) in there}


def still_there(world: World, table: str, now: datetime) -> set[int]:
    """Ids that the world itself has neither deleted nor merged by then."""
    if table not in CHANGES:
        return set(world.visible(table, now).iloc[:, 0])
    rows = world.state(table, now)
    rows = rows[~rows["is_deleted"]]
    return set(rows[rows["merged_into"].isna()].iloc[:, 0] if "merged_into" in rows else rows.iloc[:, 0])
