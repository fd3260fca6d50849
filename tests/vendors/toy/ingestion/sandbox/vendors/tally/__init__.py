"""Tally's side of the wire: the world's events by number.

Belongs here: paths, credentials, limits. Does not belong here: anything of the connector.
"""

from __future__ import annotations

from typing import ClassVar

from ingestion.sandbox.limits import FixedWindow
from ingestion.sandbox.wire import Call, Refusal, Reply, Routes, Vendor

routes = Routes()
PAGE = 500


class Tally(Vendor):
    """One account."""

    name = "tally"
    hosts: ClassVar[tuple[str, ...]] = ("api.tally.example",)
    certificate_hosts: ClassVar[tuple[str, ...]] = hosts
    routes = routes
    PLAN: ClassVar[dict[str, object]] = {"per_second": 20, "api_key": "sandbox-tally-key"}

    def __init__(self, plan: dict[str, object] | None = None) -> None:
        super().__init__(plan)
        self.window = FixedWindow(self.plan["per_second"], 1)

    def authenticate(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {self.plan['api_key']}":
            raise Refusal(Reply({"error": "wrong key"}, status=401))

    def meter(self, call: Call) -> None:
        if not self.window.take(call.at).allowed:
            raise Refusal(self.too_many(call, 1))

    def missing(self, call: Call) -> Reply:
        return Reply({"error": "no such path"}, status=404)

    def too_many(self, call: Call, retry_after: int | None) -> Reply:
        return Reply(
            {"error": "too many requests"}, status=429, headers={"Retry-After": str(retry_after or 1)}
        )

    def broken(self, call: Call, status: int) -> Reply:
        return Reply({"error": "broken"}, status=status)

    @routes("GET", "/v1/events")
    def list_events(self, call: Call) -> Reply:
        after = int(call.query.get("after", 0))
        # Numbered as they came in: a late one has a higher number. The company leaves its own people out.
        came = [row for row in call.book.rows("events") if not row["is_staff"]]
        came.sort(key=lambda row: (row["visible_at"], row["event_id"]))
        events = [
            {
                "number": number,
                "name": row["name"],
                "user": None if row["person_id"] is None else f"u-{row['person_id']}",
                "customer": None if row["account_id"] is None else str(row["account_id"]),
                "feature": row["feature"],
                "at": f"{row['occurred_at'].isoformat()}Z",
            }
            for number, row in enumerate(came[after : after + PAGE], after + 1)
        ]
        return Reply({"events": events}, items="events")


VENDOR = Tally
