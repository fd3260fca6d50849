"""Which rung a delivery is judged on, when no verdict is given, and what stays as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ingestion.enrichment.impact.contrasts import balance
from ingestion.enrichment.impact.engine import METHOD_VERSION, evaluate
from ingestion.enrichment.impact.panel import linearised
from tests.bench.impact.worlds import FIRST_WEEK, KINDS, World, simulate

NO_NUMBER = ["effect_abs", "effect_rel", "std_error", "ci_low", "ci_high", "p_value", "q_value", "mde_abs"]


def company(kind: str = "spike", accounts: int = 500, seed: int = 11, deliveries: int = 8) -> World:
    return simulate(KINDS[kind], accounts=accounts, seed=seed, weeks=80, deliveries=deliveries)


@pytest.fixture(scope="module")
def world() -> World:
    return company()


def judged(frames: dict[str, pd.DataFrame], **options: object) -> pd.DataFrame:
    return evaluate(frames, weekly=False, **options).impact.to_pandas()


@pytest.fixture(scope="module")
def rows(world: World) -> pd.DataFrame:
    return judged(world.frames)


def with_delivery(world: World, **changes: object) -> tuple[dict[str, pd.DataFrame], str]:
    """The first listed delivery of the world, changed."""
    deliveries = world.frames["deliveries"].copy()
    at = deliveries.index[deliveries["has_adopter_list"]][0]
    for column, value in changes.items():
        deliveries.loc[at, column] = value
    return {**world.frames, "deliveries": deliveries}, str(deliveries.loc[at, "delivery_id"])


def of(rows: pd.DataFrame, delivery_id: str) -> pd.DataFrame:
    return rows[rows["delivery_id"] == delivery_id]


def test_each_kind_of_rollout_stands_on_its_rung(world: World, rows: pd.DataFrame) -> None:
    rung = rows.merge(world.frames["deliveries"], on="delivery_id")
    expected = {"general": "adopters", "experiment": "randomised", "phased": "phased"}
    assert (rung["design_rung"] == rung["rollout"].map(expected)).all()


def test_without_lists_deliveries_move_down_the_ladder(world: World) -> None:
    frames = {name: frame for name, frame in world.frames.items() if name not in ("exposures", "assignments")}
    rung = judged(frames).merge(world.frames["deliveries"], on="delivery_id")
    assert set(rung.loc[rung["rollout"] == "general", "design_rung"]) == {"series"}
    others = rung[rung["rollout"] != "general"]
    assert set(others["design_rung"]) <= {"descriptive"}
    assert set(others["verdict"]) <= {"not_measurable", "too_early"}


def test_no_verdict_comes_without_interval_and_no_refusal_with_a_number(rows: pd.DataFrame) -> None:
    refused = rows["verdict"].isin(["not_measurable", "too_early"])
    assert refused.any()
    assert not refused.all()
    assert rows.loc[refused, NO_NUMBER].isna().all().all()
    assert rows.loc[~refused, NO_NUMBER[:1] + NO_NUMBER[2:]].notna().all().all()
    assert (rows["verdict_reason"].str.len() > 0).all()


def test_releases_of_the_last_weeks_are_too_early() -> None:
    found = judged(company("too_early").frames)
    assert set(found["verdict"]) == {"too_early"}
    assert found["frozen_at"].isna().all()


def test_an_unreleased_delivery_is_too_early(world: World) -> None:
    frames, delivery = with_delivery(world, released_at=pd.NaT)
    assert set(of(judged(frames), delivery)["verdict"]) == {"too_early"}


def test_a_release_after_the_data_is_too_early(world: World) -> None:
    frames, delivery = with_delivery(world, released_at=FIRST_WEEK + pd.Timedelta(weeks=300))
    assert set(of(judged(frames), delivery)["verdict"]) == {"too_early"}


def test_a_release_without_history_is_not_measurable(world: World) -> None:
    frames, delivery = with_delivery(world, released_at=FIRST_WEEK + pd.Timedelta(weeks=5))
    found = of(judged(frames), delivery)
    assert set(found["verdict"]) == {"not_measurable"}
    assert found["verdict_reason"].str.contains("5 weeks of history").all()


def test_a_list_without_anybody_is_not_measurable(world: World) -> None:
    frames, delivery = with_delivery(world)
    exposures = frames["exposures"]
    found = of(judged({**frames, "exposures": exposures[exposures["delivery_id"] != delivery]}), delivery)
    assert set(found["verdict"]) <= {"not_measurable", "too_early"}
    assert found[NO_NUMBER].isna().all().all()


def test_an_account_in_two_arms_makes_the_experiment_not_measurable(world: World) -> None:
    experiments = world.frames["deliveries"].query("rollout == 'experiment'")["delivery_id"]
    assert len(experiments)
    arms = world.frames["assignments"]
    twice = (
        arms[arms["delivery_id"] == experiments.iloc[0]].head(1).assign(arm=lambda frame: 1 - frame["arm"])
    )
    found = of(judged({**world.frames, "assignments": pd.concat([arms, twice])}), experiments.iloc[0])
    assert set(found["verdict"]) == {"not_measurable"}
    assert found["verdict_reason"].str.contains("more than one arm").all()


def test_a_large_effect_of_an_experiment_is_found_with_its_sign(world: World) -> None:
    frames = dict(world.frames)
    rng = np.random.default_rng(1)
    accounts = frames["accounts"]["account_id"]
    arm = pd.DataFrame(
        {"delivery_id": "planted", "account_id": accounts, "arm": rng.integers(0, 2, len(accounts))}
    )
    frames["assignments"] = arm
    week = FIRST_WEEK + pd.Timedelta(weeks=40)
    frames["deliveries"] = pd.DataFrame(
        {
            "delivery_id": ["planted"],
            "issue_key": ["P-1"],
            "released_at": [week],
            "rollout": ["experiment"],
            "assignment_unit": ["account"],
            "has_adopter_list": [False],
        }
    )
    weeks = frames["account_week"].copy()
    hit = weeks["account_id"].isin(arm.loc[arm["arm"] == 1, "account_id"]) & (weeks["week"] > week)
    weeks["mrr"] = weeks["mrr"] * np.where(hit, 1.2, 1.0)
    weeks["tickets"] = weeks["tickets"] * np.where(hit, 1.6, 1.0)
    weeks["logins"] = weeks["wau"] * np.where(hit, 2.0, 1.0)
    found = judged({**frames, "account_week": weeks}).set_index("metric")
    assert found.loc["mrr_rel", "verdict"] == "improved"
    assert found.loc["mrr_rel", "effect_rel"] == pytest.approx(0.2, abs=0.05)
    assert found.loc["tickets", "verdict"] == "worsened"
    assert found.loc["logins", "verdict"] == "improved"
    assert found.loc["csat", "verdict"] == "no_detectable_effect"


def test_a_price_that_changed_before_an_experiment_is_no_noise_in_it(world: World) -> None:
    frames = dict(world.frames)
    accounts = frames["accounts"]
    rng = np.random.default_rng(1)
    frames["assignments"] = pd.DataFrame(
        {
            "delivery_id": "priced",
            "account_id": accounts["account_id"],
            "arm": rng.integers(0, 2, len(accounts)),
        }
    )
    week = FIRST_WEEK + pd.Timedelta(weeks=40)
    frames["deliveries"] = pd.DataFrame(
        {
            "delivery_id": ["priced"],
            "released_at": [week],
            "rollout": ["experiment"],
            "assignment_unit": ["account"],
            "has_adopter_list": [False],
        }
    )
    doubled = pd.Series(
        week - pd.to_timedelta(7 * rng.integers(1, 8, len(accounts)), unit="D"), accounts["account_id"]
    )
    weeks = frames["account_week"].copy()
    doubled[rng.random(len(doubled)) < 0.5] = pd.NaT
    weeks["mrr"] = 100.0 * np.where(weeks["week"] >= weeks["account_id"].map(doubled), 2, 1)
    weeks.loc[weeks["subscribed"] == 0, "mrr"] = 0.0
    found = judged({**frames, "account_week": weeks}).set_index("metric").loc["mrr_rel"]
    # What is left are those who leave: without the last price it was twice as much.
    assert (found["ci_high"] - found["ci_low"]) / 2 < 0.03 * found["counterfactual_value"]


def test_how_many_answer_is_no_noise_in_what_they_say() -> None:
    answers = np.array([0.0, 1.0, 3.0, 12.0])
    agreed = linearised(4.2 * answers, answers, np.ones(4), centre=3.8)
    assert agreed == pytest.approx(np.full(4, 0.4))
    split = linearised(np.array([0.0, 2.0, 9.0, 60.0]), answers, np.array([1.0, 2.0, 1.0, 0.5]), centre=3.8)
    assert np.average(split, weights=[1.0, 2.0, 1.0, 0.5]) == pytest.approx(43 / 11 - 3.8)
    assert linearised(np.zeros(2), np.zeros(2), np.ones(2), centre=3.8) == pytest.approx(np.zeros(2))


def test_an_adopted_effect_is_found_and_not_lent_to_its_neighbours() -> None:
    world = company("no_effect", accounts=2_000, deliveries=6)
    frames, delivery = with_delivery(world, released_at=FIRST_WEEK + pd.Timedelta(weeks=40))
    exposures = frames["exposures"].copy()
    listed = exposures["delivery_id"] == delivery
    shift = exposures.loc[listed, "first_exposed_week"].min() - (FIRST_WEEK + pd.Timedelta(weeks=40))
    exposures.loc[listed, "first_exposed_week"] -= shift
    first = exposures[listed].set_index("account_id")["first_exposed_week"]
    weeks = frames["account_week"].copy()
    since = weeks["account_id"].map(first)
    weeks["mrr"] = weeks["mrr"] * np.where(weeks["week"] >= since, 1.15, 1.0)
    found = judged({**frames, "exposures": exposures, "account_week": weeks})
    mrr = found[found["metric"] == "mrr_rel"].set_index("delivery_id")
    assert mrr.loc[delivery, "verdict"] == "improved"
    assert mrr.loc[delivery, "effect_rel"] == pytest.approx(0.15, abs=0.04)
    others = mrr.drop(delivery)
    assert "improved" not in set(others["verdict"])


def test_a_big_bang_near_another_release_is_not_measurable() -> None:
    world = company("big_bang", accounts=300)
    found = judged(world.frames)
    assert set(found["design_rung"]) == {"series"}
    deliveries = world.frames["deliveries"].head(1)
    near = deliveries.assign(
        delivery_id="near", released_at=deliveries["released_at"] + pd.Timedelta(weeks=3)
    )
    crowded = judged({**world.frames, "deliveries": pd.concat([deliveries, near])})
    assert not crowded["verdict"].isin(["improved", "worsened", "no_detectable_effect"]).any()
    assert crowded["verdict_reason"].str.contains("another release").all()
    # The sentence is for people, who know the key; the column is for joins, which need the id.
    neighbours = crowded[crowded["delivery_id"] == "near"]
    key, identity = deliveries["issue_key"].item(), deliveries["delivery_id"].item()
    assert neighbours["verdict_reason"].str.contains(f"release: {key}", regex=False).all()
    assert (neighbours["overlap_delivery_ids"] == identity).all()
    without_keys = pd.concat([deliveries, near]).drop(columns="issue_key")
    unnamed = of(judged({**world.frames, "deliveries": without_keys}), "near")
    assert unnamed["verdict_reason"].str.contains(f"release: {identity}", regex=False).all()


def test_exposing_everybody_at_once_is_read_as_a_series(world: World) -> None:
    frames, delivery = with_delivery(world, released_at=FIRST_WEEK + pd.Timedelta(weeks=60))
    everybody = pd.DataFrame(
        {
            "delivery_id": delivery,
            "account_id": frames["accounts"]["account_id"],
            "first_exposed_week": FIRST_WEEK + pd.Timedelta(weeks=60),
        }
    )
    others = frames["exposures"][frames["exposures"]["delivery_id"] != delivery]
    found = of(judged({**frames, "exposures": pd.concat([others, everybody])}), delivery)
    assert set(found["design_rung"]) == {"series"}


def test_tickets_of_a_theme_replace_all_tickets(world: World, rows: pd.DataFrame) -> None:
    frames, delivery = with_delivery(world, theme_id="exports")
    weeks = frames["account_week"]
    few = weeks[weeks["tickets"] > 0][["account_id", "week"]].assign(theme_id="exports", tickets=1)
    found = of(judged({**frames, "account_week_theme": few}), delivery).set_index("metric")
    before = of(rows, delivery).set_index("metric")
    assert found.loc["tickets", "baseline_value"] < before.loc["tickets", "baseline_value"]
    assert found.loc["active", "effect_abs"] == pytest.approx(before.loc["active", "effect_abs"])
    assert found["theme_id"].dropna().to_dict() == {"tickets": "exports"}


def test_a_theme_without_a_ticket_is_not_measurable(world: World) -> None:
    frames, delivery = with_delivery(world, theme_id="exports")
    nothing = world.frames["account_week"].head(0)[["account_id", "week"]].assign(theme_id="", tickets=0)
    found = of(judged({**frames, "account_week_theme": nothing}), delivery).set_index("metric")
    assert found.loc["tickets", "verdict"] == "not_measurable"
    assert found.loc["tickets", NO_NUMBER].isna().all()


def test_few_answers_give_no_verdict_on_satisfaction(world: World, rows: pd.DataFrame) -> None:
    weeks = world.frames["account_week"].copy()
    silent = weeks["account_id"].str[-1] != "7"
    weeks.loc[silent, ["csat_sum", "csat_n"]] = 0
    found = judged({**world.frames, "account_week": weeks})
    few = found[
        (found["metric"] == "csat") & found["verdict_reason"].str.contains("exposed accounts with answers")
    ]
    assert len(few)
    assert set(few["verdict"]) == {"not_measurable"}
    assert few[NO_NUMBER].isna().all().all()


def test_waves_that_follow_at_once_are_not_measurable_and_the_reason_says_so(world: World) -> None:
    frames, delivery = with_delivery(
        world,
        released_at=FIRST_WEEK + pd.Timedelta(weeks=60),
        rollout="phased",
        assignment_unit="account",
        has_adopter_list=False,
    )
    ids = frames["accounts"]["account_id"]
    wave = np.arange(len(ids)) % 2
    assignments = pd.DataFrame({"delivery_id": delivery, "account_id": ids, "arm": wave + 1})
    exposures = pd.DataFrame(
        {
            "delivery_id": delivery,
            "account_id": ids,
            "first_exposed_week": FIRST_WEEK + pd.to_timedelta(7 * (60 + wave), unit="D"),
        }
    )
    others = [frames[name][frames[name]["delivery_id"] != delivery] for name in ("assignments", "exposures")]
    found = of(
        judged(
            {
                **frames,
                "assignments": pd.concat([others[0], assignments]),
                "exposures": pd.concat([others[1], exposures]),
            }
        ),
        delivery,
    )
    assert set(found["design_rung"]) == {"phased"}
    assert set(found["verdict"]) == {"not_measurable"}
    assert found["verdict_reason"].str.contains("followed soon").all()
    assert found[NO_NUMBER].isna().all().all()


def test_controls_weigh_in_each_stratum_what_its_treated_do() -> None:
    treated = np.array([True, True, False, False, False, False, False])
    strata = np.array([0, 1, 0, 0, 1, 1, 1])
    kept, weights = balance(treated, strata, 2)
    assert kept is not None
    assert np.bincount(strata[kept], weights=weights) == pytest.approx([0.0, 0.0])


def test_a_frozen_verdict_stays_when_later_weeks_come(world: World) -> None:
    weeks = world.frames["account_week"]
    until = FIRST_WEEK + pd.Timedelta(weeks=60)
    exposures = world.frames["exposures"]
    early = {
        **world.frames,
        "account_week": weeks[weeks["week"] < until],
        "exposures": exposures[exposures["first_exposed_week"] < until],
    }
    first = evaluate(early, weekly=False).impact
    frozen = first.to_pandas().dropna(subset="frozen_at")
    assert len(frozen)
    later = evaluate(world.frames, previous=first, weekly=False).impact.to_pandas()
    both = frozen.merge(later, on=["delivery_id", "metric"], suffixes=("_then", "_now"))
    assert len(both) == len(frozen)
    for column in ("verdict", "verdict_reason", "data_through", "frozen_at"):
        assert both[f"{column}_then"].tolist() == both[f"{column}_now"].tolist()
    pd.testing.assert_series_equal(both["q_value_then"], both["q_value_now"], check_names=False)
    assert (later["verdict"] == "too_early").sum() < (first.to_pandas()["verdict"] == "too_early").sum()


def test_rows_of_another_method_version_are_kept_and_no_longer_current(
    world: World, rows: pd.DataFrame
) -> None:
    table = evaluate(world.frames, weekly=False).impact
    old = table.set_column(
        table.schema.get_field_index("method_version"), "method_version", pa.array(["older"] * table.num_rows)
    )
    found = judged(world.frames, previous=old)
    assert len(found) == 2 * len(rows)
    assert not found.loc[found["method_version"] == "older", "is_current"].any()
    assert found.loc[found["method_version"] == METHOD_VERSION, "is_current"].all()


def test_weekly_rows_show_measured_deliveries_around_their_exposure(world: World, rows: pd.DataFrame) -> None:
    weekly = evaluate(world.frames).weekly.to_pandas()
    measured = rows[rows["effect_abs"].notna()]
    assert set(measured["design_rung"]) == {"randomised", "adopters"}
    assert set(measured["delivery_id"]) <= set(weekly["delivery_id"])
    assert weekly["weeks_since_exposure"].between(-12, 12).all()
    chosen = weekly.merge(rows[["delivery_id", "metric", "design_rung"]], on=["delivery_id", "metric"])
    adopted = chosen.loc[chosen["design_rung"] == "adopters", "weeks_since_exposure"]
    assert set(adopted) == set(range(-12, 13)) - {0}
    assert (weekly["ci_low"] <= weekly["effect_abs"]).all()
    assert (weekly["effect_abs"] <= weekly["ci_high"]).all()


def test_the_course_of_arms_is_nothing_before_and_the_effect_after(world: World, rows: pd.DataFrame) -> None:
    arms = rows[(rows["design_rung"] == "randomised") & rows["effect_abs"].notna()]
    course = evaluate(world.frames).weekly.to_pandas().merge(arms, on=["delivery_id", "metric"])
    cells = course.assign(moved=course["effect_abs_x"] / course["std_error"]).groupby(
        ["delivery_id", "metric"]
    )
    assert len(cells) == len(arms[arms["metric"] != "csat"])
    for (_, metric), cell in cells:
        moved = cell.set_index("weeks_since_exposure")["moved"]
        assert set(moved.index) >= set(range(-12, 9))
        assert abs(moved.loc[-8:-1].mean()) < 1e-9
        # Who leaves is known for some of the eight weeks only, except in revenue.
        apart = moved.loc[1:8].mean() - cell["effect_abs_y"].iloc[0] / cell["std_error"].iloc[0]
        assert abs(apart) < (1e-9 if metric == "mrr_rel" else 0.5)


def test_arms_that_part_before_the_release_are_drawn_apart(world: World) -> None:
    deliveries, assigned = world.frames["deliveries"], world.frames["assignments"]
    delivery = deliveries[deliveries["rollout"] == "experiment"].iloc[0]
    arm = assigned[assigned["delivery_id"] == delivery["delivery_id"]].set_index("account_id")["arm"]
    weeks = world.frames["account_week"].copy()
    since = (weeks["week"] - delivery["released_at"].normalize()).dt.days / 7
    early = (weeks["account_id"].map(arm) == 1) & since.between(-4.5, -0.5)
    weeks["mrr"] = weeks["mrr"] * np.where(early, 1.3, 1.0)
    told = evaluate({**world.frames, "account_week": weeks}).weekly.to_pandas()
    course = told[(told["delivery_id"] == delivery["delivery_id"]) & (told["metric"] == "mrr_rel")]
    before = course.set_index("weeks_since_exposure").loc[-4:-1]
    assert (before["ci_low"] > 0.05).all()


def test_the_course_of_a_delivery_without_effect_stays_around_zero_beside_one_with() -> None:
    world = company("no_effect", accounts=2_000, deliveries=6)
    frames, delivery = with_delivery(world, released_at=FIRST_WEEK + pd.Timedelta(weeks=40))
    exposures = frames["exposures"].copy()
    listed = exposures["delivery_id"] == delivery
    exposures.loc[listed, "first_exposed_week"] -= exposures.loc[listed, "first_exposed_week"].min() - (
        FIRST_WEEK + pd.Timedelta(weeks=40)
    )
    near = exposures[listed].sample(frac=0.7, random_state=1).assign(delivery_id="near")
    near["first_exposed_week"] += pd.Timedelta(weeks=2)
    deliveries = frames["deliveries"]
    twin = deliveries[deliveries["delivery_id"] == delivery].assign(
        delivery_id="near", released_at=FIRST_WEEK + pd.Timedelta(weeks=42)
    )
    since = (
        frames["account_week"]["account_id"]
        .map(exposures[listed].set_index("account_id")["first_exposed_week"])
        .to_numpy()
    )
    weeks = frames["account_week"].copy()
    weeks["mrr"] = weeks["mrr"] * np.where(weeks["week"] >= since, 1.4, 1.0)
    told = evaluate(
        {
            **frames,
            "account_week": weeks,
            "exposures": pd.concat([exposures, near]),
            "deliveries": pd.concat([deliveries, twin]),
        }
    )
    course = told.weekly.to_pandas().query("metric == 'mrr_rel' and 1 <= weeks_since_exposure <= 8")
    means = course.groupby("delivery_id")["effect_abs"].mean()
    assert means[delivery] > 0.2
    assert abs(means["near"]) < 0.1


def test_the_same_frames_give_the_same_rows(world: World, rows: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(judged(world.frames), rows)
