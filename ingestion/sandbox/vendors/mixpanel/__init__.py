"""Mixpanel: raw export, profiles with session paging, group profiles, cohorts, annotations.

Belongs here: paths, authentication, limits, compression, profiles. Does not belong here: the lines of the
export (`export.py`), `where` expressions (`selector.py`).
"""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import duckdb
import orjson

from ingestion.sandbox import credentials
from ingestion.sandbox.faults import Duplicates, LateData, SchemaDrift
from ingestion.sandbox.limits import InFlight, RollingWindow
from ingestion.sandbox.snapshot import Snapshot
from ingestion.sandbox.vendors.mixpanel.export import Delivery, EventLines, Window
from ingestion.sandbox.vendors.mixpanel.selector import SelectorError, compile_selector
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

routes = Routes()
GZIP_FROM = 1400
QUERY = ("/api/query", "/api/2.0")


def query_paths(tail: str) -> list[str]:
    return [base + tail for base in QUERY]


class Mixpanel(Vendor):
    """One project in the US, made after 2023: times are UTC unless the plan says otherwise."""

    name = "mixpanel"
    hosts = ("mixpanel.com", "*.mixpanel.com")
    certificate_hosts = hosts
    routes = routes
    delays_single_events = True
    PLAN: ClassVar[Mapping[str, Any]] = {
        "export_per_hour": 60,
        "export_per_second": 3,
        "export_in_flight": 100,
        "query_per_hour": 60,
        "query_in_flight": 5,
        "project_time_zone": "UTC",
        "is_old_project": False,  # `time` is the project's wall clock as if UTC; dates are in its zone
        "insert_ids_from": None,  # events of earlier days have no $insert_id (a date)
        "is_paid": True,  # 402 on the export when not
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.windows = {
            "export": (
                RollingWindow(self.plan["export_per_hour"], 3600),
                RollingWindow(self.plan["export_per_second"], 1),
            ),
            "query": (RollingWindow(self.plan["query_per_hour"], 3600),),
        }
        self.flying = {
            "export": InFlight(self.plan["export_in_flight"]),
            "query": InFlight(self.plan["query_in_flight"]),
        }
        self.sessions: dict[str, tuple[int, list[dict[str, Any]]]] = {}
        self._lines: EventLines | None = None

    def authenticate(self, call: Call) -> None:
        scheme, _, secret = call.headers.get("authorization", "").partition(" ")
        name = password = ""
        if scheme.lower() == "basic":
            try:
                name, _, password = base64.b64decode(secret).decode().partition(":")
            except (ValueError, UnicodeDecodeError):
                name = password = ""
        if (name, password) == (credentials.MIXPANEL_PROJECT_SECRET, ""):
            return
        if (name, password) != (credentials.MIXPANEL_USERNAME, credentials.MIXPANEL_SECRET):
            raise Refusal(self.error(401, "Invalid service account credentials"))
        project = call.params.get("project") or call.query.get("project_id") or call.form.get("project_id")
        if not project:
            raise Refusal(self.error(400, "Missing required parameter: project_id"))
        if project != credentials.MIXPANEL_PROJECT_ID:
            raise Refusal(self.error(403, f"Service account does not have access to project {project}"))

    def meter(self, call: Call) -> None:
        assert call.route is not None
        for tag, windows in self.windows.items():
            if tag not in call.route.tags:
                continue
            if any(not window.take(call.at).allowed for window in windows):
                raise Refusal(self.too_many(call, None))

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        message = "Query rate limit exceeded, please check our rate limits documentation"
        return Reply({"error": message, "status": "error"}, status=429, headers=headers)

    @staticmethod
    def error(status: int, message: str) -> Reply:
        return Reply({"error": message, "status": "error"}, status=status)

    def missing(self, call: Call) -> Reply:
        return Reply(body=b"Not Found", status=404, media_type="text/plain")

    def broken(self, call: Call, status: int) -> Reply:
        return self.error(status, "An internal error occurred")

    def handle(self, call: Call) -> Reply:
        """As any vendor, with the requests in flight counted."""
        found = self.routes.find(call.method, call.path)
        tag = next((tag for tag in ("export", "query") if found and tag in found[0].tags), None)
        if tag is None:
            return super().handle(call)
        flying = self.flying[tag]
        if not flying.enter():
            return self.too_many(call, None)
        reply = super().handle(call)
        reply.done = flying.leave
        return reply

    def finish(self, call: Call, reply: Reply) -> Reply:
        """Compress what is long enough, when the client can read it."""
        if "gzip" not in call.headers.get("accept-encoding", "").lower():
            return reply
        if reply.stream is not None:
            reply.stream = _gzipped(reply.stream)
        elif reply.status == 200 and not reply.abort:
            body = reply.render()
            if len(body) <= GZIP_FROM:
                return reply
            reply.body, reply.payload = _gzip(body), None
        else:
            return reply
        reply.headers = {**reply.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return reply

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.plan["project_time_zone"])

    # --- raw export

    @routes("GET", "/api/2.0/export", "/2.0/export", tags="export")
    def export(self, call: Call) -> Reply:
        if not self.plan["is_paid"]:
            return self.error(402, "Raw data export is not part of your plan")
        try:
            first = date.fromisoformat(call.query.get("from_date", ""))
            last = date.fromisoformat(call.query.get("to_date", ""))
        except ValueError:
            return self.error(
                400, "Missing or invalid required parameter: from_date and to_date (YYYY-MM-DD)"
            )
        if last < first:
            return self.error(400, "to_date cannot be before from_date")
        limit = call.query.get("limit")
        if limit is not None and (not limit.isdigit() or not 0 < int(limit) <= 100_000):
            return self.error(400, "limit must be between 1 and 100000")
        try:
            names = orjson.loads(call.query["event"]) if call.query.get("event") else []
            test = compile_selector(call.query["where"]) if call.query.get("where") else None
        except (orjson.JSONDecodeError, SelectorError) as error:
            return self.error(400, f"invalid event or where: {error}")
        if not isinstance(names, list):
            return self.error(400, "event must be a JSON array of names")
        since = self.plan["insert_ids_from"]
        window = Window(
            first=first,
            last=last,
            now=call.book.now,
            events=tuple(str(name) for name in names),
            zone=self.plan["project_time_zone"] if self.plan["is_old_project"] else None,
            in_milliseconds=call.flag("time_in_ms"),
            limit=None if limit is None or test else int(limit),
            insert_ids_from=date.fromisoformat(str(since)) if since else None,
        )
        chunks = self.lines(call.book).lines(window, self.delivery())
        drifts = [fault for fault in self.faults if isinstance(fault, SchemaDrift)]
        if test is not None or drifts:
            chunks = _altered(chunks, test, drifts, None if limit is None else int(limit))
        begin = list(islice(chunks, 1))
        if not begin:
            return Reply(body=b"", media_type="text/plain; charset=utf-8")
        if len(begin[0]) <= GZIP_FROM:
            body = begin[0] + b"".join(chunks)
            return Reply(body=body, media_type="text/plain; charset=utf-8")
        return Reply(stream=_in_threads(chain(begin, chunks)), media_type="text/plain; charset=utf-8")

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

    # --- profiles

    @routes("GET POST", *query_paths("/engage"), tags="query")
    def engage(self, call: Call) -> Reply:
        asked = {**dict(call.query.items()), **call.form}
        number, session = int(asked.get("page") or 0), asked.get("session_id")
        if number > 0:
            if not session or session not in self.sessions:
                return self.error(
                    400, "session_id is required to query a page other than the first, and must be known"
                )
            size, found = self.sessions[session]
        else:
            size = int(asked.get("page_size") or 1000)
            try:
                found = self.find_profiles(call, asked)
            except (SelectorError, orjson.JSONDecodeError) as error:
                return self.error(400, f"invalid selector: {error}")
            stamp = int(call.book.now.replace(tzinfo=UTC).timestamp())
            session = f"{stamp}-{call.request_id()[:8]}"
            self.sessions[session] = (size, found)
            while len(self.sessions) > 50:
                self.sessions.pop(next(iter(self.sessions)))
        payload = {
            "page": number,
            "page_size": size,
            "session_id": session,
            "status": "ok",
            "total": len(found),
            "computed_at": call.book.now.isoformat(),
            "results": found[number * size : (number + 1) * size],
        }
        return Reply(payload, items="results")

    def find_profiles(self, call: Call, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        if asked.get("data_group_id"):
            if asked["data_group_id"] != credentials.MIXPANEL_DATA_GROUP_ID:
                return []
            found = self.groups(call.book)
        else:
            found = self.profiles(call.book)
        if asked.get("filter_by_cohort"):
            cohort = orjson.loads(asked["filter_by_cohort"])
            members = self.cohort_members(call.book).get(int(cohort.get("id", 0)), set())
            found = [profile for profile in found if profile["$distinct_id"] in members]
        if asked.get("distinct_ids"):
            wanted = set(orjson.loads(asked["distinct_ids"]))
            found = [profile for profile in found if profile["$distinct_id"] in wanted]
        if asked.get("where"):
            test = compile_selector(asked["where"])
            found = [profile for profile in found if test(profile["$properties"])]
        if asked.get("output_properties"):
            names = set(orjson.loads(asked["output_properties"]))
            found = [
                {
                    "$distinct_id": profile["$distinct_id"],
                    "$properties": {
                        key: value for key, value in profile["$properties"].items() if key in names
                    },
                }
                for profile in found
            ]
        return found

    def seen(self, book: Snapshot) -> dict[str, dict[int, datetime]]:
        """Who was last seen when: `person_id`, `staff_id` and `account_id` to the time of the last event."""
        return book.view(_seen)

    def local(self, moment: datetime) -> str:
        """A time as profiles hold it: the project's wall clock, no offset."""
        return (
            moment.replace(tzinfo=UTC)
            .astimezone(self.zone)
            .replace(tzinfo=None)
            .isoformat(timespec="seconds")
        )

    def profiles(self, book: Snapshot) -> list[dict[str, Any]]:
        """Profiles of all who used the product, the company's own staff included."""
        seen = self.seen(book)
        found = []
        for entity in book.entities("people").values():
            last = seen["person_id"].get(entity.id)
            if last is None:
                continue
            properties = {
                "$email": entity.row["email"],
                "$name": entity.row["name"],
                "$last_seen": self.local(last),
                "company_id": [str(entity.row["account_id"])],
                "language": entity.row["language"],
            }
            found.append(
                {
                    "$distinct_id": f"u-{entity.id}",
                    "$properties": {key: value for key, value in properties.items() if value is not None},
                }
            )
        for row in book.rows("staff"):
            last = seen["staff_id"].get(row["staff_id"])
            if last is not None:
                found.append(
                    {
                        "$distinct_id": f"s-{row['staff_id']}",
                        "$properties": {
                            "$email": row["email"],
                            "$name": row["name"],
                            "$last_seen": self.local(last),
                        },
                    }
                )
        return found

    def groups(self, book: Snapshot) -> list[dict[str, Any]]:
        """Group profiles of the accounts that used the product."""
        seen = self.seen(book)["account_id"]
        return [
            {
                "$distinct_id": str(entity.id),
                "$properties": {
                    "$name": entity.row["name"],
                    "$group_key": "company_id",
                    "crm_id": str(entity.id),
                    "country": entity.row["country"],
                    "segment": entity.row["segment"],
                },
            }
            for entity in book.entities("accounts").values()
            if entity.id in seen
        ]

    def cohort_members(self, book: Snapshot) -> dict[int, set[str]]:
        seen = self.seen(book)["person_id"]
        recent, month = (book.now - timedelta(days=days) for days in (7, 28))
        return {
            1: {f"u-{one}" for one, last in seen.items() if last >= recent},
            2: {f"u-{one}" for one, last in seen.items() if last < month},
        }

    @routes("GET POST", *query_paths("/cohorts/list"), tags="query")
    def list_cohorts(self, call: Call) -> Reply:
        members = self.cohort_members(call.book)
        created = call.book.meta.starts_at.strftime("%Y-%m-%d %H:%M:%S")
        named = {1: ("Active in the last 7 days", 1), 2: ("Quiet for 28 days", 0)}
        rows = [
            {
                "id": number,
                "name": name,
                "count": len(members[number]),
                "is_visible": visible,
                "description": "",
                "created": created,
                "project_id": int(credentials.MIXPANEL_PROJECT_ID),
            }
            for number, (name, visible) in named.items()
        ]
        return Reply(rows, items=".")

    # --- discovery and annotations

    @routes("GET POST", *query_paths("/engage/properties"), tags="query")
    def list_profile_properties(self, call: Call) -> Reply:
        counts: dict[str, int] = {}
        for profile in self.profiles(call.book):
            for name in profile["$properties"]:
                counts[name] = counts.get(name, 0) + 1
        return Reply(
            {
                "results": {name: {"count": count, "type": "string"} for name, count in counts.items()},
                "status": "ok",
            }
        )

    @routes("GET", *query_paths("/events/names"), tags="query")
    def list_event_names(self, call: Call) -> Reply:
        return Reply(sorted(call.book.view(_event_names)), items=".")

    @routes("GET", *query_paths("/events/properties/top"), tags="query")
    def list_event_properties(self, call: Call) -> Reply:
        names = (
            "$device_id",
            "$user_id",
            "company_id",
            "distinct_id",
            "feature",
            "mp_processing_time_ms",
            "time",
        )
        return Reply({name: {"count": 1} for name in names})

    @routes("GET", *query_paths("/funnels/list"), tags="query")
    def list_funnels(self, call: Call) -> Reply:
        return Reply([], items=".")

    @routes("GET", "/api/app/projects/{project}/annotations")
    def list_annotations(self, call: Call) -> Reply:
        return Reply({"status": "ok", "results": self.annotations(call)}, items="results")

    @routes("GET", *query_paths("/annotations"), tags="query")
    def list_old_annotations(self, call: Call) -> Reply:
        return Reply({"annotations": self.annotations(call), "error": False}, items="annotations")

    def annotations(self, call: Call) -> list[dict[str, Any]]:
        first, last = (call.query.get(name) for name in ("from_date", "to_date"))
        rows = []
        for row in sorted(call.book.rows("incidents"), key=lambda row: row["incident_id"]):
            at = self.local(row["started_at"]).replace("T", " ")
            if (first and at[:10] < first[:10]) or (last and at[:10] > last[:10]):
                continue
            rows.append({"id": row["incident_id"], "date": at, "description": row["title"], "tags": []})
        return rows


def _seen(book: Snapshot) -> dict[str, dict[int, datetime]]:
    found: dict[str, dict[int, datetime]] = {}
    with duckdb.connect() as connection:
        for column in ("person_id", "staff_id", "account_id"):
            rows = connection.execute(
                f"select {column}, max(occurred_at) from read_parquet(?) "
                f"where visible_at <= ? and {column} is not null group by 1 order by 1",
                [str(book.ledger.path_of("events")), book.now],
            ).fetchall()
            found[column] = dict(rows)
    return found


def _event_names(book: Snapshot) -> list[str]:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select distinct name from read_parquet(?) where visible_at <= ?",
            [str(book.ledger.path_of("events")), book.now],
        ).fetchall()
    return [row[0] for row in rows]


def _altered(
    chunks: Iterator[bytes], test: Any, drifts: list[SchemaDrift], limit: int | None
) -> Iterator[bytes]:
    """Chunks with the lines that pass `test`, changed by schema drifts."""
    left = limit
    for chunk in chunks:
        kept = []
        for line in chunk.splitlines():
            event = orjson.loads(line)
            if test is not None and not test(event["properties"]):
                continue
            for drift in drifts:
                drift.change(event)
            kept.append(orjson.dumps(event))
            if left is not None:
                left -= 1
                if left == 0:
                    break
        if kept:
            yield b"\n".join(kept) + b"\n"
        if left == 0:
            return


async def _in_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks read in a thread: DuckDB lets go of the interpreter, so other vendors go on answering."""
    while True:
        chunk = await asyncio.to_thread(next, chunks, None)
        if chunk is None:
            return
        yield chunk


async def _gzipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    async for chunk in chunks:
        packed = await asyncio.to_thread(packer.compress, chunk)
        if packed:
            yield packed
    yield packer.flush()


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


VENDOR = Mixpanel
