"""Amplitude: the export of events, and the few lists that clients ask for.

Belongs here: paths, authentication, archives. Does not belong here: the lines of the export (`export.py`).
"""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import duckdb
import orjson

from ingestion.sandbox import credentials
from ingestion.sandbox.faults import Duplicates, LateData, SchemaDrift
from ingestion.sandbox.limits import RollingWindow
from ingestion.sandbox.snapshot import Snapshot
from ingestion.sandbox.vendors.amplitude.export import Delivery, EventLines, Window
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

routes = Routes()
_HOUR = "%Y%m%dT%H"
LONGEST = timedelta(days=365)


class Amplitude(Vendor):
    """One project in the US."""

    name = "amplitude"
    hosts = ("amplitude.com", "analytics.eu.amplitude.com")
    certificate_hosts = hosts
    routes = routes
    delays_single_events = True
    PLAN: ClassVar[Mapping[str, Any]] = {
        "requests_per_minute": 360,
        "available_after_hours": 2,  # an hour of uploads can be exported that long after its end
        "most_events": 0,  # an export of more is refused as too large; 0: none is
        "events_per_file": 50_000,
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.window = RollingWindow(self.plan["requests_per_minute"], 60)
        self._lines: EventLines | None = None

    def authenticate(self, call: Call) -> None:
        scheme, _, secret = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(secret).decode()
            except (ValueError, UnicodeDecodeError):
                pair = ""
            if pair == f"{credentials.AMPLITUDE_API_KEY}:{credentials.AMPLITUDE_SECRET_KEY}":
                return
        raise Refusal(self.text(401, "Unauthorized"))

    def meter(self, call: Call) -> None:
        if not self.window.take(call.at).allowed:
            raise Refusal(self.too_many(call, None))

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Reply(body=b"Exceeded rate limit", status=429, headers=headers, media_type="text/plain")

    @staticmethod
    def text(status: int, message: str) -> Reply:
        return Reply(body=message.encode(), status=status, media_type="text/plain")

    def missing(self, call: Call) -> Reply:
        return self.text(404, "Not Found")

    def broken(self, call: Call, status: int) -> Reply:
        return self.text(status, "Internal Server Error")

    @routes("GET", "/api/2/export", tags="export")
    def export(self, call: Call) -> Reply:
        try:
            first = datetime.strptime(call.query.get("start", ""), _HOUR)
            last = datetime.strptime(call.query.get("end", ""), _HOUR)
        except ValueError:
            return self.text(400, "start and end must be hours: YYYYMMDDTHH")
        if last < first:
            return self.text(400, "end must not be before start")
        if last - first > LONGEST:
            return self.text(400, "The time range must not be longer than 365 days")
        hour = call.book.now.replace(minute=0, second=0, microsecond=0)
        last = min(last, hour - timedelta(hours=self.plan["available_after_hours"] + 1))
        files = self.files(call.book, Window(first, last, call.book.now))
        if (
            self.plan["most_events"]
            and sum(len(lines) for lines in files.values()) > self.plan["most_events"]
        ):
            return self.text(400, "The export is larger than 4 GB: ask for fewer hours")
        if not files:
            return self.text(404, "Raw data files were not found.")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
            for name, lines in files.items():
                stamp = zipfile.ZipInfo(f"{credentials.AMPLITUDE_PROJECT_ID}/{name}.json.gz")
                packed.writestr(stamp, gzip.compress(b"".join(lines), 1, mtime=0))
        return Reply(body=archive.getvalue(), media_type="application/zip")

    def files(self, book: Snapshot, window: Window) -> dict[str, list[bytes]]:
        """The archive's files, several an hour when there is much, by name."""
        if window.last < window.first:
            return {}
        drifts = [fault for fault in self.faults if isinstance(fault, SchemaDrift)]
        files: dict[str, list[bytes]] = {}
        for uploaded_at, line in self.lines(book).lines(window, self.delivery(), self.people(book)):
            if drifts:
                event = orjson.loads(line)
                for drift in drifts:
                    drift.change(event)
                line = orjson.dumps(event) + b"\n"
            hour = f"{credentials.AMPLITUDE_PROJECT_ID}_{uploaded_at:%Y-%m-%d}_{uploaded_at.hour}"
            number = 0
            while len(files.setdefault(f"{hour}#{number}", [])) >= self.plan["events_per_file"]:
                number += 1
            files[f"{hour}#{number}"].append(line)
        return files

    def lines(self, book: Snapshot) -> EventLines:
        if self._lines is None:
            ledger = book.ledger
            self._lines = EventLines(ledger.path_of("events"), ledger.path_of("duplicate_events"))
        return self._lines

    def delivery(self) -> Delivery:
        late = next((fault for fault in self.faults if isinstance(fault, LateData)), None)
        repeated = next((fault for fault in self.faults if isinstance(fault, Duplicates)), None)
        return Delivery(
            late_every=late.every if late else 0,
            late_seconds=late.seconds if late else 0.0,
            repeat_every=repeated.every if repeated else 0,
        )

    @staticmethod
    def people(book: Snapshot) -> dict[str, dict[str, Any]]:
        """User properties by user id, as the product knows them now."""
        return book.view(_people)

    # --- the lists

    @routes("GET", "/api/3/cohorts")
    def list_cohorts(self, call: Call) -> Reply:
        created = int(call.book.meta.starts_at.timestamp())
        cohort = {
            "id": "cohort1",
            "name": "All users",
            "appId": int(credentials.AMPLITUDE_PROJECT_ID),
            "size": len(self.people(call.book)),
            "createdAt": created,
            "lastMod": created,
            "lastComputed": created,
            "archived": False,
            "published": True,
            "definition": {},
            "owners": [],
            "description": "",
            "type": "behavioral",
        }
        return Reply({"cohorts": [cohort]}, items="cohorts")

    @routes("GET", "/api/2/annotations", "/api/3/annotations")
    def list_annotations(self, call: Call) -> Reply:
        rows = [
            {
                "id": row["incident_id"],
                "date": row["started_at"].date().isoformat(),
                "label": row["title"],
                "details": "",
            }
            for row in sorted(call.book.rows("incidents"), key=lambda row: row["incident_id"])
        ]
        return Reply({"data": rows}, items="data")

    @routes("GET", "/api/2/events/list")
    def list_events(self, call: Call) -> Reply:
        rows = [
            {"id": number, "name": name, "value": name, "totals": total, "hidden": False, "deleted": False}
            for number, (name, total) in enumerate(call.book.view(_event_names), start=1)
        ]
        return Reply({"data": rows}, items="data")


def _people(book: Snapshot) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for entity in book.entities("people").values():
        said = {"email": entity.row["email"], "name": entity.row["name"], "language": entity.row["language"]}
        found[f"u-{entity.id}"] = {key: value for key, value in said.items() if value is not None}
    for row in book.rows("staff"):
        found[f"s-{row['staff_id']}"] = {"email": row["email"], "name": row["name"]}
    return found


def _event_names(book: Snapshot) -> list[tuple[str, int]]:
    with duckdb.connect() as connection:
        return connection.execute(
            "select name, count(*) from read_parquet(?) where visible_at <= ? group by name order by name",
            [str(book.ledger.path_of("events")), book.now],
        ).fetchall()


VENDOR = Amplitude
