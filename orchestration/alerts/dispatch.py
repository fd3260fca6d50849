"""Sends each alert once, and once more when it is over.

Belongs here: the list of open alerts and what becomes of it. Does not belong here: what an alert is about.

The list is a file, because alerts come from the daemon's sensors and from commands run without a daemon; a
lock on it keeps the two from sending the same alert twice.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.alerts.channels import Message, send, send_to_console
from orchestration.alerts.routing import route
from orchestration.alerts.rules import Alert
from orchestration.alerts.templates import failure_text, recovery_text, recovery_title

KEPT_RUNS = 200


class Alerter:
    """The open alerts of one home, and where alerts go.

    Arguments:
        state_file: where open alerts are remembered.
        default_urls: for owners without a route.
        routes: owner to URLs.
        clock: the time that alerts are stamped with, aware UTC.
    """

    def __init__(
        self,
        state_file: Path,
        *,
        default_urls: Sequence[str] = (),
        routes: Mapping[str, Sequence[str]] | None = None,
        clock: Callable[[], datetime],
    ) -> None:
        self._state_file = state_file
        self._default_urls = list(default_urls)
        self._routes = dict(routes or {})
        self._clock = clock

    def raise_alert(self, alert: Alert) -> bool:
        """Sends the alert unless it is open already or its run was alerted; returns whether it was sent."""
        with self._state() as state:
            run_id = alert.tags.get("run_id")
            if alert.key in state["open"] or (run_id and run_id in state["runs"]):
                return False
            since = self._clock()
            state["open"][alert.key] = {
                "since": since.isoformat(),
                "title": alert.title,
                "owner": alert.owner,
            }
            if run_id:
                state["runs"] = [*state["runs"], run_id][-KEPT_RUNS:]
        kind: Any = "failure" if alert.severity == "block" else "warning"
        self._deliver(Message(alert.title, failure_text(alert, since), kind), alert.owner)
        return True

    def resolve(self, key: str) -> bool:
        """Says that an open alert is over; returns whether there was one."""
        with self._state() as state:
            opened = state["open"].pop(key, None)
        if opened is None:
            return False
        text = recovery_text(datetime.fromisoformat(opened["since"]), self._clock())
        self._deliver(Message(recovery_title(opened["title"]), text, "success"), opened["owner"])
        return True

    def open_alerts(self) -> dict[str, dict[str, Any]]:
        """Key to since, title and owner."""
        with self._state() as state:
            return dict(state["open"])

    def _deliver(self, message: Message, owner: str) -> None:
        send_to_console(message)
        send(message, route(owner, routes=self._routes, default=self._default_urls))

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        with self._state_file.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            before: dict[str, Any] = json.loads(text) if text else {"open": {}, "runs": []}
            after = json.loads(json.dumps(before))
            yield after
            if after != before:
                file.seek(0)
                file.truncate()
                json.dump(after, file, indent=1)
