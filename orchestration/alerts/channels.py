"""How an alert is sent: to the console, and through apprise to anything else.

Belongs here: speaking to a URL. Does not belong here: which URL, and when.

A plain `https://` address that apprise does not know as a vendor's is taken for a Slack-compatible webhook
(Slack, Mattermost, Rocket.Chat, Google Chat read `{"text": ...}`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

logger = logging.getLogger("norte.alerts")

Kind = Literal["failure", "warning", "success"]
WEBHOOK_SCHEMES = {"http://": "nortewebhook://", "https://": "nortewebhooks://"}
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Message:
    """One message, ready to be sent."""

    title: str
    body: str
    kind: Kind


def send_to_console(message: Message) -> None:
    """Says it in the log of whoever runs."""
    level = {"failure": logging.ERROR, "warning": logging.WARNING, "success": logging.INFO}[message.kind]
    logger.log(level, "%s\n%s", message.title, message.body)


def send(message: Message, urls: Sequence[str]) -> list[str]:
    """Sends to each URL; returns those that did not take it. A dead channel never stops a run."""
    if not urls:
        return []
    import apprise  # loads over a hundred plugins: only when something is to be sent

    _register_webhook()
    refused = []
    for url in urls:
        target = apprise.Apprise()
        added = target.add(_apprise_url(url))
        if not (added and target.notify(title=message.title, body=message.body, notify_type=message.kind)):
            refused.append(url)
            logger.error("an alert could not be sent to %s", _without_secrets(url))
    return refused


def _apprise_url(url: str) -> str:
    """The URL as apprise should read it: vendors' own hooks as they are, other web addresses as a webhook."""
    from apprise.manager_plugins import NotificationManager

    for scheme, ours in WEBHOOK_SCHEMES.items():
        if url.startswith(scheme):
            is_vendors = any(plugin.parse_native_url(url) for plugin in NotificationManager().plugins())
            return url if is_vendors else ours + url.removeprefix(scheme)
    return url


def _register_webhook() -> None:
    from apprise.decorators import notify
    from apprise.manager_plugins import NotificationManager

    for scheme, ours in WEBHOOK_SCHEMES.items():
        name = ours.removesuffix("://")
        if name not in NotificationManager():
            notify(on=name, name="Slack-compatible webhook")(_webhook(scheme, ours))


def _webhook(scheme: str, ours: str) -> Any:
    def post(
        body: str, title: str, notify_type: Any, *args: Any, meta: dict[str, Any], **kwargs: Any
    ) -> bool:
        import requests

        url = scheme + meta["url"].removeprefix(ours)
        payload = {"text": f"*{title}*\n{body}" if title else body}
        try:
            return requests.post(url, json=payload, timeout=TIMEOUT_SECONDS).ok
        except requests.RequestException:
            return False

    return post


def _without_secrets(url: str) -> str:
    """Scheme and host: the rest of a hook's URL is its password."""
    scheme, _, rest = url.partition("://")
    host = rest.split("/", 1)[0].rsplit("@", 1)[-1]
    return f"{scheme}://{host}/..."
