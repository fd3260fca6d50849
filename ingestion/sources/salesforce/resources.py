"""Raw tables of Salesforce, and the objects that they come from.

Belongs here: names, keys, typed columns, and which field fills which column. Does not belong here: how
they are read
(`streams.py`) or filled (`records.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ingestion.source import ColumnType, Resource
from ingestion.sources.salesforce.settings import SalesforceSettings

STAMP = "SystemModstamp"
CREATED = "CreatedDate"


@dataclass(frozen=True)
class SObject:
    """How one object is read.

    Arguments:
        name: of the object in Salesforce; of a setting, where the company names it (`{survey_object}`).
        resource: its raw table.
        fields: column to field; `{setting}` where the company names the field.
        cursor: the field with the time of the last change.
        is_append_only: a history object: its records never change, and tell their creation only.
        is_optional: whether an org or a user without it is normal.
        is_in_bulk: whether Bulk API 2.0 can query it.
        where: which of its records are read.
        of: for a history object, the object whose fields it is the history of.
    """

    name: str
    resource: Resource
    fields: Mapping[str, str]
    cursor: str = STAMP
    is_append_only: bool = False
    is_optional: bool = False
    is_in_bulk: bool = True
    where: str = ""
    of: SObject | None = None

    def object_name(self, settings: SalesforceSettings) -> str:
        """The object in this org; empty where the company has none."""
        return _named(self.name, settings)

    def field_of(self, column: str, settings: SalesforceSettings) -> str:
        """The field behind a column in this org; empty where the company has none."""
        return _named(self.fields[column], settings)

    def column_of(self, field: str, settings: SalesforceSettings) -> str | None:
        """The column that a field of this org fills."""
        return next((column for column in self.fields if self.field_of(column, settings) == field), None)

    def own_fields(self, settings: SalesforceSettings) -> dict[str, str]:
        """Settings that name a field of this object, to the field that they name."""
        return {
            name.strip("{}"): _named(name, settings) for name in self.fields.values() if name.startswith("{")
        }


def _named(name: str, settings: SalesforceSettings) -> str:
    return str(getattr(settings, name.strip("{}")) or "") if name.startswith("{") else name


@dataclass(frozen=True)
class _Column:
    field: str
    type: ColumnType = "text"


def _object(
    name: str,
    resource: str,
    key: str,
    columns: Mapping[str, _Column],
    description: str,
    *,
    personal: tuple[str, ...] = (),
    keyed: tuple[str, ...] = (),
    whose: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    cursor: str = STAMP,
    is_append_only: bool = False,
    is_optional: bool = False,
    is_in_bulk: bool = True,
    where: str = "",
    of: SObject | None = None,
) -> SObject:
    cursor_column = {STAMP: "system_modstamp", CREATED: "created_at"}[cursor]
    every = {key: _Column("Id"), **columns}
    every.setdefault(cursor_column, _Column(cursor, "timestamp"))
    types: dict[str, ColumnType] = {column: one.type for column, one in every.items()}
    if of:
        types["column_name"] = "text"
    table = Resource(
        name=resource,
        key=(key,),
        columns=types,
        updated_at=cursor_column,
        personal=personal,
        keyed=keyed,
        whose=whose,
        is_append_only=is_append_only,
        description=description,
    )
    fields = {column: one.field for column, one in every.items()}
    return SObject(name, table, fields, cursor, is_append_only, is_optional, is_in_bulk, where, of)


_CREATED_AT = _Column(CREATED, "timestamp")

ACCOUNT = _object(
    "Account",
    "accounts",
    "account_id",
    {
        "account_key": _Column("{account_key_field}"),
        "master_record_id": _Column("MasterRecordId"),
        "name": _Column("Name"),
        "website": _Column("Website"),
        "billing_country": _Column("BillingCountry"),
        "industry": _Column("Industry"),
        "number_of_employees": _Column("NumberOfEmployees", "double"),
        "segment": _Column("{segment_field}"),
        "is_test_account": _Column("{test_account_field}", "boolean"),
        "owner_id": _Column("OwnerId"),
        "created_at": _CREATED_AT,
    },
    "Accounts; the loser of a merge is deleted and names its survivor in `master_record_id`.",
)
OPPORTUNITY = _object(
    "Opportunity",
    "opportunities",
    "opportunity_id",
    {
        "account_id": _Column("AccountId"),
        "record_type_id": _Column("RecordTypeId"),
        "name": _Column("Name"),
        "type": _Column("Type"),
        "stage_name": _Column("StageName"),
        "amount": _Column("Amount", "double"),
        "currency_iso_code": _Column("CurrencyIsoCode"),
        "probability": _Column("Probability", "double"),
        "close_date": _Column("CloseDate", "date"),
        "is_closed": _Column("IsClosed", "boolean"),
        "is_won": _Column("IsWon", "boolean"),
        "owner_id": _Column("OwnerId"),
        "loss_reason": _Column("{loss_reason_field}"),
        "loss_reason_text": _Column("{loss_reason_text_field}"),
        "created_at": _CREATED_AT,
    },
    "Opportunities as they stand; stage, amount and close date over time are in `opportunity_history`.",
    personal=("loss_reason_text",),
)

OBJECTS = (
    ACCOUNT,
    _object(
        "AccountHistory",
        "account_history",
        "history_id",
        {
            "account_id": _Column("AccountId"),
            "field": _Column("Field"),
            "old_value": _Column("OldValue"),
            "new_value": _Column("NewValue"),
            "data_type": _Column("DataType"),
        },
        "Changes of an account's tracked fields; Salesforce keeps 18 to 24 months, we keep all we saw.",
        cursor=CREATED,
        is_append_only=True,
        is_optional=True,
        of=ACCOUNT,
    ),
    _object(
        "Contact",
        "contacts",
        "contact_id",
        {
            "account_id": _Column("AccountId"),
            "master_record_id": _Column("MasterRecordId"),
            "email": _Column("Email"),
            "first_name": _Column("FirstName"),
            "last_name": _Column("LastName"),
            "phone": _Column("Phone"),
            "title": _Column("Title"),
            "created_at": _CREATED_AT,
        },
        "Contacts; the loser of a merge is deleted and names its survivor in `master_record_id`.",
        personal=("email", "first_name", "last_name", "phone", "title"),
        keyed=("email",),
        whose={"contact_id": ("contacts",)},
    ),
    OPPORTUNITY,
    _object(
        "OpportunityHistory",
        "opportunity_history",
        "history_id",
        {
            "opportunity_id": _Column("OpportunityId"),
            "stage_name": _Column("StageName"),
            "amount": _Column("Amount", "double"),
            "close_date": _Column("CloseDate", "date"),
            "probability": _Column("Probability", "double"),
            "currency_iso_code": _Column("CurrencyIsoCode"),
        },
        "An opportunity's stage, amount, probability and close date after each change of one of them.",
        cursor=CREATED,
        is_append_only=True,
    ),
    _object(
        "OpportunityFieldHistory",
        "opportunity_field_history",
        "history_id",
        {
            "opportunity_id": _Column("OpportunityId"),
            "field": _Column("Field"),
            "old_value": _Column("OldValue"),
            "new_value": _Column("NewValue"),
            "data_type": _Column("DataType"),
        },
        "Changes of an opportunity's tracked fields; Salesforce keeps 18 to 24 months, we keep all we saw.",
        cursor=CREATED,
        is_append_only=True,
        is_optional=True,
        of=OPPORTUNITY,
    ),
    _object(
        "OpportunityLineItem",
        "opportunity_line_items",
        "line_item_id",
        {
            "opportunity_id": _Column("OpportunityId"),
            "product_id": _Column("Product2Id"),
            "name": _Column("Name"),
            "quantity": _Column("Quantity", "double"),
            "unit_price": _Column("UnitPrice", "double"),
            "total_price": _Column("TotalPrice", "double"),
            "currency_iso_code": _Column("CurrencyIsoCode"),
            "term_months": _Column("{term_months_field}", "double"),
            "starts_on": _Column("{starts_on_field}", "date"),
            "ends_on": _Column("{ends_on_field}", "date"),
            "created_at": _CREATED_AT,
        },
        "Products of opportunities: what was sold, for which term.",
    ),
    _object(
        "OpportunityStage",
        "opportunity_stages",
        "stage_id",
        {
            "master_label": _Column("MasterLabel"),
            "api_name": _Column("ApiName"),
            "sort_order": _Column("SortOrder", "bigint"),
            "default_probability": _Column("DefaultProbability", "double"),
            "is_active": _Column("IsActive", "boolean"),
            "is_closed": _Column("IsClosed", "boolean"),
            "is_won": _Column("IsWon", "boolean"),
        },
        "Stages of the org, of all its sales processes.",
        is_in_bulk=False,
    ),
    _object(
        "Product2",
        "products",
        "product_id",
        {"name": _Column("Name"), "product_code": _Column("ProductCode"), "family": _Column("Family")},
        "The products; the plans.",
    ),
    _object(
        "RecordType",
        "record_types",
        "record_type_id",
        {
            "name": _Column("Name"),
            "developer_name": _Column("DeveloperName"),
            "is_active": _Column("IsActive", "boolean"),
        },
        "Record types of opportunities: the sales processes.",
        is_optional=True,
        where="SobjectType = 'Opportunity'",
    ),
    _object(
        "Task",
        "tasks",
        "task_id",
        {
            "account_id": _Column("AccountId"),
            "what_id": _Column("WhatId"),
            "who_id": _Column("WhoId"),
            "subject": _Column("Subject"),
            "task_subtype": _Column("TaskSubtype"),
            "description": _Column("Description"),
            "is_closed": _Column("IsClosed", "boolean"),
            "activity_date": _Column("ActivityDate", "date"),
            "completed_at": _Column("CompletedDateTime", "timestamp"),
            "owner_id": _Column("OwnerId"),
            "created_at": _CREATED_AT,
        },
        "Tasks: what was noted down of calls and meetings, archived ones included.",
        personal=("subject", "description"),
    ),
    _object(
        "User",
        "users",
        "user_id",
        {
            "email": _Column("Email"),
            "first_name": _Column("FirstName"),
            "last_name": _Column("LastName"),
            "is_active": _Column("IsActive", "boolean"),
            "user_type": _Column("UserType"),
            "team_name": _Column("{team_field}"),
        },
        "Own staff, those who left included: users are never deleted.",
        personal=("email", "first_name", "last_name"),
        keyed=("email",),
        whose={"user_id": ("users",)},
    ),
    _object(
        "{survey_object}",
        "survey_responses",
        "response_id",
        {
            "contact_id": _Column("{survey_contact_field}"),
            "account_id": _Column("{survey_account_field}"),
            "score": _Column("{survey_score_field}", "double"),
            "comment": _Column("{survey_comment_field}"),
            "answered_at": _Column("{survey_answered_field}", "timestamp"),
        },
        "Answers to NPS surveys, from the object that the settings name.",
        personal=("comment",),
        whose={"contact_id": ("contacts",)},
        is_optional=True,
    ),
)

PIPELINE_STAGES = Resource(
    name="pipeline_stages",
    key=("record_type_id", "api_name"),
    columns={"record_type_id": "text", "api_name": "text", "position": "bigint"},
    description="Which stages the sales process of a record type has, in its order.",
)

RESOURCES = (*(one.resource for one in OBJECTS), PIPELINE_STAGES)
