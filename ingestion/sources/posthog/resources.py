"""The raw tables of PostHog."""

from __future__ import annotations

from ingestion.source import Resource

EVENTS = Resource(
    "events",
    ("uuid",),
    {
        "uuid": "text",
        "event_name": "text",
        "distinct_id": "text",
        "occurred_at": "timestamp",
        "arrived_at": "timestamp",
        "account_external_id": "text",
        "feature": "text",
    },
    updated_at="occurred_at",
    is_append_only=True,
    whose={"distinct_id": ("persons",)},
    description="What people did in the product, one row per event.",
)
PERSONS = Resource(
    "persons",
    ("distinct_id",),
    {
        "distinct_id": "text",
        "person_id": "text",
        "email": "text",
        "name": "text",
        "account_external_id": "text",
    },
    personal=("email", "name"),
    keyed=("email",),
    whose={"distinct_id": ("persons",)},
    description="Persons, one row per id that their events carry; a merge gives an id another person.",
)
RESOURCES = (EVENTS, PERSONS)
