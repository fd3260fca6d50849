"""What libraries say of the same deliveries: Callaway-Sant'Anna and two-way fixed effects.

Belongs here: the panel that each of them asks for, and their claims at the five percent that they promise.
Does not belong here: pictures drawn by hand (`naive.py`), and anything that the engine uses.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd

from tests.bench.impact.naive import metric_arrays
from tests.bench.impact.worlds import FIRST_WEEK, World

BEFORE, AFTER, ENROLMENT = 8, 8, 4
LEAST_ADOPTERS = 30


def peer_claims(world: World, deliveries: int | None = None) -> pd.DataFrame:
    """For each delivery with an adopter list and metric that is a plain mean: does each peer claim?

    Arguments:
        deliveries: at most so many of the world, since the peers take their time; all by default.
    """
    from diff_diff import CallawaySantAnna, DifferenceInDifferences

    rows = []
    for delivery_id, metric, panel in _panels(world, deliveries):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            staggered = CallawaySantAnna(control_group="not_yet_treated", estimation_method="reg").fit(
                panel, outcome="value", unit="account", time="week", first_treat="first"
            )
            two_way = DifferenceInDifferences(cluster="account").fit(
                panel, outcome="value", treatment="enrolled", post="is_after", absorb=["account", "week"]
            )
        for peer, effect, error in (
            ("callaway_sant_anna", staggered.overall_att, staggered.overall_se),
            ("two_way_fixed_effects", two_way.att, two_way.se),
        ):
            rows.append((delivery_id, metric, peer, bool(error > 0 and abs(effect) > 1.96 * error)))
    found = pd.DataFrame(rows, columns=["delivery_id", "metric", "picture", "claimed"])
    return found.merge(world.truth[["delivery_id", "metric", "planted"]], on=["delivery_id", "metric"])


def _panels(world: World, deliveries: int | None) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """One balanced panel of account-weeks around each release, with who adopted in its first four weeks.

    Who adopts later is a cohort of its own, and a control until then.
    """
    arrays = metric_arrays(world)
    accounts = world.frames["accounts"]["account_id"]
    position = pd.Series(np.arange(len(accounts)), index=accounts)
    exposures = world.frames.get("exposures", pd.DataFrame(columns=["delivery_id"]))
    seen = 0
    for delivery in world.frames["deliveries"].itertuples():
        released = (delivery.released_at - FIRST_WEEK).days // 7
        first, last = released - BEFORE, released + ENROLMENT - 1 + AFTER
        n_weeks = len(arrays["active"])
        if not delivery.has_adopter_list or first < 0 or last >= n_weeks:
            continue
        listed = exposures[exposures["delivery_id"] == delivery.delivery_id]
        exposed = np.full(len(accounts), n_weeks)
        exposed[position[listed["account_id"]].to_numpy()] = (
            (listed["first_exposed_week"] - FIRST_WEEK).dt.days // 7
        ).to_numpy()
        enrolled = (exposed >= released) & (exposed < released + ENROLMENT)
        if enrolled.sum() < LEAST_ADOPTERS or (deliveries is not None and seen == deliveries):
            continue
        seen += 1
        for metric, values in arrays.items():
            window = values[first : last + 1]
            there = np.flatnonzero(~np.isnan(window).any(axis=0) & (exposed >= released))
            weeks = np.arange(first, last + 1)
            yield (
                str(delivery.delivery_id),
                metric,
                pd.DataFrame(
                    {
                        "account": np.repeat(there, len(weeks)),
                        "week": np.tile(weeks, len(there)),
                        "value": window[:, there].T.ravel(),
                        "first": np.repeat(np.where(exposed[there] <= last, exposed[there], 0), len(weeks)),
                        "enrolled": np.repeat(enrolled[there].astype(int), len(weeks)),
                        "is_after": np.tile((weeks >= released).astype(int), len(there)),
                    }
                ),
            )
