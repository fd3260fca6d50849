"""Raw tables of Zendesk Support.

Belongs here: names, keys and typed columns. Does not belong here: how they are read (`streams.py`) or filled
(`records.py`).
"""

from __future__ import annotations

from ingestion.source import Resource

TICKETS = Resource(
    name="tickets",
    key=("ticket_id",),
    columns={
        "ticket_id": "text",
        "subject": "text",
        "description": "text",
        "status": "text",
        "priority": "text",
        "ticket_type": "text",
        "channel": "text",
        "requester_id": "text",
        "assignee_id": "text",
        "organization_id": "text",
        "group_id": "text",
        "external_id": "text",
        "tags": "text",
        "satisfaction_score": "text",
        "is_public": "boolean",
        "created_at": "timestamp",
        "updated_at": "timestamp",
        "generated_at": "timestamp",
    },
    updated_at="updated_at",
    personal=("subject", "description"),
    whose={"requester_id": ("users",)},
    description="Tickets; a deleted one is a tombstone, a merged one is closed with the tag closed_by_merge.",
)
TICKET_METRICS = Resource(
    name="ticket_metrics",
    key=("ticket_id",),
    columns={
        "ticket_id": "text",
        "reopens": "bigint",
        "replies": "bigint",
        "solved_at": "timestamp",
        "initially_assigned_at": "timestamp",
        "reply_time_minutes": "double",
        "first_resolution_minutes": "double",
        "full_resolution_minutes": "double",
        "requester_wait_minutes": "double",
        "agent_wait_minutes": "double",
        "on_hold_minutes": "double",
    },
    description="The vendor's own numbers per ticket, in calendar minutes; null until something is measured.",
)
USERS = Resource(
    name="users",
    key=("user_id",),
    columns={
        "user_id": "text",
        "name": "text",
        "email": "text",
        "role": "text",
        "organization_id": "text",
        "external_id": "text",
        "is_active": "boolean",
        "is_suspended": "boolean",
        "created_at": "timestamp",
        "updated_at": "timestamp",
        "time_zone": "text",
        "locale": "text",
    },
    updated_at="updated_at",
    personal=("name", "email"),
    keyed=("email",),
    whose={"user_id": ("users",)},
    description="Agents and end users; a deleted or merged one is inactive, an erased one a tombstone.",
)
ORGANIZATIONS = Resource(
    name="organizations",
    key=("organization_id",),
    columns={
        "organization_id": "text",
        "name": "text",
        "external_id": "text",
        "domain_names": "text",
        "country": "text",
        "created_at": "timestamp",
        "updated_at": "timestamp",
        "deleted_at": "timestamp",
    },
    updated_at="updated_at",
    description="Customer organisations.",
)
GROUPS = Resource(
    name="groups",
    key=("group_id",),
    columns={
        "group_id": "text",
        "name": "text",
        "is_deleted": "boolean",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    updated_at="updated_at",
    description="Groups of agents.",
)
TICKET_COMMENTS = Resource(
    name="ticket_comments",
    key=("comment_id",),
    columns={
        "comment_id": "text",
        "ticket_id": "text",
        "event_id": "text",
        "author_id": "text",
        "is_public": "boolean",
        "body": "text",
        "via_channel": "text",
        "created_at": "timestamp",
    },
    updated_at="created_at",
    personal=("body",),
    whose={"author_id": ("users",)},
    description="Comments, the first message included, from the feed of ticket events.",
)
TICKET_CHANGES = Resource(
    name="ticket_changes",
    key=("change_id",),
    columns={
        "change_id": "text",
        "ticket_id": "text",
        "event_id": "text",
        "field": "text",
        "from_value": "text",
        "to_value": "text",
        "changed_at": "timestamp",
        "updater_id": "text",
    },
    updated_at="changed_at",
    is_append_only=True,
    description="Changes of status, priority, assignee, group and tags; from nothing at creation.",
)
CSAT_RESPONSES = Resource(
    name="csat_responses",
    key=("response_id",),
    columns={
        "response_id": "text",
        "ticket_id": "text",
        "responder_id": "text",
        "rating": "bigint",
        "rating_category": "text",
        "comment": "text",
        "answered_at": "timestamp",
        "survey_id": "text",
    },
    updated_at="answered_at",
    personal=("comment",),
    whose={"responder_id": ("users",)},
    description="Satisfaction answers: of the current surveys, else of the older good/bad ratings.",
)
JIRA_LINKS = Resource(
    name="jira_links",
    key=("link_id",),
    columns={
        "link_id": "text",
        "ticket_id": "text",
        "issue_id": "text",
        "issue_key": "text",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    updated_at="updated_at",
    description="Links between tickets and Jira issues, of the Jira integration.",
)

RESOURCES = (
    TICKETS,
    TICKET_METRICS,
    USERS,
    ORGANIZATIONS,
    GROUPS,
    TICKET_COMMENTS,
    TICKET_CHANGES,
    CSAT_RESPONSES,
    JIRA_LINKS,
)
