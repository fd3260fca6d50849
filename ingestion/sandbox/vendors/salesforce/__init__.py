"""Salesforce's REST and Bulk 2.0 APIs: one org with its own domain.

Belongs here: paths, tokens, limits, pages, jobs, errors. Does not belong here: what the org holds
(`org.py`), queries
(`soql.py`), describe (`describing.py`).
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from ingestion.sandbox import credentials
from ingestion.sandbox.limits import FixedWindow
from ingestion.sandbox.snapshot import read_time
from ingestion.sandbox.vendors.salesforce.describing import described, listed
from ingestion.sandbox.vendors.salesforce.org import (
    KIND_NAMES,
    KINDS,
    Kind,
    Org,
    Record,
    checked,
    full_id,
    salesforce_id,
)
from ingestion.sandbox.vendors.salesforce.soql import Query, QueryError, parse
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

VERSIONS = {
    67: "Summer '26",
    66: "Spring '26",
    65: "Winter '26",
    62: "Winter '25",
    61: "Summer '24",
    59: "Winter '24",
}
DATA = r"/services/data/{version:v\d\d\.0}"
LONGEST_QUERY_STRING = 16_384
DEFAULT_PAGE, SMALLEST_PAGE, LARGEST_PAGE = 2000, 200, 2000
DELETED_DAYS = 30
OPEN = "open"

routes = Routes()


class Salesforce(Vendor):
    """One org, Enterprise Edition."""

    name = "salesforce"
    hosts = ("*.my.salesforce.com", "login.salesforce.com", "test.salesforce.com")
    certificate_hosts = (
        f"{credentials.SALESFORCE_DOMAIN}.my.salesforce.com",
        "login.salesforce.com",
        "test.salesforce.com",
    )
    routes = routes
    PLAN: ClassVar[Mapping[str, Any]] = {
        "daily": 100_000,  # API requests a day; 0: none are counted
        "session_seconds": 7200,  # how long a token lives; replies do not tell
        "page": DEFAULT_PAGE,  # records on a page at most
        "missing_objects": (),  # objects that the integration user may not see
        "missing_fields": (),  # fields that it may not see, as `Account.Segment__c`
        "bulk": True,  # whether Bulk API 2.0 may be used
        "bulk_polls": 1,  # how often a job is still in progress when asked
        "locator_lives": True,  # whether pages after the first can be had
    }

    def __init__(self, plan: Mapping[str, Any] | None = None) -> None:
        super().__init__(plan)
        self.day = FixedWindow(self.plan["daily"], 86_400)
        self.serial = 0
        self.tokens: dict[str, float] = {}
        self.cursors: dict[str, tuple[Query, list[Record], str]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.results: dict[str, tuple[Query, list[Record]]] = {}

    # --- who asks, and how often

    def authenticate(self, call: Call) -> None:
        if call.route and OPEN in call.route.tags:
            return
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() in ("bearer", "oauth") and (
            token == credentials.SALESFORCE_ACCESS_TOKEN or call.at < self.tokens.get(token, 0.0)
        ):
            return
        raise Refusal(self.refusal(401, "INVALID_SESSION_ID", "Session expired or invalid"))

    def meter(self, call: Call) -> None:
        if call.route and OPEN in call.route.tags:
            return
        verdict = self.day.take(call.at)
        if not verdict.allowed:
            raise Refusal(self.too_many(call, None))
        most = verdict.limit or 1_000_000
        used = most - verdict.remaining if verdict.limit else 0
        call.reply_headers["Sforce-Limit-Info"] = f"api-usage={used}/{most}"

    @staticmethod
    def refusal(status: int, code: str, message: str) -> Reply:
        return Reply([{"message": message, "errorCode": code}], status=status)

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        # 403, in an array, and no word on when to come back.
        return self.refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def missing(self, call: Call) -> Reply:
        return self.refusal(404, "NOT_FOUND", "The requested resource does not exist")

    def broken(self, call: Call, status: int) -> Reply:
        if status == 503:
            return self.refusal(status, "SERVER_UNAVAILABLE", "The server is temporarily unavailable")
        message = "An unexpected error occurred. Please include this ErrorId if you contact support: 1-1 (1)"
        return self.refusal(status, "UNKNOWN_EXCEPTION", message)

    def bad_body(self, call: Call, problem: str) -> Reply:
        return self.refusal(400, "JSON_PARSER_ERROR", problem)

    @routes("POST", "/services/oauth2/token", tags=OPEN)
    def token(self, call: Call) -> Reply:
        form = call.form
        name, secret = form.get("client_id"), form.get("client_secret")
        scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(encoded).decode().partition(":")
            except (ValueError, UnicodeDecodeError):
                return self.no_token("invalid_client", "invalid client credentials")
        if name != credentials.SALESFORCE_CLIENT_ID:
            return self.no_token("invalid_client_id", "client identifier invalid")
        grant = form.get("grant_type")
        if grant == "client_credentials":
            if call.root.split("://")[1].startswith(("login.", "test.")):
                return self.no_token("invalid_grant", "request not supported on this domain")
            if secret != credentials.SALESFORCE_CLIENT_SECRET:
                return self.no_token("invalid_client", "invalid client credentials")
        elif grant == "refresh_token":
            if secret not in (None, credentials.SALESFORCE_CLIENT_SECRET):
                return self.no_token("invalid_client", "invalid client credentials")
            if form.get("refresh_token") != credentials.SALESFORCE_REFRESH_TOKEN:
                return self.no_token("invalid_grant", "expired access/refresh token")
        else:
            return self.no_token("unsupported_grant_type", "grant type not supported")
        token = f"{credentials.SALESFORCE_ORG_ID[:15]}!{self.new_id('00D')}"
        self.tokens[token] = call.at + self.plan["session_seconds"]
        instance = self.instance(call)
        return Reply(
            {
                "access_token": token,
                "signature": base64.b64encode(token.encode()).decode(),
                "scope": "api refresh_token",
                "instance_url": instance,
                "id": f"{instance}/id/{credentials.SALESFORCE_ORG_ID}/{salesforce_id('User', 1)}",
                "token_type": "Bearer",
                "issued_at": str(int(call.book.now.timestamp() * 1000)),
            }
        )

    @staticmethod
    def no_token(error: str, description: str) -> Reply:
        return Reply({"error": error, "error_description": description}, status=400)

    @staticmethod
    def instance(call: Call) -> str:
        """The org's own address, also for who asked at the common login host."""
        scheme, _, rest = call.root.partition("://")
        host, _, port = rest.partition(":")
        if host in ("login.salesforce.com", "test.salesforce.com"):
            host = f"{credentials.SALESFORCE_DOMAIN}.my.salesforce.com"
            return f"{scheme}://{host}:{port}" if port else f"{scheme}://{host}"
        return call.root

    # --- what there is

    @staticmethod
    def data_path(call: Call) -> str:
        return f"/services/data/{call.params['version']}"

    @routes("GET", "/services/data", tags=OPEN)
    def list_versions(self, call: Call) -> Reply:
        listing = [
            {"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
            for number, label in sorted(VERSIONS.items())
        ]
        return Reply(listing, items=".")

    @routes("GET", DATA)
    def list_resources(self, call: Call) -> Reply:
        path = self.data_path(call)
        return Reply({name: f"{path}/{name}" for name in ("sobjects", "query", "queryAll", "limits", "jobs")})

    @routes("GET", f"{DATA}/limits")
    def limits(self, call: Call) -> Reply:
        used, _, most = call.reply_headers["Sforce-Limit-Info"].removeprefix("api-usage=").partition("/")
        plenty = {"Max": 15_000, "Remaining": 15_000}
        return Reply(
            {
                "DailyApiRequests": {"Max": int(most), "Remaining": int(most) - int(used)},
                "DailyBulkApiBatches": plenty,
                "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000 - len(self.jobs)},
                "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
                "DataStorageMB": plenty,
            }
        )

    def is_hidden(self, kind: str) -> bool:
        return kind in self.plan["missing_objects"]

    def seen(self, kind: Kind) -> Kind:
        """An object without the fields that the user may not see."""
        hidden = {
            name.partition(".")[2] for name in self.plan["missing_fields"] if name.startswith(f"{kind.name}.")
        }
        if not hidden:
            return kind
        fields = tuple(field for field in kind.fields if field.name not in hidden)
        return Kind(kind.name, kind.prefix, fields, kind.is_in_bulk, kind.is_replicateable, kind.label)

    @routes("GET", f"{DATA}/sobjects")
    def list_objects(self, call: Call) -> Reply:
        objects = [
            listed(kind, self.data_path(call))
            for name, kind in sorted(KINDS.items())
            if not self.is_hidden(name)
        ]
        return Reply({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}, items="sobjects")

    def kind_of(self, call: Call) -> Kind:
        name = KIND_NAMES.get(call.params["object"].lower())
        if name is None or self.is_hidden(name):
            raise Refusal(self.missing(call))
        return self.seen(KINDS[name])

    @routes("GET", f"{DATA}/sobjects/{{object}}/describe")
    def describe(self, call: Call) -> Reply:
        return Reply(described(self.kind_of(call), self.data_path(call)))

    @routes("GET", f"{DATA}/sobjects/{{object}}")
    def object_basics(self, call: Call) -> Reply:
        return Reply({"objectDescribe": listed(self.kind_of(call), self.data_path(call)), "recentItems": []})

    @routes("GET", f"{DATA}/sobjects/{{object}}/deleted")
    def deleted(self, call: Call) -> Reply:
        kind = self.kind_of(call)
        now = call.book.now
        try:
            # A plus sign that was not encoded arrives as a space.
            start, end = (read_time(call.query[name].replace(" ", "+")) for name in ("start", "end"))
        except (KeyError, ValueError):
            return self.refusal(
                400, "INVALID_REPLICATION_DATE", "start and end must be dates with a time zone"
            )
        if start < now - timedelta(days=DELETED_DAYS):
            return self.refusal(400, "INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
        if end <= start:
            return self.refusal(400, "INVALID_REPLICATION_DATE", "endDate must be after startDate")
        if not kind.is_replicateable:
            return self.refusal(400, "INVALID_TYPE_FOR_OPERATION", f"{kind.name} cannot be replicated")
        gone = [
            {"id": record["Id"], "deletedDate": written(record["SystemModstamp"])}
            for record in call.book.view(Org).records(kind.name)
            if record.get("IsDeleted") and start <= record["SystemModstamp"] < end
        ]
        return Reply(
            {
                "deletedRecords": gone,
                "earliestDateAvailable": written(now - timedelta(days=DELETED_DAYS)),
                "latestDateCovered": written(min(end, now)),
            },
            items="deletedRecords",
        )

    @routes("GET", f"{DATA}/sobjects/{{object}}/{{id}}")
    def retrieve(self, call: Call) -> Reply:
        kind = self.kind_of(call)
        wanted = full_id(call.params["id"])
        for record in call.book.view(Org).records(kind.name):
            if record["Id"] == wanted and not record.get("IsDeleted"):
                names = call.values("fields") or [field.name for field in kind.fields]
                return Reply(self.shown(record, kind, names, self.data_path(call)))
        return self.missing(call)

    @routes("GET", f"{DATA}/ui-api/object-info/{{object}}/picklist-values/{{record_type}}/{{field}}")
    def picklist_values(self, call: Call) -> Reply:
        """Which stages the sales process of a record type has, in its order."""
        pipelines = {
            salesforce_id("RecordType", row["pipeline_id"]): row for row in call.book.rows("pipelines")
        }
        found = pipelines.get(full_id(call.params["record_type"]))
        if self.kind_of(call).name != "Opportunity" or call.params["field"] != "StageName" or found is None:
            return self.missing(call)
        stages = call.book.view(Org).pipeline_stages(found["pipeline_id"])
        return Reply(
            {
                "controllerValues": {},
                "defaultValue": None,
                "eTag": checked(full_id(call.params["record_type"])[:15]),
                "url": call.path,
                "values": [
                    {"attributes": None, "label": row["name"], "validFor": [], "value": row["name"]}
                    for row in stages
                ],
            }
        )

    def new_id(self, prefix: str) -> str:
        """An id of something that the org makes while it is asked."""
        self.serial += 1
        bare = f"{prefix}RO{self.serial:010d}"
        return bare + checked(bare)

    # --- queries

    def find(self, call: Call, text: str, *, with_deleted: bool) -> tuple[Query, list[Record]]:
        try:
            query = parse(text)
            kind = query.kind
            if self.is_hidden(kind.name):
                raise QueryError("INVALID_TYPE", f"sObject type '{kind.name}' is not supported.")
            known = self.seen(kind).by_name
            for field in query.fields:
                if field.name.lower() not in known:
                    raise QueryError(
                        "INVALID_FIELD", f"No such column '{field.name}' on entity '{kind.name}'."
                    )
        except QueryError as error:
            raise Refusal(self.refusal(400, error.code, str(error))) from error
        records = call.book.view(Org).records(kind.name)
        if not with_deleted:
            records = [
                record for record in records if not record.get("IsDeleted") and not record.get("IsArchived")
            ]
        return query, query.apply(records)

    @routes("GET", f"{DATA}/query", f"{DATA}/queryAll")
    def query(self, call: Call) -> Reply:
        if sum(len(name) + len(value) + 2 for name, value in call.query.multi_items()) > LONGEST_QUERY_STRING:
            return Reply(body=b"URI Too Long", status=414, media_type="text/html")
        text = call.query.get("q")
        if not text:
            return self.refusal(400, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
        query, found = self.find(call, text, with_deleted=call.path.endswith("queryAll"))
        if query.is_count:
            return Reply({"totalSize": len(found), "done": True, "records": []})
        locator = self.new_id("01g")
        self.cursors[locator] = (query, found, text)
        return self.page(call, locator, 0)

    @routes("GET", rf"{DATA}/query/{{locator:\w+-\d+}}", rf"{DATA}/queryAll/{{locator:\w+-\d+}}")
    def query_more(self, call: Call) -> Reply:
        locator, _, start = call.params["locator"].partition("-")
        if locator not in self.cursors or not self.plan["locator_lives"]:
            return self.refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self.page(call, locator, int(start))

    def page(self, call: Call, locator: str, start: int) -> Reply:
        query, found, _ = self.cursors[locator]
        size = min(self.batch_size(call), self.plan["page"])
        names = [field.name for field in query.fields]
        path = self.data_path(call)
        end = start + size
        payload: dict[str, Any] = {
            "totalSize": len(found),
            "done": end >= len(found),
            "records": [self.shown(record, query.kind, names, path) for record in found[start:end]],
        }
        if end < len(found):
            payload["nextRecordsUrl"] = f"{path}/query/{locator}-{end}"
        return Reply(payload, items="records")

    @staticmethod
    def batch_size(call: Call) -> int:
        said = call.headers.get("sforce-query-options", "").lower().replace(" ", "")
        wanted = said.partition("batchsize=")[2].partition(",")[0]
        return max(SMALLEST_PAGE, min(LARGEST_PAGE, int(wanted))) if wanted.isdigit() else DEFAULT_PAGE

    @staticmethod
    def shown(record: Record, kind: Kind, names: list[str], path: str) -> dict[str, Any]:
        """A record in a reply: nulls are said."""
        url = f"{path}/sobjects/{kind.name}/{record['Id']}"
        return {"attributes": {"type": kind.name, "url": url}} | {
            kind.by_name[name.lower()].name: written(record[kind.by_name[name.lower()].name])
            for name in names
        }

    # --- jobs

    @routes("POST", f"{DATA}/jobs/query")
    def start_job(self, call: Call) -> Reply:
        if not self.plan["bulk"]:
            message = "Bulk API is not enabled for this organization or user"
            return self.refusal(403, "FEATURENOTENABLED", message)
        body = call.json
        operation = body.get("operation")
        if operation not in ("query", "queryAll"):
            return self.refusal(400, "INVALIDJOB", f"Invalid operation: {operation}")
        query, found = self.find(call, str(body.get("query") or ""), with_deleted=operation == "queryAll")
        compound = [field.name for field in query.fields if field.type in ("address", "location", "base64")]
        if not query.kind.is_in_bulk or query.is_count or compound:
            what = (
                f"Selecting compound data not supported in Bulk Query: {', '.join(compound)}"
                if compound
                else (f"Entity '{query.kind.name}' is not supported to use PKChunking/Bulk Query")
            )
            return self.refusal(400, "API_ERROR" if compound else "INVALIDENTITY", what)
        number = self.new_id("750")
        moment = written(call.book.now)
        self.jobs[number] = {
            "id": number,
            "operation": operation,
            "object": query.kind.name,
            "createdById": salesforce_id("User", 1),
            "createdDate": moment,
            "systemModstamp": moment,
            "state": "UploadComplete",
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(call.params["version"][1:]),
            "lineEnding": body.get("lineEnding") or "LF",
            "columnDelimiter": body.get("columnDelimiter") or "COMMA",
            "polls": 0,
        }
        self.results[number] = (query, found)
        return Reply(self.job_shown(number))

    def job_shown(self, number: str) -> dict[str, Any]:
        return {name: value for name, value in self.jobs[number].items() if name != "polls"}

    def job_of(self, call: Call) -> str:
        number = full_id(call.params["job"])
        if number not in self.jobs:
            raise Refusal(self.missing(call))
        return number

    @routes("GET", f"{DATA}/jobs/query/{{job}}")
    def job(self, call: Call) -> Reply:
        number = self.job_of(call)
        job = self.jobs[number]
        job["polls"] += 1
        if job["state"] in ("UploadComplete", "InProgress"):
            if job["polls"] <= self.plan["bulk_polls"]:
                job["state"] = "InProgress"
            else:
                job["state"] = "JobComplete"
                job["numberRecordsProcessed"] = len(self.results[number][1])
                job["retries"], job["totalProcessingTime"] = 0, 12
        return Reply(self.job_shown(number))

    @routes("GET", f"{DATA}/jobs/query")
    def list_jobs(self, call: Call) -> Reply:
        return Reply(
            {
                "done": True,
                "records": [self.job_shown(number) for number in self.jobs],
                "nextRecordsUrl": None,
            }
        )

    @routes("PATCH", f"{DATA}/jobs/query/{{job}}")
    def abort_job(self, call: Call) -> Reply:
        number = self.job_of(call)
        self.jobs[number]["state"] = call.json.get("state") or "Aborted"
        return Reply(self.job_shown(number))

    @routes("DELETE", f"{DATA}/jobs/query/{{job}}")
    def delete_job(self, call: Call) -> Reply:
        number = self.job_of(call)
        del self.jobs[number], self.results[number]
        return Reply(status=204)

    @routes("GET", f"{DATA}/jobs/query/{{job}}/results")
    def job_results(self, call: Call) -> Reply:
        number = self.job_of(call)
        if self.jobs[number]["state"] != "JobComplete":
            return self.refusal(400, "INVALIDJOBSTATE", "Results are not available: the job is not complete")
        query, found = self.results[number]
        most = call.query.get("maxRecords", "")
        size = int(most) if most.isdigit() and int(most) else 50_000
        locator = call.query.get("locator") or ""
        try:
            start = int(base64.urlsafe_b64decode(locator).decode()) if locator else 0
        except (ValueError, UnicodeDecodeError):
            return self.refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        page = found[start : start + size]
        out = io.StringIO()
        job = self.jobs[number]
        delimiter = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|"}.get(
            job["columnDelimiter"], ","
        )
        ending = "\r\n" if job["lineEnding"] == "CRLF" else "\n"
        lines = csv.writer(out, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
        names = [field.name for field in query.fields]
        lines.writerow(names)
        for record in page:
            lines.writerow([in_csv(record[name]) for name in names])
        end = start + size
        following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(found) else "null"
        return Reply(
            body=out.getvalue().encode(),
            media_type="text/csv",
            headers={"Sforce-Locator": following, "Sforce-NumberOfRecords": str(len(page))},
        )


def written(value: Any) -> Any:
    """A value in JSON: moments with milliseconds and an offset without a colon, dates without a zone."""
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='milliseconds')}+0000"
    return value.isoformat() if isinstance(value, date) else value


def in_csv(value: Any) -> str:
    """A value in CSV: moments end in Z, nothing is an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='milliseconds')}Z"
    return value.isoformat() if isinstance(value, date) else str(value)


VENDOR = Salesforce
