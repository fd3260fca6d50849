"""Atlassian Document Format to plain text.

Belongs here: turning a rich-text tree (or wiki text, which version 2 of the API sends) into lines that a
person can read. Does not belong here: anything else of an issue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_BLOCKS = frozenset(
    {
        "paragraph",
        "heading",
        "codeBlock",
        "blockquote",
        "panel",
        "rule",
        "bulletList",
        "orderedList",
        "taskList",
        "decisionList",
        "listItem",
        "taskItem",
        "decisionItem",
        "table",
        "tableRow",
        "expand",
        "nestedExpand",
        "mediaSingle",
        "mediaGroup",
        "blockCard",
        "embedCard",
        "layoutSection",
        "layoutColumn",
        "bodiedExtension",
        "blockTaskItem",
    }
)
_LISTS = frozenset({"bulletList", "orderedList", "taskList", "decisionList"})


def adf_to_text(document: Any) -> str | None:
    """Plain text of an ADF document; wiki text passes through; None stays None.

    Arguments:
        document: a `doc` node, a string, or None. Nodes of unknown types are read through to their content.

    Blocks are separated by line breaks, list items start with `- ` or their number, table cells are separated
    by ` | `. Pictures and rules leave nothing behind.
    """
    if document is None:
        return None
    if isinstance(document, str):
        return document.strip() or None
    text = "\n".join(line.rstrip() for line in _blocks(document).splitlines())
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip() or None


def _children(node: Any) -> list[Any]:
    content = node.get("content") if isinstance(node, Mapping) else None
    return content if isinstance(content, list) else []


def _attributes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = node.get("attrs")
    return attributes if isinstance(attributes, Mapping) else {}


def _inline(node: Any) -> str:
    if not isinstance(node, Mapping):
        return ""
    render = _INLINE.get(str(node.get("type")))
    return render(node) if render else _blocks(node)


def _date(node: Mapping[str, Any]) -> str:
    try:
        milliseconds = int(_attributes(node).get("timestamp", ""))
    except (TypeError, ValueError):
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()


def _text(node: Mapping[str, Any]) -> str:
    text = str(node.get("text", ""))
    for mark in node.get("marks") or []:
        href = mark.get("attrs", {}).get("href") if mark.get("type") == "link" else None
        if href and href != text:
            text = f"{text} ({href})"
    return text


_INLINE: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "text": _text,
    "hardBreak": lambda node: "\n",
    "mention": lambda node: str(_attributes(node).get("text") or "@" + str(_attributes(node).get("id", ""))),
    "emoji": lambda node: str(_attributes(node).get("text") or _attributes(node).get("shortName") or ""),
    "status": lambda node: str(_attributes(node).get("text") or ""),
    "date": _date,
    "inlineCard": lambda node: str(_attributes(node).get("url") or ""),
    "blockCard": lambda node: str(_attributes(node).get("url") or ""),
    "embedCard": lambda node: str(_attributes(node).get("url") or ""),
    "media": lambda node: "",
    "mediaInline": lambda node: "",
    "rule": lambda node: "",
}


def _blocks(node: Any) -> str:
    """The node's content: inline nodes joined, block nodes on lines of their own."""
    parts: list[str] = []
    line = ""
    for child in _children(node):
        kind = child.get("type") if isinstance(child, Mapping) else None
        if kind not in _BLOCKS:
            line += _inline(child)
            continue
        if line:
            parts.append(line)
            line = ""
        parts.append(_block(child, str(kind)))
    if line:
        parts.append(line)
    return "\n".join(part for part in parts if part)


def _block(node: Mapping[str, Any], kind: str) -> str:
    if kind in _LISTS:
        return _list(node, kind)
    if kind == "tableRow":
        return " | ".join(_blocks(cell).replace("\n", " ") for cell in _children(node))
    if kind in _INLINE:
        return _INLINE[kind](node)
    return _blocks(node)


def _list(node: Mapping[str, Any], kind: str) -> str:
    first = _attributes(node).get("order", 1)
    number = first if isinstance(first, int) else 1
    lines: list[str] = []
    for item in _children(node):
        item_kind = item.get("type") if isinstance(item, Mapping) else None
        if item_kind in _LISTS:
            # A nested task list lies beside the items, not in one.
            lines.extend("  " + line for line in _list(item, str(item_kind)).splitlines())
            continue
        text = _blocks(item)
        if not text:
            continue
        marker = f"{number}. " if kind == "orderedList" else "- "
        number += 1
        head, *rest = text.splitlines()
        lines.append(marker + head)
        lines.extend("  " + line for line in rest)
    return "\n".join(lines)
