"""How a run says where it is.

Belongs here: the one shape of a progress report, and who listens by default. Does not belong here: drawing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Progress:
    """One thing that happened.

    Arguments:
        stage: `ingest`, `arrival`, `models`, `checks`, `data_health`, `publish`.
        subject: which source, table or page.
        done, total: how far; `total` is None where it is not known.
        result: facts for the summary, once a stage has ended.
    """

    stage: str
    subject: str = ""
    done: int = 0
    total: int | None = None
    result: dict[str, Any] | None = None


Report = Callable[[Progress], None]


def unheard(progress: Progress) -> None:
    """Nobody listens: runs started by the daemon or the UI are followed there."""
