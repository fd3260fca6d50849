"""What the last build found of the marts as they lie: which tables may not be published, and why.

Belongs here: keeping the verdict between the build and whoever publishes. Does not belong here: reaching it
(`gate.py`).

The verdict is taken away before anything is built, and written when everything has been checked. Marts
without one were never checked as a whole (a build was killed, or only a part was built), and are not
published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from orchestration.publishing.publication import PublicationError


def forget_verdict(path: Path) -> None:
    """Before the marts change."""
    path.unlink(missing_ok=True)


def write_verdict(path: Path, held_back: Mapping[str, str]) -> None:
    """When all is checked; in one step.

    Arguments:
        held_back: `<schema>.<table>` to the reason.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"held_back": dict(held_back)}, indent=1), encoding="utf-8")
    temporary.replace(path)


def read_verdict(path: Path) -> dict[str, str]:
    """`<schema>.<table>` to the reason why it is held back.

    Raises PublicationError when the marts as they lie were never checked as a whole.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PublicationError(
            "Expected marts that were built and checked to the end; the last build was not whole, did not "
            "come to its end, or never was. What to do: `norte run --build`. Readers still have the "
            "publication before."
        ) from None
    return dict(content["held_back"])
