"""`norte themes` on files: what a person sees, and what is left for the next command."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from ingestion.enrichment.insight.cli import themes
from ingestion.enrichment.insight.taxonomy import read_taxonomy
from tests.unit.enrichment.insight.test_engine import feedback

TOPIC = "id: slow\nname: {en: Slow}\nstatus: active\nany: ['\\bslow\\b']\nexamples: [the report is slow]\n"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    (tmp_path / "company" / "themes").mkdir(parents=True)
    (tmp_path / "company" / "themes" / "slow.yml").write_text(TOPIC, encoding="utf-8")
    feedback().to_csv(tmp_path / "items.csv", index=False)
    return tmp_path / "company"


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(themes, [str(word) for word in words])
    return result.exit_code, result.output


def test_from_items_to_a_proposed_theme(company: Path, tmp_path: Path) -> None:
    items, out = tmp_path / "items.csv", tmp_path / "out"
    options = ("--feedback", items, "--company", company, "--out", out, "--encoder", "fallback")
    code, said = run("score", *options)
    assert code == 0, said
    assert len(pd.read_parquet(out / "items.parquet")) == len(feedback())
    assert "0 new texts" in run("score", *options)[1]
    code, said = run("discover", *options)
    assert code == 0, said
    found = pd.read_parquet(out / "candidates.parquet")
    assert len(found) > 1
    code, said = run(
        "promote", found["candidate_id"].iloc[0], "--theme", "newly_found", "--company", company, "--out", out
    )
    assert code == 0, said
    assert read_taxonomy(company).by_id["newly_found"].status == "proposed"
    code, said = run("review", "--out", out, "--to", tmp_path / "sheet.csv", "--sample", 20)
    assert code == 0, said
    assert len(pd.read_csv(tmp_path / "sheet.csv")) >= 20


def test_a_broken_taxonomy_or_file_ends_with_a_sentence(company: Path, tmp_path: Path) -> None:
    code, said = run("lint", "--company", company, "--encoder", "fallback")
    assert (code, "few_examples" in said) == (0, True)
    (company / "themes" / "slow.yml").write_text(TOPIC.replace("\\bslow\\b", "(w+)+x"), encoding="utf-8")
    code, said = run("lint", "--company", company)
    assert code == 1
    assert "themes/slow.yml" in said
    code, said = run("score", "--feedback", tmp_path / "no.csv", "--company", company, "--out", tmp_path)
    assert code == 1
    assert "no.csv" in said
