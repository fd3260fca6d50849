"""The world as a Salesforce org: objects with their fields, and records.

Belongs here: what the org holds. Does not belong here: paths, jobs, limits (`__init__.py`), queries
(`soql.py`), how
objects describe themselves (`describing.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.sandbox.snapshot import Change, Entity, Row, Snapshot, read_time

_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
BIN_DAYS = 15
ARCHIVED_AFTER = timedelta(days=365)

Record = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """A field: name, Salesforce's type, and what describe says of it."""

    name: str
    type: str = "string"
    length: int = 255
    refers_to: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    is_calculated: bool = False
    compound: str | None = None
    is_nillable: bool = True

    @property
    def is_custom(self) -> bool:
        return self.name.endswith("__c")


@dataclass(frozen=True)
class Kind:
    """An object: its label, the first three characters of its ids, and its fields.

    Arguments:
        table: the world's table that its ids come from.
        is_in_bulk: whether Bulk API 2.0 can query it.
        is_replicateable: whether getUpdated and getDeleted know it.
    """

    name: str
    prefix: str
    fields: tuple[Field, ...]
    is_in_bulk: bool = True
    is_replicateable: bool = True
    label: str = ""

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by name in lower case: SOQL does not mind case."""
        return {field.name.lower(): field for field in self.fields}


def texts(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name) for name in names)


def reference(name: str, *targets: str) -> Field:
    return Field(name, "reference", 18, targets)


_ID = Field("Id", "id", 18, is_nillable=False)
_IS_DELETED = Field("IsDeleted", "boolean", 0, is_nillable=False)
_CREATED = (
    Field("CreatedDate", "datetime", 0, is_nillable=False),
    reference("CreatedById", "User"),
)
_AUDIT = (
    *_CREATED,
    Field("LastModifiedDate", "datetime", 0, is_nillable=False),
    reference("LastModifiedById", "User"),
    Field("SystemModstamp", "datetime", 0, is_nillable=False),
)
_CURRENCY = Field("CurrencyIsoCode", "picklist", 3, values=("USD", "BRL", "EUR"))
_HISTORY = (
    Field("DataType", "picklist", values=("Text", "EntityId", "Currency", "DateOnly")),
    *_CREATED,
    Field("Field", "picklist", is_nillable=False),
    _ID,
    _IS_DELETED,
    Field("NewValue", "anyType", 0),
    Field("OldValue", "anyType", 0),
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "Account",
            "001",
            (
                _ID,
                _IS_DELETED,
                reference("MasterRecordId", "Account"),
                Field("Name", is_nillable=False),
                Field("Type", "picklist", values=("Customer", "Prospect")),
                reference("ParentId", "Account"),
                Field("BillingCountry", length=80, compound="BillingAddress"),
                Field("BillingAddress", "address", 0),
                Field("AccountNumber", length=40),
                Field("Website", "url"),
                Field("Industry", "picklist"),
                Field("AnnualRevenue", "currency", 0),
                Field("NumberOfEmployees", "int", 0),
                Field("Description", "textarea", 32000),
                reference("OwnerId", "User"),
                *_AUDIT,
                Field("Segment__c", "picklist", values=("smb", "mid_market", "enterprise")),
                Field("Is_Test_Account__c", "boolean", 0, is_nillable=False),
                Field("Open_Opportunities__c", "double", 0, is_calculated=True),
            ),
        ),
        Kind(
            "AccountHistory",
            "017",
            (reference("AccountId", "Account"), *_HISTORY),
            is_replicateable=False,
        ),
        Kind(
            "Contact",
            "003",
            (
                _ID,
                _IS_DELETED,
                reference("MasterRecordId", "Contact"),
                reference("AccountId", "Account"),
                Field("LastName", length=80, is_nillable=False, compound="Name"),
                Field("FirstName", length=40, compound="Name"),
                Field("Name", length=121, is_nillable=False),
                Field("Phone", "phone", 40),
                Field("Email", "email", 80),
                Field("Title", length=128),
                reference("OwnerId", "User"),
                *_AUDIT,
            ),
        ),
        Kind(
            "Opportunity",
            "006",
            (
                _ID,
                _IS_DELETED,
                reference("AccountId", "Account"),
                reference("RecordTypeId", "RecordType"),
                Field("Name", length=120, is_nillable=False),
                Field("Description", "textarea", 32000),
                Field("StageName", "picklist", is_nillable=False),
                Field("Amount", "currency", 0),
                Field("Probability", "percent", 0),
                Field("ExpectedRevenue", "currency", 0, is_calculated=True),
                Field("CloseDate", "date", 0, is_nillable=False),
                Field("Type", "picklist", values=("New Business", "Renewal", "Expansion", "One Off")),
                Field("LeadSource", "picklist"),
                Field("IsClosed", "boolean", 0, is_nillable=False),
                Field("IsWon", "boolean", 0, is_nillable=False),
                Field("ForecastCategory", "picklist"),
                Field("ForecastCategoryName", "picklist"),
                _CURRENCY,
                Field("HasOpportunityLineItem", "boolean", 0, is_nillable=False),
                reference("Pricebook2Id", "Pricebook2"),
                reference("OwnerId", "User"),
                *_AUDIT,
                Field("LastStageChangeDate", "datetime", 0),
                Field("Loss_Reason__c", "picklist"),
                Field("Loss_Reason_Details__c", "textarea", 32000),
            ),
        ),
        Kind(
            "OpportunityHistory",
            "008",
            (
                _ID,
                reference("OpportunityId", "Opportunity"),
                *_CREATED,
                Field("StageName", "picklist"),
                Field("Amount", "currency", 0),
                Field("ExpectedRevenue", "currency", 0),
                Field("CloseDate", "date", 0),
                Field("Probability", "percent", 0),
                Field("ForecastCategory", "picklist"),
                _CURRENCY,
                Field("SystemModstamp", "datetime", 0, is_nillable=False),
                _IS_DELETED,
            ),
            is_replicateable=False,
        ),
        Kind(
            "OpportunityFieldHistory",
            "017",
            (reference("OpportunityId", "Opportunity"), *_HISTORY),
            is_replicateable=False,
        ),
        Kind(
            "OpportunityLineItem",
            "00k",
            (
                _ID,
                reference("OpportunityId", "Opportunity"),
                Field("SortOrder", "int", 0),
                reference("PricebookEntryId", "PricebookEntry"),
                reference("Product2Id", "Product2"),
                Field("ProductCode"),
                Field("Name", length=376),
                _CURRENCY,
                Field("Quantity", "double", 0, is_nillable=False),
                Field("TotalPrice", "currency", 0),
                Field("UnitPrice", "currency", 0),
                Field("ListPrice", "currency", 0),
                Field("Discount", "percent", 0),
                Field("ServiceDate", "date", 0),
                Field("Description"),
                *_AUDIT,
                _IS_DELETED,
                Field("Term_Months__c", "double", 0),
                Field("End_Date__c", "date", 0),
            ),
        ),
        Kind(
            "OpportunityStage",
            "01J",
            (
                _ID,
                Field("MasterLabel"),
                Field("ApiName"),
                Field("IsActive", "boolean", 0),
                Field("SortOrder", "int", 0),
                Field("IsClosed", "boolean", 0),
                Field("IsWon", "boolean", 0),
                Field("ForecastCategory", "picklist"),
                Field("ForecastCategoryName", "picklist"),
                Field("DefaultProbability", "percent", 0),
                Field("Description"),
                *_AUDIT,
            ),
            is_in_bulk=False,
            is_replicateable=False,
        ),
        Kind(
            "Product2",
            "01t",
            (
                _ID,
                Field("Name", is_nillable=False),
                Field("ProductCode"),
                Field("Description", "textarea", 4000),
                Field("IsActive", "boolean", 0, is_nillable=False),
                *_AUDIT,
                Field("Family", "picklist"),
                _IS_DELETED,
            ),
        ),
        Kind(
            "RecordType",
            "012",
            (
                _ID,
                Field("Name", is_nillable=False),
                Field("DeveloperName", is_nillable=False),
                Field("SobjectType", "picklist", is_nillable=False),
                Field("IsActive", "boolean", 0, is_nillable=False),
                *_AUDIT,
            ),
        ),
        Kind(
            "Task",
            "00T",
            (
                _ID,
                reference("WhoId", "Contact", "Lead"),
                reference("WhatId", "Account", "Opportunity"),
                Field("Subject", "combobox"),
                Field("ActivityDate", "date", 0),
                Field("Status", "picklist", is_nillable=False),
                Field("Priority", "picklist", is_nillable=False),
                reference("OwnerId", "User"),
                Field("Description", "textarea", 32000),
                _IS_DELETED,
                reference("AccountId", "Account"),
                Field("IsClosed", "boolean", 0, is_nillable=False),
                *_AUDIT,
                Field("IsArchived", "boolean", 0, is_nillable=False),
                Field("TaskSubtype", "picklist"),
                Field("CompletedDateTime", "datetime", 0),
            ),
        ),
        Kind(
            "User",
            "005",
            (
                _ID,
                Field("Username", length=80, is_nillable=False),
                Field("LastName", length=80, is_nillable=False, compound="Name"),
                Field("FirstName", length=40, compound="Name"),
                Field("Name", length=121, is_nillable=False),
                Field("Department", length=80),
                Field("Email", "email", 128, is_nillable=False),
                Field("IsActive", "boolean", 0, is_nillable=False),
                Field("TimeZoneSidKey", "picklist"),
                Field("UserType", "picklist"),
                *_AUDIT,
            ),
        ),
        Kind(
            "Organization",
            "00D",
            (
                _ID,
                Field("Name"),
                Field("InstanceName"),
                Field("IsSandbox", "boolean", 0),
                Field("OrganizationType", "picklist"),
                Field("TimeZoneSidKey", "picklist"),
                *_AUDIT,
            ),
            is_replicateable=False,
        ),
        Kind(
            "NPS_Response__c",
            "a01",
            (
                _ID,
                _IS_DELETED,
                Field("Name", length=80),
                *_AUDIT,
                reference("Contact__c", "Contact"),
                reference("Account__c", "Account"),
                Field("Score__c", "double", 0),
                Field("Comment__c", "textarea", 32000),
                Field("Responded_At__c", "datetime", 0),
            ),
            label="NPS Response",
        ),
    )
}
KIND_NAMES = {name.lower(): name for name in KINDS}


def salesforce_id(kind: str, number: int | None) -> str | None:
    """The 18-character id of the world's id: prefix, org, the number in nine places, and the check on
    case.
    """
    if number is None:
        return None
    bare = f"{KINDS[kind].prefix if kind in KINDS else kind}RO0{number:09d}"
    return bare + checked(bare)


def checked(bare: str) -> str:
    """The three characters that make a case-sensitive id of 15 safe where case is lost."""
    return "".join(
        _CHECK[sum(1 << place for place in range(5) if bare[start + place].isupper())] for start in (0, 5, 10)
    )


def full_id(text: str) -> str:
    """An id as replies have it, from one of 15 or 18 characters."""
    return text + checked(text) if len(text) == 15 else text


class Org:
    """Salesforce's database as of a snapshot: records by object, values as Python's own."""

    def __init__(self, book: Snapshot) -> None:
        self.book = book
        self.zone = ZoneInfo(book.meta.time_zone)
        self._records: dict[str, list[Record]] = {}
        self.queries: dict[Any, list[Record]] = {}

    def records(self, kind: str) -> list[Record]:
        """Records in the order of ids, deleted ones included while they are in the bin."""
        if kind not in self._records:
            makers: dict[str, Callable[[], Iterable[Record]]] = {
                "Account": self._accounts,
                "AccountHistory": self._account_history,
                "Contact": self._contacts,
                "Opportunity": self._opportunities,
                "OpportunityHistory": self._opportunity_history,
                "OpportunityFieldHistory": self._opportunity_field_history,
                "OpportunityLineItem": self._line_items,
                "OpportunityStage": self._stages,
                "Product2": self._products,
                "RecordType": self._record_types,
                "Task": self._tasks,
                "User": self._users,
                "Organization": self._organization,
                "NPS_Response__c": self._nps_responses,
            }
            self._records[kind] = [
                {field.name: record.get(field.name) for field in KINDS[kind].fields}
                for record in makers[kind]()
            ]
        return self._records[kind]

    def is_purged(self, deleted_at: datetime | None) -> bool:
        """Whether the bin was emptied of it."""
        return deleted_at is not None and deleted_at < self.book.now - timedelta(days=BIN_DAYS)

    # --- customers

    def _audit(self, kind: str, entity: Entity, at: datetime | None = None) -> Record:
        stamp = max(entity.written_at, at) if at else entity.written_at
        by = next((change.by for change in reversed(entity.changes) if change.by is not None), None)
        return {
            "Id": salesforce_id(kind, entity.id),
            "CreatedDate": entity.created_at,
            "CreatedById": salesforce_id("User", 1),
            "LastModifiedDate": stamp,
            "LastModifiedById": salesforce_id("User", by or 1),
            "SystemModstamp": stamp,
        }

    def _gone(self, kind: str, entity: Entity) -> Record | None:
        """IsDeleted and MasterRecordId of a record; None once the bin was emptied of it."""
        if entity.merged_into is not None:
            if self.is_purged(entity.merged_at):
                return None
            return {"IsDeleted": True, "MasterRecordId": salesforce_id(kind, entity.merged_into)}
        if entity.is_deleted:
            return None if self.is_purged(entity.deleted_at) else {"IsDeleted": True}
        return {"IsDeleted": False}

    def parent(self, table: str, kind: str, number: int | None) -> tuple[str | None, datetime | None]:
        """The id that a lookup holds now, and when it came to: a merge moves children, a deletion lets
        go of them.
        """
        entities = self.book.entities(table)
        moved: datetime | None = None
        while number is not None and (found := entities.get(number)) is not None:
            if found.merged_into is not None:
                moved = max(moved or found.merged_at or datetime.min, found.merged_at or datetime.min)
                number = found.merged_into
            elif found.is_deleted:
                return None, max(moved or datetime.min, found.deleted_at or datetime.min)
            else:
                return salesforce_id(kind, number), moved
        return None, moved

    def _winners(self, table: str) -> dict[int, datetime]:
        """When a record last took in another."""
        found: dict[int, datetime] = {}
        for entity in self.book.entities(table).values():
            if entity.merged_into is not None and entity.merged_at is not None:
                found[entity.merged_into] = max(
                    found.get(entity.merged_into, entity.merged_at), entity.merged_at
                )
        return found

    def _accounts(self) -> Iterable[Record]:
        customers = {row["account_id"] for row in self.book.rows("contracts")}
        winners = self._winners("accounts")
        still_open: dict[int, int] = {}
        for deal in self.book.entities("deals").values():
            if not deal.is_deleted and not self.stages[deal.row["stage_id"]]["is_closed"]:
                still_open[deal.row["account_id"]] = still_open.get(deal.row["account_id"], 0) + 1
        for entity in self.book.entities("accounts").values():
            gone, row = self._gone("Account", entity), entity.row
            if gone is None:
                continue
            yield {
                **self._audit("Account", entity, winners.get(entity.id)),
                **gone,
                "Name": row["name"],
                "Type": "Customer" if entity.id in customers else "Prospect",
                "BillingCountry": row["country"],
                "BillingAddress": {
                    "city": None,
                    "country": row["country"],
                    "geocodeAccuracy": None,
                    "latitude": None,
                    "longitude": None,
                    "postalCode": None,
                    "state": None,
                    "street": None,
                },
                "AccountNumber": str(entity.id),
                "Website": f"https://www.{row['domain']}/" if row["domain"] else None,
                "Industry": row["industry"],
                "NumberOfEmployees": row["employee_count"],
                "OwnerId": salesforce_id("User", row["owner_staff_id"]),
                "Segment__c": row["segment"],
                "Is_Test_Account__c": bool(row["is_test"]),
                "Open_Opportunities__c": float(still_open.get(entity.id, 0)),
            }

    def _account_history(self) -> Iterable[Record]:
        names = {row["staff_id"]: row["name"] for row in self.book.rows("staff")}
        for entity in self.book.entities("accounts").values():
            if (gone := self._gone("Account", entity)) is None:
                continue
            for change in entity.changes:
                shown: list[tuple[str, str, Any, Any]] = []
                if change.field in ("segment", "name"):
                    field = {"segment": "Segment__c", "name": "Name"}[change.field]
                    shown = [(field, "Text", change.before, change.after)]
                elif change.field == "owner_staff_id":
                    # A lookup's change is told twice: by name and by id.
                    shown = [
                        ("Owner", "Text", names.get(change.before), names.get(change.after)),
                        (
                            "Owner",
                            "EntityId",
                            salesforce_id("User", change.before),
                            salesforce_id("User", change.after),
                        ),
                    ]
                for number, (field, data_type, before, after) in enumerate(shown):
                    yield {
                        "Id": salesforce_id("AccountHistory", 10 * change.change_id + number),
                        "AccountId": salesforce_id("Account", entity.id),
                        **self._told(change, field, data_type, before, after),
                        "IsDeleted": gone["IsDeleted"],
                    }

    @staticmethod
    def _told(change: Change, field: str, data_type: str, before: Any, after: Any) -> Record:
        return {
            "Field": field,
            "DataType": data_type,
            "OldValue": before,
            "NewValue": after,
            "CreatedDate": change.at,
            "CreatedById": salesforce_id("User", change.by or 1),
        }

    def _contacts(self) -> Iterable[Record]:
        winners = self._winners("people")
        for entity in self.book.entities("people").values():
            gone, row = self._gone("Contact", entity), entity.row
            if gone is None:
                continue
            account, moved = self.parent("accounts", "Account", row["account_id"])
            stamps = [at for at in (moved, winners.get(entity.id)) if at]
            first, _, last = row["name"].partition(" ")
            yield {
                **self._audit("Contact", entity, max(stamps, default=None)),
                **gone,
                "AccountId": account,
                # A contact has no name without a last one.
                "LastName": last or first,
                "FirstName": first if last else None,
                "Name": row["name"],
                "Phone": row["phone"],
                "Email": row["email"],
                "Title": row["job_title"],
                "OwnerId": salesforce_id("User", 1),
            }

    # --- sales

    @cached_property
    def stages(self) -> dict[int, Row]:
        return {row["stage_id"]: row for row in self.book.rows("deal_stages")}

    @staticmethod
    def category(stage: Mapping[str, Any]) -> tuple[str, str]:
        """A stage's forecast category: its name for programs and its label."""
        if stage.get("is_closed"):
            return ("Closed", "Closed") if stage.get("is_won") else ("Omitted", "Omitted")
        if (stage.get("probability") or 0) >= 0.75:
            return "Forecast", "Commit"
        return (
            ("BestCase", "Best Case") if (stage.get("probability") or 0) >= 0.5 else ("Pipeline", "Pipeline")
        )

    def _deal_gone(self, deal_id: int) -> tuple[bool, bool, datetime | None]:
        """Whether a deal is deleted, whether it has left the bin, and when it was deleted."""
        deal = self.book.entities("deals").get(deal_id)
        if deal is None or not deal.is_deleted:
            return False, False, None
        return True, self.is_purged(deal.deleted_at), deal.deleted_at

    def _versions(self, entity: Entity) -> list[tuple[datetime, int | None, Record]]:
        """The deal at its creation and after each save that touched stage, amount or date: (when, by
        whom, values).
        """
        stage, amount = entity.first["stage_id"], entity.first["amount"]
        expected, closed_at = entity.first["expected_close_on"], None
        versions: list[tuple[datetime, int | None, Record]] = []

        def say(at: datetime, by: int | None) -> None:
            closes = self._local_day(closed_at) if closed_at else expected
            said = self.stages.get(stage, {})
            probability = 100 * float(said.get("probability") or 0)
            values = {
                "StageName": said.get("name"),
                "Amount": amount,
                "Probability": probability,
                "ExpectedRevenue": None if amount is None else round(amount * probability / 100, 2),
                "CloseDate": closes or entity.created_at.date(),
                "ForecastCategory": self.category(said)[0],
                "CurrencyIsoCode": entity.row["currency"],
            }
            if versions and versions[-1][0] == at:
                versions.pop()
            if not versions or versions[-1][2] != values:
                versions.append((at, by, values))

        say(entity.created_at, None)
        for change in entity.changes:
            if change.field == "stage_id":
                stage = change.after
            elif change.field == "amount":
                amount = change.after
            elif change.field == "expected_close_on":
                expected = change.after
            elif change.field == "closed_at":
                closed_at = None if change.after is None else _moment(change.after)
            else:
                continue
            say(change.at, change.by)
        return versions

    def _local_day(self, moment: datetime) -> date:
        return moment.replace(tzinfo=UTC).astimezone(self.zone).date()

    def _opportunities(self) -> Iterable[Record]:
        sold = {row.row["deal_id"] for row in self.book.entities("contracts").values() if not row.is_deleted}
        for entity in self.book.entities("deals").values():
            gone, row = self._gone("Opportunity", entity), entity.row
            if gone is None:
                continue
            account, moved = self.parent("accounts", "Account", row["account_id"])
            stage = self.stages.get(row["stage_id"], {})
            entered = [change.at for change in entity.changes if change.field == "stage_id"]
            yield {
                **self._audit("Opportunity", entity, moved),
                **gone,
                **self._versions(entity)[-1][2],
                "AccountId": account,
                "RecordTypeId": salesforce_id("RecordType", row["pipeline_id"]),
                "Name": row["name"][:120],
                "Type": row["deal_type"].replace("_", " ").title() if row["deal_type"] else None,
                "IsClosed": bool(stage.get("is_closed")),
                "IsWon": bool(stage.get("is_won")),
                "ForecastCategoryName": self.category(stage)[1],
                "HasOpportunityLineItem": entity.id in sold,
                "OwnerId": salesforce_id("User", row["owner_staff_id"]),
                "LastStageChangeDate": entered[-1] if entered else None,
                "Loss_Reason__c": row.get("loss_reason"),
                "Loss_Reason_Details__c": row.get("loss_reason_text"),
            }

    def _opportunity_history(self) -> Iterable[Record]:
        for entity in self.book.entities("deals").values():
            is_deleted, is_purged, deleted_at = self._deal_gone(entity.id)
            if is_purged:
                continue
            for number, (at, by, values) in enumerate(self._versions(entity)):
                yield {
                    **values,
                    "Id": salesforce_id("OpportunityHistory", 1000 * entity.id + number),
                    "OpportunityId": salesforce_id("Opportunity", entity.id),
                    "CreatedDate": at,
                    "CreatedById": salesforce_id("User", by or 1),
                    "SystemModstamp": deleted_at if is_deleted and deleted_at else at,
                    "IsDeleted": is_deleted,
                }

    def _opportunity_field_history(self) -> Iterable[Record]:
        tracked = {"StageName": "Text", "Amount": "Currency", "CloseDate": "DateOnly"}
        for entity in self.book.entities("deals").values():
            is_deleted, is_purged, _ = self._deal_gone(entity.id)
            if is_purged:
                continue
            number = 0
            versions = self._versions(entity)
            for (_, _, before), (at, by, after) in pairwise(versions):
                for field, data_type in tracked.items():
                    if before[field] == after[field]:
                        continue
                    number += 1
                    yield {
                        "Id": salesforce_id("OpportunityFieldHistory", 1000 * entity.id + number),
                        "OpportunityId": salesforce_id("Opportunity", entity.id),
                        "Field": field,
                        "DataType": data_type,
                        "OldValue": before[field],
                        "NewValue": after[field],
                        "CreatedDate": at,
                        "CreatedById": salesforce_id("User", by or 1),
                        "IsDeleted": is_deleted,
                    }

    def _line_items(self) -> Iterable[Record]:
        plans = {row["plan_id"]: row for row in self.book.rows("plans")}
        for entity in self.book.entities("contracts").values():
            is_deal_deleted, is_purged, deleted_at = self._deal_gone(entity.row["deal_id"])
            gone = self._gone("OpportunityLineItem", entity)
            if is_purged or gone is None:
                continue
            row = entity.row
            months = row["term_months"] if row["is_recurring"] else None
            quantity = float(row["quantity"] or 1)
            plan = plans.get(row["plan_id"], {})
            yield {
                **self._audit("OpportunityLineItem", entity, deleted_at),
                # Line items go where their opportunity goes.
                "IsDeleted": gone["IsDeleted"] or is_deal_deleted,
                "OpportunityId": salesforce_id("Opportunity", row["deal_id"]),
                "SortOrder": 1,
                "PricebookEntryId": salesforce_id("01u", row["plan_id"]),
                "Product2Id": salesforce_id("Product2", row["plan_id"]),
                "ProductCode": f"PLAN-{row['plan_id']}",
                "Name": plan.get("name"),
                "CurrencyIsoCode": row["currency"],
                "Quantity": quantity,
                "TotalPrice": row["amount"],
                "UnitPrice": round(row["amount"] / quantity, 2),
                "ListPrice": plan.get("list_price_monthly"),
                "ServiceDate": row["starts_on"],
                "Term_Months__c": float(months) if months else None,
                "End_Date__c": row["ends_on"] if months else None,
            }

    def _reference_audit(self, kind: str, row: Row, number: int) -> Record:
        at = row["visible_at"]
        return {
            "Id": salesforce_id(kind, number),
            "CreatedDate": at,
            "CreatedById": salesforce_id("User", 1),
            "LastModifiedDate": at,
            "LastModifiedById": salesforce_id("User", 1),
            "SystemModstamp": at,
        }

    def pipeline_stages(self, pipeline_id: int | None = None) -> list[Row]:
        """Stages in the org's order; those of one pipeline's process when it is given."""
        rows = sorted(self.book.rows("deal_stages"), key=lambda row: (row["pipeline_id"], row["position"]))
        return [row for row in rows if pipeline_id in (None, row["pipeline_id"])]

    def _stages(self) -> Iterable[Record]:
        for place, row in enumerate(self.pipeline_stages(), start=1):
            category, label = self.category(row)
            yield {
                **self._reference_audit("OpportunityStage", row, row["stage_id"]),
                "MasterLabel": row["name"],
                "ApiName": row["name"],
                "IsActive": True,
                "SortOrder": place,
                "IsClosed": bool(row["is_closed"]),
                "IsWon": bool(row["is_won"]),
                "ForecastCategory": category,
                "ForecastCategoryName": label,
                "DefaultProbability": 100 * float(row["probability"] or 0),
            }

    def _products(self) -> Iterable[Record]:
        for row in sorted(self.book.rows("plans"), key=lambda row: row["plan_id"]):
            yield {
                **self._reference_audit("Product2", row, row["plan_id"]),
                "Name": row["name"],
                "ProductCode": f"PLAN-{row['plan_id']}",
                "IsActive": True,
                "Family": "Subscription" if row["is_recurring"] else "Service",
                "IsDeleted": False,
            }

    def _record_types(self) -> Iterable[Record]:
        for row in sorted(self.book.rows("pipelines"), key=lambda row: row["pipeline_id"]):
            yield {
                **self._reference_audit("RecordType", row, row["pipeline_id"]),
                "Name": row["name"],
                "DeveloperName": row["name"].replace(" ", "_"),
                "SobjectType": "Opportunity",
                "IsActive": True,
            }

    # --- people of the company, and what they wrote down

    def _users(self) -> Iterable[Record]:
        """Users are never deleted: who left is inactive."""
        teams = {row["team_id"]: row["name"] for row in self.book.rows("teams")}
        named = {row["author_staff_id"] for row in self.book.rows("notes")}
        named |= {row["owner_staff_id"] for row in self.book.rows("accounts")}
        named |= {row["owner_staff_id"] for row in self.book.rows("deals")}
        for row in sorted(self.book.rows("staff"), key=lambda row: row["staff_id"]):
            if row["role"] not in ("sales", "csm") and row["staff_id"] not in named:
                continue
            has_left = row["active_to"] is not None and row["active_to"] <= self.book.now
            first, _, last = row["name"].partition(" ")
            at = row["active_to"] if has_left else row["active_from"]
            yield {
                "Id": salesforce_id("User", row["staff_id"]),
                "Username": row["email"],
                "LastName": last or first,
                "FirstName": first if last else None,
                "Name": row["name"],
                "Department": teams.get(row["team_id"]),
                "Email": row["email"],
                "IsActive": not has_left,
                "TimeZoneSidKey": row["time_zone"],
                "UserType": "Standard",
                "CreatedDate": row["active_from"],
                "CreatedById": salesforce_id("User", 1),
                "LastModifiedDate": at,
                "LastModifiedById": salesforce_id("User", 1),
                "SystemModstamp": at,
            }

    def _organization(self) -> Iterable[Record]:
        yield {
            **self._reference_audit("Organization", {"visible_at": self.book.meta.starts_at}, 1),
            "Name": self.book.meta.own_domain,
            "InstanceName": "RO1",
            "IsSandbox": False,
            "OrganizationType": "Enterprise Edition",
            "TimeZoneSidKey": self.book.meta.time_zone,
        }

    def _tasks(self) -> Iterable[Record]:
        """Notes and calls, logged as completed tasks. After a year they are archived: `query` no
        longer shows them.
        """
        for entity in self.book.entities("notes").values():
            row = entity.row
            account, moved = self.parent("accounts", "Account", row["account_id"])
            contact, met = self.parent("people", "Contact", row["person_id"])
            deal, dropped = self.parent("deals", "Opportunity", row["deal_id"])
            stamps = [at for at in (moved, met, dropped) if at]
            is_call = row["kind"] == "call"
            yield {
                **self._audit("Task", entity, max(stamps, default=None)),
                "WhoId": contact,
                "WhatId": deal or account,
                "AccountId": account,
                "Subject": "Call" if is_call else "Note",
                "ActivityDate": self._local_day(row["created_at"]),
                "Status": "Completed",
                "Priority": "Normal",
                "OwnerId": salesforce_id("User", row["author_staff_id"]),
                "Description": row["text"],
                "IsDeleted": False,
                "IsClosed": True,
                "IsArchived": row["created_at"] < self.book.now - ARCHIVED_AFTER,
                "TaskSubtype": "Call" if is_call else "Task",
                "CompletedDateTime": row["created_at"],
            }

    def _nps_responses(self) -> Iterable[Record]:
        for entity in self.book.entities("survey_responses").values():
            row = entity.row
            contact, met = self.parent("people", "Contact", row["person_id"])
            account, moved = self.parent("accounts", "Account", row["account_id"])
            stamps = [at for at in (moved, met) if at]
            yield {
                **self._audit("NPS_Response__c", entity, max(stamps, default=None)),
                "IsDeleted": False,
                "Name": f"NPS-{entity.id:06d}",
                # Kept by the survey tool when the contact is deleted.
                "Contact__c": contact or salesforce_id("Contact", row["person_id"]),
                "Account__c": account,
                "Score__c": float(row["score"]),
                "Comment__c": row["text"],
                "Responded_At__c": row["answered_at"],
            }


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else read_time(str(value))
