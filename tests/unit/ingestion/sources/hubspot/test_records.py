"""HubSpot's objects become records."""

from __future__ import annotations

from typing import Any

from ingestion.source import Malformed, Record
from ingestion.sources.hubspot import records
from ingestion.sources.hubspot.resources import OBJECT_TYPES
from ingestion.sources.hubspot.settings import HubSpotSettings

KINDS = {kind.name: kind for kind in OBJECT_TYPES}
SETTINGS = HubSpotSettings(access_token="token")


def a_deal(**more: Any) -> dict[str, Any]:
    return {
        "id": "9001",
        "properties": {
            "dealname": "Acme renewal",
            "amount": "12000.50",
            "dealstage": "s_neg",
            "closed_lost_reason": "",
            "hs_is_closed": "false",
            "hs_lastmodifieddate": "2026-11-02T10:00:00.456Z",
            "hs_object_id": "9001",
            "hs_v2_latest_time_in_s_neg": "86400000",
            "hs_v2_date_entered_s_neg": "2026-11-02T10:00:00Z",
        },
        "createdAt": "2026-10-01T08:00:00.123Z",
        "updatedAt": "2026-11-02T10:00:00.456Z",
        "archived": False,
        **more,
    }


def record_of(found: dict[str, Any], name: str = "deals", settings: HubSpotSettings = SETTINGS) -> Record:
    record = records.crm_object(found, KINDS[name], settings)
    assert isinstance(record, Record)
    return record


def test_properties_fill_columns_and_cleared_ones_are_null() -> None:
    values = record_of(a_deal()).values
    assert (values["deal_id"], values["amount"], values["hs_is_closed"]) == ("9001", "12000.50", "false")
    assert values["closed_lost_reason"] is None
    assert values["archived_at"] is None


def test_list_search_and_batch_read_make_the_same_version() -> None:
    listed = a_deal(
        propertiesWithHistory={"dealstage": []},
        associations={"companies": {"results": []}},
        url="https://app.hubspot.com/1",
        objectWriteTraceId="x",
    )
    read = a_deal()
    read["properties"] = dict(reversed(read["properties"].items())) | {"never_filled": None}
    assert record_of(listed) == record_of(read)


def test_properties_that_the_clock_drives_make_no_version() -> None:
    payload = record_of(a_deal()).payload
    assert "hs_v2_latest_time_in_s_neg" not in payload["properties"]
    assert "hs_v2_date_entered_s_neg" in payload["properties"]


def test_an_archived_object_is_a_tombstone_that_shows_its_content() -> None:
    record = record_of(a_deal(archived=True, archivedAt="2026-11-03T00:00:00Z"))
    assert record.is_deleted
    assert record.values["archived_at"] == "2026-11-03T00:00:00Z"
    assert record.values["dealname"] == "Acme renewal"


def test_the_companys_own_property_names_come_from_settings() -> None:
    settings = HubSpotSettings(access_token="token", segment_property="tier", test_account_property="qa")
    found = {"id": "1", "properties": {"tier": "enterprise", "qa": "true"}}
    values = record_of(found, "companies", settings).values
    assert (values["segment"], values["is_test_account"]) == ("enterprise", "true")


def test_an_object_without_id_is_malformed() -> None:
    assert isinstance(records.crm_object({"properties": {}}, KINDS["deals"], SETTINGS), Malformed)


def test_history_keeps_each_value_once_in_one_form_of_time() -> None:
    found = a_deal(
        propertiesWithHistory={
            "dealstage": [
                {"value": "s_won", "timestamp": "2026-11-02T10:00:00Z", "sourceType": "CRM_UI"},
                {"value": "s_neg", "timestamp": "2026-11-02T10:00:00.000Z", "sourceType": "IMPORT"},
                {"value": "s_new", "timestamp": 1790812800000, "sourceType": "API"},
            ],
            "amount": [{"value": "", "timestamp": "2026-10-01T00:00:00Z"}],
        }
    )
    rows = [record.values for record in records.history(found, KINDS["deals"], SETTINGS)]
    assert [(row["property"], row["value"], row["changed_at"]) for row in rows] == [
        ("dealstage", "s_won", "2026-11-02T10:00:00.000Z"),
        ("dealstage", "s_new", "2026-10-01T00:00:00.000Z"),
        ("amount", None, "2026-10-01T00:00:00.000Z"),
    ]


def test_the_ids_of_merged_objects_are_read_from_the_survivor() -> None:
    assert records.merged_ids({"properties": {"hs_merged_object_ids": "1; 2"}}) == ["1", "2"]
    assert records.merged_ids({"properties": {"hs_merged_object_ids": None}}) == []


def test_an_owner_who_left_keeps_the_user_id_and_the_primary_team() -> None:
    values = records.owner(
        {
            "id": "71",
            "userId": None,
            "userIdIncludingInactive": 12,
            "email": "ann@norte.test",
            "archived": True,
            "teams": [
                {"id": "1", "name": "Old", "primary": False},
                {"id": "2", "name": "CSM", "primary": True},
            ],
        }
    ).values
    assert (values["user_id"], values["is_archived"], values["team_name"]) == ("12", True, "CSM")


def test_stages_are_children_of_their_pipeline() -> None:
    record = records.pipeline(
        {
            "id": "default",
            "label": "Sales",
            "displayOrder": 0,
            "stages": [
                {
                    "id": "s_neg",
                    "label": "Negotiation",
                    "displayOrder": 3,
                    "metadata": {"isClosed": "false", "probability": "0.6"},
                }
            ],
        }
    )
    assert record.children["pipeline_stages"] == [
        {
            "stage_id": "s_neg",
            "pipeline_id": "default",
            "label": "Negotiation",
            "display_order": 3,
            "probability": "0.6",
            "is_closed": "false",
        }
    ]


def test_the_primary_association_names_the_pair() -> None:
    types = [
        {"typeId": 6, "label": None},
        {"typeId": 5, "label": "Primary"},
        {"typeId": 9, "label": "Billing"},
    ]
    assert records.association("deals", "1", "companies", "2", types).values["label"] == "Primary"
    assert records.association("deals", "1", "companies", "2", types[:1]).values["label"] is None
