"""What can go wrong between a vendor's API and the warehouse, in words that a person can act on.

Belongs here: the exceptions that leave `ingestion`. Each message says what was expected, what came, and
what to do. Does not belong here: decisions on retrying (`http/retries.py`), and secrets (messages are
redacted by who raises them).
"""

# ruff: noqa: N818 (these names read as what happened)
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class IngestionError(Exception):
    """Anything that stops a run on purpose. `str(error)` is meant for a person."""


class SourceError(IngestionError):
    """A connection's run could not go on.

    Arguments:
        expected: what should have come.
        came: what came instead.
        remedy: what the reader can do.
        source: the connection or vendor; put in front of the message.
    """

    def __init__(self, expected: str, came: str, remedy: str, *, source: str = "") -> None:
        self.expected = expected
        self.came = came
        self.remedy = remedy
        self.source = source
        super().__init__(expected, came, remedy)

    def __str__(self) -> str:
        prefix = f"{self.source}: " if self.source else ""
        return f"{prefix}expected {self.expected}; came {self.came}. What to do: {self.remedy}"


class ConfigurationInvalid(SourceError):
    """A setting is missing or cannot be used."""


class Unauthorized(SourceError):
    """The vendor refused the credentials, or they lack a scope."""


class Unreachable(SourceError):
    """No answer: wrong host, no network, or a server that kept failing."""


class ServerFailed(Unreachable):
    """The vendor answered 5xx until the retries were used up."""


class RateLimited(SourceError):
    """The vendor kept answering 'too many requests' until the waiting budget was used up."""


class RequestRefused(SourceError):
    """A 4xx that is neither credentials nor a limit: the request itself is not accepted.

    Arguments:
        status: the HTTP status.
        body: the start of the answer, redacted.
    """

    def __init__(
        self, expected: str, came: str, remedy: str, *, source: str = "", status: int = 0, body: str = ""
    ) -> None:
        super().__init__(expected, came, remedy, source=source)
        self.status = status
        self.body = body


class MalformedResponse(SourceError):
    """An answer that is not what the vendor's API documents."""


class Interrupted(SourceError):
    """The run was stopped (Ctrl-C, or another part of it failed) while a request waited."""


@dataclass(frozen=True)
class GovernanceProblem:
    """One thing wrong in a governance file.

    Arguments:
        file: path below the governance directory.
        line: 1-based; None when the whole file is meant.
    """

    file: str
    line: int | None
    expected: str
    came: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: expected {self.expected}; came {self.came}. {self.remedy}"


class GovernanceInvalid(SourceError):
    """The governance files have errors; all of them are listed, nothing was loaded."""

    def __init__(self, problems: Sequence[GovernanceProblem], *, source: str = "governance") -> None:
        self.problems = list(problems)
        count = len(self.problems)
        super().__init__(
            "governance files that fit the template",
            f"{count} {'error' if count == 1 else 'errors'}",
            "correct the lines named below; nothing of the governance files was loaded",
            source=source,
        )

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])


class WarehouseError(IngestionError):
    """The warehouse could not be opened or written."""


class DiskFull(WarehouseError):
    """No space is left where the run writes."""


class MixedData(WarehouseError):
    """Sandbox and real data would end up in one warehouse."""
