"""Rich text becomes lines that a person can read."""

from __future__ import annotations

from typing import Any

from ingestion.sources.jira.adf import adf_to_text


def doc(*content: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def paragraph(*content: Any) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(content)}


def text(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **more}


def item(*content: Any) -> dict[str, Any]:
    return {"type": "listItem", "content": list(content)}


def test_nothing_stays_nothing() -> None:
    assert adf_to_text(None) is None
    assert adf_to_text(doc()) is None
    assert adf_to_text("") is None


def test_wiki_text_of_version_2_passes_through() -> None:
    assert adf_to_text("h1. Title\n* one") == "h1. Title\n* one"


def test_paragraphs_headings_and_line_breaks_become_lines() -> None:
    found = adf_to_text(
        doc(
            {"type": "heading", "attrs": {"level": 1}, "content": [text("Exportação")]},
            paragraph(text("first "), text("bold", marks=[{"type": "strong"}])),
            paragraph(text("a"), {"type": "hardBreak"}, text("b")),
        )
    )
    assert found == "Exportação\nfirst bold\na\nb"


def test_lists_keep_their_markers_and_depth() -> None:
    nested = {"type": "bulletList", "content": [item(paragraph(text("inner")))]}
    found = adf_to_text(
        doc(
            {"type": "bulletList", "content": [item(paragraph(text("outer")), nested)]},
            {
                "type": "orderedList",
                "attrs": {"order": 3},
                "content": [item(paragraph(text("x"))), item(paragraph(text("y")))],
            },
        )
    )
    assert found == "- outer\n  - inner\n3. x\n4. y"


def test_mentions_cards_dates_and_statuses_are_read() -> None:
    found = adf_to_text(
        doc(
            paragraph(
                {"type": "mention", "attrs": {"id": "5b-1", "text": "@Ann"}},
                text(" until "),
                {"type": "date", "attrs": {"timestamp": "1790812800000"}},
                text(" "),
                {"type": "status", "attrs": {"text": "BLOCKED", "color": "red"}},
                text(" "),
                {"type": "inlineCard", "attrs": {"url": "https://example.com/1"}},
                {"type": "emoji", "attrs": {"shortName": ":smile:", "text": "😄"}},
            )
        )
    )
    assert found == "@Ann until 2026-10-01 BLOCKED https://example.com/1😄"


def test_a_link_shows_its_target_unless_it_is_its_text() -> None:
    mark = [{"type": "link", "attrs": {"href": "https://example.com"}}]
    found = adf_to_text(
        doc(paragraph(text("here", marks=mark), text(" "), text("https://example.com", marks=mark)))
    )
    assert found == "here (https://example.com) https://example.com"


def test_tables_code_and_panels_keep_their_text_and_pictures_leave_none() -> None:
    def cell(value: str) -> dict[str, Any]:
        return {"type": "tableCell", "content": [paragraph(text(value))]}

    found = adf_to_text(
        doc(
            {"type": "table", "content": [{"type": "tableRow", "content": [cell("a"), cell("b")]}]},
            {"type": "codeBlock", "content": [text("x = 1\ny = 2")]},
            {"type": "panel", "attrs": {"panelType": "info"}, "content": [paragraph(text("note"))]},
            {"type": "mediaSingle", "content": [{"type": "media", "attrs": {"id": "1"}}]},
            {"type": "rule"},
        )
    )
    assert found == "a | b\nx = 1\ny = 2\nnote"


def test_unknown_nodes_are_read_through_to_their_content() -> None:
    found = adf_to_text(doc({"type": "somethingNew", "content": [paragraph(text("inside"))]}))
    assert found == "inside"


def test_tasks_are_listed_with_nested_ones_indented() -> None:
    def task(value: str) -> dict[str, Any]:
        return {"type": "taskItem", "attrs": {"state": "TODO"}, "content": [text(value)]}

    tasks = {"type": "taskList", "content": [task("one"), {"type": "taskList", "content": [task("two")]}]}
    assert adf_to_text(doc(tasks)) == "- one\n  - two"
