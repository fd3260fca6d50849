"""Plain text as Atlassian's document format, and as wiki markup for the v2 API.

Belongs here: the two forms of a text. Does not belong here: which fields are texts (`tracker.py`).
"""

from __future__ import annotations

from typing import Any


def to_document(text: str | None) -> dict[str, Any] | None:
    """A text's paragraphs (blank lines part them), lists (`- `) and line breaks; None for no text."""
    if not text:
        return None
    content: list[dict[str, Any]] = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line.strip()]
        if not lines:
            continue
        if all(line.lstrip().startswith(("- ", "* ")) for line in lines):
            items = [{"type": "listItem", "content": [_paragraph([line.lstrip()[2:]])]} for line in lines]
            content.append({"type": "bulletList", "content": items})
        else:
            content.append(_paragraph(lines))
    return {"type": "doc", "version": 1, "content": content}


def _paragraph(lines: list[str]) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for position, line in enumerate(lines):
        if position:
            parts.append({"type": "hardBreak"})
        parts.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": parts}


def to_wiki(text: str | None) -> str | None:
    """The text of the v2 API: lists in wiki markup."""
    if not text:
        return None
    return "\n".join(f"* {line[2:]}" if line.startswith("- ") else line for line in text.split("\n"))
