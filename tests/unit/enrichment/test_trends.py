"""What the trends engine tells: spikes, what is new, and candidates that keep their ids."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from ingestion.enrichment.engine import EngineContext
from ingestion.enrichment.insight.encode import LetterEncoder
from ingestion.enrichment.trends.pipeline import ENGINE, run
from ingestion.tables import arrow_schema
from tests.unit.enrichment.insight.test_engine import feedback as sentences

LAST = pd.Timestamp("2026-10-13")
Told = dict[str, pa.Table]


def days(burst: int) -> pd.DataFrame:
    rows = []
    for back in range(120):
        day = (LAST - pd.Timedelta(days=back)).date()
        for number in range(6):
            count = burst if number == 0 and back < 7 else (number + back) % 3
            rows.append({"theme_id": f"t{number}", "date_on": day, "item_count": count})
        total = sum(row["item_count"] for row in rows[-6:])
        rows.append({"theme_id": "all", "date_on": day, "item_count": total + 1})
    return pd.DataFrame(rows)


def unthemed() -> pd.DataFrame:
    texts = sentences()["text"].tolist()
    texts += [f"Please send the report number {at} by carrier pigeon" for at in range(12)]
    texts += [f"The office coffee of machine {at} tastes of soap" for at in range(12)]
    vectors = LetterEncoder().encode(texts)
    return pd.DataFrame(
        {
            "feedback_id": [f"f{at:03}" for at in range(len(texts))],
            "date_on": [(LAST - pd.Timedelta(days=at % 5)).date() for at in range(len(texts))],
            "language": "en",
            "text_redacted": texts,
            "is_duplicate": False,
            "vector": [base64.b64encode(row.astype(np.float16).tobytes()).decode() for row in vectors],
        }
    )


def told(daily: pd.DataFrame, items: pd.DataFrame, earlier: Told | None = None, day: int = 14) -> Told:
    def accepted(name: str, table: pd.DataFrame) -> pa.Table:
        schema = arrow_schema(dict(ENGINE.results[name].columns))
        return pa.Table.from_pandas(table, preserve_index=False).select(schema.names).cast(schema)

    def before(name: str) -> pa.Table:
        schema = arrow_schema(dict(ENGINE.results[name].columns))
        table = (earlier or {}).get(name, schema.empty_table())
        return table.append_column("_extracted_at", pa.nulls(table.num_rows, pa.timestamp("us")))

    context = EngineContext(
        now=datetime(2026, 10, day, 6), earlier={name: before(name) for name in ENGINE.reads_back}
    )
    frames = {
        "theme_days": pa.Table.from_pandas(daily, preserve_index=False),
        "unthemed": pa.Table.from_pandas(items, preserve_index=False),
    }
    return {name: accepted(name, table) for name, table in run(frames, context).items()}


def test_a_theme_that_bursts_is_an_alert_and_the_others_are_not() -> None:
    spikes = told(days(burst=6), unthemed())["spikes"].to_pandas()
    newest = spikes[spikes["date_on"] == LAST.date()].set_index("theme_id")["state"]
    assert newest["t0"] == "alert"
    assert set(newest.drop("t0")) == {"normal"}
    quiet = told(days(burst=1), unthemed())["spikes"].to_pandas()
    assert "alert" not in set(quiet["state"])


def test_candidates_keep_id_and_day_of_discovery_and_are_not_sought_again_without_need() -> None:
    items = unthemed()
    first = told(days(1), items)
    assert first["candidates"].num_rows >= 2
    examples = [json.loads(text) for text in first["candidates"].column("examples").to_pylist()]
    assert all(1 <= len(group) <= 8 for group in examples)
    again = told(days(1), items.sample(frac=1, random_state=7), first, day=15)
    assert again["candidates"].equals(first["candidates"])
    fewer = told(days(1), items.iloc[1:], first, day=15)["candidates"].to_pandas()
    assert set(fewer["candidate_id"]) <= set(first["candidates"].column("candidate_id").to_pylist())
    assert (fewer["found_at"] == pd.Timestamp("2026-10-14 06:00")).all()


def test_what_is_suddenly_said_without_a_theme_is_emerging() -> None:
    emerging = told(days(1), unthemed())["emerging"].to_pandas()
    assert len(emerging)
    assert (emerging["date_on"] == LAST.date()).all()
    assert emerging["example_ids"].str.contains("f").all()


def test_what_emerged_on_earlier_days_stays_as_it_was_told() -> None:
    first = told(days(1), unthemed())
    before = first["emerging"].to_pandas()
    # The day itself is told anew, whatever was told of it.
    again = told(days(1), unthemed().iloc[:0], first)["emerging"]
    assert again.num_rows == 0
    later = days(1)
    later["date_on"] = [day + timedelta(days=7) for day in later["date_on"]]
    kept = told(later, unthemed().iloc[:0], first, day=21)["emerging"].to_pandas()
    pd.testing.assert_frame_equal(kept, before)
    moved = unthemed()
    moved["date_on"] = [day + timedelta(days=7) for day in moved["date_on"]]
    both = told(later, moved, first, day=21)["emerging"].to_pandas()
    assert set(both["date_on"]) == {LAST.date(), LAST.date() + timedelta(days=7)}
    assert not both.duplicated(["emerging_id", "date_on"]).any()


def test_a_company_without_feedback_has_no_trends() -> None:
    assert told(days(1).head(0), unthemed().head(0)) == {}
