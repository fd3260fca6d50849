"""How vendors count requests: rolling windows, fixed windows, token buckets and the number in flight.

Belongs here: counting. Does not belong here: any vendor's numbers, headers or bodies.
Time is seconds of a monotonic clock that the caller passes in.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """Whether a request may pass, how many are left, and the seconds until there is room or a new window."""

    allowed: bool
    limit: int
    remaining: int
    resets_in: float


@dataclass
class RollingWindow:
    """At most `limit` requests in any `seconds`; a refused request does not count. `limit` 0 means no
    limit.
    """

    limit: int
    seconds: float
    _taken: deque[float] = field(default_factory=deque)

    def take(self, at: float) -> Verdict:
        if not self.limit:
            return Verdict(True, 0, 1_000_000, 0.0)
        while self._taken and self._taken[0] <= at - self.seconds:
            self._taken.popleft()
        if len(self._taken) >= self.limit:
            return Verdict(False, self.limit, 0, self._taken[0] + self.seconds - at)
        self._taken.append(at)
        resets = self._taken[0] + self.seconds - at
        return Verdict(True, self.limit, self.limit - len(self._taken), resets)


@dataclass
class FixedWindow:
    """At most `limit` requests in each window of `seconds` that begins with its first request."""

    limit: int
    seconds: float
    _began: float | None = None
    _count: int = 0

    def take(self, at: float) -> Verdict:
        if not self.limit:
            return Verdict(True, 0, 1_000_000, 0.0)
        if self._began is None or at >= self._began + self.seconds:
            self._began, self._count = at, 0
        resets = self._began + self.seconds - at
        if self._count >= self.limit:
            return Verdict(False, self.limit, 0, resets)
        self._count += 1
        return Verdict(True, self.limit, self.limit - self._count, resets)


@dataclass
class TokenBucket:
    """A bucket of `size` tokens, one a request, that fills at `per_second`. `size` 0 means no limit."""

    size: int
    per_second: float
    _tokens: float | None = None
    _at: float = 0.0

    def take(self, at: float) -> Verdict:
        if not self.size:
            return Verdict(True, 0, 1_000_000, 0.0)
        held = self.size if self._tokens is None else self._tokens + (at - self._at) * self.per_second
        self._tokens, self._at = min(float(self.size), held), at
        if self._tokens < 1:
            return Verdict(False, self.size, 0, (1 - self._tokens) / self.per_second)
        self._tokens -= 1
        return Verdict(True, self.size, int(self._tokens), 1 / self.per_second)


@dataclass
class InFlight:
    """At most `limit` requests at the same time."""

    limit: int
    count: int = 0

    def enter(self) -> bool:
        if self.limit and self.count >= self.limit:
            return False
        self.count += 1
        return True

    def leave(self) -> None:
        self.count = max(0, self.count - 1)
