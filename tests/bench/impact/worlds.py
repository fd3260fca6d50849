"""Simulated companies with planted effects, and accounts that choose for themselves what to adopt and when.

Belongs here: how accounts behave, who adopts, and the true effect of every delivery in the definition of the
engine's rows. Does not belong here: any estimate. Nothing of the engine is imported, so that both can be
wrong independently.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

FIRST_WEEK = pd.Timestamp("2023-10-02")
METRICS = ("active", "wau_rate", "tickets", "mrr_rel", "csat")
NEVER = 10_000


@dataclass(frozen=True)
class Kind:
    """How accounts behave and select themselves.

    Arguments:
        persistence: weekly autocorrelation of an account's activity; near 1 a spike lasts for months.
        level, spike, trend: how strongly steady engagement, momentary activity and growth make accounts adopt
        first
            (log hazard per standard deviation).
        trend_spread: standard deviation of the accounts' weekly growth on the logit scale.
        shock: size of shocks that hit one segment for some weeks, logit scale.
        effects: planted effects are drawn from these; 0 for none.
        too_early: releases lie in the last weeks of the data.
        big_bangs: rare releases to everybody and no list, instead of adopter lists.
        bursts: activity comes in bursts with a sudden start and end, not in waves.
        growing: effects grow from week to week over the first eight, from a quarter of their mean to
        nearly double. noticed: half of what moves an account from week to week lasts for that week alone,
        and who was busy last week
            adopts in this one: before adoption activity is another than after it.
        chosen_waves: somebody chose the waves: the engaged, the growing and the busy first, the largest
        segments first.
    """

    name: str
    persistence: float = 0.75
    level: float = 0.7
    spike: float = 0.8
    trend: float = 0.0
    trend_spread: float = 0.002
    shock: float = 0.25
    effects: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.05, 0.10, 0.15, 0.20)
    too_early: bool = False
    big_bangs: bool = False
    bursts: bool = False
    growing: bool = False
    noticed: bool = False
    chosen_waves: bool = False

    def strength(self, since: np.ndarray) -> np.ndarray:
        """How much of an effect is there so many weeks after first exposure; 1 in the mean of the weeks 1
        to 8."""
        return np.clip(since, 0, 8) / 4.5 if self.growing else np.ones_like(since, dtype=float)


BASE = Kind("spike")
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        BASE,
        replace(BASE, name="random", level=0.0, spike=0.0),
        replace(BASE, name="level", level=1.2, spike=0.3),
        replace(BASE, name="trend", trend=0.7, trend_spread=0.006, spike=0.5),
        replace(BASE, name="long_spike", persistence=0.93),
        replace(BASE, name="dip", level=0.3, spike=-0.7),
        replace(BASE, name="bursts", bursts=True),
        replace(BASE, name="shocks", shock=0.9),
        replace(BASE, name="no_effect", effects=(0.0,)),
        replace(BASE, name="too_early", too_early=True),
        replace(BASE, name="big_bang", big_bangs=True),
        replace(BASE, name="big_bang_shocks", big_bangs=True, shock=0.9),
        replace(BASE, name="growing", growing=True),
        replace(BASE, name="noticed", noticed=True),
        replace(BASE, name="chosen_waves", chosen_waves=True, trend_spread=0.006),
    )
}


@dataclass(frozen=True)
class World:
    """Frames for the engine, and the truth: (delivery_id, metric) -> effect in the metric's unit and as a
    share."""

    frames: dict[str, pd.DataFrame]
    truth: pd.DataFrame


@dataclass(frozen=True)
class _Company:
    segment: np.ndarray
    region: np.ndarray
    seats: np.ndarray
    signup: np.ndarray
    level: np.ndarray
    trend: np.ndarray
    momentary: np.ndarray
    common: np.ndarray


def simulate(kind: Kind, *, accounts: int, seed: int, weeks: int = 104, deliveries: int = 24) -> World:
    """One company. The same arguments give the same world.

    Arguments:
        accounts, weeks, deliveries: its size.
    """
    rng = np.random.default_rng(seed)
    company = _company(kind, rng, accounts, weeks)
    plan = _deliveries(kind, rng, weeks, 3 if kind.big_bangs else deliveries)
    chance_active, chance_person, ticket_rate = _behaviour(company, rng)
    churn = _churn(company, rng, weeks)
    exposed, arms = _adoption(kind, rng, company, plan, chance_active, churn)
    effects = {metric: np.array([_draw(kind, rng, metric) for _ in range(len(plan))]) for metric in METRICS}
    # Activity moves the rate of active people too: their effect is planted on top of it.
    week = np.arange(weeks)[:, None]
    alive = (week >= company.signup) & (week < churn)
    logs = {metric: np.zeros((weeks, accounts)) for metric in METRICS}
    for at in range(len(plan)):
        strength = np.where(week >= exposed[at], kind.strength(week - exposed[at]), 0.0)
        for metric in METRICS:
            size = effects[metric][at]
            if size:
                logs[metric] += strength * (size if metric == "csat" else np.log1p(size))
    means = _means(company, chance_active, chance_person, ticket_rate, logs)
    active = alive & (rng.random((weeks, accounts)) < means["active"])
    people = rng.binomial(company.seats.astype(int), np.clip(means["person"], 0, 0.98))
    wau = np.where(active, np.maximum(people, 1), 0)
    tickets = np.where(alive, rng.poisson(means["tickets"] * rng.gamma(1.5, 1 / 1.5, (weeks, accounts))), 0)
    steps = (
        np.where(rng.random((weeks, accounts)) < 0.012, rng.normal(0.03, 0.15, (weeks, accounts)), 0.0)
        + 0.15 * company.trend
    )
    list_price = company.seats * 40 * np.exp(np.cumsum(steps, axis=0))
    mrr = np.where(alive, list_price * np.exp(logs["mrr_rel"]), 0.0)
    answers = rng.binomial(tickets, 0.4)
    scores = rng.normal(0, 1, (weeks, accounts)) * np.sqrt(answers) + answers * (3.8 + logs["csat"])
    frames = _frames(company, plan, exposed, arms, alive, wau, tickets, mrr, scores, answers, churn, kind)
    truth = _truth(
        kind, company, plan, exposed, effects, alive, means, logs, chance_active, chance_person, list_price
    )
    return World(frames, truth)


def _draw(kind: Kind, rng: np.random.Generator, metric: str) -> float:
    size = float(rng.choice(np.asarray(kind.effects)))
    sign = -1.0 if rng.random() < (0.7 if metric == "tickets" else 0.2) else 1.0
    return sign * size * (2.0 if metric == "csat" else 1.0)


def _company(kind: Kind, rng: np.random.Generator, accounts: int, weeks: int) -> _Company:
    segment = rng.choice(4, accounts, p=[0.4, 0.3, 0.2, 0.1])
    region = rng.choice(3, accounts, p=[0.5, 0.3, 0.2])
    seats = np.maximum(3, np.exp(rng.normal(1.8 + 0.7 * segment, 0.7)).astype(int)).astype(float)
    signup = np.where(
        rng.random(accounts) < 0.8, rng.integers(-104, -20, accounts), rng.integers(-20, weeks - 10, accounts)
    )
    momentary = np.empty((weeks, accounts))
    if kind.bursts:
        momentary[:] = 0.0
        state = rng.random(accounts) < 0.2
        for week in range(weeks):
            change = rng.random(accounts)
            state = np.where(state, change > 0.15, change < 0.04)
            momentary[week] = np.where(state, 1.9, -0.5)
    else:
        momentary[0] = rng.normal(size=accounts)
        noise = np.sqrt(1 - kind.persistence**2)
        for week in range(1, weeks):
            momentary[week] = kind.persistence * momentary[week - 1] + noise * rng.normal(size=accounts)
    if kind.noticed:
        momentary = np.sqrt(0.5) * (momentary + rng.normal(size=momentary.shape))
    time = np.arange(weeks)
    calendar = (FIRST_WEEK + pd.to_timedelta(7 * time, unit="D")).day_of_year.to_numpy()
    season = 0.2 * np.sin(2 * np.pi * calendar / 365.25) - 0.9 * ((calendar >= 354) | (calendar <= 3))
    common = season[:, None] * (1 + 0.3 * region)[None, :]
    for _ in range(6):
        start, length = rng.integers(0, weeks), rng.integers(2, 9)
        hit = segment == rng.integers(0, 4)
        common[start : start + length, hit] += rng.normal(0, kind.shock)
    drift = np.cumsum(rng.normal(0, 0.02, weeks))
    return _Company(
        segment=segment,
        region=region,
        seats=seats,
        signup=signup,
        level=rng.normal(size=accounts),
        trend=rng.normal(0, kind.trend_spread, accounts),
        momentary=momentary,
        common=common + drift[:, None],
    )


def _behaviour(company: _Company, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chance that anyone is active, chance of one person, and tickets a week, without any delivery."""
    weeks = len(company.momentary)
    growth = company.trend[None, :] * (np.arange(weeks)[:, None] - weeks / 2)
    drive = 0.9 * company.level + 0.6 * company.momentary + company.common + growth
    chance_active = 0.97 / (1 + np.exp(-(0.7 + drive)))
    chance_person = 1 / (1 + np.exp(-(-0.9 + 0.5 * drive)))
    busy = np.exp(-1.0 + 0.35 * np.log(company.seats) + rng.normal(0, 0.5, len(company.seats)))
    ticket_rate = busy * np.exp(0.3 * company.momentary + 0.5 * company.common + growth - 0.045)
    return chance_active, chance_person, ticket_rate


def _churn(company: _Company, rng: np.random.Generator, weeks: int) -> np.ndarray:
    hazard = 0.0015 * np.exp(-0.5 * company.level - 0.3 * company.momentary)
    left = rng.random(hazard.shape) < hazard
    left &= np.arange(weeks)[:, None] > company.signup + 8
    return np.where(left.any(axis=0), left.argmax(axis=0), NEVER)


def _deliveries(kind: Kind, rng: np.random.Generator, weeks: int, count: int) -> pd.DataFrame:
    if kind.big_bangs:
        released = np.array([56, 74, 92]) + rng.integers(-2, 3, 3)
        rollout, unit, listed = ["general"] * 3, [None] * 3, [False] * 3
    else:
        if kind.too_early:
            released = np.sort(rng.integers(weeks - 8, weeks, count))
        else:
            released = np.sort(rng.integers(18, weeks - 2, count))
        rollout, unit, listed = ["general"] * count, [None] * count, [True] * count
        for at in rng.permutation(count)[: max(count // 4, 2)]:
            rollout[at], listed[at] = ("experiment", False) if rng.random() < 0.5 else ("phased", False)
            unit[at] = "account" if rollout[at] == "experiment" or rng.random() < 0.6 else "segment_region"
    return pd.DataFrame(
        {
            "delivery_id": [f"d{at:03d}" for at in range(len(released))],
            "released": released,
            "rollout": rollout,
            "assignment_unit": unit,
            "has_adopter_list": listed,
        }
    )


def _adoption(
    kind: Kind,
    rng: np.random.Generator,
    company: _Company,
    plan: pd.DataFrame,
    chance_active: np.ndarray,
    churn: np.ndarray,
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """First exposed week by delivery and account, and arms or waves."""
    weeks, accounts = company.momentary.shape
    exposed = np.full((len(plan), accounts), NEVER)
    arms: dict[int, np.ndarray] = {}
    trend = company.trend / max(float(company.trend.std()), 1e-9)
    for at, row in enumerate(plan.itertuples()):
        if kind.big_bangs:
            exposed[at] = row.released
            continue
        if row.rollout == "experiment":
            arms[at] = (rng.random(accounts) < 0.5).astype(int)
            exposed[at] = np.where(arms[at] == 1, row.released, NEVER)
            continue
        if row.rollout == "phased":
            waves = 4
            if row.assignment_unit == "account" and kind.chosen_waves:
                now = company.momentary[max(row.released - 1, 0)]
                score = company.level + 0.7 * trend + 0.5 * now + 0.7 * rng.normal(size=accounts)
            elif row.assignment_unit == "account":
                score = 0.3 * company.level + rng.normal(size=accounts)
            elif kind.chosen_waves:
                score = 11.0 - (company.segment * 3 + company.region)
            else:
                score = rng.permutation(12)[company.segment * 3 + company.region].astype(float)
            order = np.argsort(np.argsort(-score, kind="stable"), kind="stable")
            if row.assignment_unit == "segment_region":
                of_segment = 3 - company.segment if kind.chosen_waves else score.astype(int) % waves
                arms[at] = of_segment + 1
            else:
                arms[at] = order * waves // accounts + 1
            exposed[at] = row.released + 3 * (arms[at] - 1)
            continue
        reach = rng.uniform(0.02, 0.05)
        for week in range(row.released, weeks):
            buzz = reach * np.exp(-(week - row.released) / 6) + 0.004
            busy = company.momentary[max(week - 1, 0) if kind.noticed else week]
            score = kind.level * company.level + kind.spike * busy + kind.trend * trend
            score = score - (kind.level**2 + kind.spike**2 + kind.trend**2) / 2
            hazard = np.clip(buzz * np.exp(np.minimum(score, 3.0)), 0, 0.8) * chance_active[week] * 1.5
            here = (company.signup <= week) & (churn > week)
            now = here & (exposed[at] == NEVER) & (rng.random(accounts) < hazard)
            exposed[at, now] = week
    return exposed, arms


def _means(
    company: _Company,
    chance_active: np.ndarray,
    chance_person: np.ndarray,
    ticket_rate: np.ndarray,
    logs: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Expected values with the planted effects."""
    active = np.minimum(chance_active * np.exp(logs["active"]), 0.985)
    person = np.minimum(chance_person * np.exp(logs["wau_rate"]) * chance_active / active, 0.98)
    nobody = np.exp(company.seats * np.log1p(-person))
    return {
        "active": active,
        "person": person,
        "wau_rate": active * (person + nobody / company.seats),
        "tickets": ticket_rate * np.exp(logs["tickets"]),
    }


def _truth(
    kind: Kind,
    company: _Company,
    plan: pd.DataFrame,
    exposed: np.ndarray,
    effects: dict[str, np.ndarray],
    alive: np.ndarray,
    means: dict[str, np.ndarray],
    logs: dict[str, np.ndarray],
    chance_active: np.ndarray,
    chance_person: np.ndarray,
    list_price: np.ndarray,
) -> pd.DataFrame:
    """Mean difference over the weeks 1-8 after first exposure of those who were exposed while it was
    enrolling."""
    weeks = len(alive)
    rows = []
    for at, row in enumerate(plan.itertuples()):
        window = {"phased": 9, "experiment": 1}.get(row.rollout, 4)
        who = np.flatnonzero((exposed[at] >= row.released) & (exposed[at] < row.released + window))
        who = who[alive[np.minimum(exposed[at, who], weeks - 1), who]]
        lag = np.arange(1, 9)[:, None]
        strength = kind.strength(lag)
        week = exposed[at, who][None, :] + lag
        inside = week < weeks
        week = np.minimum(week, weeks - 1)
        counted = inside & alive[week, who[None, :]]
        without = {
            metric: logs[metric][week, who] - strength * (size if metric == "csat" else np.log1p(size))
            for metric, size in ((metric, effects[metric][at]) for metric in METRICS)
        }
        # The delivery's effect on each metric is taken away alone; effects on the others stay.
        part = _Company(
            company.segment[who],
            company.region[who],
            company.seats[who][None, :],
            company.signup[who],
            company.level[who],
            company.trend[who],
            company.momentary[:1],
            company.common[:1],
        )
        absent = _means(
            part, chance_active[week, who], chance_person[week, who], np.ones_like(week, dtype=float), without
        )
        for metric in METRICS:
            size = effects[metric][at]
            if counted.sum() == 0:
                effect = relative = np.nan
            elif metric == "csat":
                effect, relative = size, np.nan
            elif metric == "mrr_rel":
                before = np.clip(exposed[at, who][None, :] - np.arange(1, 9)[:, None], 0, weeks - 1)
                base = (list_price[before, who] * np.exp(logs["mrr_rel"][before, who])).mean(axis=0)
                base = np.maximum(base, 1e-9)
                ratio = np.clip(
                    (list_price[week, who] * np.exp(logs["mrr_rel"][week, who]) * counted).mean(axis=0)
                    / base,
                    0,
                    3,
                )
                ratio_without = np.clip(
                    (list_price[week, who] * np.exp(without["mrr_rel"]) * counted).mean(axis=0) / base, 0, 3
                )
                known = inside.all(axis=0)
                effect = float((ratio - ratio_without)[known].mean()) if known.any() else np.nan
                relative = effect / float(ratio_without[known].mean()) if known.any() else np.nan
            elif metric == "tickets":
                full = means["tickets"][week, who]
                share = 1 - (1 + size) ** -strength
                effect = float((full * share)[counted].mean())
                relative = size
            else:
                full, less = means[metric][week, who][counted].mean(), absent[metric][counted].mean()
                effect, relative = float(full - less), float(full / less - 1)
            rows.append((f"d{at:03d}", metric, size, effect, relative, row.rollout, int(row.released)))
    return pd.DataFrame(
        rows, columns=["delivery_id", "metric", "planted", "effect", "relative", "rollout", "released"]
    )


def _monday(at: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(FIRST_WEEK + pd.to_timedelta(7 * np.asarray(at), unit="D"))


def _frames(
    company: _Company,
    plan: pd.DataFrame,
    exposed: np.ndarray,
    arms: dict[int, np.ndarray],
    alive: np.ndarray,
    wau: np.ndarray,
    tickets: np.ndarray,
    mrr: np.ndarray,
    scores: np.ndarray,
    answers: np.ndarray,
    churn: np.ndarray,
    kind: Kind,
) -> dict[str, pd.DataFrame]:
    weeks, count = alive.shape
    ids = np.array([f"a{at:06d}" for at in range(count)])
    churned = pd.Series(_monday(np.minimum(churn, weeks)))
    churned[churn >= weeks] = pd.NaT
    started = np.broadcast_to(np.arange(weeks)[:, None] >= company.signup, alive.shape)
    week_at, account_at = np.nonzero(started)
    frames = {
        "accounts": pd.DataFrame(
            {
                "account_id": ids,
                "segment": np.array(["small", "middle", "large", "largest"])[company.segment],
                "region": np.array(["south", "north", "abroad"])[company.region],
                "seats": company.seats.astype(int),
                "signup_week": _monday(company.signup),
                "churn_week": churned,
            }
        ),
        "account_week": pd.DataFrame(
            {
                "account_id": ids[account_at],
                "week": _monday(week_at),
                "subscribed": alive[week_at, account_at].astype(int),
                "wau": wau[week_at, account_at],
                "tickets": tickets[week_at, account_at],
                "mrr": mrr[week_at, account_at],
                "csat_sum": np.where(answers > 0, scores, 0.0)[week_at, account_at],
                "csat_n": answers[week_at, account_at],
            }
        ),
        "deliveries": pd.DataFrame(
            {
                "delivery_id": plan["delivery_id"],
                "issue_key": plan["delivery_id"].str.upper(),
                "theme_id": None,
                "released_at": _monday(plan["released"].to_numpy()) + pd.Timedelta(hours=34),
                "rollout": plan["rollout"],
                "assignment_unit": plan["assignment_unit"],
                "has_adopter_list": plan["has_adopter_list"],
            }
        ),
    }
    if kind.big_bangs:
        return frames
    delivery_at, account_at = np.nonzero(exposed < weeks)
    frames["exposures"] = pd.DataFrame(
        {
            "delivery_id": plan["delivery_id"].to_numpy()[delivery_at],
            "account_id": ids[account_at],
            "first_exposed_week": _monday(exposed[delivery_at, account_at]),
        }
    )
    if arms:
        frames["assignments"] = pd.concat(
            [
                pd.DataFrame({"delivery_id": f"d{at:03d}", "account_id": ids, "arm": arm})
                for at, arm in arms.items()
            ],
            ignore_index=True,
        )
    return frames
