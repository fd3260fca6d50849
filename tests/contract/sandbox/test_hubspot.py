"""HubSpot's wire, fact by fact."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion.sandbox import credentials
from tests.contract.sandbox.wiring import Sandboxes, Wire

OBJECTS = "/crm/objects/2026-09"


@pytest.fixture
def hubspot(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("hubspot")


def ids(answer: Any) -> list[str]:
    return [item["id"] for item in answer.json["results"]]


def search(wire: Wire, kind: str, **body: Any) -> Any:
    return wire.post(f"{OBJECTS}/{kind}/search", body)


@pytest.mark.parametrize("path", [f"{OBJECTS}/deals", "/crm/v3/objects/deal", "/crm/objects/2026-03/0-3"])
def test_both_path_families_and_all_names_of_a_type_answer_alike(hubspot: Wire, path: str) -> None:
    assert ids(hubspot.get(path, limit=3)) == ["301", "304", "305"]


def test_an_unknown_type_is_a_bad_request(hubspot: Wire) -> None:
    answer = hubspot.get(f"{OBJECTS}/unicorns")

    assert answer.status == 400
    assert answer.json["category"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("authorization", [None, "Bearer wrong"])
def test_wrong_credentials_are_named_as_such(hubspot: Wire, authorization: str | None) -> None:
    wire = hubspot.without_credentials()

    answer = wire.get(f"{OBJECTS}/deals", headers={"authorization": authorization} if authorization else None)

    assert answer.status == 401
    assert answer.json["status"] == "error"
    assert answer.json["category"] == "INVALID_AUTHENTICATION"
    assert answer.json["correlationId"]


def test_a_missing_scope_is_named(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("hubspot", missing_scopes=["notes"])

    answer = wire.get(f"{OBJECTS}/notes")

    assert (answer.status, answer.json["category"]) == (403, "MISSING_SCOPES")
    assert wire.get(f"{OBJECTS}/deals").status == 200


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/oauth/2026-03/token"])
def test_oauth_gives_a_token_that_lives_half_an_hour(sandboxes: Sandboxes, hubspot: Wire, path: str) -> None:
    form = {
        "grant_type": "refresh_token",
        "client_id": credentials.HUBSPOT_CLIENT_ID,
        "client_secret": credentials.HUBSPOT_CLIENT_SECRET,
        "refresh_token": credentials.HUBSPOT_REFRESH_TOKEN,
    }

    token = hubspot.without_credentials().post(path, form=form).json
    wire = hubspot.at("/hubspot", authorization=f"Bearer {token['access_token']}")

    assert token["expires_in"] == 1800
    assert wire.get(f"{OBJECTS}/deals").status == 200
    sandboxes.clock.seconds += 1801
    assert wire.get(f"{OBJECTS}/deals").status == 401


def test_a_list_pages_by_an_opaque_cursor_and_the_last_page_has_no_paging(hubspot: Wire) -> None:
    first = hubspot.get(f"{OBJECTS}/deals", limit=6)
    second = hubspot.follow(first.json["paging"]["next"]["link"])
    again = hubspot.get(f"{OBJECTS}/deals", limit=6, after=first.json["paging"]["next"]["after"])

    assert len(ids(first)) == 6
    assert ids(second) == ids(again)
    assert "paging" not in second.json
    assert len(set(ids(first) + ids(second))) == 10


def test_a_page_holds_ten_by_default_and_a_hundred_at_most(hubspot: Wire) -> None:
    assert len(ids(hubspot.get(f"{OBJECTS}/contacts"))) == 10
    assert hubspot.get(f"{OBJECTS}/contacts", limit=100).status == 200
    assert hubspot.get(f"{OBJECTS}/contacts", limit=101).status == 400


def test_with_history_a_page_holds_fifty_at_most(hubspot: Wire) -> None:
    assert hubspot.get(f"{OBJECTS}/deals", limit=50, propertiesWithHistory="dealstage").status == 200
    assert hubspot.get(f"{OBJECTS}/deals", limit=51, propertiesWithHistory="dealstage").status == 400


def test_every_property_is_text_or_null_and_unknown_ones_are_ignored(hubspot: Wire) -> None:
    shown = hubspot.get(f"{OBJECTS}/line_items/501", properties="amount,quantity,discount,nonsense").json

    assert shown["properties"]["amount"] == "2400"
    assert shown["properties"]["quantity"] == "10"
    assert shown["properties"]["discount"] is None
    assert "nonsense" not in shown["properties"]
    assert shown["createdAt"].endswith("Z")


@pytest.mark.parametrize("spelling", ["properties=dealname,amount", "properties=dealname&properties=amount"])
def test_properties_come_as_a_comma_list_or_as_a_repeated_key(hubspot: Wire, spelling: str) -> None:
    shown = hubspot.get(f"{OBJECTS}/deals/301?{spelling}").json

    assert {"dealname", "amount"} < set(shown["properties"])
    assert "dealstage" not in shown["properties"]


def test_line_items_tell_their_term_and_one_off_ones_have_none(hubspot: Wire) -> None:
    names = "hs_recurring_billing_period,hs_recurring_billing_start_date,hs_recurring_billing_end_date,hs_mrr"
    recurring = hubspot.get(f"{OBJECTS}/line_items/501", properties=names).json["properties"]
    one_off = hubspot.get(f"{OBJECTS}/line_items/502", properties=names).json["properties"]

    assert recurring["hs_recurring_billing_period"] == "P12M"
    assert recurring["hs_recurring_billing_start_date"] == "2026-03-16"
    assert recurring["hs_mrr"] == "200"
    assert one_off["hs_recurring_billing_period"] is None


def test_history_is_newest_first_with_the_value_at_creation(hubspot: Wire) -> None:
    shown = hubspot.get(f"{OBJECTS}/deals/301", propertiesWithHistory="dealstage,amount,closedate").json
    history = shown["propertiesWithHistory"]

    assert [version["value"] for version in history["dealstage"]] == ["12", "11"]
    assert [version["value"] for version in history["amount"]] == ["1500", "1200.5"]
    assert history["dealstage"][0]["sourceType"] == "CRM_UI"
    assert history["dealstage"][0]["updatedByUserId"] == 1
    # The close date is the expected one until the deal closes, then when it did.
    assert [version["value"][:10] for version in history["closedate"]] == [
        "2026-03-16",
        "2026-03-20",
        "2026-03-06",
    ]


def test_history_of_a_deal_goes_back_twenty_values(hubspot: Wire) -> None:
    shown = hubspot.get(f"{OBJECTS}/deals/304", propertiesWithHistory="amount").json

    assert len(shown["propertiesWithHistory"]["amount"]) == 20


def test_calculated_properties_tell_when_a_stage_was_entered_and_left(hubspot: Wire) -> None:
    names = "hs_v2_date_entered_11,hs_v2_date_exited_11,hs_v2_date_entered_12,hs_is_closed_won"
    properties = hubspot.get(f"{OBJECTS}/deals/301", properties=names).json["properties"]

    assert (
        properties["hs_v2_date_entered_12"]
        == properties["hs_v2_date_exited_11"]
        == "2026-03-16T12:00:00.000Z"
    )
    assert properties["hs_is_closed_won"] == "true"


def test_a_change_moves_updated_at(hubspot: Wire) -> None:
    shown = hubspot.get(f"{OBJECTS}/companies/101", properties="segment").json

    assert shown["properties"]["segment"] == "enterprise"
    assert shown["updatedAt"] == shown["properties"]["hs_lastmodifieddate"] == "2026-02-14T12:00:00.000Z"


def test_a_change_of_the_future_is_not_seen_until_its_time(sandboxes: Sandboxes) -> None:
    app = sandboxes.app()
    wire = sandboxes.at("hubspot", app)

    before = wire.get(f"{OBJECTS}/companies/105").json["properties"]["name"]
    app.post("/_sandbox/now", {"now": "2026-10-05T07:30:00Z"})
    after = wire.get(f"{OBJECTS}/companies/105").json["properties"]["name"]

    assert (before, after) == ("Account 5", "Account Five")


def test_associations_of_a_list_are_named_by_type(hubspot: Wire) -> None:
    shown = hubspot.get(f"{OBJECTS}/deals/301", associations="companies,line_items").json["associations"]

    assert shown["companies"]["results"] == [
        {"id": "101", "type": "deal_to_company"},
        {"id": "101", "type": "deal_to_company_unlabeled"},
    ]
    assert [item["id"] for item in shown["line_items"]["results"]] == ["501", "502"]


# --- archive and merge


def test_archived_objects_are_a_list_of_their_own(hubspot: Wire) -> None:
    archived = hubspot.get(f"{OBJECTS}/deals", archived="true").json["results"]

    assert [item["id"] for item in archived] == ["302"]
    assert archived[0]["archived"] is True
    assert archived[0]["archivedAt"] == "2026-09-22T12:00:00.000Z"
    assert "302" not in ids(hubspot.get(f"{OBJECTS}/deals", limit=100, archived="False"))


def test_what_was_archived_ninety_days_ago_is_in_no_list(hubspot: Wire) -> None:
    assert "303" not in ids(hubspot.get(f"{OBJECTS}/deals", archived="true"))
    assert "303" not in ids(hubspot.get(f"{OBJECTS}/deals", limit=100))


def test_an_archived_object_is_found_by_id_only_as_archived(hubspot: Wire) -> None:
    answer = hubspot.get(f"{OBJECTS}/deals/302")

    assert answer.status == 404
    assert answer.json["category"] == "OBJECT_NOT_FOUND"
    assert hubspot.get(f"{OBJECTS}/deals/302", archived="true").json["id"] == "302"


def test_a_merged_company_is_gone_and_its_id_leads_to_the_winner(hubspot: Wire) -> None:
    winner = hubspot.get(f"{OBJECTS}/companies/102", properties="hs_merged_object_ids").json

    assert "102" not in ids(hubspot.get(f"{OBJECTS}/companies", limit=100))
    assert winner["id"] == "103"
    assert winner["properties"]["hs_merged_object_ids"] == "102"
    assert winner["updatedAt"] == "2026-02-15T12:00:00.000Z"
    assert ids(hubspot.get(f"{OBJECTS}/companies", archived="true")) == ["104"]


def test_associations_move_with_a_merge(hubspot: Wire) -> None:
    answer = hubspot.post(
        "/crm/associations/2026-09/contacts/companies/batch/read", {"inputs": [{"id": "203"}]}
    )

    assert answer.json["results"][0]["to"][0]["toObjectId"] == "103"
    deal = hubspot.post("/crm/v4/associations/companies/contacts/batch/read", {"inputs": [{"id": "103"}]})
    assert [item["toObjectId"] for item in deal.json["results"][0]["to"]] == ["203"]


# --- batches


def test_a_batch_with_unknown_ids_is_a_partial_success(hubspot: Wire) -> None:
    answer = hubspot.post(
        f"{OBJECTS}/deals/batch/read", {"inputs": [{"id": "301"}, {"id": "9999"}], "properties": ["amount"]}
    )

    assert answer.status == 207
    assert ids(answer) == ["301"]
    assert answer.json["numErrors"] == 1
    assert answer.json["errors"][0]["context"]["ids"] == ["9999"]


def test_associations_tell_category_type_and_label(hubspot: Wire) -> None:
    answer = hubspot.post(
        "/crm/v4/associations/deals/companies/batch/read", {"inputs": [{"id": "301"}, {"id": "304"}]}
    )

    assert answer.status == 200
    first = answer.json["results"][0]
    assert first["from"] == {"id": "301"}
    assert first["to"][0] == {
        "toObjectId": "101",
        "associationTypes": [
            {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"},
            {"category": "HUBSPOT_DEFINED", "typeId": 341, "label": None},
        ],
    }


def test_an_input_without_associations_is_missing_and_an_unknown_one_is_an_error(hubspot: Wire) -> None:
    path = "/crm/associations/2026-09/deals/line_items/batch/read"

    without = hubspot.post(path, {"inputs": [{"id": "301"}, {"id": "305"}]})
    unknown = hubspot.post(path, {"inputs": [{"id": "301"}, {"id": "9999"}]})

    assert without.status == 200
    assert [item["from"]["id"] for item in without.json["results"]] == ["301"]
    assert unknown.status == 207
    assert unknown.json["errors"]


def test_many_associations_page_by_the_inputs_own_cursor(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("hubspot", association_page=1)
    path = "/crm/associations/2026-09/deals/line_items/batch/read"

    first = wire.post(path, {"inputs": [{"id": "301"}]}).json["results"][0]
    second = wire.post(path, {"inputs": [{"id": "301", "after": first["paging"]["next"]["after"]}]}).json[
        "results"
    ][0]

    assert [item["toObjectId"] for item in first["to"] + second["to"]] == ["501", "502"]
    assert "paging" not in second


def test_associations_of_one_record_exist_in_v4_and_not_in_the_stable_date_version(hubspot: Wire) -> None:
    assert (
        hubspot.get("/crm/v4/objects/deals/301/associations/companies").json["results"][0]["toObjectId"]
        == "101"
    )
    assert hubspot.get(f"{OBJECTS}/deals/301/associations/companies").status == 404


# --- search


def test_search_filters_by_the_time_of_change_in_milliseconds_or_iso(hubspot: Wire) -> None:
    def since(value: str) -> list[str]:
        filters = [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": value}]
        return ids(search(hubspot, "contacts", filterGroups=[{"filters": filters}], limit=100))

    assert since("2026-02-17T00:00:00Z") == since("1771286400000") == ["205"]

    # Contacts alone call it that.
    named = {
        name: search(
            hubspot,
            "deals",
            filterGroups=[{"filters": [{"propertyName": name, "operator": "GTE", "value": "0"}]}],
        )
        for name in ("lastmodifieddate", "hs_lastmodifieddate")
    }
    assert ids(named["hs_lastmodifieddate"])
    assert named["lastmodifieddate"].status == 400


def test_search_sorts_counts_and_pages_by_an_offset(hubspot: Wire) -> None:
    sorts = [{"propertyName": "hs_object_id", "direction": "DESCENDING"}]

    first = search(hubspot, "deals", sorts=sorts, limit=4)
    second = search(hubspot, "deals", sorts=sorts, limit=4, after="4")

    assert first.json["total"] == 10
    assert first.json["paging"]["next"]["after"] == "4"
    assert ids(first)[0] == "312"
    assert not set(ids(first)) & set(ids(second))


def test_search_groups_are_alternatives(hubspot: Wire) -> None:
    one = {"filters": [{"propertyName": "dealname", "operator": "EQ", "value": "Deal 5"}]}
    other = {
        "filters": [{"propertyName": "amount", "operator": "BETWEEN", "value": "1400", "highValue": "1600"}]
    }

    assert ids(search(hubspot, "deals", filterGroups=[one, other])) == ["301", "305"]


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"after": "10000", "limit": 100},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "HAS_PROPERTY"}] * 7}]},
        {"sorts": ["amount", "dealname"]},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "LIKE", "value": "1"}]}]},
        {"properties": ["x" * 3000]},
    ],
)
def test_search_refuses_what_is_over_its_limits(hubspot: Wire, body: dict[str, Any]) -> None:
    answer = search(hubspot, "deals", **body)

    assert answer.status == 400
    assert answer.json["category"] == "VALIDATION_ERROR"


def test_search_does_not_see_archived_objects(hubspot: Wire) -> None:
    filters = [{"propertyName": "hs_object_id", "operator": "IN", "values": ["301", "302"]}]

    assert ids(search(hubspot, "deals", filterGroups=[{"filters": filters}])) == ["301"]


def test_the_search_index_may_lag_behind_the_list(sandboxes: Sandboxes) -> None:
    late = sandboxes.at("hubspot", now=sandboxes.day(1.55), search_lag_seconds=86_400)

    assert search(late, "contacts").json["total"] == 0
    assert len(ids(late.get(f"{OBJECTS}/contacts"))) == 5


# --- limits


def test_lists_tell_their_limits_and_searches_do_not(hubspot: Wire) -> None:
    listed = hubspot.get(f"{OBJECTS}/deals").headers
    searched = search(hubspot, "deals").headers

    assert listed["x-hubspot-ratelimit-max"] == "190"
    assert listed["x-hubspot-ratelimit-remaining"] == "189"
    assert listed["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
    assert not [name for name in searched if "ratelimit" in name]


@pytest.mark.parametrize("has_header", [True, False])
def test_the_burst_limit_rolls_and_may_or_may_not_say_when_to_retry(
    sandboxes: Sandboxes, has_header: bool
) -> None:
    wire = sandboxes.at("hubspot", burst=2, retry_after=has_header)

    statuses = [wire.get(f"{OBJECTS}/deals").status for _ in range(3)]
    refused = wire.get(f"{OBJECTS}/deals")
    sandboxes.clock.seconds += 10.1

    assert statuses == [200, 200, 429]
    assert refused.json["policyName"] == "TEN_SECONDLY_ROLLING"
    assert refused.json["errorType"] == "RATE_LIMIT"
    assert ("retry-after" in refused.headers) == has_header
    assert wire.get(f"{OBJECTS}/deals").status == 200


def test_search_has_a_limit_of_its_own(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("hubspot")

    statuses = [search(wire, "deals").status for _ in range(6)]
    refused = search(wire, "deals")

    assert statuses == [200] * 5 + [429]
    assert refused.json["policyName"] == "SECONDLY"
    assert wire.get(f"{OBJECTS}/deals").status == 200


# --- settings of the portal


@pytest.mark.parametrize("path", ["/crm/v3/owners/", "/crm/owners/2026-09"])
def test_owners_who_left_are_only_in_the_archived_list(hubspot: Wire, path: str) -> None:
    here = hubspot.get(path).json["results"]
    gone = hubspot.get(path, archived="true").json["results"]

    assert [owner["id"] for owner in here] == ["1"]
    assert [(owner["id"], owner["userId"], owner["userIdIncludingInactive"]) for owner in gone] == [
        ("2", None, 2)
    ]


def test_stages_tell_whether_they_close_a_deal_as_text(hubspot: Wire) -> None:
    pipeline = hubspot.get("/crm/pipelines/2026-09/deals").json["results"][0]

    assert pipeline["label"] == "Sales"
    assert pipeline["stages"][1]["metadata"] == {"isClosed": "true", "probability": "1.0"}


def test_the_old_form_of_pipelines_has_other_names_and_times_in_milliseconds(hubspot: Wire) -> None:
    [new] = hubspot.get("/crm/pipelines/2026-09/deals").json["results"]
    [old] = hubspot.get("/crm-pipelines/v1/pipelines/deals").json["results"]

    assert (old["pipelineId"], old["objectTypeId"], old["active"]) == (new["id"], "0-3", True)
    assert isinstance(old["createdAt"], int)
    assert [stage["stageId"] for stage in old["stages"]] == [stage["id"] for stage in new["stages"]]
    assert old["stages"][1]["metadata"] == {"isClosed": "true", "probability": "1.0"}


def test_users_are_owners_who_are_there_and_teams_have_them(hubspot: Wire) -> None:
    users = {user["id"] for user in hubspot.get("/settings/v3/users").json["results"]}
    owners = {str(owner["userId"]) for owner in hubspot.get("/crm/v3/owners").json["results"]}
    teams = hubspot.get("/settings/v3/users/teams").json["results"]

    assert users == owners
    assert {user for team in teams for user in team["userIds"]} == users


def test_properties_are_described_with_the_custom_ones(hubspot: Wire) -> None:
    found = {item["name"]: item for item in hubspot.get("/crm/v3/properties/company").json["results"]}

    assert found["segment"]["type"] == "enumeration"
    assert found["segment"]["hubspotDefined"] is False
    assert "hs_lastmodifieddate" in found


def test_notes_are_html_and_feedback_is_grouped(hubspot: Wire) -> None:
    note = hubspot.get(f"{OBJECTS}/notes/601", properties="hs_note_body").json
    answer = hubspot.get(
        f"{OBJECTS}/feedback_submissions/701", properties="hs_value,hs_response_group,hs_contact_id"
    ).json

    assert note["properties"]["hs_note_body"] == "<p>They want &lt;export&gt;</p><p>by May</p>"
    assert answer["properties"]["hs_response_group"] == "PROMOTER"
    assert answer["properties"]["hs_value"] == "9"
    assert answer["properties"]["hs_contact_id"] == "203"
