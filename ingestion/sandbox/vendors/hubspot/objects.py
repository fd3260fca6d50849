"""The world as HubSpot's objects: records with text properties, their history, and associations.

Belongs here: what HubSpot holds. Does not belong here: paths, pages, limits (`__init__.py`), search
(`search.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from html import escape
from typing import Any

from ingestion.sandbox.snapshot import Entity, Row, Snapshot, read_time

TYPES: dict[str, tuple[str, ...]] = {
    "contacts": ("contact", "0-1"),
    "companies": ("company", "0-2"),
    "deals": ("deal", "0-3"),
    "tickets": ("ticket", "0-5"),
    "products": ("product", "0-7"),
    "line_items": ("line_item", "0-8"),
    "quotes": ("quote", "0-14"),
    "feedback_submissions": ("feedback_submission", "0-19"),
    "notes": ("note", "0-46"),
    "emails": ("email", "0-49"),
    # Nobody here uses these: they are known, and empty.
    "communications": ("communication", "0-18"),
    "postal_mail": ("postal_mails", "0-116"),
    "tasks": ("task", "0-27"),
    "meetings": ("meeting", "0-47"),
    "calls": ("call", "0-48"),
    "goal_targets": ("goal_target", "0-74"),
    "leads": ("lead", "0-136"),
}
"""Object types to their other names: singular and type id."""

ALIASES = {alias: name for name, aliases in TYPES.items() for alias in (name, *aliases)}
SINGULAR = {name: aliases[0] for name, aliases in TYPES.items()}

ASSOCIATIONS: dict[tuple[str, str], tuple[tuple[int, str | None], ...]] = {
    ("contacts", "companies"): ((1, "Primary"), (279, None)),
    ("companies", "contacts"): ((2, "Primary"), (280, None)),
    ("deals", "companies"): ((5, "Primary"), (341, None)),
    ("companies", "deals"): ((6, "Primary"), (342, None)),
    ("deals", "line_items"): ((19, None),),
    ("line_items", "deals"): ((20, None),),
    ("notes", "companies"): ((190, None),),
    ("companies", "notes"): ((189, None),),
    ("notes", "contacts"): ((202, None),),
    ("contacts", "notes"): ((201, None),),
    ("notes", "deals"): ((214, None),),
    ("deals", "notes"): ((213, None),),
    ("feedback_submissions", "contacts"): ((98, None),),
    ("contacts", "feedback_submissions"): ((97, None),),
}
"""(from, to) to the association types (HubSpot's type id, label)."""

FREQUENCIES = {
    1: "monthly",
    3: "quarterly",
    6: "per_six_months",
    12: "annually",
    24: "per_two_years",
    36: "per_three_years",
}


@dataclass(slots=True)
class Version:
    """One value of a property and since when it holds."""

    value: str | None
    at: datetime
    by: int | None = None


@dataclass(slots=True)
class Record:
    """One object. `history` holds only the properties that have ever changed, oldest first."""

    id: int
    properties: dict[str, str | None]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    history: dict[str, list[Version]] = field(default_factory=dict)


@dataclass(frozen=True)
class Property:
    name: str
    kind: str = "string"
    label: str = ""
    options: tuple[str, ...] = ()
    is_calculated: bool = False


def iso(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def midnight(day: date) -> str:
    return iso(datetime.combine(day, time()))


def number(value: float | int | None) -> str | None:
    """A number as HubSpot writes it: no trailing `.0`."""
    if value is None:
        return None
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 6))


def flag(value: bool) -> str:
    return "true" if value else "false"


def paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in text.split("\n") if part.strip())


def texts(*names: str) -> list[Property]:
    return [Property(name) for name in names]


MODIFIED = {"contacts": "lastmodifieddate"}
"""The cursor property of a type; `hs_lastmodifieddate` for all that are not here."""

_COMMON = [
    Property("createdate", "datetime"),
    Property("hs_object_id", "number"),
    Property("hs_merged_object_ids"),
]

DEFINITIONS: dict[str, list[Property]] = {
    "companies": [
        *texts(
            "name", "domain", "website", "country", "state", "industry", "hubspot_owner_id", "description"
        ),
        Property("numberofemployees", "number"),
        Property("segment", "enumeration", "Segment", ("smb", "mid_market", "enterprise")),
        Property("is_test_account", "bool", "Is test account", ("true", "false")),
        Property("lifecyclestage", "enumeration"),
    ],
    "contacts": [
        *texts("email", "firstname", "lastname", "phone", "jobtitle", "hs_language", "company"),
        *texts("associatedcompanyid", "hubspot_owner_id"),
    ],
    "deals": [
        *texts(
            "dealname",
            "hubspot_owner_id",
            "closed_lost_reason",
            "closed_lost_reason_text",
            "closed_won_reason",
        ),
        Property("dealtype", "enumeration", "Deal type", ("new_business", "renewal", "expansion", "one_off")),
        Property("pipeline", "enumeration"),
        Property("dealstage", "enumeration"),
        Property("deal_currency_code", "enumeration"),
        Property("amount", "number"),
        Property("closedate", "datetime"),
        Property("hs_is_closed", "bool", is_calculated=True),
        Property("hs_is_closed_won", "bool", is_calculated=True),
        Property("hs_deal_stage_probability", "number", is_calculated=True),
    ],
    "line_items": [
        *texts("name", "hs_product_id", "hs_line_item_currency_code", "recurringbillingfrequency"),
        *texts("hs_recurring_billing_period"),
        Property("quantity", "number"),
        Property("price", "number"),
        Property("amount", "number", is_calculated=True),
        Property("discount", "number"),
        Property("hs_mrr", "number", is_calculated=True),
        Property("hs_arr", "number", is_calculated=True),
        Property("hs_tcv", "number", is_calculated=True),
        Property("hs_recurring_billing_start_date", "date"),
        Property("hs_recurring_billing_end_date", "date"),
    ],
    "products": [
        *texts("name", "description", "hs_sku", "recurringbillingfrequency"),
        Property("price", "number"),
    ],
    "notes": [
        *texts("hs_note_body", "hubspot_owner_id", "hs_body_preview"),
        Property("hs_timestamp", "datetime"),
    ],
    "feedback_submissions": [
        *texts("hs_survey_id", "hs_survey_name", "hs_survey_channel", "hs_value", "hs_content"),
        *texts("hs_contact_id", "hs_ticket_id", "hs_response_group", "hs_sentiment"),
        Property(
            "hs_survey_type", "enumeration", "Survey type", ("NPS", "CSAT", "CES", "CUSTOM", "KNOWLEDGE")
        ),
        Property("hs_submission_timestamp", "datetime"),
    ],
    "tickets": texts("subject", "content"),
    "quotes": texts("hs_title"),
    "emails": texts("hs_email_subject"),
    "communications": texts("hs_communication_body"),
    "postal_mail": texts("hs_postal_mail_body"),
    "tasks": texts("hs_task_subject"),
    "meetings": texts("hs_meeting_title"),
    "calls": texts("hs_call_title"),
    "goal_targets": texts("hs_goal_name"),
    "leads": texts("hs_lead_name"),
}

DEFAULT_PROPERTIES: dict[str, tuple[str, ...]] = {
    "companies": ("name", "domain"),
    "contacts": ("firstname", "lastname", "email"),
    "deals": ("dealname", "amount", "dealstage", "pipeline", "closedate"),
    "line_items": ("quantity", "amount", "price", "hs_product_id"),
    "products": ("name", "price"),
}


def cursor_property(kind: str) -> str:
    return MODIFIED.get(kind, "hs_lastmodifieddate")


class Hub:
    """HubSpot's database as of a snapshot."""

    def __init__(self, book: Snapshot) -> None:
        self.book = book
        self._records: dict[str, dict[int, Record]] = {}
        self._links: dict[tuple[str, str], dict[int, list[int]]] = {}
        self._definitions: dict[str, dict[str, Property]] = {}
        self.searches: dict[Any, list[Record]] = {}

    def records(self, kind: str) -> dict[int, Record]:
        """Records by id in the order of ids, archived ones included, merged-away ones not."""
        if kind not in self._records:
            build = getattr(self, f"_make_{kind}", None)
            made: Iterable[Record] = build() if build else []
            self._records[kind] = {record.id: record for record in made}
        return self._records[kind]

    def alive(self, kind: str) -> list[Record]:
        return self._split(kind)[0]

    def archived(self, kind: str) -> list[Record]:
        return self._split(kind)[1]

    def _split(self, kind: str) -> tuple[list[Record], list[Record]]:
        key = ("split", kind)
        if key not in self.searches:
            records = list(self.records(kind).values())
            self.searches[key] = [record for record in records if record.archived_at is None]
            self.searches["archived", kind] = [record for record in records if record.archived_at is not None]
        return self.searches[key], self.searches["archived", kind]

    def resolve(self, kind: str, record_id: int) -> Record | None:
        """The record of an id; that of the winner where the id was merged away."""
        table = {"companies": "accounts", "contacts": "people"}.get(kind)
        found = self.book.survivor(table, record_id) if table else record_id
        return self.records(kind).get(found) if found is not None else None

    def definitions(self, kind: str) -> dict[str, Property]:
        if kind not in self._definitions:
            listed = [*DEFINITIONS[kind], *_COMMON, Property(cursor_property(kind), "datetime")]
            if kind == "deals":
                for stage in self.book.rows("deal_stages"):
                    for name in ("date_entered", "date_exited"):
                        listed.append(
                            Property(f"hs_v2_{name}_{stage['stage_id']}", "datetime", is_calculated=True)
                        )
                    for name in ("latest_time_in", "cumulative_time_in"):
                        listed.append(
                            Property(f"hs_v2_{name}_{stage['stage_id']}", "number", is_calculated=True)
                        )
            self._definitions[kind] = {item.name: item for item in listed}
        return self._definitions[kind]

    def _record(self, kind: str, entity: Entity, properties: dict[str, str | None]) -> Record:
        properties["createdate"] = iso(entity.created_at)
        properties[cursor_property(kind)] = iso(entity.written_at)
        properties["hs_object_id"] = str(entity.id)
        return Record(
            entity.id,
            properties,
            entity.created_at,
            entity.written_at,
            entity.deleted_at if entity.is_deleted else None,
        )

    @staticmethod
    def _trace(
        record: Record, entity: Entity, source: str, target: str, say: Callable[[Any], str | None]
    ) -> None:
        """Keep the history of `target`, told by the changes of the world's field `source`."""
        versions = [Version(say(entity.first.get(source)), entity.created_at)]
        versions += [
            Version(say(change.after), change.at, change.by)
            for change in entity.changes
            if change.field == source
        ]
        if len(versions) > 1:
            record.history[target] = versions

    def _absorbed(self, table: str) -> dict[int, list[int]]:
        """Survivor's id to the ids merged into it, in the order of merging."""
        merged: dict[int, list[Entity]] = {}
        for entity in self.book.entities(table).values():
            if entity.merged_into is not None:
                survivor = self.book.survivor(table, entity.id)
                if survivor is not None and survivor != entity.id:
                    merged.setdefault(survivor, []).append(entity)
        return {
            survivor: [
                entity.id for entity in sorted(losers, key=lambda entity: (entity.merged_at, entity.id))
            ]
            for survivor, losers in merged.items()
        }

    def _merge(self, records: dict[int, Record], table: str, kind: str) -> None:
        entities = self.book.entities(table)
        for survivor, losers in self._absorbed(table).items():
            record = records.get(survivor)
            if record is None:
                continue
            record.properties["hs_merged_object_ids"] = ";".join(str(loser) for loser in losers)
            at = max(entities[loser].written_at for loser in losers)
            if at > record.updated_at:
                record.updated_at = at
                record.properties[cursor_property(kind)] = iso(at)

    def _make_companies(self) -> Iterable[Record]:
        records = {}
        customers = {row["account_id"] for row in self.book.rows("contracts")}
        for entity in self.book.entities("accounts").values():
            if entity.merged_into is not None:
                continue
            row = entity.row
            record = self._record(
                "companies",
                entity,
                {
                    "name": row["name"],
                    "domain": row["domain"],
                    "website": row["domain"],
                    "country": row["country"],
                    "state": None,
                    "industry": row["industry"],
                    "numberofemployees": number(row["employee_count"]),
                    "segment": row["segment"],
                    "is_test_account": flag(row["is_test"]),
                    "hubspot_owner_id": number(row["owner_staff_id"]),
                    "lifecyclestage": "customer" if entity.id in customers else "opportunity",
                    "description": None,
                    "hs_merged_object_ids": None,
                },
            )
            for name in ("segment", "name"):
                self._trace(record, entity, name, name, lambda value: value)
            self._trace(record, entity, "owner_staff_id", "hubspot_owner_id", number)
            records[entity.id] = record
        self._merge(records, "accounts", "companies")
        return records.values()

    def _make_contacts(self) -> Iterable[Record]:
        records = {}
        names = {row["account_id"]: row["name"] for row in self.book.rows("accounts")}
        for entity in self.book.entities("people").values():
            if entity.merged_into is not None:
                continue
            row = entity.row
            first, _, last = row["name"].partition(" ")
            company = self.book.survivor("accounts", row["account_id"])
            record = self._record(
                "contacts",
                entity,
                {
                    "email": row["email"],
                    "firstname": first,
                    "lastname": last or None,
                    "phone": row["phone"],
                    "jobtitle": row["job_title"],
                    "hs_language": {"pt": "pt-br", "en": "en"}.get(row["language"], row["language"]),
                    "company": names.get(row["account_id"]),
                    "associatedcompanyid": number(company),
                    "hubspot_owner_id": None,
                    "hs_merged_object_ids": None,
                },
            )
            self._trace(record, entity, "email", "email", lambda value: value)
            self._trace(record, entity, "job_title", "jobtitle", lambda value: value)
            records[entity.id] = record
        self._merge(records, "people", "contacts")
        return records.values()

    @cached_property
    def stages(self) -> dict[int, Row]:
        return {row["stage_id"]: row for row in self.book.rows("deal_stages")}

    def _make_deals(self) -> Iterable[Record]:
        for entity in self.book.entities("deals").values():
            if entity.merged_into is not None:
                continue
            row = entity.row
            stage = self.stages.get(row["stage_id"], {})
            closing = self._close_dates(entity)
            record = self._record(
                "deals",
                entity,
                {
                    "dealname": row["name"],
                    "dealtype": row["deal_type"],
                    "pipeline": number(row["pipeline_id"]),
                    "dealstage": number(row["stage_id"]),
                    "amount": number(row["amount"]),
                    "deal_currency_code": row["currency"],
                    "closedate": closing[-1].value,
                    "hubspot_owner_id": number(row["owner_staff_id"]),
                    "closed_lost_reason": row.get("loss_reason"),
                    "closed_lost_reason_text": row.get("loss_reason_text"),
                    "closed_won_reason": None,
                    "hs_is_closed": flag(bool(stage.get("is_closed"))),
                    "hs_is_closed_won": flag(bool(stage.get("is_won"))),
                    "hs_deal_stage_probability": number(stage.get("probability")),
                    "hs_merged_object_ids": None,
                },
            )
            self._trace(record, entity, "stage_id", "dealstage", number)
            self._trace(record, entity, "amount", "amount", number)
            self._trace(record, entity, "owner_staff_id", "hubspot_owner_id", number)
            if len(closing) > 1:
                record.history["closedate"] = closing
            self._time_stages(record, entity)
            yield record

    @staticmethod
    def _close_dates(entity: Entity) -> list[Version]:
        """HubSpot has one close date: the expected one until the deal closes, then when it did."""
        expected = entity.first["expected_close_on"]
        versions = [Version(midnight(expected) if expected else None, entity.created_at)]
        is_closed = False
        for change in entity.changes:
            if change.field == "expected_close_on":
                expected = change.after
            elif change.field == "closed_at":
                is_closed = change.after is not None
            else:
                continue
            if is_closed and change.field == "closed_at":
                value: str | None = iso(_moment(change.after))
            elif is_closed:
                continue
            else:
                value = midnight(expected) if expected else None
            if value != versions[-1].value:
                versions.append(Version(value, change.at, change.by))
        return versions

    def _time_stages(self, record: Record, entity: Entity) -> None:
        """The calculated properties of each stage that the deal has been in."""
        spans: list[tuple[int, datetime, datetime | None]] = []
        stage, since = entity.first["stage_id"], entity.created_at
        for change in entity.changes:
            if change.field == "stage_id" and change.after != stage:
                spans.append((stage, since, change.at))
                stage, since = change.after, change.at
        spans.append((stage, since, None))
        total: dict[int, float] = {}
        for stage, since, until in spans:
            latest = ((until or self.book.now) - since).total_seconds() * 1000
            total[stage] = total.get(stage, 0.0) + latest
            record.properties[f"hs_v2_date_entered_{stage}"] = iso(since)
            record.properties[f"hs_v2_date_exited_{stage}"] = iso(until) if until else None
            record.properties[f"hs_v2_latest_time_in_{stage}"] = str(int(latest))
            record.properties[f"hs_v2_cumulative_time_in_{stage}"] = str(int(total[stage]))

    def _make_line_items(self) -> Iterable[Record]:
        plans = {row["plan_id"]: row for row in self.book.rows("plans")}
        for entity in self.book.entities("contracts").values():
            row = entity.row
            months = row["term_months"] if row["is_recurring"] else None
            monthly = row["amount"] / months if months else None
            yield self._record(
                "line_items",
                entity,
                {
                    "name": plans.get(row["plan_id"], {}).get("name"),
                    "hs_product_id": number(row["plan_id"]),
                    "quantity": number(row["quantity"]),
                    "price": number(row["amount"] / row["quantity"])
                    if row["quantity"]
                    else number(row["amount"]),
                    "amount": number(row["amount"]),
                    "discount": None,
                    "hs_line_item_currency_code": row["currency"],
                    "recurringbillingfrequency": FREQUENCIES.get(months, "monthly") if months else None,
                    "hs_recurring_billing_period": f"P{months}M" if months else None,
                    "hs_recurring_billing_start_date": _day(row["starts_on"]) if months else None,
                    "hs_recurring_billing_end_date": _day(row["ends_on"]) if months else None,
                    "hs_mrr": number(monthly),
                    "hs_arr": number(monthly * 12) if monthly is not None else None,
                    "hs_tcv": number(row["amount"]),
                    "hs_merged_object_ids": None,
                },
            )

    def _make_products(self) -> Iterable[Record]:
        for entity in self.book.entities("plans").values():
            row = entity.row
            yield self._record(
                "products",
                entity,
                {
                    "name": row["name"],
                    "description": None,
                    "hs_sku": f"PLAN-{entity.id}",
                    "price": number(row["list_price_monthly"]),
                    "recurringbillingfrequency": "monthly" if row["is_recurring"] else None,
                    "hs_merged_object_ids": None,
                },
            )

    def _make_notes(self) -> Iterable[Record]:
        for entity in self.book.entities("notes").values():
            row = entity.row
            yield self._record(
                "notes",
                entity,
                {
                    "hs_note_body": paragraphs(row["text"]),
                    "hs_body_preview": row["text"][:120],
                    "hs_timestamp": iso(row["created_at"]),
                    "hubspot_owner_id": number(row["author_staff_id"]),
                    "hs_merged_object_ids": None,
                },
            )

    def _make_feedback_submissions(self) -> Iterable[Record]:
        for entity in self.book.entities("survey_responses").values():
            row = entity.row
            group = "PROMOTER" if row["score"] >= 9 else "PASSIVE" if row["score"] >= 7 else "DETRACTOR"
            record = self._record(
                "feedback_submissions",
                entity,
                {
                    "hs_survey_id": "1",
                    "hs_survey_name": "Customer loyalty",
                    "hs_survey_type": row["survey"].upper(),
                    "hs_survey_channel": "EMAIL",
                    "hs_value": number(row["score"]),
                    "hs_response_group": group,
                    "hs_sentiment": {"PROMOTER": "Positive", "PASSIVE": "Neutral", "DETRACTOR": "Negative"}[
                        group
                    ],
                    "hs_content": row["text"],
                    "hs_submission_timestamp": iso(row["answered_at"]),
                    "hs_contact_id": number(self.book.survivor("people", row["person_id"])),
                    "hs_ticket_id": None,
                    "hs_merged_object_ids": None,
                },
            )
            yield record

    def links(self, source: str, target: str) -> dict[int, list[int]]:
        """Ids of `source` to the ids of `target` that they are associated with; alive ones only."""
        key = (source, target)
        if key not in self._links:
            if (target, source) in self._links:
                back = self._links[target, source]
                links: dict[int, list[int]] = {}
                for one, many in back.items():
                    for other in many:
                        links.setdefault(other, []).append(one)
            else:
                links = self._make_links(source, target)
            self._links[key] = {one: sorted(many) for one, many in links.items()}
        return self._links[key]

    def _make_links(self, source: str, target: str) -> dict[int, list[int]]:
        columns: dict[tuple[str, str], tuple[str, str]] = {
            ("contacts", "companies"): ("people", "account_id"),
            ("deals", "companies"): ("deals", "account_id"),
            ("line_items", "deals"): ("contracts", "deal_id"),
            ("notes", "companies"): ("notes", "account_id"),
            ("notes", "deals"): ("notes", "deal_id"),
            ("notes", "contacts"): ("notes", "person_id"),
            ("feedback_submissions", "contacts"): ("survey_responses", "person_id"),
        }
        if key_back := columns.get((target, source)):
            links: dict[int, list[int]] = {}
            for one, other in self._pairs(target, source, key_back):
                links.setdefault(other, []).append(one)
            return links
        forward = columns.get((source, target))
        return {one: [other] for one, other in self._pairs(source, target, forward)} if forward else {}

    def _pairs(self, source: str, target: str, where: tuple[str, str]) -> Iterable[tuple[int, int]]:
        table, column = where
        entities = self.book.entities(table)
        merging = {"companies": "accounts", "contacts": "people"}.get(target)
        records = self.records(target)
        for record in self.alive(source):
            other = entities[record.id].row[column]
            if merging:
                other = self.book.survivor(merging, other)
            found = records.get(other) if other is not None else None
            if found is not None and found.archived_at is None:
                yield record.id, found.id

    @cached_property
    def owners(self) -> list[dict[str, Any]]:
        """People of sales and success, and whoever else owns or wrote something, as owners by id."""
        teams = {row["team_id"]: row["name"] for row in self.book.rows("teams")}
        named = {row["author_staff_id"] for row in self.book.rows("notes")}
        named |= {row["owner_staff_id"] for row in self.book.rows("accounts")}
        named |= {row["owner_staff_id"] for row in self.book.rows("deals")}
        owners = []
        for row in sorted(self.book.rows("staff"), key=lambda row: row["staff_id"]):
            if row["role"] not in ("sales", "csm") and row["staff_id"] not in named:
                continue
            left = row["active_to"] is not None and row["active_to"] <= self.book.now
            first, _, last = row["name"].partition(" ")
            owners.append(
                {
                    "id": str(row["staff_id"]),
                    "email": row["email"],
                    "type": "PERSON",
                    "firstName": first,
                    "lastName": last,
                    "userId": None if left else row["staff_id"],
                    "userIdIncludingInactive": row["staff_id"],
                    "createdAt": iso(row["active_from"]),
                    "updatedAt": iso(row["active_to"] if left else row["active_from"]),
                    "archived": left,
                    "teams": [
                        {"id": str(row["team_id"]), "name": teams.get(row["team_id"], ""), "primary": True}
                    ],
                }
            )
        return owners


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else read_time(str(value))
