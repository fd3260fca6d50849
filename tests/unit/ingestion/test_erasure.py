"""Who is recognised, what goes from texts and rows, and that a vendor who tells it again adds nothing."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion.envelope import Envelope, open_database, person_key
from ingestion.erasure.redaction import MENTION_ERASED, PAYLOAD_ERASED, WORDS_ERASED, Redactor
from ingestion.erasure.register import Register, read_register
from ingestion.errors import ConfigurationInvalid
from ingestion.known import KnownRows, Snapshot
from ingestion.registry import available
from ingestion.source import Batch, Malformed, Record, Resource

SECRET = "s" * 40
ADDRESS = "Sérgio.Dantas@quintal.example"
USERS = Resource(
    "users",
    ("user_id",),
    {"user_id": "text", "name": "text", "email": "text", "role": "text", "seats": "bigint"},
    personal=("name", "email"),
    keyed=("email",),
    whose={"user_id": ("users",)},
)
TICKETS = Resource(
    "tickets",
    ("ticket_id",),
    {"ticket_id": "text", "subject": "text", "requester_id": "text", "status": "text", "seats": "bigint"},
    personal=("subject",),
    whose={"requester_id": ("users",)},
)
EVENTS = Resource(
    "events",
    ("event_id", "distinct_id"),
    {"event_id": "text", "distinct_id": "text", "feature": "text"},
    whose={"distinct_id": ("users",)},
    is_append_only=True,
)


def register() -> Register:
    made = Register(SECRET)
    marks = made.marks_of(
        addresses=[ADDRESS],
        records=[("desk", "users", "7")],
        names=["Sérgio de Souza Dantas"],
        phones=["+55 11 90000-6299"],
    )
    made.add(marks, "2026-10-05T06:00:00+00:00")
    return made


def redactor(made: Register | None = None) -> Redactor:
    return Redactor(made or register(), lambda address: person_key(address, SECRET.encode()))


def loaded(batches: list[Batch], tmp_path: Path, erased: Redactor | None) -> dict[str, list[dict[str, Any]]]:
    """The rows that batches bring, loaded one after the other by one run."""
    database = open_database(str(tmp_path))
    KnownRows(database, Snapshot())
    envelope = Envelope(
        database,
        (USERS, TICKETS, EVENTS),
        instance="desk",
        now=datetime(2026, 10, 5, 6),
        secret=SECRET,
        redactor=erased,
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for batch in batches:
        for table, rows in envelope.rows(batch, "1"):
            found.setdefault(table, []).extend(rows.to_pylist())
    database.close()
    return found


def record(**values: Any) -> Record:
    return Record(values, payload={"raw": values})


USER = record(user_id="7", name="Sérgio Dantas", email=ADDRESS, role="end-user")
OTHER = record(user_id="8", name="Ana Lima", email="ana@quintal.example", role="end-user")


def test_the_list_holds_no_value_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "erased.json"
    register().save(file)
    text = file.read_text().casefold()
    for value in ("dantas", "quintal", "sergio", "sérgio", "90000", "6299", "desk", "users"):
        assert value not in text
    assert file.stat().st_mode & 0o077 == 0
    again = redactor(read_register(file, SECRET))
    assert again.text(f"write to {ADDRESS.lower()}") != f"write to {ADDRESS.lower()}"
    assert not again.is_idle


def test_a_list_of_another_secret_or_a_harmed_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "erased.json"
    register().save(file)
    with pytest.raises(ConfigurationInvalid, match="NORTE_PERSON_KEY_SECRET"):
        read_register(file, "t" * 40)
    file.write_text(file.read_text()[:-20])
    with pytest.raises(ConfigurationInvalid, match="the list of erased people"):
        read_register(file, SECRET)
    assert read_register(tmp_path / "none.json", SECRET).people == []


@pytest.mark.parametrize(
    "text",
    [
        "Oi,\n\nSérgio de Souza Dantas",
        "SERGIO DANTAS called",
        "owner: Dantas, Sergio (CFO)",
        "see sergio_dantas in the chat",
        "call (11) 90000-6299 today",
        "call 5511900006299",
        "Sérgio   Dantas",
    ],
)
def test_full_names_and_numbers_go_from_a_text(text: str) -> None:
    left = redactor().text(text)
    assert MENTION_ERASED in left
    assert "antas" not in left.lower() and "6299" not in left


@pytest.mark.parametrize(
    "text",
    [
        "Sérgio asked Ana Dantas",  # each word alone is many people's
        "sergio.dantas@elsewhere.example",
        "90000-6298, 2026-10-05 06:00:00",
        "Souza Dantas Ltda",
        "",
    ],
)
def test_other_people_stay(text: str) -> None:
    if "@" in text:
        # The name in somebody else's address is that name still.
        assert redactor().text(text).endswith("@elsewhere.example")
    else:
        assert redactor().text(text) == text


@pytest.mark.parametrize("form", ["{}", "<{}>", "mailto:{}?x", "{}.", '"{}",'])
def test_an_address_becomes_another_one_of_its_domain(form: str) -> None:
    ours = redactor()
    left = ours.text(form.format(ADDRESS.upper()))
    assert "dantas" not in left.casefold() and "@quintal.example" in left
    assert left == ours.text(form.format(ADDRESS.lower()))
    # It stays the same however often the list is applied.
    assert ours.text(left) == left
    escaped = ours.text(ADDRESS.replace("@", "%40"))
    assert "%40quintal.example" in escaped and "Dantas" not in escaped


def test_what_a_load_brings_is_without_them(tmp_path: Path) -> None:
    batches = [
        Batch("users", [USER, OTHER]),
        Batch(
            "tickets",
            [
                record(ticket_id="1", subject="I cannot pay", requester_id="7", status="open"),
                record(ticket_id="2", subject="Sérgio Dantas says: no", requester_id="8", status="open"),
                record(ticket_id="3", subject=None, requester_id="7", status="new"),
            ],
        ),
        Batch("events", [record(event_id="e", distinct_id="7"), record(event_id="f", distinct_id="8")]),
    ]
    plain, found = loaded(batches, tmp_path, None), loaded(batches, tmp_path, redactor())
    text = json.dumps(found, default=str, ensure_ascii=False).casefold()
    assert "dantas" not in text and "cannot pay" not in text
    theirs, other = found["users"]
    assert other == plain["users"][1]
    assert (theirs["name"], theirs["role"], theirs["payload"]) == (None, "end-user", PAYLOAD_ERASED)
    assert theirs["email"].endswith("@quintal.example")
    # One person stays one person: the key is that of the new address, in whatever system.
    assert (
        theirs["email_key"] == person_key(theirs["email"], SECRET.encode()) != plain["users"][0]["email_key"]
    )
    # What the vendor tells again is no new version.
    for table in ("users", "tickets", "events"):
        assert [row["_version_id"] for row in found[table]] == [row["_version_id"] for row in plain[table]]
    words = {row["ticket_id"]: row["subject"] for row in found["tickets"]}
    assert words == {"1": WORDS_ERASED, "2": f"{MENTION_ERASED} says: no", "3": None}
    assert [row["status"] for row in found["tickets"]] == ["open", "open", "new"]
    assert found["events"][0]["payload"] == PAYLOAD_ERASED
    assert found["events"][1] == plain["events"][1]


def test_an_id_that_is_an_address_is_another_one_and_stays_one_key(tmp_path: Path) -> None:
    told = [record(event_id="e", distinct_id=ADDRESS), record(event_id="e", distinct_id=ADDRESS.lower())]
    found = loaded([Batch("events", told)], tmp_path, redactor())["events"]
    assert len(found) == 1
    assert found[0]["_key"] == f"e:{found[0]['distinct_id']}"
    assert "dantas" not in json.dumps(found, default=str).casefold()
    assert found[0]["payload"] == PAYLOAD_ERASED


def test_what_could_not_be_read_is_without_them_and_rejected_once(tmp_path: Path) -> None:
    bad = record(ticket_id="1", subject="I cannot pay", requester_id=7, seats="many")
    lost = Malformed("no id", {"requester": 7, "text": "I cannot pay"})
    mention = Malformed("no id", {"text": f"ask {ADDRESS}"})
    batches = [Batch("tickets", [bad, lost, mention]), Batch("tickets", [bad, lost, mention])]
    found = loaded(batches, tmp_path, redactor())["tickets_rejected"]
    assert len(found) == 3
    text = json.dumps(found, default=str, ensure_ascii=False).casefold()
    assert "dantas" not in text and "cannot pay" not in text


def test_a_person_who_is_told_with_a_new_address_stays_erased(tmp_path: Path) -> None:
    moved = record(user_id="7", name="S. D.", email="private@home.example", role="end-user")
    (found,) = loaded([Batch("users", [moved])], tmp_path, redactor())["users"]
    assert found["name"] is None and found["email"].startswith("erased-")


def test_every_vendor_says_whose_its_personal_columns_are() -> None:
    # What is not a person's own words: the work of a tracker, notes of staff, reasons of deals.
    of_nobody = {
        ("jira", "issues"),
        ("jira", "issue_changes"),
        ("hubspot", "deals"),
        ("hubspot", "notes"),
        ("salesforce", "opportunities"),
        ("salesforce", "tasks"),
    }
    for source in available().values():
        names = {resource.name for resource in source.resources}
        for resource in source.resources:
            if (resource.personal or resource.keyed) and (source.name, resource.name) not in of_nobody:
                assert resource.whose, f"{source.name}.{resource.name}"
            assert set(resource.whose) <= set(resource.columns)
            assert {kind for kinds in resource.whose.values() for kind in kinds} <= names
