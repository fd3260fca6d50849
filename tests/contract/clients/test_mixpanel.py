"""mixpanel-utils exports the whole project."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.snapshot import Snapshot

pytestmark = pytest.mark.clients
mixpanel_utils = pytest.importorskip("mixpanel_utils")


@pytest.fixture
def client(server: SandboxServer) -> mixpanel_utils.MixpanelUtils:
    return mixpanel_utils.MixpanelUtils(
        credentials.MIXPANEL_SECRET,
        project_id=credentials.MIXPANEL_PROJECT_ID,
        service_account_username=credentials.MIXPANEL_USERNAME,
    )


@pytest.mark.parametrize("is_packed", [False, True])
def test_it_exports_every_event_and_every_duplicate(
    client: mixpanel_utils.MixpanelUtils, held: Snapshot, is_packed: bool
) -> None:
    days = {
        "from_date": (held.meta.starts_at - timedelta(days=2)).date().isoformat(),
        "to_date": held.now.date().isoformat(),
    }
    expected = Counter(f"e{row['event_id']}" for row in held.rows("events"))
    expected.update(f"e{row['event_id']}" for row in held.rows("duplicate_events"))

    events = client.query_export(days, add_gzip_header=is_packed)

    assert Counter(event["properties"]["$insert_id"] for event in events) == expected


def test_it_reads_every_profile_through_sessions(
    client: mixpanel_utils.MixpanelUtils, held: Snapshot
) -> None:
    people = {f"u-{row['person_id']}" for row in held.rows("events") if row["person_id"] is not None}
    staff = {f"s-{row['staff_id']}" for row in held.rows("events") if row["staff_id"] is not None}

    profiles = client.query_engage({"page_size": 100})

    assert {profile["$distinct_id"] for profile in profiles} == people | staff
    assert len(profiles) == len(people | staff)
