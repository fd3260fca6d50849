"""The raw tables of Tally."""

from __future__ import annotations

from ingestion.source import Resource

EVENTS = Resource(
    "events",
    ("number",),
    {
        "number": "bigint",
        "event_name": "text",
        "user_id": "text",
        "account_external_id": "text",
        "feature": "text",
        "occurred_at": "timestamp",
    },
    updated_at="occurred_at",
    is_append_only=True,
    description="What people did in the product, one row per event.",
)
RESOURCES = (EVENTS,)
