"""What makes an alert: a run that failed, a check that failed and a check that passes again.

Belongs here: turning outcomes into alerts. Does not belong here: wording, sending, remembering.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["block", "warn"]

MAX_KEYS = 5
# Keys of sample rows are ids by contract; anything that looks like an address or free text is left out all
# the same.
_SAFE_KEY = re.compile(r"^[A-Za-z0-9_.:|#/-]{1,120}$")


@dataclass(frozen=True)
class Alert:
    """One thing that a person should know.

    Arguments:
        key: what makes two alerts the same one; an open alert is not sent again.
        title: one line.
        owner: whose it is; decides the route.
        severity: `block` holds something back or stops a run, `warn` does not.
        what: sentences on what failed and why that matters.
        keys: ids of sample rows; never values.
        holds_back: tables that keep their last published state because of it.
        to_do: what the reader can do.
        link: where to look.
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
    tags: dict[str, str] = field(default_factory=dict)


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

    @property
    def key(self) -> str:
        """The alert's key: the same check on the same table."""
        return f"check:{self.subject}:{self.name}"


def safe_keys(keys: Sequence[str]) -> tuple[str, ...]:
    """The first few keys that can only be ids."""
    return tuple(key for key in map(str, keys) if _SAFE_KEY.match(key) and "@" not in key)[:MAX_KEYS]


def check_alert(check: CheckState, *, holds_back: Sequence[str] = (), link: str = "") -> Alert:
    """The alert of a check that failed."""
    count = "" if check.failed_count is None else f" {check.failed_count} rows fail."
    consequence = (
        "It blocks: the tables below keep their last published state until it passes."
        if check.severity == "block"
        else "It warns: everything is published all the same."
    )
    return Alert(
        key=check.key,
        title=f"{'Blocked' if check.severity == 'block' else 'Warning'}: {check.name} on {check.subject}",
        owner=check.owner,
        severity=check.severity,
        what=" ".join(
            part
            for part in (f"The check {check.name} on {check.subject} failed.{count}", check.why, consequence)
            if part
        ),
        keys=safe_keys(check.failing_keys),
        holds_back=tuple(holds_back) if check.severity == "block" else (),
        to_do="Look at these rows in the working warehouse, correct the source or the model, and run "
        "the build again.",
        link=link,
    )


def run_alert(*, job: str, run_id: str, error: str, owner: str, link: str) -> Alert:
    """The alert of a run that failed."""
    return Alert(
        key=f"run:{job}",
        title=f"Failed: {job}",
        owner=owner,
        severity="block",
        what=f"The job {job} failed. {error}".strip(),
        to_do=f"Read the run's log, remove the cause, run the job again: `norte run --job {job}`.",
        link=link,
        tags={"run_id": run_id},
    )
