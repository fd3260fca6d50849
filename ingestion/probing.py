"""Trying a connection out: what is found, and one way to ask a vendor for it.

Belongs here: findings, the manner of asking (briefly, one cheap request each, the vendor's clock looked at on
the way), and finding a source's prober. Does not belong here: what to ask a vendor, which is
`sources/<vendor>/probe.py`, and drawing the result.

A source may have a module `probe` with `probe(settings, trial)`; one without it is judged by its settings.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol, TypeVar

from ingestion.errors import ConfigurationInvalid, ServerFailed, SourceError, Unauthorized, Unreachable
from ingestion.registry import Connection, secrets_of, settings_of

Status = Literal["ok", "warning", "problem"]
Result = TypeVar("Result")

# Runs read back five to ten minutes before their cursor; a clock that is off by more loses changes.
SKEW_WARNING_SECONDS = 60.0
SKEW_PROBLEM_SECONDS = 240.0
_LONGEST_ANSWER = 160
# A doctor answers in seconds; a run may wait for minutes.
_BRIEF = {"retry_attempts": 2, "wait_budget_seconds": 25.0, "request_timeout_seconds": 20.0}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Arguments:
        about: the connection, or the part of the platform.
        subject: what was looked at.
        status: `problem` where a run would fail or lose something.
        found: what is so; never a secret.
        remedy: what to do; empty when nothing.
    """

    about: str
    subject: str
    status: Status
    found: str
    remedy: str = ""


class Listened(Protocol):
    """What a trial reads off a client: the headers of its last answer."""

    last_headers: Mapping[str, str]


class Stop(Exception):  # noqa: N818 (reads as what happened)
    """Nothing more can be asked of this connection."""


class Trial:
    """One connection being tried out; collects what is found.

    Arguments:
        instance: the connection's name.
        clock: our "now", aware.
        report: called with each finding as it is made.
        secrets: texts that are taken out of every finding.
        mappings: what the company's governance files say of its tools (`mappings.yml`).
    """

    def __init__(
        self,
        instance: str,
        *,
        clock: Callable[[], datetime],
        report: Callable[[Finding], None] | None = None,
        secrets: Iterable[str] = (),
        mappings: Mapping[str, Any] | None = None,
    ) -> None:
        self.instance = instance
        self.mappings: Mapping[str, Any] = mappings or {}
        self.now = clock
        self.findings: list[Finding] = []
        self._report = report
        self._secrets = [secret for secret in secrets if secret]
        self._client: Listened | None = None
        self._heard = ""
        self._skew: float | None = None

    def listen(self, client: Listened) -> None:
        """From here on, look at the clock in this client's answers."""
        self._client = client

    def opened(self, make: Callable[[], Result]) -> Result:
        """The client that `make` makes from the settings. Raises Stop when they do not suffice."""
        try:
            client = make()
        except SourceError as error:
            self.add("settings", "problem", _came(error), error.remedy)
            raise Stop from None
        self.add("settings", "ok", "complete")
        return client

    def add(self, subject: str, status: Status, found: str, remedy: str = "") -> None:
        """One finding."""
        for secret in self._secrets:
            found, remedy = found.replace(secret, "***"), remedy.replace(secret, "***")
        finding = Finding(self.instance, subject, status, found, remedy)
        self.findings.append(finding)
        if self._report:
            self._report(finding)

    def attempt(
        self,
        subject: str,
        request: Callable[[], Result],
        *,
        says: Callable[[Result], str] | None = None,
        remedy: str = "",
        without: str = "",
    ) -> Result | None:
        """Send one request and note how it went; None when it was refused.

        Arguments:
            says: what to say of the answer.
            remedy: what to do when the credentials may not read this; else the error's own words.
            without: what is left out when it cannot be read, where a run goes on without it: makes a refusal
                a warning.

        Raises Stop when there is no connection, or the credentials as such are refused.
        """
        try:
            result = request()
        except SourceError as error:
            self._hear()
            self._refused(subject, error, remedy, without)
            return None
        self._hear()
        self.add(subject, "ok", says(result) if says else "can be read")
        return result

    def _refused(self, subject: str, error: SourceError, remedy: str, without: str) -> None:
        if isinstance(error, Unreachable) and not isinstance(error, ServerFailed):
            self.add("reachable", "problem", _came(error), error.remedy)
            raise Stop
        if isinstance(error, ConfigurationInvalid):
            self.add("settings", "problem", _came(error), error.remedy)
            raise Stop
        lacks_right = isinstance(error, Unauthorized) and error.came.startswith(("HTTP 403", "HTTP 402"))
        if isinstance(error, Unauthorized) and not lacks_right:
            self.add("authentication", "problem", _came(error), error.remedy)
            raise Stop
        words = remedy if remedy and (lacks_right or without) else error.remedy
        if without:
            self.add(subject, "warning", f"{_came(error)}; {without}", words)
        else:
            self.add(subject, "problem", _came(error), words)

    def _hear(self) -> None:
        text = self._client.last_headers.get("Date", "") if self._client else ""
        if not text or self._skew is not None:
            return
        try:
            theirs = parsedate_to_datetime(text)
        except ValueError:
            return
        theirs = theirs.replace(tzinfo=UTC) if theirs.tzinfo is None else theirs
        # `Date` is cut to whole seconds.
        self._skew = (theirs - self.now()).total_seconds() + 0.5

    def judge_clock(self) -> None:
        """Note how far the vendor's clock is from ours, if it was heard."""
        if self._skew is None:
            return
        size = abs(self._skew)
        side = "ahead of" if self._skew > 0 else "behind"
        if size < SKEW_WARNING_SECONDS:
            self.add("clock", "ok", "the vendor's clock and ours agree")
            return
        self.add(
            "clock",
            "problem" if size >= SKEW_PROBLEM_SECONDS else "warning",
            f"expected the same time; the vendor's clock is {_span(size)} {side} ours",
            "set this machine's clock by NTP (`timedatectl set-ntp true`); if it is right, see NORTE_NOW. "
            "Changes near the edge of a run would be missed",
        )


def examine(
    connection: Connection,
    *,
    clock: Callable[[], datetime],
    report: Callable[[Finding], None] | None = None,
    mappings: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Try a connection out: settings, reachability, credentials, every list that a run reads, the clock.

    Arguments: see Trial.
    """
    trial = Trial(connection.instance, clock=clock, report=report)
    try:
        settings = settings_of(connection)
    except SourceError as error:
        trial.add("settings", "problem", _came(error), error.remedy)
        return trial.findings
    trial = Trial(
        connection.instance, clock=clock, report=report, secrets=secrets_of(settings), mappings=mappings
    )
    prober = prober_of(connection)
    if prober is None:
        trial.add("settings", "ok", "complete; this source has no further probes")
        return trial.findings
    try:
        prober(_brief(settings), trial)
    except Stop:
        pass
    except SourceError as error:
        trial.add("answers", "problem", _came(error), error.remedy)
    trial.judge_clock()
    return trial.findings


def prober_of(connection: Connection) -> Callable[[Any, Trial], None] | None:
    """The source's `probe`, if it has one."""
    name = f"{type(connection.source).__module__}.probe"
    if importlib.util.find_spec(name) is None:
        return None
    found: Callable[[Any, Trial], None] = importlib.import_module(name).probe
    return found


def _brief(settings: Any) -> Any:
    brief = settings.copy()
    for name, value in _BRIEF.items():
        if hasattr(brief, name):
            setattr(brief, name, min(getattr(brief, name), value))
    return brief


def _came(error: SourceError) -> str:
    came = error.came if len(error.came) <= _LONGEST_ANSWER else error.came[:_LONGEST_ANSWER].rstrip() + " …"
    return f"expected {error.expected}; came {came}"


def _span(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
