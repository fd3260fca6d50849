"""The engine as the pipeline runs it: what it remembers is what a run over everything finds."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from ingestion.enrichment.engine import EngineContext
from ingestion.enrichment.insight import encode
from ingestion.enrichment.insight.pipeline import ENGINE, run
from ingestion.tables import arrow_schema
from ingestion.warehouses.duckdb import DuckDBWarehouse
from tests.unit.enrichment.insight.test_engine import feedback as sentences
from tests.unit.enrichment.insight.test_engine import payloads

NOW = datetime(2026, 10, 14, 6)
SQL_TYPES = {
    "string": "varchar",
    "large_string": "varchar",
    "double": "double",
    "int64": "bigint",
    "bool": "boolean",
    "date32[day]": "date",
}
Told = dict[str, pd.DataFrame]


@pytest.fixture(autouse=True)
def words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fallback is quick, and what is remembered does not depend on the encoder."""
    monkeypatch.setattr(encode, "find_spec", lambda name: None)


def items() -> pd.DataFrame:
    frame = sentences().head(60).rename(columns={"text": "feedback_text"})
    personal = pd.DataFrame(
        {
            "feedback_id": ["p1", "p2", "p3"],
            "feedback_text": [
                "Call with Aurélia Prado. Write to aurelia@cliente.com.br or (11) 98765-4321,"
                " CPF 529.982.247-25.",
                "The export of orders fails after twelve thousand rows, please help us before Friday.",
                "RE: The export of orders fails after twelve thousand rows, please help us before Friday.",
            ],
        }
    )
    frame = pd.concat([frame, personal], ignore_index=True)
    frame["source"], frame["object_type"] = "zendesk", "ticket"
    names = enumerate(frame["feedback_id"])
    frame["account_id"] = ["a1" if name.startswith("p") else f"b{at}" for at, name in names]
    frame["person_key"] = None
    frame["duplicate_scope"] = frame["account_id"]
    frame["occurred_at"] = pd.Timestamp("2026-10-01") + pd.to_timedelta(range(len(frame)), unit="h")
    return frame


def told(frame: pd.DataFrame, earlier: Told | None = None, **changes: dict[str, Any]) -> Told:
    """What a run tells, as the pipeline accepts it."""
    names = pd.DataFrame({"account_id": ["a1"], "person_key": ["k1"], "person_name": ["Aurélia Prado"]})
    definitions = [json.dumps(payload) for payload in payloads(**changes)]
    found = run(
        {
            "feedback": pa.Table.from_pandas(frame, preserve_index=False),
            "names": pa.Table.from_pandas(names, preserve_index=False),
            "themes": pa.table({"definition": definitions}),
        },
        EngineContext(
            now=NOW,
            time_zone="America/Los_Angeles",
            earlier={name: _accepted(name, (earlier or {}).get(name)) for name in ENGINE.reads_back},
        ),
    )
    key = {name: list(result.key) for name, result in ENGINE.results.items()}
    return {
        name: _accepted(name, table).to_pandas().sort_values(key[name], ignore_index=True)
        for name, table in found.items()
    }


def _accepted(name: str, table: pd.DataFrame | None) -> pa.Table:
    schema = arrow_schema(dict(ENGINE.results[name].columns))
    if table is None:
        return schema.empty_table()
    return pa.Table.from_pandas(table, preserve_index=False).select(schema.names).cast(schema)


def same(left: Told, right: Told) -> None:
    for name, table in left.items():
        pd.testing.assert_frame_equal(table, right[name], check_dtype=False)


def test_a_run_over_new_items_tells_what_one_over_everything_tells() -> None:
    frame = items()
    whole = told(frame)
    first = told(frame.sample(frac=0.5, random_state=7))
    same(told(frame, first), whole)
    # What is gone, or says something else, leaves no trace.
    is_other = frame["feedback_id"] == "f0008"
    changed = frame.assign(feedback_text=frame["feedback_text"].mask(is_other, "Search is slow")).iloc[5:]
    same(told(changed, whole), told(changed))


def test_without_anything_new_no_model_is_loaded_and_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told(items())

    def loaded(*_: Any) -> None:
        raise AssertionError("a text was encoded")

    monkeypatch.setattr(encode.LetterEncoder, "encode", loaded)
    same(told(items(), whole), whole)


def test_another_taxonomy_scores_history_anew_and_another_owner_does_not() -> None:
    frame = items()
    whole = told(frame)
    renamed = told(frame, whole, **{payloads()[0]["id"]: {"owner": "Rui", "name": {"en": "Other"}}})
    same(renamed, whole)
    other_examples = {payloads()[0]["id"]: {"examples": ["Something else entirely", "Nothing of the kind"]}}
    other = told(frame, whole, **other_examples)
    anew = told(frame, **other_examples)
    same({name: table for name, table in other.items() if name != "versions"}, anew)
    assert other["items"]["taxonomy_version"].nunique() == 1
    assert other["items"]["taxonomy_version"].iloc[0] != whole["items"]["taxonomy_version"].iloc[0]
    assert len(other["theme_scores"]) != len(whole["theme_scores"])


def test_the_companys_day_on_which_something_else_scored_is_remembered() -> None:
    whole = told(items())
    before = whole["versions"].assign(scored_from_on=pd.Timestamp("2026-09-01").date())
    theme = payloads()[0]["id"]
    versions = told(items(), {**whole, "versions": before}, **{theme: {"any": ["other"]}})["versions"]
    assert [str(day) for day in versions["scored_from_on"]] == ["2026-09-01", "2026-10-13"]
    assert versions["taxonomy_version"].nunique() == 2
    # Until it is installed, who reads the results is told what they lack.
    assert (versions["note"] == "without_meaning").all()


def test_words_lose_what_identifies_people_and_the_names_of_the_accounts_people() -> None:
    text = told(items())["items"].set_index("feedback_id")["text_redacted"]["p1"]
    assert text == "Call with [name]. Write to [email] or [phone], CPF [cpf]."
    stranger = items().assign(account_id="b9")
    assert "[email]" in told(stranger)["items"].set_index("feedback_id")["text_redacted"]["p1"]


def test_copies_are_found_within_an_account_alone() -> None:
    found = told(items())["items"].set_index("feedback_id")
    assert found["duplicate_group_id"]["p3"] == "p2"
    assert found["is_duplicate"]["p3"] and not found["is_duplicate"]["p2"]
    apart = items()
    apart.loc[apart["feedback_id"] == "p3", "duplicate_scope"] = "a2"
    assert not told(apart, told(items()))["items"]["is_duplicate"].any()


def forgotten(whole: Told, feedback_ids: list[str] | None, place: Path) -> Told:
    """What is left of the results in a warehouse when the words of items are forgotten."""
    with DuckDBWarehouse(place).open() as session:
        session.execute("create schema enrichment_insight")
        for name in ENGINE.reads_back:
            rows = whole[name]
            key = rows[list(ENGINE.results[name].key)].astype("str").agg(":".join, axis=1)
            table = pa.Table.from_pandas(rows.assign(_key=key, _is_deleted=False), preserve_index=False)
            shape = ", ".join(f"{column.name} {SQL_TYPES[str(column.type)]}" for column in table.schema)
            session.execute(f"create table enrichment_insight.{name} ({shape})")
            for row in table.to_pylist():
                told = ", ".join(f"${column}" for column in row)
                session.execute(f"insert into enrichment_insight.{name} values ({told})", row)
        assert ENGINE.forget is not None
        ENGINE.forget(session, ENGINE.dataset, feedback_ids)
        return {
            name: session.arrow(f"select * from enrichment_insight.{name}").to_pandas()
            for name in ENGINE.reads_back
        }


def test_what_was_found_in_words_outlives_them(tmp_path: Path) -> None:
    frame = items()
    whole = told(frame)
    themed = whole["theme_scores"]["feedback_id"].iloc[0]
    gone = [themed, "p1", "p3"]
    left = forgotten(whole, gone, tmp_path / "warehouse.duckdb")
    hers = left["items"]["feedback_id"].isin(gone)
    assert left["items"].loc[hers, "text_redacted"].isna().all()
    hashes = set(whole["items"].loc[whole["items"]["feedback_id"].isin(gone), "text_hash"])
    assert not hashes & {*left["items"]["text_hash"], *left["vectors"]["text_hash"]}

    wordless = frame.assign(feedback_text=frame["feedback_text"].mask(frame["feedback_id"].isin(gone)))
    changed = {payloads()[-1]["id"]: {"any": ["another pattern"]}}
    for found in (told(wordless, left), told(wordless, told(wordless, left), **changed)):
        columns = ["feedback_id", "language", "kind", "sentiment", "duplicate_group_id", "is_duplicate"]
        pd.testing.assert_frame_equal(found["items"][columns], whole["items"][columns], check_dtype=False)
        now, then = (
            table[table["feedback_id"].isin(gone)] for table in (found["theme_scores"], whole["theme_scores"])
        )
        assert len(now) and list(now["theme_id"]) == list(then["theme_id"])
        assert found["items"].set_index("feedback_id")["text_redacted"][gone].isna().all()


def test_where_nobody_knows_whose_words_are_whose_all_are_read_again(tmp_path: Path) -> None:
    whole = told(items())
    left = forgotten(whole, None, tmp_path / "warehouse.duckdb")
    assert not any(len(left[name]) for name in ("items", "vectors", "theme_scores", "rule_matches"))


def test_a_company_without_feedback_or_themes_tells_nothing() -> None:
    empty = told(items().head(0))
    assert {name for name, table in empty.items() if len(table)} == {"themes", "versions"}
