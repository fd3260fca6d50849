"""Limits that the vendor announces in its headers.

Belongs here: a pacer that starts with the documented limit and takes over the account's own once it is known.
Does not belong here: which header says what, which is the connector's.
"""

from __future__ import annotations

import threading

from ingestion.http.pacing import Pacer


class AnnouncedPacer:
    """`Pacer` whose limit the vendor may correct (a plan with more, or with less).

    Arguments:
        requests, seconds: the limit until the vendor says otherwise.
        within: a wider limit that requests here count towards too (the account's).

    A pause holds this limit only, never the wider one.
    """

    def __init__(self, requests: int, seconds: float, *, within: AnnouncedPacer | None = None) -> None:
        self._seconds = seconds
        self._requests = requests
        self._pacer = Pacer(requests, seconds)
        self._within = within
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """The limit that holds now."""
        return self._requests

    def announce(self, requests: int, remaining: int) -> None:
        """The vendor's own limit, and what is left of it in the window under way."""
        with self._lock:
            if requests < 1 or requests == self._requests:
                return
            paused_for = self._pacer.paused_for()
            self._requests = requests
            self._pacer = Pacer(requests, self._seconds)
            for _ in range(max(0, requests - max(0, remaining))):
                self._pacer.reserve()
            if paused_for:
                self._pacer.pause(paused_for)

    def reserve(self) -> float:
        """Take the next free place; returns the seconds to wait before sending."""
        with self._lock:
            own = self._pacer.reserve()
        return max(own, self._within.reserve()) if self._within else own

    def pause(self, seconds: float) -> None:
        """Nothing of this limit leaves for `seconds`."""
        with self._lock:
            self._pacer.pause(seconds)

    def paused_for(self) -> float:
        """Seconds that a request about to leave still has to wait because of a pause, here or in the wider
        limit.
        """
        with self._lock:
            own = self._pacer.paused_for()
        return max(own, self._within.paused_for()) if self._within else own
