"""The words of an alert.

Belongs here: how an alert and its end read. Does not belong here: what is in them.
"""

from __future__ import annotations

from datetime import datetime

from orchestration.alerts.rules import Alert


def failure_text(alert: Alert, since: datetime) -> str:
    """What failed, since when, whose it is, sample keys, what it holds back, what to do, where to look."""
    lines = [alert.what, f"Since: {since:%Y-%m-%d %H:%M} UTC. Owner: {alert.owner or 'nobody'}."]
    if alert.keys:
        lines.append("Rows: " + ", ".join(alert.keys))
    if alert.holds_back:
        lines.append("Held back: " + ", ".join(alert.holds_back))
    if alert.to_do:
        lines.append("What to do: " + alert.to_do)
    if alert.link:
        lines.append(alert.link)
    return "\n".join(lines)


def recovery_title(title: str) -> str:
    """The title of the message that it is over."""
    return f"Recovered: {title.split(': ', 1)[-1]}"


def recovery_text(since: datetime, until: datetime) -> str:
    """From when until when it lasted."""
    return f"It passes again. It had failed from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC."
