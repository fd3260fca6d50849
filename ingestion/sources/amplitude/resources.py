"""The raw tables of Amplitude."""

from __future__ import annotations

from ingestion.source import Resource

EVENTS = Resource(
    "events",
    ("uuid",),
    {
        "uuid": "text",
        "event_name": "text",
        "user_id": "text",
        "amplitude_id": "text",
        "device_id": "text",
        "occurred_at": "timestamp",
        "uploaded_at": "timestamp",
        "account_external_id": "text",
        "feature": "text",
    },
    updated_at="occurred_at",
    is_append_only=True,
    whose={"user_id": ("users",)},
    description="What people did in the product, one row per event.",
)
USERS = Resource(
    "users",
    ("user_id",),
    {
        "user_id": "text",
        "email": "text",
        "name": "text",
        "account_external_id": "text",
    },
    personal=("email", "name"),
    keyed=("email",),
    whose={"user_id": ("users",)},
    description="Users with their properties, as their events told them last: there is no list of users.",
)
RESOURCES = (EVENTS, USERS)
