"""The words of an alert.

Belongs here: how alerts and their end read: as text, in a chat, as an e-mail. Does not belong here: what is
in them.

Whoever is woken reads from above: what broke, since when, whose it is, what to do. Several that one run
brought for one owner are one message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from orchestration.alerts.rules import Alert, Severity, in_hours

Kind = Literal["failure", "warning", "info", "success"]
MAX_SECTIONS = 5
MAX_TABLES = 6
_RANK: dict[Severity, int] = {"block": 0, "warn": 1, "notice": 2}
_KINDS: dict[Severity, Kind] = {"block": "failure", "warn": "warning", "notice": "info"}
_SIGNS: dict[Kind, str] = {"failure": "🔴", "warning": "🟡", "info": "🔵", "success": "🟢"}
_COLOURS: dict[Kind, str] = {
    "failure": "#b3261e",
    "warning": "#9a6700",
    "info": "#1f5fa8",
    "success": "#1a7f37",
}
_COMMAND = re.compile(r"`([^`<>]+)`")
# What chats take for a call to everyone.
_MENTION = re.compile(r"@(?=\w)")


@dataclass(frozen=True)
class Section:
    """One thing of a message.

    Arguments:
        heading: its title, where the message has several things.
        facts: label and text, in the order in which they are read.
        link: where to look.
    """

    heading: str
    facts: tuple[tuple[str, str], ...]
    link: str = ""


@dataclass(frozen=True)
class Message:
    """One message, ready to be rendered for any channel."""

    title: str
    kind: Kind
    sections: tuple[Section, ...]

    def as_json(self) -> dict[str, Any]:
        """To be kept until a channel takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Message:
        """As it was kept."""
        sections = tuple(
            Section(one["heading"], tuple((label, text) for label, text in one["facts"]), one["link"])
            for one in content["sections"]
        )
        return cls(content["title"], content["kind"], sections)


def failure_message(alerts: Sequence[tuple[Alert, datetime]], now: datetime) -> Message:
    """What failed, since when, whose it is, what it holds back, what to do, sample keys, where to look.

    Arguments:
        alerts: of one owner, each with since when.
    """
    ordered = sorted(alerts, key=lambda one: _RANK[one[0].severity])
    kind = _KINDS[ordered[0][0].severity]
    if len(ordered) == 1:
        [(alert, since)] = ordered
        return Message(alert.title, kind, (_failure(alert, since, now, ""),))
    held = sorted({table for alert, _ in ordered for table in alert.holds_back})
    title = f"{len(ordered)} alerts for {_owner(ordered[0][0].owner)}"
    title += f", {_tables(len(held))} held back" if held else ""
    sections = [_failure(alert, since, now, alert.title) for alert, since in ordered[:MAX_SECTIONS]]
    rest = ordered[MAX_SECTIONS:]
    if rest:
        sections.append(
            Section(
                f"And {len(rest)} more",
                tuple(("", alert.title) for alert, _ in rest[:20])
                + ((("", f"and {len(rest) - 20} more"),) if len(rest) > 20 else ()),
            )
        )
    return Message(title, kind, tuple(sections))


def recovery_message(over: Sequence[tuple[str, datetime]], now: datetime) -> Message:
    """From when until when things lasted that are over.

    Arguments:
        over: title and beginning of each.
    """
    titles = [title.split(": ", 1)[-1] for title, _ in over]
    sections = tuple(
        Section(
            titles[number] if len(over) > 1 else "",
            (
                ("What", "It is well again; nothing is left to do."),
                ("Lasted", f"{_moment(since)} to {_moment(now)} ({in_hours(now - since)})"),
            ),
        )
        for number, (_, since) in enumerate(over)
    )
    title = f"Recovered: {titles[0]}" if len(over) == 1 else f"Recovered: {len(over)} alerts"
    return Message(title, "success", sections)


def escalation_message(title: str, owner: str, since: datetime, now: datetime) -> Message:
    """Something stays blocked."""
    facts = (
        ("What", "It is still not mended; its owner was told when it began."),
        ("Since", f"{_moment(since)} ({in_hours(now - since)} ago)"),
        ("Owner", _owner(owner)),
        ("Do", "Ask the owner whether someone is at it; the first message says what to do."),
    )
    return Message(f"Still open: {title}", "failure", (Section("", facts),))


def as_text(message: Message) -> str:
    """The body in plain text, a line a fact."""
    return "\n\n".join(_section_text(section) for section in message.sections)


def as_chat(message: Message) -> str:
    """Title and body as Slack and those that read its messages show them; no name in it calls anyone."""

    def safe(text: str) -> str:
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return _MENTION.sub("@\u200b", escaped)

    blocks = [f"{_SIGNS[message.kind]} *{safe(message.title)}*"]
    for section in message.sections:
        lines = [f"*{safe(section.heading)}*"] if section.heading else []
        lines += [f"*{label}:* {safe(text)}" if label else f"• {safe(text)}" for label, text in section.facts]
        # An address is taken for a link as it stands.
        lines += [safe(section.link)] if section.link else []
        blocks.append("\n".join(lines))
    return f"{blocks[0]}\n" + "\n\n".join(blocks[1:])


def as_html(message: Message) -> str:
    """The body of an e-mail."""
    parts = []
    for section in message.sections:
        heading = (
            f'<p style="margin:16px 0 4px"><b>{html.escape(section.heading)}</b></p>'
            if section.heading
            else ""
        )
        rows = "".join(
            f'<tr><td style="padding:3px 14px 3px 0;color:#57606a;vertical-align:top;white-space:nowrap">'
            f"{html.escape(label)}</td>"
            f'<td style="padding:3px 0;vertical-align:top">{_broken(text)}</td></tr>'
            for label, text in section.facts
        )
        link = html.escape(section.link, quote=True)
        look = f'<p style="margin:6px 0"><a href="{link}">{link}</a></p>' if _is_web(section.link) else ""
        # Mail programs that think themselves in quirks mode hand no font down to tables.
        parts.append(
            f'{heading}<table style="border-collapse:collapse;font:15px/1.45 sans-serif">{rows}</table>{look}'
        )
    return (
        '<div style="font:15px/1.45 sans-serif;color:#1f2328;max-width:46em">'
        f'<p style="font-size:17px;margin:0 0 10px;color:{_COLOURS[message.kind]}">'
        f"<b>{html.escape(message.title)}</b></p>{''.join(parts)}</div>"
    )


def _failure(alert: Alert, since: datetime, now: datetime, heading: str) -> Section:
    ago = f" ({in_hours(now - since)} ago)" if now > since else ""
    facts = [
        ("What", alert.what),
        ("Since", f"{_moment(since)}{ago}"),
        ("Owner", _owner(alert.owner)),
    ]
    if alert.holds_back:
        shown = ", ".join(alert.holds_back[:MAX_TABLES])
        more = len(alert.holds_back) - MAX_TABLES
        facts.append(("Held back", shown + (f" and {more} more" if more > 0 else "")))
    if alert.to_do:
        facts.append(("Do", alert.to_do))
    if alert.keys:
        facts.append(("Rows", ", ".join(alert.keys)))
    return Section(heading, tuple(facts), alert.link)


def _section_text(section: Section) -> str:
    lines = [section.heading] if section.heading else []
    lines += [f"{label}: {text}" if label else f"- {text}" for label, text in section.facts]
    lines += [section.link] if section.link else []
    return "\n".join(lines)


def _owner(owner: str) -> str:
    return owner.removeprefix("team:") or "nobody"


def _tables(count: int) -> str:
    return f"{count} table{'' if count == 1 else 's'}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _broken(text: str) -> str:
    escaped = html.escape(text).replace("\n", "<br>")
    return _COMMAND.sub(r'<code style="background:#f0f1f3;padding:1px 4px">\1</code>', escaped)


def _is_web(link: str) -> bool:
    return link.startswith(("http://", "https://"))
