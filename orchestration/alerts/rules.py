"""What makes an alert: a run that failed, a check that failed, data that is late, silence.

Belongs here: turning outcomes into alerts. Does not belong here: wording, sending, remembering.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

Severity = Literal["block", "warn", "notice"]

MAX_KEYS = 5
MAX_ERROR_LENGTH = 700
# Keys of sample rows are ids by contract; anything that looks like an address or free text is left out all
# the same.
_SAFE_KEY = re.compile(r"^[A-Za-z0-9_.:|#/$-]{1,120}$")
# An error may quote what a vendor sent.
_PERSONAL = (
    (re.compile(r"[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+\.[^\s@<>\"',;:()]+"), "(e-mail)"),
    (re.compile(r"\+\d[\d ().-]{7,}\d|\(\d\d\) ?\d{4,5}-?\d{4}"), "(phone)"),
    (re.compile(r"\b\d{3}\.\d{3}\.\d{3}-\d\d\b|\b\d\d\.\d{3}\.\d{3}/\d{4}-\d\d\b"), "(document)"),
)
_DEFAULT_REMEDY = (
    "Look at these rows in the working warehouse, correct the source or the model, then `norte run --build`."
)


@dataclass(frozen=True)
class Alert:
    """One thing that a person should know.

    Arguments:
        key: what makes two alerts the same one; an open alert is not sent again.
        title: one line.
        owner: whose it is; decides the route.
        severity: `block` holds something back or stops a run, `warn` does not, `notice` asks for nothing.
        what: sentences on what failed and why that matters.
        keys: ids of sample rows; never values.
        holds_back: tables that keep their last published state because of it.
        to_do: what the reader can do.
        link: where to look.
        run_id: of a run that failed: it is alerted once, whoever notices it first.
        since: when it began, where that is known better than by when it was noticed.
    """

    key: str
    title: str
    owner: str
    severity: Severity
    what: str
    keys: tuple[str, ...] = ()
    holds_back: tuple[str, ...] = ()
    to_do: str = ""
    link: str = ""
    run_id: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class CheckState:
    """How a check ended, as the alerts see it."""

    name: str
    subject: str
    owner: str
    severity: Severity
    passed: bool
    why: str = ""
    message: str = ""
    failed_count: int | None = None
    failing_keys: Sequence[str] = ()
    remedy: str = ""

    @property
    def key(self) -> str:
        """The alert's key: the same check on the same table."""
        return f"check:{self.subject}:{self.name}"


def safe_keys(keys: Sequence[str]) -> tuple[str, ...]:
    """The first few keys that can only be ids."""
    return tuple(key for key in map(str, keys) if _SAFE_KEY.match(key) and "@" not in key)[:MAX_KEYS]


def safe_text(text: str) -> str:
    """An error as it may leave the house: no addresses and long numbers of people, no control characters."""
    for pattern, instead in _PERSONAL:
        text = pattern.sub(instead, text)
    text = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    if len(text) > MAX_ERROR_LENGTH:
        text = text[:MAX_ERROR_LENGTH].rstrip() + " ... (the rest is in the log)"
    return text.strip()


def check_alert(check: CheckState, *, holds_back: Sequence[str] = (), link: str = "") -> Alert:
    """The alert of a check that failed."""
    # The title says which check it is.
    count = f"{check.failed_count:,} rows fail." if check.failed_count else "It failed."
    found = f"Found: {safe_text(check.message)}." if check.message else count
    consequence = {
        "block": "It blocks: the tables below keep their last published state until it passes.",
        "warn": "It warns: everything is published all the same.",
        "notice": "Everything is published; nothing has to be done at once.",
    }[check.severity]
    word = {"block": "Blocked", "warn": "Warning", "notice": "Notice"}[check.severity]
    return Alert(
        key=check.key,
        title=f"{word}: {check.name} on {check.subject}",
        owner=check.owner,
        severity=check.severity,
        what=" ".join(
            part
            for part in (
                found,
                check.why,
                consequence,
            )
            if part
        ),
        keys=safe_keys(check.failing_keys),
        holds_back=tuple(holds_back) if check.severity == "block" else (),
        to_do=check.remedy or _DEFAULT_REMEDY,
        link=link,
    )


def run_alert(*, job: str, run_id: str, error: str, owner: str, link: str) -> Alert:
    """The alert of a run that failed."""
    source = job.removeprefix("ingest_")
    first = (
        f"`norte doctor {source}` says what is wrong with the connection; mend it"
        if source != job
        else ("Read the run's log, remove the cause")
    )
    return Alert(
        key=f"run:{job}",
        title=f"Failed: {job}",
        owner=owner,
        severity="block",
        what=safe_text(error) or "It ended without saying why.",
        to_do=f"{first}, then run the job again: `norte run --job {job}`. Readers keep what was published.",
        link=link,
        run_id=run_id,
    )


def late_alert(table: str, *, as_of: datetime, promise: timedelta, now: datetime, owner: str) -> Alert:
    """The alert of a published table that is older than it promises to be.

    Arguments:
        as_of: until when its data goes, aware.
    """
    return Alert(
        key=f"late:{table}",
        title=f"Late: {table} is {in_hours(now - as_of)} old",
        owner=owner,
        severity="warn",
        what=f"Readers of {table} see data of {as_of:%Y-%m-%d %H:%M} UTC. It is promised to be at most "
        f"{in_hours(promise)} old.",
        to_do="See whether it is held back (`norte run --build` says why) or the build does not run "
        "(`norte doctor`).",
        since=as_of + promise,
    )


def spike_alert(
    theme_id: str, *, name: str, day: date, count: int, expected: float, owner: str, is_new: bool
) -> Alert:
    """The alert of a theme that comes up more than its history explains, or of one that is new.

    Arguments:
        count, expected: items of the seven days up to `day`, and what the weeks before let expect.
    """
    what = f"{count} items in the seven days to {day:%Y-%m-%d}; the weeks before let expect {expected:.1f}."
    if is_new:
        title = f"New: {count} items say about the same, and no theme fits them"
        to_do = "Read them (`norte themes candidates`), then `norte themes promote` where they are a theme."
        what += f" Their words: {safe_text(name)}."
    else:
        title = f"More than usual: {name}"
        to_do = "Read what customers say on the page of customers; a release or an outage may explain it."
    return Alert(key=f"theme:{theme_id}", title=title, owner=owner, severity="notice", what=what, to_do=to_do)


def silence_alert(
    *, last: datetime | None, promise: timedelta, now: datetime, home: str, owner: str
) -> Alert:
    """The alert that nothing was published for too long.

    Arguments:
        last: the last publication, aware; None when there never was one.
    """
    found = f"The last publication was {in_hours(now - last)} ago." if last else "Nothing was ever published."
    return Alert(
        key="silence",
        title="Silent: no publication for " + (in_hours(now - last) if last else "as long as is known"),
        owner=owner,
        severity="block",
        what=f"{found} One is expected every {in_hours(promise)}. All numbers stand still; other alerts "
        f"may not come, because whoever sends them may be down. Home: {home}.",
        to_do="See whether the service or the cron job runs (`systemctl status norte`), then `norte doctor`, "
        "`norte run`.",
        since=last + promise if last else None,
    )


def in_hours(span: timedelta) -> str:
    """A span as people say it: minutes, hours, from three days on days."""
    minutes = span.total_seconds() / 60
    if minutes < 90:
        return f"{minutes:.0f} min"
    if minutes < 3 * 24 * 60:
        return f"{minutes / 60:.0f} h"
    return f"{minutes / 60 / 24:.0f} days"
