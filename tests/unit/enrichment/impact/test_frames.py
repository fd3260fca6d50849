"""Bad frames are refused in words; untidy ones change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.enrichment.impact.engine import evaluate, evaluate_directory
from ingestion.enrichment.impact.frames import FramesInvalid
from tests.bench.impact.worlds import KINDS, World, simulate

NUMBERS = ["effect_abs", "std_error", "p_value", "q_value", "ci_low", "ci_high", "baseline_value"]


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(KINDS["spike"], accounts=400, seed=3, weeks=70, deliveries=8)


@pytest.fixture(scope="module")
def rows(world: World) -> pd.DataFrame:
    return evaluate(world.frames, weekly=False).impact.to_pandas()


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    key = ["delivery_id", "metric"]
    found, expected = found.sort_values(key), expected.sort_values(key)
    assert found["verdict"].tolist() == expected["verdict"].tolist()
    assert found["verdict_reason"].tolist() == expected["verdict_reason"].tolist()
    np.testing.assert_allclose(
        found[NUMBERS].to_numpy(dtype=float), expected[NUMBERS].to_numpy(dtype=float), rtol=1e-6, atol=1e-9
    )


def test_every_delivery_and_metric_has_one_row(world: World, rows: pd.DataFrame) -> None:
    assert len(rows) == 8 * 5
    assert not rows.duplicated(["delivery_id", "metric"]).any()


def test_duplicates_and_order_change_nothing(world: World, rows: pd.DataFrame) -> None:
    untidy = {
        name: pd.concat([frame, frame.sample(frac=0.3, random_state=1)]).sample(frac=1, random_state=2)
        for name, frame in world.frames.items()
    }
    assert_same(evaluate(untidy, weekly=False).impact.to_pandas(), rows)


def test_a_later_second_exposure_changes_nothing(world: World, rows: pd.DataFrame) -> None:
    again = world.frames["exposures"].copy()
    again["first_exposed_week"] += pd.Timedelta(weeks=3)
    frames = {**world.frames, "exposures": pd.concat([again, world.frames["exposures"]])}
    assert_same(evaluate(frames, weekly=False).impact.to_pandas(), rows)


def test_rows_of_a_week_still_being_written_change_nothing(world: World, rows: pd.DataFrame) -> None:
    weeks = world.frames["account_week"]
    begun = weeks[weeks["week"] == weeks["week"].max()].head(20).copy()
    begun["week"] += pd.Timedelta(weeks=1)
    found = evaluate({**world.frames, "account_week": pd.concat([weeks, begun])}, weekly=False)
    assert_same(found.impact.to_pandas(), rows)


def test_other_account_ids_give_the_same_verdicts(world: World, rows: pd.DataFrame) -> None:
    ids = world.frames["accounts"]["account_id"]
    order = np.random.default_rng(5).permutation(len(ids))
    new = dict(zip(ids, [f"konto «{number}» 'x" for number in order], strict=True))
    frames = {
        name: frame.assign(account_id=frame["account_id"].map(new)) if "account_id" in frame else frame
        for name, frame in world.frames.items()
    }
    assert_same(evaluate(frames, weekly=False).impact.to_pandas(), rows)


def test_weekly_segment_and_seats_win_over_the_account(world: World, rows: pd.DataFrame) -> None:
    fixed = world.frames["accounts"].set_index("account_id")
    weeks = world.frames["account_week"].copy()
    weeks["segment"] = weeks["account_id"].map(fixed["segment"])
    weeks["seats"] = weeks["account_id"].map(fixed["seats"])
    wrong = world.frames["accounts"].assign(segment="one", seats=1)
    found = evaluate({**world.frames, "accounts": wrong, "account_week": weeks}, weekly=False)
    assert_same(found.impact.to_pandas(), rows)


def test_files_and_frames_give_the_same(world: World, rows: pd.DataFrame, tmp_path: Path) -> None:
    for name, frame in world.frames.items():
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / f"{name}.parquet")
    out = tmp_path / "out" / "impact.parquet"
    evaluate_directory(tmp_path, out)
    assert_same(pq.read_table(out).to_pandas(), rows)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("account_week", lambda frame: frame.drop(columns="mrr"), "mrr"),
        ("accounts", lambda frame: frame.assign(seats=-1), "seats"),
        (
            "account_week",
            lambda frame: frame.assign(week=frame["week"] + pd.Timedelta(days=1)),
            "Mondays",
        ),
        (
            "exposures",
            lambda frame: frame.assign(first_exposed_week=frame["first_exposed_week"] + pd.Timedelta(days=2)),
            "Mondays",
        ),
        ("deliveries", lambda frame: frame.assign(rollout="dark"), "dark"),
        ("accounts", lambda frame: frame.assign(account_id=None), "account_id"),
        ("account_week", lambda frame: frame.assign(wau=-2), "wau"),
        ("account_week", lambda frame: frame.assign(tickets=np.inf), "tickets"),
        ("account_week", lambda frame: frame.assign(mrr="a lot"), "account_week"),
        ("account_week", lambda frame: frame.head(0), "empty"),
        (
            "account_week",
            lambda frame: pd.concat([frame, frame.head(1).assign(week=pd.Timestamp("1970-01-05"))]),
            "far from the others",
        ),
        (
            "deliveries",
            lambda frame: pd.concat([frame, frame.assign(rollout="general", has_adopter_list=False)]),
            "rows that differ",
        ),
        ("assignments", lambda frame: frame.drop(columns="arm"), "arm"),
        ("exposures", lambda frame: frame.assign(delivery_id=None), "delivery_id"),
    ],
)
def test_a_bad_frame_is_refused_with_what_to_do(world: World, name: str, change, words: str) -> None:
    frames = {**world.frames, name: change(world.frames[name])}
    with pytest.raises(FramesInvalid, match=words) as error:
        evaluate(frames)
    assert "What to do" in str(error.value)


@pytest.mark.parametrize(
    ("rollout", "change", "words"),
    [("experiment", 2, "arms must be 0 and 1"), ("phased", -1, "waves are numbered from 1")],
)
def test_arms_and_waves_that_cannot_be_give_no_number(
    world: World, rollout: str, change: int, words: str
) -> None:
    deliveries, arms = world.frames["deliveries"], world.frames["assignments"].copy()
    mine = deliveries.loc[deliveries["rollout"] == rollout, "delivery_id"].iloc[0]
    arms.loc[arms["delivery_id"] == mine, "arm"] += change
    found = evaluate({**world.frames, "assignments": arms}, weekly=False).impact.to_pandas()
    found = found[found["delivery_id"] == mine]
    assert set(found["verdict"]) == {"not_measurable"}
    assert found["verdict_reason"].str.contains(words).all()
    assert found[["effect_abs", "ci_low", "ci_high", "p_value"]].isna().all().all()


def test_a_file_that_is_no_parquet_is_refused(world: World, tmp_path: Path) -> None:
    file = tmp_path / "accounts.parquet"
    file.write_text("account_id,region\n")
    with pytest.raises(FramesInvalid, match=r"accounts\.parquet"):
        evaluate({**world.frames, "accounts": file})


def test_a_folder_without_a_needed_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FramesInvalid, match=r"accounts\.parquet"):
        evaluate_directory(tmp_path, tmp_path / "out.parquet")


def test_two_hundred_accounts_do_not_crash() -> None:
    found = evaluate(simulate(KINDS["spike"], accounts=200, seed=1, weeks=60, deliveries=8).frames).impact
    assert found.num_rows == 40


def test_few_rows_do_not_crash() -> None:
    world = simulate(KINDS["spike"], accounts=10, seed=1, weeks=40, deliveries=4)
    found = evaluate(world.frames).impact.to_pandas()
    assert set(found["verdict"]) <= {"not_measurable", "too_early"}


def test_columns_in_which_nothing_is_known_are_read(world: World, tmp_path: Path) -> None:
    frames = {
        **world.frames,
        "accounts": world.frames["accounts"].assign(churn_week=None),
        "deliveries": world.frames["deliveries"].assign(released_at=None),
    }
    for name, frame in frames.items():
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / f"{name}.parquet")
    from_files = evaluate_directory(tmp_path, tmp_path / "out.parquet").impact
    assert set(from_files["verdict"].to_pylist()) == {"too_early"}
    assert evaluate(frames).impact.num_rows == from_files.num_rows
