"""Raw tables of HubSpot, and the object types they come from.

Belongs here: names, keys, typed columns, and per object type its cursor, history and associations. Does not
belong
here: how they are read (`streams.py`) or filled (`records.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ingestion.source import Resource

COMPANIES = Resource(
    name="companies",
    key=("company_id",),
    columns={
        "company_id": "text",
        "name": "text",
        "domain": "text",
        "country": "text",
        "industry": "text",
        "numberofemployees": "double",
        "segment": "text",
        "is_test_account": "boolean",
        "hubspot_owner_id": "text",
        "createdate": "timestamp",
        "hs_lastmodifieddate": "timestamp",
        "hs_merged_object_ids": "text",
        "archived_at": "timestamp",
    },
    updated_at="hs_lastmodifieddate",
    description="Companies; a merge's survivor lists the losers in `hs_merged_object_ids`.",
)
COMPANIES_HISTORY = Resource(
    name="companies_history",
    key=("company_id", "property", "changed_at"),
    columns={
        "company_id": "text",
        "property": "text",
        "value": "text",
        "changed_at": "timestamp",
        "source_type": "text",
    },
    updated_at="changed_at",
    description="Values that a company's segment has had; the vendor keeps about twenty, we keep all we saw.",
)
CONTACTS = Resource(
    name="contacts",
    key=("contact_id",),
    columns={
        "contact_id": "text",
        "email": "text",
        "firstname": "text",
        "lastname": "text",
        "phone": "text",
        "jobtitle": "text",
        "hs_language": "text",
        "createdate": "timestamp",
        "lastmodifieddate": "timestamp",
        "hs_merged_object_ids": "text",
        "archived_at": "timestamp",
    },
    updated_at="lastmodifieddate",
    personal=("email", "firstname", "lastname", "phone", "jobtitle"),
    keyed=("email",),
    whose={"contact_id": ("contacts",)},
    description="Contacts; a merge's survivor lists the losers in `hs_merged_object_ids`.",
)
DEALS = Resource(
    name="deals",
    key=("deal_id",),
    columns={
        "deal_id": "text",
        "dealname": "text",
        "dealtype": "text",
        "pipeline": "text",
        "dealstage": "text",
        "amount": "double",
        "deal_currency_code": "text",
        "closedate": "timestamp",
        "createdate": "timestamp",
        "hs_lastmodifieddate": "timestamp",
        "hubspot_owner_id": "text",
        "closed_lost_reason": "text",
        "closed_lost_reason_text": "text",
        "hs_is_closed": "boolean",
        "hs_is_closed_won": "boolean",
        "archived_at": "timestamp",
    },
    updated_at="hs_lastmodifieddate",
    personal=("closed_lost_reason_text",),
    description="Deals as they stand; their stages, amounts and dates over time are in `deals_history`.",
)
DEALS_HISTORY = Resource(
    name="deals_history",
    key=("deal_id", "property", "changed_at"),
    columns={
        "deal_id": "text",
        "property": "text",
        "value": "text",
        "changed_at": "timestamp",
        "source_type": "text",
    },
    updated_at="changed_at",
    description="Values that a deal's stage, amount and close date have had, the first one included.",
)
LINE_ITEMS = Resource(
    name="line_items",
    key=("line_item_id",),
    columns={
        "line_item_id": "text",
        "hs_product_id": "text",
        "name": "text",
        "quantity": "double",
        "price": "double",
        "amount": "double",
        "hs_line_item_currency_code": "text",
        "recurringbillingfrequency": "text",
        "hs_recurring_billing_period": "text",
        "hs_recurring_billing_start_date": "date",
        "hs_recurring_billing_end_date": "date",
        "createdate": "timestamp",
        "hs_lastmodifieddate": "timestamp",
        "archived_at": "timestamp",
    },
    updated_at="hs_lastmodifieddate",
    description="Line items of deals: what was sold, for which term.",
)
PRODUCTS = Resource(
    name="products",
    key=("product_id",),
    columns={
        "product_id": "text",
        "name": "text",
        "price": "double",
        "recurringbillingfrequency": "text",
        "hs_lastmodifieddate": "timestamp",
    },
    updated_at="hs_lastmodifieddate",
    description="The product library.",
)
OWNERS = Resource(
    name="owners",
    key=("owner_id",),
    columns={
        "owner_id": "text",
        "user_id": "text",
        "email": "text",
        "first_name": "text",
        "last_name": "text",
        "is_archived": "boolean",
        "updated_at": "timestamp",
        "team_name": "text",
    },
    updated_at="updated_at",
    personal=("email", "first_name", "last_name"),
    keyed=("email",),
    whose={"owner_id": ("owners",)},
    description="Owners of objects, departed ones included; `team_name` is the primary team.",
)
PIPELINES = Resource(
    name="pipelines",
    key=("pipeline_id",),
    columns={"pipeline_id": "text", "label": "text", "display_order": "bigint"},
    description="Deal pipelines.",
)
PIPELINE_STAGES = Resource(
    name="pipeline_stages",
    key=("pipeline_id", "stage_id"),
    columns={
        "stage_id": "text",
        "pipeline_id": "text",
        "label": "text",
        "display_order": "bigint",
        "probability": "double",
        "is_closed": "boolean",
    },
    parent="pipelines",
    description="Stages of the deal pipelines; labels can be renamed, ids stay.",
)
NOTES = Resource(
    name="notes",
    key=("note_id",),
    columns={
        "note_id": "text",
        "hs_note_body": "text",
        "hs_timestamp": "timestamp",
        "hubspot_owner_id": "text",
        "hs_lastmodifieddate": "timestamp",
        "archived_at": "timestamp",
    },
    updated_at="hs_lastmodifieddate",
    personal=("hs_note_body",),
    description="Notes on companies, deals and contacts (HTML).",
)
FEEDBACK_SUBMISSIONS = Resource(
    name="feedback_submissions",
    key=("submission_id",),
    columns={
        "submission_id": "text",
        "hs_survey_type": "text",
        "hs_value": "text",
        "hs_response_group": "text",
        "hs_content": "text",
        "hs_submission_timestamp": "timestamp",
        "hs_contact_id": "text",
        "hs_ticket_id": "text",
        "hs_lastmodifieddate": "timestamp",
    },
    updated_at="hs_lastmodifieddate",
    personal=("hs_content",),
    whose={"hs_contact_id": ("contacts",)},
    description="Answers to NPS, CSAT and other surveys.",
)
ASSOCIATIONS = Resource(
    name="associations",
    key=("from_type", "from_id", "to_type", "to_id"),
    columns={
        "from_type": "text",
        "from_id": "text",
        "to_type": "text",
        "to_id": "text",
        "label": "text",
    },
    description="Which object belongs to which; one that was removed has a tombstone.",
)

RESOURCES = (
    COMPANIES,
    COMPANIES_HISTORY,
    CONTACTS,
    DEALS,
    DEALS_HISTORY,
    LINE_ITEMS,
    PRODUCTS,
    OWNERS,
    PIPELINES,
    PIPELINE_STAGES,
    NOTES,
    FEEDBACK_SUBMISSIONS,
    ASSOCIATIONS,
)


@dataclass(frozen=True)
class ObjectType:
    """How one type of CRM object is read.

    Arguments:
        resource: its raw table. The type's name in paths is the table's name.
        cursor: the property with the time of the last change.
        history: columns whose past values are kept, in `<name>_history`.
        associations: types that its associations are read to.
        shown_by: types whose associations to this one are also read from this side, since adding one does not
            change the object at the other end.
        is_optional: whether a plan or token without it is normal.
    """

    resource: Resource
    cursor: str = "hs_lastmodifieddate"
    history: tuple[str, ...] = ()
    associations: tuple[str, ...] = ()
    shown_by: tuple[str, ...] = field(default=())
    is_optional: bool = False

    @property
    def name(self) -> str:
        """The type's plural name."""
        return self.resource.name

    @property
    def id_column(self) -> str:
        """The column that holds the object's id."""
        return self.resource.key[0]

    @property
    def property_columns(self) -> tuple[str, ...]:
        """Columns that are filled from properties."""
        return tuple(
            column for column in self.resource.columns if column not in (self.id_column, "archived_at")
        )


OBJECT_TYPES = (
    ObjectType(COMPANIES, history=("segment",)),
    ObjectType(CONTACTS, cursor="lastmodifieddate", associations=("companies",)),
    ObjectType(DEALS, history=("dealstage", "amount", "closedate"), associations=("companies", "line_items")),
    ObjectType(LINE_ITEMS, shown_by=("deals",)),
    ObjectType(PRODUCTS),
    ObjectType(NOTES, associations=("companies", "deals", "contacts")),
    ObjectType(FEEDBACK_SUBMISSIONS, is_optional=True),
)
