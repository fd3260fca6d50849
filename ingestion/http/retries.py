"""Retrying: which refusals are worth another try, and how long to wait before it.

Belongs here: attempts, back-off, and reading `Retry-After`. Does not belong here: sending (`session.py`),
pacing.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from requests import Response

RETRYABLE_STATUS = frozenset({408, 409, 425, 500, 502, 503, 504})


@dataclass(frozen=True)
class RetryPolicy:
    """How patient a connection is.

    Arguments:
        attempts: tries of one request that end in 5xx, a cut connection or an unreadable body.
        wait_budget_seconds: all waiting of one request for limits (429, or 503 with `Retry-After`) together.
        base_seconds: the first back-off; doubles with each try.
        cap_seconds: the longest single back-off that we choose ourselves. A vendor's own wish is followed
            in full.
        limit_seconds: first wait after a 429 that does not say how long; doubles too.
    """

    attempts: int = 5
    wait_budget_seconds: float = 600.0
    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    limit_seconds: float = 2.0


class Backoff:
    """Waits that double, with seeded jitter so that two runs behave the same and threads do not march in
    step.
    """

    def __init__(self, policy: RetryPolicy, seed: int) -> None:
        self._policy = policy
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def seconds(self, attempt: int, *, is_limit: bool = False) -> float:
        """Wait before try number `attempt` + 1 (the first try is 1)."""
        base = self._policy.limit_seconds if is_limit else self._policy.base_seconds
        ceiling = min(self._policy.cap_seconds, base * 2 ** (attempt - 1))
        with self._lock:
            return ceiling * (0.5 + self._random.random() / 2)


def retry_after(response: Response) -> float | None:
    """Seconds that `Retry-After` asks for; None without the header or when it cannot be read.

    Vendors send whole seconds, fractions, or an HTTP date. A date is measured against the answer's own
    `Date`, so that a wrong clock here does not matter.
    """
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
        sent = response.headers.get("Date")
        now = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    if now.tzinfo is None:
        now = now.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
