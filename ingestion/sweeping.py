"""Looking for what is gone without a trace: when to look, and how much of it to believe.

Belongs here: what connectors share that compare ids. Does not belong here: how a vendor's ids are read.

Some vendors say nothing when an object is erased, moved away or hidden. At a cadence of its own a connector
reads the ids that are there and compares them with those that the warehouse holds.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

_LOG = logging.getLogger(__name__)
# A daily schedule does not start to the second.
_GRACE_SECONDS = 300
FEW = 50


def is_due(last: float | None, now: float, every_hours: float) -> bool:
    """Whether it is time for a sweep.

    Arguments:
        last, now: epoch seconds of the last sweep, if there was one, and of the run.
        every_hours: the cadence.
    """
    return last is None or now - last >= every_hours * 3600 - _GRACE_SECONDS


def is_believable(gone: Collection[str], known: int, ratio: float, *, source: str, resource: str) -> bool:
    """Whether so many may really be gone; else it is said, and nothing should be marked deleted.

    Arguments:
        known: how many the warehouse holds.
        ratio: share (0-1) of them that one sweep may declare gone; up to FEW are always believed.
    """
    if len(gone) <= max(FEW, known * ratio):
        return True
    _LOG.warning(
        "%s: %d of %d known %s cannot be found any more, all at once. Taken for a lost permission, none is "
        "marked deleted. Check what the credentials may read; if they were really deleted, raise "
        "deletion_guard_ratio for one run",
        source,
        len(gone),
        known,
        resource,
    )
    return False
