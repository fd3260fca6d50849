"""What people usually draw, with textbook intervals: the measure of how much the method is worth.

Belongs here: before/after, adopters against the rest, and plain difference-in-differences. Does not belong
here: anything that the engine uses.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.bench.impact.worlds import FIRST_WEEK, World

PICTURES = ("before_after_all", "before_after_adopters", "adopters_vs_rest", "difference_in_differences")


def metric_arrays(world: World) -> dict[str, np.ndarray]:
    """The metrics that are plain means of account-weeks, as (weeks, accounts); NaN without subscription."""
    weeks = world.frames["account_week"]
    accounts = world.frames["accounts"]["account_id"]
    position = pd.Series(np.arange(len(accounts)), index=accounts)
    week_at = ((weeks["week"] - FIRST_WEEK).dt.days // 7).to_numpy()
    account_at = position[weeks["account_id"]].to_numpy()
    seats = world.frames["accounts"]["seats"].to_numpy()
    shape = (week_at.max() + 1, len(accounts))
    values = {}
    for metric, column in (
        ("active", (weeks["wau"] > 0).astype(float)),
        ("wau_rate", weeks["wau"] / seats[account_at]),
        ("tickets", weeks["tickets"]),
    ):
        array = np.full(shape, np.nan)
        array[week_at, account_at] = np.where(weeks["subscribed"] > 0, column, np.nan)
        values[metric] = array
    return values


def naive_claims(world: World) -> pd.DataFrame:
    """For each delivery with an adopter list and the metrics that are plain means: does each picture
    claim?"""
    values = metric_arrays(world)
    shape = values["active"].shape
    accounts = world.frames["accounts"]["account_id"]
    position = pd.Series(np.arange(len(accounts)), index=accounts)
    exposures = world.frames.get("exposures")
    rows = []
    for delivery in world.frames["deliveries"].itertuples():
        released = (delivery.released_at - FIRST_WEEK).days // 7
        if not delivery.has_adopter_list or exposures is None or not 8 <= released < shape[0] - 9:
            continue
        adopters = exposures.loc[exposures["delivery_id"] == delivery.delivery_id]
        adopters = adopters[((adopters["first_exposed_week"] - FIRST_WEEK).dt.days // 7) < released + 4]
        adopted = np.zeros(shape[1], dtype=bool)
        adopted[position[adopters["account_id"]].to_numpy()] = True
        for metric, array in values.items():
            with np.errstate(invalid="ignore"):
                before = np.nanmean(
                    array[released - 8 : released], axis=0, where=~np.isnan(array[released - 8 : released])
                )
                after = np.nanmean(array[released + 1 : released + 9], axis=0)
            known = ~np.isnan(before) & ~np.isnan(after)
            change = after - before
            groups = {
                "before_after_all": (change[known], None),
                "before_after_adopters": (change[known & adopted], None),
                "adopters_vs_rest": (after[known & adopted], after[known & ~adopted]),
                "difference_in_differences": (change[known & adopted], change[known & ~adopted]),
            }
            for picture, (one, other) in groups.items():
                if len(one) < 2:
                    continue
                effect, variance = one.mean(), one.var(ddof=1) / len(one)
                if other is not None:
                    effect, variance = effect - other.mean(), variance + other.var(ddof=1) / len(other)
                rows.append((delivery.delivery_id, metric, picture, abs(effect) > 1.96 * np.sqrt(variance)))
    found = pd.DataFrame(rows, columns=["delivery_id", "metric", "picture", "claimed"])
    return found.merge(world.truth[["delivery_id", "metric", "planted"]], on=["delivery_id", "metric"])
