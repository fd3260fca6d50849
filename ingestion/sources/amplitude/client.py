"""Talking to Amplitude: credentials, and the export's archives.

Belongs here: what a request looks like and what its refusals mean. Does not belong here: which hours are read
(`export.py`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ingestion.errors import RequestRefused, ServerFailed
from ingestion.http import HttpClient, Pacer
from ingestion.sources.amplitude.settings import AmplitudeSettings

_REQUESTS_PER_SECOND = 2
_HOUR = "%Y%m%dT%H"


class TooLargeError(Exception):
    """The vendor cannot export so many hours at once."""


class AmplitudeClient:
    """One project."""

    def __init__(
        self, settings: AmplitudeSettings, *, source: str, on_request: Callable[[int], None]
    ) -> None:
        self.http: HttpClient = settings.client(
            settings.base_url,
            source=source,
            on_request=on_request,
            auth=(settings.api_key, settings.secret_key),
            pacer=Pacer(_REQUESTS_PER_SECOND, 1.0),
            headers={"Accept": "application/zip, application/json"},
            secrets=(settings.secret_key,),
        )

    def export(self, first: datetime, last: datetime, to: Path) -> bool:
        """The archive of the hours `first` to `last`, both inclusive, by upload; False when they are empty.

        Raises:
            TooLargeError: fewer hours may do.
        """
        hours = {"start": first.strftime(_HOUR), "end": last.strftime(_HOUR)}
        try:
            self.http.download("/api/2/export", to, hours, check=_why_incomplete)
        except RequestRefused as refusal:
            # No data is said with 404; more than 4 GB, or more than a year, with 400.
            if refusal.status == 404:
                return False
            if refusal.status == 400 and first < last:
                raise TooLargeError from refusal
            raise
        except ServerFailed as failure:
            # A huge range ends in a time-out of the vendor's own.
            if first < last and "504" in failure.came:
                raise TooLargeError from failure
            raise
        return True


def _why_incomplete(path: Path) -> str | None:
    """An archive's directory is at its end, so a cut one cannot be opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{bad} is damaged" if (bad := archive.testzip()) else None
    except zipfile.BadZipFile as error:
        return f"no zip archive: {error}"
