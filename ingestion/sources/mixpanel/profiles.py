"""Profiles of users and of groups.

Belongs here: when to read which list, and its records. Does not belong here: requests (`client.py`).

A full list tells also who is gone: keys that are known and not in it become tombstones. Between full lists
only the profiles seen lately are read; `$last_seen` does not move on every change, so the full list is
what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.source import Batch, Malformed, Record, RunContext, Slice
from ingestion.sources.mixpanel.client import MixpanelClient
from ingestion.sources.mixpanel.export import utc_of
from ingestion.sources.mixpanel.resources import GROUP_PROFILES, PROFILES
from ingestion.sources.mixpanel.settings import MixpanelSettings

ToRecord = Callable[[dict[str, Any]], Record | Malformed]


class ProfileReader:
    """Both lists of profiles of one run."""

    def __init__(self, settings: MixpanelSettings, context: RunContext, client: MixpanelClient) -> None:
        self._settings = settings
        self._context = context
        self._client = client
        self._zone = ZoneInfo(settings.profile_time_zone or settings.project_time_zone)

    def slices(self, state: dict[str, Any]) -> Iterator[Slice]:
        """One slice for both lists.

        Arguments:
            state: the connector's state; `profiles` in it is replaced.
        """
        is_full, since = self._plan(state.get("profiles") or {})
        after = {"full_at" if is_full else "seen_at": self._context.now.isoformat()}
        committed = {**state, "profiles": {**(state.get("profiles") or {}), **after}}
        if is_full:
            committed["profiles"]["seen_at"] = after["full_at"]
        name = "profiles" if is_full else "profiles seen lately"
        yield Slice(name=name, batches=self._batches(is_full, since), state=lambda: committed)

    def _plan(self, before: dict[str, Any]) -> tuple[bool, datetime | None]:
        """Whether the whole list is due; else since when to read."""
        full_at, seen_at = before.get("full_at"), before.get("seen_at")
        if not full_at or not seen_at:
            return True, None
        now = self._context.now
        if now - datetime.fromisoformat(full_at) >= timedelta(hours=self._settings.profile_refresh_hours):
            return True, None
        return False, datetime.fromisoformat(seen_at) - timedelta(days=1)

    def _batches(self, is_full: bool, since: datetime | None) -> Iterator[Batch]:
        query: dict[str, str] = {}
        if since is not None:
            local = since.astimezone(self._zone).replace(tzinfo=None).isoformat(timespec="seconds")
            query["where"] = f'properties["$last_seen"] >= "{local}"'
        yield from self._list(PROFILES.name, query, self._profile, is_full)
        if self._settings.data_group_id and is_full:
            group = {"data_group_id": str(self._settings.data_group_id)}
            yield from self._list(GROUP_PROFILES.name, group, self._group, is_full)

    def _list(
        self, resource: str, query: dict[str, str], to_record: ToRecord, is_full: bool
    ) -> Iterator[Batch]:
        found: set[str] = set()
        for page in self._client.profiles(**query):
            records = [to_record(profile) for profile in page]
            found.update(str(profile.get("$distinct_id")) for profile in page if isinstance(profile, dict))
            yield Batch(resource, records)
        if is_full:
            gone = sorted(self._context.known.keys(resource) - found)
            if gone:
                key = "distinct_id" if resource == PROFILES.name else "group_id"
                yield Batch(resource, [Record({key: name}, is_deleted=True) for name in gone])

    def _profile(self, profile: Any) -> Record | Malformed:
        properties = profile.get("$properties") if isinstance(profile, dict) else None
        if not isinstance(properties, dict):
            return Malformed("expected a profile with $properties", profile)
        account = properties.get(self._settings.account_property)
        return Record(
            {
                "distinct_id": profile.get("$distinct_id"),
                "email": properties.get("$email"),
                "name": properties.get("$name"),
                "last_seen_at": utc_of(properties.get("$last_seen"), self._zone),
                "account_external_id": _first(account),
            },
            profile,
        )

    def _group(self, profile: Any) -> Record | Malformed:
        properties = profile.get("$properties") if isinstance(profile, dict) else None
        if not isinstance(properties, dict):
            return Malformed("expected a group profile with $properties", profile)
        return Record(
            {
                "group_id": profile.get("$distinct_id"),
                "name": properties.get("$name"),
                "crm_id": properties.get("crm_id"),
            },
            profile,
        )


def _first(value: Any) -> Any:
    """A group key is a list of ids, or a single one."""
    if isinstance(value, list):
        return value[0] if value else None
    return value
