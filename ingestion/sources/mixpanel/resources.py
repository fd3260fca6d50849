"""The raw tables of Mixpanel."""

from __future__ import annotations

from ingestion.source import Resource

EVENTS = Resource(
    "events",
    ("insert_id", "event_name", "distinct_id", "occurred_at"),
    {
        "insert_id": "text",
        "event_name": "text",
        "distinct_id": "text",
        "user_id": "text",
        "device_id": "text",
        "occurred_at": "timestamp",
        "processed_at": "timestamp",
        "account_external_id": "text",
        "feature": "text",
    },
    updated_at="occurred_at",
    is_append_only=True,
    optional_key=("distinct_id",),
    whose={"distinct_id": ("profiles",), "user_id": ("profiles",)},
    description="What people did in the product, one row per event.",
)
PROFILES = Resource(
    "profiles",
    ("distinct_id",),
    {
        "distinct_id": "text",
        "email": "text",
        "name": "text",
        "last_seen_at": "timestamp",
        "account_external_id": "text",
    },
    personal=("email", "name"),
    keyed=("email",),
    whose={"distinct_id": ("profiles",)},
    description="User profiles, as last seen.",
)
GROUP_PROFILES = Resource(
    "group_profiles",
    ("group_id",),
    {"group_id": "text", "name": "text", "crm_id": "text"},
    description="Profiles of the customers' group.",
)
RESOURCES = (EVENTS, PROFILES, GROUP_PROFILES)
