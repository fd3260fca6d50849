"""The dead man's switch: a sign of life after each build that published, and noticing that none came.

Belongs here: the heartbeat's file and address, and judging its age. Does not belong here: how an alert is
sent. Nothing here loads Dagster: silence is noticed by something that works when Dagster does not.

The file is for a timer on this machine (`norte doctor --heartbeat`); the address is for a service elsewhere,
which also notices that the machine is gone.
"""

from __future__ import annotations

import json
import logging
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from orchestration.alerts.of_home import alerter, routes
from orchestration.alerts.routing import AlertsFileError, Routes
from orchestration.alerts.rules import silence_alert
from orchestration.owners import DEFAULT_OWNER
from orchestration.settings import Settings

logger = logging.getLogger("norte.heartbeat")

TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Pulse:
    """How long it has been.

    Arguments:
        last: the last publication, aware; None when there never was one.
        promise: the longest that is expected between two.
    """

    last: datetime | None
    promise: timedelta
    now: datetime

    @property
    def is_silent(self) -> bool:
        """Whether someone should look."""
        return self.last is None or self.now - self.last > self.promise


def beat(settings: Settings, publication: str) -> None:
    """After a build that published: the file, and the address if there is one. Stops nothing."""
    now = settings.now_utc()
    try:
        _write(settings.heartbeat_file, {"published_at": now.isoformat(), "publication": publication})
        address = routes(settings).heartbeat_url
        if address:
            urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS).close()
    except (OSError, AlertsFileError) as error:
        logger.warning("the heartbeat could not be sent: %s", type(error).__name__)


def last_beat(path: Path) -> datetime | None:
    """When a build last published; None where none has."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return datetime.fromisoformat(content["published_at"])
    except (OSError, ValueError, KeyError):
        return None


def take_pulse(settings: Settings, now: datetime) -> Pulse:
    """How long it has been; alerts when it is too long, once, and says when it is over."""
    try:
        known = routes(settings)
    except AlertsFileError:
        known = Routes()
    pulse = Pulse(last_beat(settings.heartbeat_file), known.silence_after, now)
    alert = silence_alert(
        last=pulse.last, promise=pulse.promise, now=now, home=str(settings.home), owner=DEFAULT_OWNER
    )
    alerts = alerter(settings)
    alerts.report([alert] if pulse.is_silent else [], over=[] if pulse.is_silent else [alert.key])
    return pulse


def _write(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(path)
