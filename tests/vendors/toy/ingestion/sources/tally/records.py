"""Tally's events as records: what was said, uncast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.source import Record
from ingestion.sources.tally.settings import TallySettings


def event(found: Mapping[str, Any], settings: TallySettings) -> Record:
    """An event. Raises KeyError without a number."""
    return Record(
        values={
            "number": found["number"],
            "event_name": found.get("name"),
            "user_id": found.get("user"),
            "account_external_id": found.get(settings.customer_field),
            "feature": found.get("feature"),
            "occurred_at": found.get("at"),
        },
        payload=found,
    )
