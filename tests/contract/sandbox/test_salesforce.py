"""Salesforce's wire, fact by fact."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.vendors.salesforce.org import checked, salesforce_id
from tests.contract.sandbox.wiring import Answer, Sandboxes, Wire, basic

DATA = "/services/data/v67.0"
TOKEN = "/services/oauth2/token"
APP = {
    "grant_type": "client_credentials",
    "client_id": credentials.SALESFORCE_CLIENT_ID,
    "client_secret": credentials.SALESFORCE_CLIENT_SECRET,
}


@pytest.fixture
def salesforce(sandboxes: Sandboxes) -> Wire:
    return sandboxes.at("salesforce")


def ask(wire: Wire, query: str, all_rows: bool = False, **headers: str) -> Answer:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.get(f"{DATA}/{'queryAll' if all_rows else 'query'}", said, q=query)


def rows(wire: Wire, query: str, all_rows: bool = False) -> list[dict[str, Any]]:
    answer = ask(wire, query, all_rows)
    assert answer.status == 200, answer.text
    return answer.json["records"]  # type: ignore[no-any-return]


def code(answer: Answer) -> tuple[int, str]:
    body = answer.json
    assert isinstance(body, list), "errors are an array"
    assert set(body[0]) == {"message", "errorCode"}
    return answer.status, body[0]["errorCode"]


# --- tokens


def test_a_token_comes_with_the_instance_and_without_an_end(salesforce: Wire) -> None:
    open_wire = salesforce.without_credentials()
    answer = open_wire.post(TOKEN, form=APP)
    assert answer.status == 200
    found = answer.json
    assert set(found) == {
        "access_token",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
        "signature",
        "scope",
    }
    assert found["token_type"] == "Bearer" and isinstance(found["issued_at"], str)
    assert found["instance_url"] == "http://testserver/salesforce"
    header = {"authorization": f"Bearer {found['access_token']}"}
    assert open_wire.get(f"{DATA}/limits", header).status == 200


def test_the_secret_may_come_as_a_basic_header_and_a_refresh_token_works_too(salesforce: Wire) -> None:
    wire = salesforce.without_credentials()
    pair = {"authorization": basic(credentials.SALESFORCE_CLIENT_ID, credentials.SALESFORCE_CLIENT_SECRET)}
    assert wire.post(TOKEN, form={"grant_type": "client_credentials"}, headers=pair).status == 200
    refresh = {"refresh_token": credentials.SALESFORCE_REFRESH_TOKEN, "grant_type": "refresh_token"}
    assert wire.post(TOKEN, form={**APP, **refresh}).status == 200


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client_id"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, "invalid_grant"),
    ],
)
def test_a_refused_token_is_told_in_an_object(salesforce: Wire, wrong: dict[str, str], error: str) -> None:
    answer = salesforce.without_credentials().post(TOKEN, form={**APP, **wrong})
    assert answer.status == 400
    assert set(answer.json) == {"error", "error_description"} and answer.json["error"] == error


def test_the_client_credentials_flow_needs_the_orgs_own_domain(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce")
    wire.prefix = ""
    login = {"host": "login.salesforce.com"}
    assert wire.post(TOKEN, form=APP, headers=login).json["error"] == "invalid_grant"
    refresh = {**APP, "grant_type": "refresh_token", "refresh_token": credentials.SALESFORCE_REFRESH_TOKEN}
    found = wire.post(TOKEN, form=refresh, headers={**login, "x-scheme": "https"}).json
    assert found["instance_url"] == f"https://{credentials.SALESFORCE_DOMAIN}.my.salesforce.com"


def test_a_session_ends_without_a_word_and_is_then_invalid(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce").without_credentials()
    token = wire.post(TOKEN, form=APP).json["access_token"]
    header = {"authorization": f"Bearer {token}"}
    assert wire.get(f"{DATA}/limits", header).status == 200
    sandboxes.clock.seconds += 7201
    assert code(wire.get(f"{DATA}/limits", header)) == (401, "INVALID_SESSION_ID")


# --- versions, limits


def test_versions_are_listed_without_a_token_and_any_is_accepted(salesforce: Wire) -> None:
    listing = salesforce.without_credentials().get("/services/data/").json
    assert {"label", "url", "version"} == set(listing[0])
    for version in ("59.0", "61.0", "62.0", "67.0"):
        answer = salesforce.get(f"/services/data/v{version}/query", q="SELECT Id FROM Account")
        url = answer.json["records"][0]["attributes"]["url"]
        assert url.startswith(f"/services/data/v{version}/sobjects/Account/001")


def test_every_reply_tells_the_usage_and_limits_know_bulk(salesforce: Wire) -> None:
    answer = salesforce.get(f"{DATA}/limits/")
    assert re.fullmatch(r"api-usage=\d+/\d+", answer.headers["sforce-limit-info"])
    assert {"DailyApiRequests", "DailyBulkV2QueryJobs", "DailyBulkApiBatches"} <= answer.json.keys()


def test_the_daily_limit_is_a_403_in_an_array_without_retry_after(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce", daily=1)
    assert wire.get(f"{DATA}/limits").status == 200
    refused = wire.get(f"{DATA}/limits")
    assert code(refused) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert "retry-after" not in refused.headers


# --- queries


def test_ids_have_eighteen_characters_and_fifteen_are_understood(salesforce: Wire) -> None:
    account = salesforce_id("Account", 101)
    assert account is not None and len(account) == 18
    for known in (account, account[:15]):
        found = rows(salesforce, f"SELECT Id FROM Account WHERE Id = '{known}'")
        assert [one["Id"] for one in found] == [account]
    # The check is on the case of the characters before it: five at a time, the first counts least.
    assert checked("00DRO0000000001") == "2AA"


def test_rest_says_moments_with_an_offset_and_nulls_outright(salesforce: Wire) -> None:
    account = salesforce_id("Account", 101)
    (found,) = rows(
        salesforce, f"SELECT Id, ParentId, CreatedDate, IsDeleted FROM Account WHERE Id = '{account}'"
    )
    assert found["ParentId"] is None and found["IsDeleted"] is False
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", found["CreatedDate"])
    (deal,) = rows(
        salesforce, f"SELECT CloseDate FROM Opportunity WHERE Id = '{salesforce_id('Opportunity', 301)}'"
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", deal["CloseDate"])


def test_pages_follow_a_relative_url_and_the_old_query_is_ignored(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce", page=5)
    query = "SELECT Id FROM Contact ORDER BY Id"
    page = ask(wire, query, all_rows=True).json
    whole = {one["Id"] for one in rows(sandboxes.at("salesforce"), query, all_rows=True)}
    seen = [one["Id"] for one in page["records"]]
    while not page["done"]:
        following = page["nextRecordsUrl"]
        # Also after queryAll.
        assert re.fullmatch(r"/services/data/v67\.0/query/01g\w+-\d+", following)
        page = wire.get(following, q=query).json
        seen += [one["Id"] for one in page["records"]]
    assert "nextRecordsUrl" not in page
    assert len(seen) == page["totalSize"] == len(whole) and set(seen) == whole


def test_the_header_makes_pages_smaller_but_never_below_two_hundred(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce")
    page = ask(wire, "SELECT Id FROM Contact", Sforce_Query_Options="batchSize=1").json
    assert page["done"] and len(page["records"]) < 200


def test_a_locator_that_died_is_told(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce", page=5, locator_lives=False)
    following = ask(wire, "SELECT Id FROM Contact").json["nextRecordsUrl"]
    assert code(wire.get(following)) == (400, "INVALID_QUERY_LOCATOR")


def test_deleted_and_merged_rows_come_by_query_all_only_while_in_the_bin(sandboxes: Sandboxes) -> None:
    opportunity = salesforce_id("Opportunity", 302)
    query = f"SELECT Id, IsDeleted, SystemModstamp FROM Opportunity WHERE Id = '{opportunity}'"
    after = sandboxes.at("salesforce", now=sandboxes.day(262))
    assert rows(after, query) == []
    (gone,) = rows(after, query, all_rows=True)
    assert gone["IsDeleted"] is True
    assert gone["SystemModstamp"].startswith(sandboxes.day(260).date().isoformat())
    before = sandboxes.at("salesforce", now=sandboxes.day(259))
    assert len(rows(before, query)) == 1
    assert rows(sandboxes.at("salesforce", now=sandboxes.day(276)), query, all_rows=True) == []


def test_a_merges_loser_names_its_survivor_and_its_children_follow(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce", now=sandboxes.day(41.5))
    loser, winner = salesforce_id("Account", 102), salesforce_id("Account", 103)
    (found,) = rows(wire, f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{loser}'", True)
    assert (found["IsDeleted"], found["MasterRecordId"]) == (True, winner)
    (contact,) = rows(
        wire, f"SELECT AccountId, SystemModstamp FROM Contact WHERE Id = '{salesforce_id('Contact', 202)}'"
    )
    assert contact["AccountId"] == winner
    assert contact["SystemModstamp"].startswith(sandboxes.day(41).date().isoformat())


def test_archived_activities_come_by_query_all_only(sandboxes: Sandboxes) -> None:
    later = sandboxes.at("salesforce", now=sandboxes.day(25 + 366))
    assert rows(later, "SELECT Id FROM Task") == []
    (task,) = rows(later, "SELECT Id, IsArchived, WhatId, WhoId, AccountId FROM Task", all_rows=True)
    assert task["IsArchived"] is True
    assert task["WhatId"] == salesforce_id("Opportunity", 301)


def test_get_deleted_tells_ids_of_thirty_days(sandboxes: Sandboxes) -> None:
    now = sandboxes.day(262)
    wire = sandboxes.at("salesforce", now=now)
    path = f"{DATA}/sobjects/Opportunity/deleted/"
    start, end = f"{now - timedelta(days=5):%Y-%m-%dT%H:%M:%S}+00:00", f"{now:%Y-%m-%dT%H:%M:%S}+00:00"
    found = wire.get(path, start=start, end=end).json
    assert set(found) == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}
    assert [one["id"] for one in found["deletedRecords"]] == [salesforce_id("Opportunity", 302)]
    early = f"{now - timedelta(days=31):%Y-%m-%dT%H:%M:%S}+00:00"
    assert wire.get(path, start=early, end=end).status == 400


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Id, Nothing__c FROM Account", "INVALID_FIELD"),
        ("SELECT * FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Account LIMIT 201", "MALFORMED_QUERY"),
        # Moments and dates stand without quotes.
        ("SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE CloseDate > 2026-01-01T00:00:00Z", "INVALID_FIELD"),
        ("SELECT Id FROM Task WHERE Description = 'x'", "INVALID_FIELD"),
    ],
)
def test_what_is_no_query_is_refused_in_an_array(salesforce: Wire, query: str, error: str) -> None:
    assert code(ask(salesforce, query)) == (400, error)


def test_conditions_order_and_count(salesforce: Wire) -> None:
    total = ask(salesforce, "SELECT COUNT() FROM Account").json
    assert (total["done"], total["records"]) == (True, [])
    every = rows(salesforce, "SELECT FIELDS(ALL) FROM Account LIMIT 200")
    assert len(every) == total["totalSize"]
    assert {"Segment__c", "AccountNumber"} <= every[0].keys()
    found = rows(
        salesforce,
        "select Id, name from account where (Name like 'account%' and not (AccountNumber in ('101', '103'))) "
        "and MasterRecordId = null order by Name desc nulls last limit 2",
    )
    names = [one["Name"] for one in found]
    assert len(names) == 2 and names == sorted(names, reverse=True)


def test_a_plus_sign_must_be_encoded_and_moments_compare_by_the_second(salesforce: Wire) -> None:
    query = "SELECT Id FROM Account WHERE CreatedDate >= 2000-01-01T00:00:00+00:00"
    assert len(rows(salesforce, query)) > 0
    raw = quote(query, safe="+: ,>=").replace(" ", "%20")
    assert code(salesforce.get(f"{DATA}/query?q={raw}"))[0] == 400
    (one,) = rows(
        salesforce, f"SELECT SystemModstamp FROM Account WHERE Id = '{salesforce_id('Account', 101)}'"
    )
    stamp = one["SystemModstamp"].replace(".000+0000", ".900Z")
    assert len(rows(salesforce, f"SELECT Id FROM Account WHERE SystemModstamp >= {stamp}")) >= 1


def test_too_long_a_request_line_is_refused(salesforce: Wire) -> None:
    assert ask(salesforce, "SELECT " + ", ".join(["Id"] * 6000) + " FROM Account").status == 414


# --- describe


def test_describe_tells_the_fields_and_what_the_user_may_not_see_is_missing(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce")
    assert {"Account", "Opportunity", "NPS_Response__c"} <= {
        one["name"] for one in wire.get(f"{DATA}/sobjects").json["sobjects"]
    }
    fields = {one["name"]: one for one in wire.get(f"{DATA}/sobjects/Account/describe/").json["fields"]}
    wanted = {"name", "type", "soapType", "nillable", "custom", "calculated", "referenceTo", "picklistValues"}
    assert wanted | {"length", "precision", "scale", "compoundFieldName"} <= fields["Name"].keys()
    assert fields["BillingCountry"]["compoundFieldName"] == "BillingAddress"
    assert fields["Segment__c"]["custom"] and fields["OwnerId"]["referenceTo"] == ["User"]
    less = sandboxes.at("salesforce", missing_fields=("Account.Segment__c",), missing_objects=("RecordType",))
    names = {one["name"] for one in less.get(f"{DATA}/sobjects/Account/describe").json["fields"]}
    assert "Segment__c" not in names
    assert code(ask(less, "SELECT Segment__c FROM Account")) == (400, "INVALID_FIELD")
    assert code(ask(less, "SELECT Id FROM RecordType")) == (400, "INVALID_TYPE")
    assert code(less.get(f"{DATA}/sobjects/RecordType/describe")) == (404, "NOT_FOUND")


def test_users_are_never_deleted_but_inactive(salesforce: Wire) -> None:
    fields = {one["name"] for one in salesforce.get(f"{DATA}/sobjects/User/describe").json["fields"]}
    assert "IsDeleted" not in fields
    assert {one["IsActive"] for one in rows(salesforce, "SELECT IsActive FROM User")} == {True, False}


# --- history


def test_history_has_a_row_per_save_and_no_later_stamp(salesforce: Wire) -> None:
    deal = salesforce_id("Opportunity", 301)
    found = rows(
        salesforce,
        "SELECT StageName, Amount, CloseDate, CreatedDate FROM OpportunityHistory "
        f"WHERE OpportunityId = '{deal}' ORDER BY CreatedDate",
    )
    # Creation, amount, date, and the closing, where stage and date are one save.
    assert [(one["StageName"], one["Amount"]) for one in found] == [
        ("Open", 1200.5),
        ("Open", 1500.0),
        ("Open", 1500.0),
        ("Won", 1500.0),
    ]
    changes = rows(
        salesforce,
        f"SELECT Field, OldValue, NewValue FROM OpportunityFieldHistory WHERE OpportunityId = '{deal}'",
    )
    assert {one["Field"] for one in changes} == {"StageName", "Amount", "CloseDate"}
    fields = {
        one["name"]
        for one in salesforce.get(f"{DATA}/sobjects/OpportunityFieldHistory/describe").json["fields"]
    }
    assert "SystemModstamp" not in fields and "CreatedDate" in fields


def test_a_segments_past_is_in_account_history(salesforce: Wire) -> None:
    (change,) = rows(
        salesforce,
        "SELECT Field, OldValue, NewValue FROM AccountHistory WHERE AccountId = "
        f"'{salesforce_id('Account', 101)}'",
    )
    assert (change["Field"], change["OldValue"], change["NewValue"]) == ("Segment__c", "smb", "enterprise")


# --- Bulk API 2.0


def start(wire: Wire, query: str, **more: str) -> Answer:
    return wire.post(f"{DATA}/jobs/query", {"operation": "queryAll", "query": query, **more})


def test_a_job_is_polled_and_its_results_end_with_the_text_null(sandboxes: Sandboxes) -> None:
    wire = sandboxes.at("salesforce")
    fields = "Id, ParentId, IsDeleted, CreatedDate, NumberOfEmployees"
    job = start(wire, f"SELECT {fields} FROM Account").json
    assert job["id"].startswith("750") and job["state"] == "UploadComplete"
    results = f"{DATA}/jobs/query/{job['id']}/results"
    assert wire.get(results).status == 400
    states = [wire.get(f"{DATA}/jobs/query/{job['id']}").json for _ in range(2)]
    assert [one["state"] for one in states] == ["InProgress", "JobComplete"]
    read: list[dict[str, str]] = []
    locator = ""
    while locator != "null":
        answer = wire.get(results, maxRecords=2, **({"locator": locator} if locator else {}))
        page = list(csv.DictReader(io.StringIO(answer.text)))
        assert answer.headers["sforce-numberofrecords"] == str(len(page))
        assert answer.headers["content-type"] == "text/csv"
        read += page
        locator = answer.headers["sforce-locator"]
    assert len(read) == states[1]["numberRecordsProcessed"]
    # Nothing is an empty text, moments end in Z.
    assert {one["ParentId"] for one in read} == {""}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["CreatedDate"]) for one in read)
    assert wire.send("DELETE", f"{DATA}/jobs/query/{job['id']}", {}, b"", None).status == 204
    assert wire.get(results).status == 404


@pytest.mark.parametrize(
    "query",
    [
        "SELECT Id, BillingAddress FROM Account",
        "SELECT Id FROM OpportunityStage",
        "SELECT Nothing FROM Account",
    ],
)
def test_what_bulk_cannot_do_is_refused(salesforce: Wire, query: str) -> None:
    assert start(salesforce, query).status == 400


def test_the_same_record_by_both_ways(salesforce: Wire) -> None:
    query = "SELECT Id, Amount, IsWon, CloseDate FROM Opportunity ORDER BY Id"
    job = start(salesforce, query, lineEnding="CRLF", columnDelimiter="SEMICOLON").json["id"]
    for _ in range(2):
        salesforce.get(f"{DATA}/jobs/query/{job}")
    text = salesforce.get(f"{DATA}/jobs/query/{job}/results").text
    assert "\r\n" in text
    found = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    by_rest = rows(salesforce, query, all_rows=True)
    assert [one["Id"] for one in found] == [one["Id"] for one in by_rest]
    assert [float(one["Amount"]) for one in found] == [one["Amount"] for one in by_rest]
    assert {one["IsWon"] for one in found} <= {"true", "false"}


def test_stages_belong_to_record_types_by_their_process(salesforce: Wire) -> None:
    record_type = salesforce_id("RecordType", 1)
    path = f"{DATA}/ui-api/object-info/Opportunity/picklist-values/{record_type}/StageName"
    assert [one["value"] for one in salesforce.get(path).json["values"]] == ["Open", "Won"]
