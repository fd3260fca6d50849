"""Pacing: sending no faster than a vendor allows, so that its limit is never hit.

Belongs here: when the next request may leave. Does not belong here: what to do after a refusal
(`retries.py`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class Pacer:
    """At most `requests` in any window of `seconds`, over all threads that share the pacer.

    A rolling window: a burst up to the limit leaves at once, then requests follow as the window moves.
    This is the fastest that fixed windows, rolling windows and token buckets of that size all accept.

    Arguments:
        requests: how many the vendor accepts per window.
        seconds: the window.
        margin: share by which the window is stretched, for what the network adds or takes away in between.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        requests: int,
        seconds: float,
        *,
        margin: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if requests < 1 or seconds <= 0:
            raise ValueError(f"expected at least 1 request in more than 0 s, came {requests} in {seconds} s")
        self._window = seconds * (1 + margin)
        self._sent: deque[float] = deque(maxlen=requests)
        self._clock = clock
        self._paused_until = 0.0
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take the next free place; returns the seconds to wait before sending."""
        with self._lock:
            now = self._clock()
            at = max(now, self._paused_until)
            if len(self._sent) == self._sent.maxlen:
                at = max(at, self._sent[0] + self._window)
            self._sent.append(at)
            return at - now

    def pause(self, seconds: float) -> None:
        """Nothing leaves for `seconds`: the vendor said so. Later reservations are moved, earlier ones are
        not.
        """
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def paused_for(self) -> float:
        """Seconds that a request about to leave still has to wait because of a pause."""
        with self._lock:
            return max(0.0, self._paused_until - self._clock())


class Pacers:
    """Several limits that hold together (3 a second and 60 an hour): a request waits for the slowest."""

    def __init__(self, *pacers: Pacer) -> None:
        self._pacers = pacers

    def reserve(self) -> float:
        """Take a place in each; returns the longest wait."""
        return max(pacer.reserve() for pacer in self._pacers)

    def pause(self, seconds: float) -> None:
        """Pause each."""
        for pacer in self._pacers:
            pacer.pause(seconds)

    def paused_for(self) -> float:
        """The longest of the pauses left."""
        return max(pacer.paused_for() for pacer in self._pacers)
