"""`norte themes`: what a person sees whatever it is given, and what is left for the next command."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner

from ingestion.enrichment.insight.cli import themes
from ingestion.enrichment.insight.taxonomy import read_taxonomy
from ingestion.warehouses.duckdb import DuckDBWarehouse
from tests.unit.enrichment.insight.test_engine import STRANGE, feedback

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


def test_strange_texts_stop_no_discovery(company: Path, tmp_path: Path) -> None:
    strange = pd.DataFrame({"feedback_id": [f"s{at:02}" for at in range(len(STRANGE))], "text": STRANGE})
    items = pd.concat([strange, feedback().tail(80)], ignore_index=True)
    items.to_parquet(tmp_path / "items.parquet")
    options = ("--feedback", tmp_path / "items.parquet", "--company", company, "--out", tmp_path / "out")
    code, said = run("discover", *options, "--encoder", "fallback")
    assert code == 0, said
    members = pd.read_parquet(tmp_path / "out" / "members.parquet")
    assert len(members) and set(members["feedback_id"]) <= set(items["feedback_id"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"feedback_id,text\n",
        b"feedback_id;text\na;b\n",
        b"feedback_id,text\na,\xff\xfe\n",
        b'feedback_id,text\na,"never closed\n',
        b"PAR1\x00\x01PAR1",
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet", "duckdb"])
def test_any_file_gives_rows_or_a_sentence(
    content: bytes, ending: str, company: Path, tmp_path: Path
) -> None:
    file = tmp_path / f"given.{ending}"
    file.write_bytes(content)
    options = ("--company", company, "--out", tmp_path / "out", "--encoder", "fallback")
    result = CliRunner().invoke(themes, ["score", "--feedback", str(file), *map(str, options)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 0 or "What to do" in result.output


@pytest.mark.parametrize("content", [b"id: [slow", b"- a\n- b\n", b"\xff\xfe\x00", b"id: slow\nany: 7\n"])
def test_any_theme_file_gives_a_sentence(content: bytes, company: Path) -> None:
    (company / "themes" / "slow.yml").write_bytes(content)
    code, said = run("lint", "--company", company, "--encoder", "fallback")
    assert code == 1
    assert "slow.yml" in said and "What to do" in " ".join(said.split())


def test_a_warehouse_that_was_not_built_or_is_written_to_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    assert "nothing was ever written" in " ".join(run("candidates", "--out", file)[1].split())
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table a (b int)")
    code, said = run("candidates", "--out", file)
    assert (code, "norte run --build" in " ".join(said.split())) == (1, True)
    with DuckDBWarehouse(file).lock("the build"):
        code, said = run("candidates", "--out", file)
    assert (code, "which the build" in " ".join(said.split())) == (1, True)
    assert "try again when the run is over" in " ".join(said.split())


def test_without_the_wheel_the_commands_say_what_the_themes_lack(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ingestion.enrichment.insight.encode.find_spec", lambda name: None)
    options = ("--feedback", tmp_path / "items.csv", "--company", company, "--out", tmp_path / "out")
    code, said = run("score", *options)
    assert (code, "norte[embeddings]" in caplog.text, "letters-1" in said) == (0, True, True)
    code, said = run("score", *options, "--encoder", "sentences")
    assert (code, "norte[embeddings]" in said) == (1, True)
