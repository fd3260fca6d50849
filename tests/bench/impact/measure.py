"""How often the engine is right, on worlds whose truth is known, beside what people usually draw.

Belongs here: the comparison of rows with truth and its summary. Does not belong here: worlds (`worlds.py`)
and the usual pictures (`naive.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ingestion.enrichment.impact.engine import evaluate
from tests.bench.impact.naive import naive_claims
from tests.bench.impact.peers import peer_claims
from tests.bench.impact.worlds import KINDS, simulate

CLAIMS = ("improved", "worsened")


def run_worlds(
    kinds: Sequence[str],
    *,
    accounts: int,
    seeds: Sequence[int],
    naive: bool,
    peers: int,
    on_progress: Callable[[str], None],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of all worlds with their truth, and the claims of the usual pictures and of libraries.

    Arguments:
        naive: whether the usual pictures are drawn.
        peers: on how many deliveries of each world the libraries are asked.

    Returns: cells (one per world, delivery and metric), and naive claims (empty unless asked for).
    """
    cells, claims = [], []
    for name in kinds:
        for seed in seeds:
            world = simulate(KINDS[name], accounts=accounts, seed=1000 * list(KINDS).index(name) + seed)
            began = time.process_time()
            rows = evaluate(world.frames, weekly=False, threads=1).impact.to_pandas()
            cost = time.process_time() - began
            joined = rows.merge(world.truth, on=["delivery_id", "metric"], how="left")
            joined["kind"], joined["seed"], joined["cpu"] = name, seed, cost / len(rows)
            cells.append(joined)
            others = [naive_claims(world)] if naive else []
            if peers:
                others.append(peer_claims(world, peers))
            claims += [found.assign(kind=name) for found in others]
            on_progress(f"{name} {accounts} accounts, seed {seed}: {cost:.1f} CPU-s")
    return pd.concat(cells, ignore_index=True), pd.concat(
        claims, ignore_index=True
    ) if claims else pd.DataFrame()


def summary(cells: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Rates by group.

    null_claims: share of measured cells without effect in which one was claimed. coverage: intervals that
    hold the truth. bias: mean of estimate minus truth as a share of the counterfactual (csat in points).
    power_*: share of measured cells with that effect that were claimed with the right sign. half_width:
    median, share of the counterfactual. false_share: claims that are false or of the wrong sign. z_spread:
    root mean square of the error over the standard error, 1 when the interval is as wide as it should be.
    """
    cells = cells.copy()
    cells["measured"] = cells["effect_abs"].notna()
    cells["claimed"] = cells["verdict"].isin(CLAIMS)
    # An effect on one metric can move another: only cells whose true effect is zero are cells without effect.
    cells["none"] = np.isclose(cells["effect"], 0.0, atol=1e-9)
    out = []
    for key, group in cells.groupby(list(by), dropna=False):
        eligible = group[group["verdict"] != "too_early"]
        seen = group[group["measured"] & group["effect"].notna()]
        none = seen[seen["none"]]
        right = seen["claimed"] & (np.sign(seen["effect_abs"]) == np.sign(seen["effect"])) & ~seen["none"]
        error = seen["effect_abs"] - seen["effect"]
        scale = seen["counterfactual_value"].where(seen["metric"] != "csat", 1.0).abs()
        size = seen["planted"].abs() / np.where(seen["metric"] == "csat", 2.0, 1.0)

        def power(low: float, high: float, size: pd.Series = size, right: pd.Series = right) -> float:
            chosen = (size > low) & (size < high)
            return float(right[chosen].mean()) if chosen.any() else float("nan")

        claims = int(seen["claimed"].sum())
        out.append(
            {
                **dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True)),
                "n": len(seen),
                "measurable": len(seen) / max(len(eligible), 1),
                "null_n": len(none),
                "null_claims": none["claimed"].mean() if len(none) else float("nan"),
                "coverage": ((seen["ci_low"] <= seen["effect"]) & (seen["effect"] <= seen["ci_high"])).mean(),
                "bias": (error / scale).median(),
                "z_mean": (error / seen["std_error"]).mean(),
                "z_spread": np.sqrt(((error / seen["std_error"]) ** 2).mean()),
                "power_5": power(0.04, 0.06),
                "power_10": power(0.09, 0.11),
                "power_15": power(0.14, 1.0),
                "half_width": ((seen["ci_high"] - seen["ci_low"]) / 2 / scale).median(),
                "false_share": (claims - int(right.sum())) / claims if claims else 0.0,
                "cpu_1000": 1000 * group["cpu"].mean(),
            }
        )
    return pd.DataFrame(out)
