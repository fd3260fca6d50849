"""The truth of account health: what was known of a paying account at a week's end, and whether it stayed.

Belongs here: the components, the score and its back-test, each from first principles. Does not belong here:
revenue, usage or tickets themselves.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pandas as pd

from tests.truth.base import Truth, remembered
from tests.truth.dimensions import person_key
from tests.truth.revenue import deal_states, fct_mrr_daily, recurring_contracts
from tests.truth.support import fct_tickets, ticket_accounts
from tests.truth.usage import person_days

COMPONENTS = (
    "usage_trend",
    "active_share",
    "support_load",
    "sentiment",
    "renewal_distance",
    "champion_activity",
)
HORIZON = timedelta(days=90)
LEAST = 5


def _within(days: list[date], last: date, length: int) -> list[date]:
    """Of sorted days those of the `length` days before `last`."""
    return days[bisect_left(days, last - timedelta(days=length)) : bisect_left(days, last)]


def _days_of_people(truth: Truth) -> dict[str, dict[str, list[date]]]:
    """account -> person's key -> days of use, in order."""
    usage = person_days(truth).dropna()

    def key(person: str) -> str:
        if person.startswith("#"):
            return hashlib.md5(f"mixpanel:u-{person[1:]}".encode()).hexdigest()
        return person_key(truth, person)

    keys = {person: key(person) for person in usage.person.unique()}
    found: dict[str, dict[str, list[date]]] = defaultdict(dict)
    for (account, person), mine in usage.groupby(["account_id", "person"]):
        found[f"hubspot:{int(account)}"][keys[person]] = sorted(mine.date_on)
    return found


def _answers(truth: Truth) -> dict[str, list[tuple[date, float]]]:
    found: dict[str, list[tuple[date, float]]] = defaultdict(list)
    surveys = truth.visible("survey_responses")
    accounts = truth.account_of(surveys.account_id)
    for account, day, score in zip(
        accounts, truth.local_date(surveys.answered_at), surveys.score, strict=True
    ):
        if account in truth.counted_accounts:
            found[f"hubspot:{account}"].append((day, score / 10))
    tickets = ticket_accounts(truth).set_index("ticket_id").account_id
    ratings = truth.visible("ticket_ratings")
    for ticket, day, score in zip(
        ratings.ticket_id, truth.local_date(ratings.rated_at), ratings.score, strict=True
    ):
        if pd.notna(account := tickets.get(ticket)):
            found[f"hubspot:{int(account)}"].append((day, float(score == "good")))
    return found


def _contracts(truth: Truth) -> dict[str, list[tuple[date, date]]]:
    """account -> (certain from, paid until)."""
    changes = truth.changes("deals")
    moved = changes[changes.field == "stage_id"].groupby("deal_id").changed_at.max()
    deals = deal_states(truth).set_index("deal_id")
    found: dict[str, list[tuple[date, date]]] = defaultdict(list)
    for row in recurring_contracts(truth).itertuples():
        certain = max(row.signed_at, moved.get(row.deal_id, deals.created_at[row.deal_id]))
        known_on = truth.local_day(pd.Timestamp(certain))
        found[f"hubspot:{row.account_id}"].append((known_on, pd.Timestamp(row.ends_on).date()))
    return found


def _measure(
    day: date,
    seats: float,
    people: dict[str, list[date]],
    tickets: list[date],
    answers: list[tuple[date, float]],
    contracts: list[tuple[date, date]],
    usage_from: date,
    support_from: date,
) -> dict[str, tuple[float | None, float | None, date | None]]:
    """component -> (value, score, newest day) as of the beginning of `day`."""
    recent = {person: _within(days, day, 28) for person, days in people.items()}
    before = {person: _within(days, day - timedelta(days=28), 28) for person, days in people.items()}
    now, then = sum(map(len, recent.values())), sum(map(len, before.values()))
    both = [last for days in (*recent.values(), *before.values()) for last in days[-1:]]
    nothing = (None, None, None)
    found: dict[str, tuple[float | None, float | None, date | None]] = dict.fromkeys(COMPONENTS, nothing)
    if day >= usage_from + timedelta(days=56):
        found["usage_trend"] = (
            now / then if then else None,
            now / (now + then) if now + then else None,
            max(both, default=None),
        )
    if day >= usage_from + timedelta(days=28) and seats:
        active = [days[-1] for days in recent.values() if days]
        share = len(active) / seats
        found["active_share"] = (share, min(share, 1.0), max(active, default=None))
    if day >= support_from + timedelta(days=28) and seats:
        asked = _within(tickets, day, 28)
        load = 10 * len(asked) / seats
        found["support_load"] = (load, 1 / (1 + load), max(asked, default=None))
    said = [(when, score) for when, score in answers if day - timedelta(days=182) <= when < day]
    if said:
        mean = sum(score for _, score in said) / len(said)
        found["sentiment"] = (mean, mean, max(when for when, _ in said))
    running = [(known, until) for known, until in contracts if known < day <= until]
    if running:
        left = (max(until for _, until in running) - day).days
        found["renewal_distance"] = (left, min(left / 180, 1.0), max(known for known, _ in running))
    earlier = {person: len(_within(days, day - timedelta(days=28), 84)) for person, days in people.items()}
    if day >= usage_from + timedelta(days=112) and any(earlier.values()):
        champion = min(earlier, key=lambda person: (-earlier[person], person))
        value = 3 * len(recent[champion]) / earlier[champion]
        last = _within(people[champion], day, 112)[-1]
        found["champion_activity"] = (value, min(value, 1.0), last)
    return found


@remembered
def mart_insight__account_health(truth: Truth) -> pd.DataFrame:
    daily = fct_mrr_daily(truth)
    weights = truth.yaml("health_weights.yml")["weights"]
    paid = {account: set(mine.date_on) for account, mine in daily.groupby("account_id")}
    people, answers, contracts = _days_of_people(truth), _answers(truth), _contracts(truth)
    asked = fct_tickets(truth)
    asked["date_on"] = truth.local_date(asked.created_at)
    tickets = {account: sorted(mine.date_on) for account, mine in asked.groupby("account_id")}
    usage_from = min(days[0] for mine in people.values() for days in mine.values())
    support_from = min(asked.date_on)
    rows: list[dict[str, Any]] = []
    for row in daily.itertuples():
        sunday = row.date_on
        if sunday.weekday() != 6 or sunday >= truth.today:
            continue
        if sunday < min(usage_from, support_from) + timedelta(days=27):
            continue
        day, account = sunday + timedelta(days=1), row.account_id
        found = _measure(
            day,
            row.seat_count,
            people.get(account, {}),
            tickets.get(account, []),
            answers.get(account, []),
            contracts.get(account, []),
            usage_from,
            support_from,
        )
        known = {name: weights.get(name, 0) for name, (_, score, _) in found.items() if score is not None}
        weight = sum(known.values())
        horizon = [day + timedelta(days=offset) for offset in range(HORIZON.days)]
        rows.append(
            {
                "account_id": account,
                "week_start_on": sunday - timedelta(days=6),
                "scored_on": day,
                "segment": row.segment,
                "arr_amount": row.arr_amount,
                "health_score": (
                    100 * sum(found[name][1] * weights.get(name, 0) for name in known) / weight  # type: ignore[operator]
                    if weight
                    else None
                ),
                "known_weight_ratio": weight / sum(weights.values()),
                "has_churned_90d": (
                    any(one not in paid[account] for one in horizon) if day + HORIZON <= truth.today else None
                ),
            }
            | {f"{name}_value": value for name, (value, _, _) in found.items()}
            | {f"{name}_score": score for name, (_, score, _) in found.items()}
            | {f"{name}_weight": weights.get(name, 0) for name in found}
            | {
                f"{name}_age_days": (day - newest).days if newest and score is not None else None
                for name, (_, score, newest) in found.items()
            }
        )
    frame = pd.DataFrame(rows)
    frame["is_latest"] = frame.scored_on == frame.scored_on.max()
    return _backtested(frame)


def _backtested(frame: pd.DataFrame) -> pd.DataFrame:
    """The same, with the area under the curve over pairs of one scoring date."""
    judged = frame[frame.has_churned_90d.notna() & frame.health_score.notna()]
    last = judged.scored_on.max()
    frame["is_backtest_case"] = [
        (pd.notna(churned) and pd.notna(score) and (last - day).days % 91 == 0)
        for churned, score, day in zip(
            frame.has_churned_90d, frame.health_score, frame.scored_on, strict=True
        )
    ]
    cases = frame[frame.is_backtest_case]
    pairs, better = 0, 0.0
    for _, mine in cases.groupby("scored_on"):
        left = mine[mine.has_churned_90d.astype(bool)].health_score
        stayed = mine[~mine.has_churned_90d.astype(bool)].health_score
        for one in left:
            pairs += len(stayed)
            better += sum(1.0 if other > one + 1e-9 else 0.5 * (abs(other - one) <= 1e-9) for other in stayed)
    churned = int(cases.has_churned_90d.astype(bool).sum())
    kept = len(cases) - churned
    low = high = area = None
    if churned >= LEAST and kept >= LEAST:
        area = better / pairs
        spread = area * (1 - area) + (churned - 1) * (area / (2 - area) - area**2)
        spread += (kept - 1) * (2 * area**2 / (1 + area) - area**2)
        error = 1.96 * math.sqrt(spread / (churned * kept))
        low, high = max(0.0, area - error), min(1.0, area + error)
    return frame.assign(
        backtest_horizon_days=HORIZON.days,
        backtest_date_count=cases.scored_on.nunique(),
        backtest_case_count=len(cases),
        backtest_churned_count=churned,
        backtest_auc=area,
        backtest_auc_low=low,
        backtest_auc_high=high,
    )
