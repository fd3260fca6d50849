"""How a message is sent: to the console, to a webhook, and through apprise to anything else.

Belongs here: speaking to an address. Does not belong here: which one, and when.

A web address that is no other vendor's own is taken for a Slack-compatible webhook (Slack, Mattermost,
Rocket.Chat, Google Chat read `{"text": ...}`).
"""

from __future__ import annotations

import logging

from orchestration.alerts.templates import Kind, Message, as_chat, as_html, as_text

logger = logging.getLogger("norte.alerts")

TIMEOUT_SECONDS = 10
_WEB = ("http://", "https://")
_SLACK_HOOK = "https://hooks.slack.com/"
_LEVELS: dict[Kind, int] = {
    "failure": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "success": logging.INFO,
}


def send_to_console(message: Message) -> None:
    """Says it in the log of whoever runs."""
    logger.log(_LEVELS[message.kind], "%s\n%s", message.title, as_text(message))


def send(message: Message, address: str) -> str:
    """Sends to one address; returns why it did not take it, empty if it did. Never raises: a dead channel
    must not stop a run.
    """
    try:
        if address.startswith(_WEB) and not _is_vendors_own(address):
            return _send_to_hook(message, address)
        return _send_by_apprise(message, address)
    except Exception as error:
        # Whatever a plugin or the network makes of it. Its text may quote the address, which is a password.
        return type(error).__name__


def _send_to_hook(message: Message, address: str) -> str:
    import requests

    answer = requests.post(address, json={"text": as_chat(message)}, timeout=TIMEOUT_SECONDS)
    return "" if answer.ok else f"HTTP {answer.status_code}"


def _send_by_apprise(message: Message, address: str) -> str:
    import apprise  # loads over a hundred plugins: only when something is to be sent

    target = apprise.Apprise()
    if not target.add(address):
        return "apprise does not know such an address"
    is_mail = address.startswith(("mailto://", "mailtos://"))
    sent = target.notify(
        title=message.title,
        body=as_html(message) if is_mail else as_text(message),
        body_format=apprise.NotifyFormat.HTML if is_mail else apprise.NotifyFormat.TEXT,
        notify_type=apprise.NotifyType(message.kind),
    )
    return "" if sent else "it was not taken; the run's log may say why"


def _is_vendors_own(address: str) -> bool:
    """Whether it is the hook of a vendor that speaks otherwise (Discord, Teams, ...)."""
    if address.startswith(_SLACK_HOOK):
        return False
    from apprise.manager_plugins import NotificationManager

    return any(plugin.parse_native_url(address) for plugin in NotificationManager().plugins())
