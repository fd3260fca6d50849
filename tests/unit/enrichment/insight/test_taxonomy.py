"""Themes as code: what is refused, what changes the version, and what a merge does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingestion.enrichment.insight.rules import match_rules
from ingestion.enrichment.insight.taxonomy import (
    TaxonomyInvalid,
    read_overrides,
    read_taxonomy,
    taxonomy_of_payloads,
)
from ingestion.errors import GovernanceInvalid

EXPORT = {
    "id": "export",
    "name": {"en": "Export", "pt": "Exportação"},
    "owner": "Ana",
    "status": "active",
    "any": [r"\bexport", "planilha"],
    "none": ["export tax"],
    "examples": ["I cannot export", "Não consigo exportar"],
    "not": ["We export coffee"],
}
LOGIN = {"id": "login", "name": {"en": "Log-in"}, "status": "active", "any": [r"log.?in"]}


def changed(theme: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**theme, **values}


def folder(path: Path, *files: tuple[str, str]) -> Path:
    (path / "themes").mkdir()
    for name, text in files:
        (path / "themes" / name).write_text(text, encoding="utf-8")
    return path


def feedback(*texts: str | None) -> pd.DataFrame:
    return pd.DataFrame({"feedback_id": [f"f{at}" for at in range(len(texts))], "text": list(texts)})


def hits(themes: list[dict[str, Any]], *texts: str | None) -> set[tuple[str, str]]:
    found = match_rules(feedback(*texts), taxonomy_of_payloads(themes))
    return set(zip(found["feedback_id"], found["theme_id"], strict=True))


@pytest.mark.parametrize(
    "edit",
    [
        {"owner": "Bia"},
        {"name": {"en": "Exports"}},
        {"description": "Files."},
        {"parent": "login"},
        {"since": "2026-01-01"},
        {"examples": EXPORT["examples"][::-1]},
    ],
)
def test_what_does_not_score_leaves_the_version(edit: dict[str, Any]) -> None:
    before = taxonomy_of_payloads([EXPORT, LOGIN]).version
    assert taxonomy_of_payloads([LOGIN, changed(EXPORT, **edit)]).version == before


@pytest.mark.parametrize(
    "edit",
    [
        {"any": [r"\bexport"]},
        {"none": []},
        {"examples": ["I cannot export"]},
        {"not": []},
        {"status": "proposed"},
        {"status": "retired", "merged_into": "login"},
    ],
)
def test_what_scores_changes_the_version(edit: dict[str, Any]) -> None:
    before = taxonomy_of_payloads([EXPORT, LOGIN]).version
    assert taxonomy_of_payloads([changed(EXPORT, **edit), LOGIN]).version != before


def test_rows_of_the_warehouse_and_files_are_the_same_taxonomy(tmp_path: Path) -> None:
    import yaml

    directory = folder(tmp_path, ("export.yml", yaml.safe_dump(EXPORT)), ("login.yml", yaml.safe_dump(LOGIN)))
    of_rows = taxonomy_of_payloads([json.dumps(EXPORT), json.dumps(LOGIN)])
    assert read_taxonomy(directory).version == of_rows.version
    assert read_taxonomy(directory / "themes").theme_ids == ("export", "login")


def test_a_bad_pattern_names_file_line_and_pattern(tmp_path: Path) -> None:
    directory = folder(
        tmp_path, ("export.yml", "id: export\nname: {en: Export}\nstatus: active\nany:\n  - '(a+)+b'\n")
    )
    with pytest.raises(GovernanceInvalid) as caught:
        read_taxonomy(directory)
    assert "themes/export.yml:5" in str(caught.value)
    assert "(a+)+b" in str(caught.value)
    with pytest.raises(GovernanceInvalid, match=r"themes/export\.yml"):
        taxonomy_of_payloads([changed(EXPORT, any=["("])])


def test_an_id_is_used_once_and_is_the_files_name(tmp_path: Path) -> None:
    with pytest.raises(GovernanceInvalid, match="once"):
        taxonomy_of_payloads([EXPORT, EXPORT])
    directory = folder(tmp_path, ("other.yml", "id: export\nname: {en: Export}\nstatus: active\n"))
    with pytest.raises(GovernanceInvalid, match="as the file is called"):
        read_taxonomy(directory)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyInvalid, match="nowhere"):
        read_taxonomy(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"status": "retired", "merged_into": "nothing"}, "an entry of themes/"),
        ({"status": "active", "merged_into": "login"}, "a retired theme"),
        ({"status": "retired", "merged_into": "export"}, "a merge that ends"),
    ],
)
def test_a_merge_that_leads_nowhere_is_refused(edit: dict[str, Any], message: str) -> None:
    with pytest.raises(GovernanceInvalid, match=message):
        taxonomy_of_payloads([changed(EXPORT, **edit), LOGIN])


def test_rules_find_what_any_matches_and_none_does_not() -> None:
    found = hits([EXPORT, LOGIN], "Cannot EXPORT", "the export tax rose", None, "", "planilha e log-in")
    assert found == {("f0", "export"), ("f4", "export"), ("f4", "login")}


def test_a_merged_theme_goes_on_finding_for_its_survivor() -> None:
    merged = changed(EXPORT, status="retired", merged_into="login")
    assert hits([merged, LOGIN], "cannot export", "login fails") == {("f0", "login"), ("f1", "login")}


@pytest.mark.parametrize("status", ["proposed", "retired"])
def test_what_is_proposed_or_over_finds_nothing(status: str) -> None:
    assert hits([changed(EXPORT, status=status), LOGIN], "cannot export") == set()


def test_rules_take_any_text_and_no_themes() -> None:
    texts = ("", "x", "😀" * 50, "שלום export", "a\x00b\ufffd", "export " * 150_000)
    assert hits([EXPORT], *texts) == {("f3", "export"), ("f5", "export")}
    assert match_rules(feedback("export"), taxonomy_of_payloads([])).empty


def test_overrides_come_as_a_frame(tmp_path: Path) -> None:
    assert read_overrides(tmp_path).empty
    (tmp_path / "theme_overrides.csv").write_text(
        "feedback_id,theme_id,action,by,at,reason\nf1,export,add,Ana,2026-01-01,seen\n", encoding="utf-8"
    )
    assert read_overrides(tmp_path).iloc[0].tolist() == ["f1", "export", "add", "Ana", "2026-01-01", "seen"]
    (tmp_path / "theme_overrides.csv").write_text(
        "feedback_id,theme_id,action\nf1,export,ad\n", encoding="utf-8"
    )
    with pytest.raises(GovernanceInvalid, match="'add'"):
        read_overrides(tmp_path)
