"""What was planted is really in the data, coarsely; the exact estimate is the impact engine's affair."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ingestion.sandbox.world.world import World


def _deliveries(world: World) -> pd.DataFrame:
    return world.table("deliveries").set_index("delivery_id")


def _weekly_people(world: World) -> pd.DataFrame:
    events = world.table("events").dropna(subset=["person_id"])
    week = events["occurred_at"].dt.floor("7D").rename("week")
    people = events.groupby([events["account_id"], week])["person_id"].nunique()
    return people.rename("people").reset_index()


def _lift_of_experiment(world: World, delivery_id: str) -> float:
    """Growth of the weekly active people of arm 1 over that of arm 0."""
    released = _deliveries(world).loc[delivery_id, "released_at"]
    assigned = world.table("assignments")
    arms = assigned[assigned["delivery_id"] == delivery_id].set_index("account_id")["arm"]
    weekly = _weekly_people(world)
    weekly = weekly[weekly["account_id"].isin(arms.index)]
    weekly = weekly.assign(arm=weekly["account_id"].map(arms), after=weekly["week"] > released)
    window = (weekly["week"] - released).abs() < timedelta(weeks=12)
    sums = weekly[window].groupby(["arm", "after"])["people"].sum().unstack()
    growth = sums[True] / sums[False]
    return float(growth[1] / growth[0] - 1)


def _theme_share(world: World, theme: str, since: pd.Timestamp, until: pd.Timestamp) -> float:
    tickets = world.table("tickets")
    mine = tickets[tickets["created_at"].between(since, until) & tickets["truth_incident_id"].isna()]
    return float((mine["truth_theme"] == theme).mean())


def test_an_experiment_with_an_effect_lifts_its_arm(year_world: World) -> None:
    assert 0.02 < _lift_of_experiment(year_world, "guided-setup") < 0.35


def test_an_experiment_without_an_effect_does_not(year_world: World) -> None:
    assert abs(_lift_of_experiment(year_world, "onboarding-checklist")) < 0.12


@pytest.mark.parametrize(
    ("delivery_id", "theme"), [("faster-reports", "slow_reports"), ("new-export-queue", "export_errors")]
)
def test_a_delivery_for_a_theme_makes_its_tickets_rarer(
    year_world: World, delivery_id: str, theme: str
) -> None:
    released = _deliveries(year_world).loc[delivery_id, "released_at"]
    tickets = year_world.table("tickets")["created_at"]
    before = _theme_share(year_world, theme, tickets.min(), released)
    after = _theme_share(year_world, theme, released + timedelta(weeks=9), tickets.max())
    assert after < 0.8 * before


def test_adopters_of_a_delivery_without_effect_were_more_engaged_before(year_world: World) -> None:
    """Self-selection: adopters differ from the rest although the delivery does nothing."""
    exposures = year_world.table("exposures")
    released = _deliveries(year_world).loc["mobile-dashboards", "released_at"]
    adopters = exposures[
        (exposures["delivery_id"] == "mobile-dashboards")
        & (exposures["first_exposed_at"] < released + timedelta(weeks=12))
    ]["account_id"]
    accounts = year_world.table("accounts").set_index("account_id")
    customers = accounts.loc[sorted(set(year_world.table("contracts")["account_id"]))]
    is_adopter = customers.index.isin(adopters)
    engaged = customers["truth_engagement"]
    assert engaged[is_adopter].mean() > engaged[~is_adopter].mean() + 0.1


def test_the_first_use_of_an_adopted_feature_is_the_exposure(year_world: World) -> None:
    deliveries = _deliveries(year_world)
    exposures = year_world.table("exposures")
    events = year_world.table("events")
    for delivery_id, row in deliveries[deliveries["has_adopter_list"]].iterrows():
        uses = events[(events["name"] == "Feature Used") & (events["feature"] == row["feature"])]
        first = uses.groupby("account_id")["occurred_at"].min()
        mine = exposures[exposures["delivery_id"] == delivery_id].set_index("account_id")["first_exposed_at"]
        common = first.index.intersection(mine.index)
        assert set(first.index) == set(common), delivery_id
        assert (first.loc[common].to_numpy() == mine.loc[common].to_numpy()).all()


def test_a_delivery_that_raises_prices_shows_in_contracts(year_world: World) -> None:
    exposures = year_world.table("exposures")
    adopters = exposures[exposures["delivery_id"] == "usage-alerts-addon"]
    assert len(adopters) > 20
    contracts = year_world.table("contracts")
    expansions = contracts.merge(
        year_world.table("deals").query("deal_type == 'expansion'")[["deal_id"]], on="deal_id"
    )
    later = expansions.merge(adopters, on="account_id")
    gap = pd.to_datetime(later["starts_on"]) - later["first_exposed_at"]
    assert (gap.between(timedelta(days=0), timedelta(days=5))).sum() > len(adopters) * 0.4


def test_truth_names_effects_and_non_effects_of_governed_deliveries(year_world: World) -> None:
    truth = year_world.truth
    known = set(_deliveries(year_world).index)
    assert {entry["delivery_id"] for entry in truth["effects"]} <= known
    metrics = {entry["metric"] for entry in truth["effects"]}
    assert metrics == {"wau_rate", "tickets", "mrr_rel", "csat"}
    assert any(entry["adopters_select_themselves"] for entry in truth["non_effects"])
    assert np.isfinite([entry["effect_rel"] for entry in truth["effects"]]).all()


def test_waves_of_segments_and_regions_are_whole_cells(year_world: World) -> None:
    released = _deliveries(year_world).loc["new-export-queue", "released_at"]
    accounts = year_world.state("accounts", released.to_pydatetime()).set_index("account_id")
    waves = year_world.table("assignments").query("delivery_id == 'new-export-queue'")
    cells = accounts.loc[waves["account_id"], "segment"] + accounts.loc[waves["account_id"], "region"]
    per_cell = pd.Series(waves["arm"].to_numpy(), index=cells.to_numpy()).groupby(level=0).nunique()
    assert (per_cell == 1).all()
