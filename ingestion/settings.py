"""Settings that every connection over HTTP has.

Belongs here: the base of the vendors' dlt configspecs. Does not belong here: a vendor's own settings,
which are in `sources/<vendor>/settings.py`, and reading them, which is the registry's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from ingestion.http import HttpClient, RetryPolicy


@configspec
class ConnectionSettings(BaseConfiguration):
    """What is the same for every vendor; subclasses add base URLs and credentials.

    Fields:
        request_timeout_seconds: how long to wait for the next bytes.
        retry_attempts: tries of a request that ends in 5xx or a cut connection.
        wait_budget_seconds: how long one request may wait for the vendor's limits altogether.
        ca_bundle: path of a CA bundle, for hosts with their own certificate authority.
        is_sandbox: whether this connection's data is invented. Unset: it is if a base URL is on loopback.
    """

    request_timeout_seconds: float = 60.0
    retry_attempts: int = 5
    wait_budget_seconds: float = 600.0
    ca_bundle: str | None = None
    is_sandbox: bool | None = None

    def retry_policy(self) -> RetryPolicy:
        """How patient the connection's client is."""
        return RetryPolicy(attempts=self.retry_attempts, wait_budget_seconds=self.wait_budget_seconds)

    def client(
        self, base_url: str, *, source: str, on_request: Callable[[int], None], **options: Any
    ) -> HttpClient:
        """An HttpClient with these settings; `options` are HttpClient's own (auth, pacer, hold,
        secrets...).
        """
        return HttpClient(
            base_url,
            source=source,
            policy=self.retry_policy(),
            timeout=(min(10.0, self.request_timeout_seconds), self.request_timeout_seconds),
            verify=self.ca_bundle,
            on_request=on_request,
            **options,
        )

    def says_sandbox(self) -> bool | None:
        """True for invented data, False for a real vendor's, None when the connection has no host to tell
        by.
        """
        if self.is_sandbox is not None:
            return self.is_sandbox
        urls = [value for name, value in self.items() if name.endswith("base_url") and isinstance(value, str)]
        return any(_is_loopback(url) for url in urls) if urls else None


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
