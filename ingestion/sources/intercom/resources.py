"""Raw tables of Intercom.

Belongs here: names, keys and typed columns. Does not belong here: how they are read (`streams.py`) or filled
(`records.py`).
"""

from __future__ import annotations

from ingestion.source import Resource

CONVERSATIONS = Resource(
    name="conversations",
    key=("conversation_id",),
    columns={
        "conversation_id": "text",
        "title": "text",
        "state": "text",
        "priority": "text",
        "conversation_type": "text",
        "is_merged": "boolean",
        "admin_assignee_id": "text",
        "team_assignee_id": "text",
        "contact_id": "text",
        "company_id": "text",
        "source_id": "text",
        "source_type": "text",
        "source_subject": "text",
        "source_body": "text",
        "author_id": "text",
        "author_type": "text",
        "author_name": "text",
        "author_email": "text",
        "tags": "text",
        "work_item_keys": "text",
        "rating": "bigint",
        "rating_remark": "text",
        "rated_at": "timestamp",
        "rating_contact_id": "text",
        "first_admin_reply_at": "timestamp",
        "first_close_at": "timestamp",
        "last_close_at": "timestamp",
        "reopen_count": "bigint",
        "part_count": "bigint",
        "is_ai_agent_involved": "boolean",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    updated_at="updated_at",
    personal=("title", "source_subject", "source_body", "author_name", "author_email", "rating_remark"),
    keyed=("author_email",),
    whose={
        "author_id": ("contacts", "admins"),
        "contact_id": ("contacts",),
        "rating_contact_id": ("contacts",),
    },
    description="Conversations with their first message and rating; a deleted one is a tombstone.",
)
CONVERSATION_PARTS = Resource(
    name="conversation_parts",
    key=("part_id",),
    columns={
        "part_id": "text",
        "part_number": "bigint",
        "conversation_id": "text",
        "part_type": "text",
        "body": "text",
        "state": "text",
        "author_id": "text",
        "author_type": "text",
        "author_name": "text",
        "author_email": "text",
        "assigned_to_type": "text",
        "assigned_to_id": "text",
        "attribute_name": "text",
        "field": "text",
        "attribute_value": "text",
        "attribute_previous_value": "text",
        "is_redacted": "boolean",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    updated_at="updated_at",
    personal=("body", "author_name", "author_email"),
    keyed=("author_email",),
    whose={"author_id": ("contacts", "admins")},
    description="What happened in conversations: replies, notes, assignments, changes of state. Of a "
    "conversation with more than 500 those that were among the newest 500 when it was read.",
)
CONTACTS = Resource(
    name="contacts",
    key=("contact_id",),
    columns={
        "contact_id": "text",
        "external_id": "text",
        "role": "text",
        "name": "text",
        "email": "text",
        "company_id": "text",
        "merged_contact_ids": "text",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    updated_at="updated_at",
    personal=("name", "email"),
    keyed=("email",),
    whose={"contact_id": ("contacts",)},
    description="Users and leads; one that is gone (deleted, archived or merged) is a tombstone.",
)
COMPANIES = Resource(
    name="companies",
    key=("company_id",),
    columns={
        "company_id": "text",
        "external_id": "text",
        "name": "text",
        "domain_names": "text",
        "country": "text",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    updated_at="updated_at",
    description="Customer organisations; one that is gone is a tombstone.",
)
ADMINS = Resource(
    name="admins",
    key=("admin_id",),
    columns={
        "admin_id": "text",
        "name": "text",
        "email": "text",
        "team_ids": "text",
    },
    personal=("name", "email"),
    keyed=("email",),
    whose={"admin_id": ("admins",)},
    description="Teammates with a seat; one who left is a tombstone.",
)
TEAMS = Resource(
    name="teams",
    key=("team_id",),
    columns={"team_id": "text", "name": "text"},
    description="Teams that conversations are assigned to.",
)

RESOURCES = (CONVERSATIONS, CONVERSATION_PARTS, CONTACTS, COMPANIES, ADMINS, TEAMS)
