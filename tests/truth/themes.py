"""What customers talk about and how content they are: from the world's words and the governance files.

Independent of the pipeline: who wins is decided item by item in Python, patterns are searched with `re` in
the words as the world tells them (not as a vendor hands them on), and intervals come from their formulas.
What the model says has no truth here: it is taken as published where nobody else gave an item a theme, so
that a theme of the model where somebody else did is a row that should not be there.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from hashlib import md5
from typing import Any

import pandas as pd
import yaml

from tests.truth.base import Truth, remembered
from tests.truth.dimensions import dim_accounts
from tests.truth.published import read_model_themes
from tests.truth.revenue import deal_states, fct_deals, fct_mrr_movements
from tests.truth.support import fct_feedback, fct_tickets, ticket_accounts

INSTANCES = {
    "ticket": "zendesk",
    "csat_response": "zendesk",
    "nps_response": "hubspot",
    "crm_note": "hubspot",
    "deal_loss_reason": "hubspot",
}


@remembered
def taxonomy(truth: Truth) -> dict[str, dict[str, Any]]:
    files = sorted((truth.company / "themes").glob("*.yml"))
    themes = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    return {theme["id"]: theme for theme in themes}


def counted_theme(themes: dict[str, dict[str, Any]], theme_id: str) -> str | None:
    theme = themes.get(theme_id)
    while theme and theme.get("merged_into"):
        theme = themes[theme["merged_into"]]
    return theme["id"] if theme and theme["status"] == "active" else None


def dim_themes(truth: Truth) -> pd.DataFrame:
    themes = taxonomy(truth)
    rows = [
        {
            "theme_id": theme_id,
            "name_en": theme["name"].get("en"),
            "name_pt": theme["name"].get("pt"),
            "parent_id": theme.get("parent"),
            "owner": theme.get("owner"),
            "status": theme["status"],
            "counts_as_theme_id": counted_theme(themes, theme_id),
            "is_counted": counted_theme(themes, theme_id) == theme_id,
            "since_on": theme.get("since"),
            "rule_count": len(theme.get("any") or []),
            "example_count": len(theme.get("examples") or []),
        }
        for theme_id, theme in themes.items()
    ]
    return pd.DataFrame(rows)


def words(truth: Truth) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """(object type, id) -> what was said, and the tags of it."""
    found: dict[tuple[str, str], tuple[str, list[str]]] = {}

    def say(kind: str, key: Any, text: Any, tags: Any) -> None:
        listed = [tag for tag in str(tags if pd.notna(tags) else "").split(";") if tag]
        found[(kind, key)] = (text if isinstance(text, str) else "", listed)

    tickets = ticket_accounts(truth)
    tags = tickets.set_index("ticket_id").tags
    for row in tickets.itertuples():
        say("ticket", f"{int(row.ticket_id)}", f"{row.subject}\n{row.text}", row.tags)
    for row in truth.visible("ticket_ratings").itertuples():
        say("csat_response", f"R{int(row.rating_id)}", row.text, tags.get(row.ticket_id))
    for row in truth.visible("survey_responses").itertuples():
        say("nps_response", f"{int(row.response_id)}", row.text, None)
    for row in truth.visible("notes").itertuples():
        say("crm_note", f"{int(row.note_id)}", row.text, None)
    for row in deal_states(truth).itertuples():
        say("deal_loss_reason", f"{int(row.deal_id)}", row.loss_reason_text, row.loss_reason)
    return found


def item_id(kind: str, object_id: str) -> str:
    return md5(f"{INSTANCES[kind]}|{kind}|{object_id}|".encode(), usedforsecurity=False).hexdigest()


@remembered
def fct_feedback_themes(truth: Truth) -> pd.DataFrame:
    themes = taxonomy(truth)
    said = words(truth)
    decided: dict[str, list[tuple[str, str]]] = {}
    for row in truth.csv("theme_overrides.csv"):
        theme = counted_theme(themes, row["theme_id"])
        if theme:
            decided.setdefault(row["feedback_id"], []).append((row["action"], theme))
    items = fct_feedback(truth)
    modelled = read_model_themes(truth.published) if truth.published else {}
    rows = []
    for item in items.itertuples():
        text, tags = said[(item.object_type, item.object_id)]
        feedback_id = item_id(item.object_type, item.object_id)
        overrides = decided.get(feedback_id, [])
        given = dict.fromkeys((theme for action, theme in overrides if action == "set"), "override")
        if not given:
            given = dict.fromkeys(sorted(_tagged(themes, tags)), "source")
        if not given:
            given = dict.fromkeys(sorted(_ruled(themes, text)), "rule")
        if not given:
            given = dict.fromkeys(modelled.get(feedback_id, []), "model")
        given |= {theme: "override" for action, theme in overrides if action == "add"}
        for theme in (theme for action, theme in overrides if action == "remove"):
            given.pop(theme, None)
        rows += [
            {
                "feedback_id": feedback_id,
                "theme_id": theme,
                "assigned_by": assigned_by,
                "object_type": item.object_type,
                "account_id": item.account_id,
                "occurred_at": item.occurred_at,
                "occurred_on": item.occurred_on,
                "segment": item.segment,
                "arr_amount": item.arr_amount,
            }
            for theme, assigned_by in given.items()
        ]
    return pd.DataFrame(rows)


def _tagged(themes: dict[str, dict[str, Any]], tags: list[str]) -> set[str]:
    called = {tag.lower() for tag in tags}
    found = {
        counted_theme(themes, theme_id)
        for theme_id, theme in themes.items()
        if called & {name.lower() for name in theme.get("tags") or []}
    }
    return {theme for theme in found if theme}


def _ruled(themes: dict[str, dict[str, Any]], text: str) -> set[str]:
    def meets(patterns: Any) -> bool:
        return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns or [])

    found = {
        counted_theme(themes, theme_id)
        for theme_id, theme in themes.items()
        if meets(theme.get("any")) and not meets(theme.get("none"))
    }
    return {theme for theme in found if theme}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def mart_insight__theme_weekly(truth: Truth) -> pd.DataFrame:
    items = fct_feedback(truth)
    items["feedback_id"] = [
        item_id(kind, key) for kind, key in zip(items.object_type, items.object_id, strict=True)
    ]
    items["week"] = [_monday(day) for day in truth.local_date(items.occurred_at)]
    themed = fct_feedback_themes(truth).groupby("feedback_id").theme_id.agg(list).to_dict()
    worth_now = dim_accounts(truth).set_index("account_id").arr_amount.astype(float)
    subjects = [*(t for t in taxonomy(truth) if counted_theme(taxonomy(truth), t) == t), "all", "unthemed"]
    cells: dict[tuple[date, str], list[Any]] = {}
    for item in items.sort_values(["occurred_at", "feedback_id"]).itertuples():
        for subject in [*themed.get(item.feedback_id, ["unthemed"]), "all"]:
            cells.setdefault((item.week, subject), []).append(item)
    rows = []
    week, last = min(items.week), _monday(truth.today)
    while week <= last:
        everything = len(cells.get((week, "all"), []))
        unthemed = len(cells.get((week, "unthemed"), []))
        for subject in subjects:
            found = cells.get((week, subject), [])
            # The last word of an account overwrites those before.
            arr = {item.account_id: item.arr_amount for item in found if pd.notna(item.account_id)}
            total = sum(arr.values())
            rows.append(
                {
                    "week_start_on": week,
                    "theme_id": subject,
                    "mention_count": len(found),
                    "account_count": len(arr),
                    "unknown_account_mention_count": sum(pd.isna(item.account_id) for item in found),
                    "arr_amount": total,
                    "capped_arr_amount": sum(min(value, total / 5) for value in arr.values()),
                    "current_arr_amount": sum(worth_now[account] for account in arr),
                    "feedback_count": everything,
                    "unthemed_count": unthemed,
                    "unthemed_ratio": unthemed / everything if everything else None,
                    "is_complete": week + timedelta(days=7) <= truth.today,
                }
            )
        week += timedelta(days=7)
    return pd.DataFrame(rows)


def mart_insight__theme_daily(truth: Truth) -> pd.DataFrame:
    """The days of themes, of all items and of those without any; spikes are tried on their own."""
    items = fct_feedback(truth)
    items["feedback_id"] = [
        item_id(kind, key) for kind, key in zip(items.object_type, items.object_id, strict=True)
    ]
    given = fct_feedback_themes(truth)
    themed = given.groupby("feedback_id").theme_id.agg(list).to_dict()
    by_model = {(row.feedback_id, row.theme_id) for row in given.itertuples() if row.assigned_by == "model"}
    subjects = [*(t for t in taxonomy(truth) if counted_theme(taxonomy(truth), t) == t), "all", "unthemed"]
    cells: dict[tuple[date, str], list[Any]] = {}
    days = truth.local_date(items.occurred_at)
    for day, item in zip(days, items.itertuples(), strict=True):
        for subject in [*themed.get(item.feedback_id, ["unthemed"]), "all"]:
            cells.setdefault((day, subject), []).append(item)
    rows = []
    day = min(days)
    while day <= truth.today:
        for subject in subjects:
            found = cells.get((day, subject), [])
            rows.append(
                {
                    "date_on": day,
                    "theme_id": subject,
                    "mention_count": len(found),
                    "account_count": len({item.account_id for item in found if pd.notna(item.account_id)}),
                    "model_mention_count": sum((item.feedback_id, subject) in by_model for item in found),
                    "is_complete": day < truth.today,
                    # A company's taxonomy is the same on all its days.
                    "scoring_change": None,
                }
            )
        day += timedelta(days=1)
    return pd.DataFrame(rows)


def mart_insight__voice_of_customer(truth: Truth) -> pd.DataFrame:
    """Only of segments that exist; NPS by the world's persons, which the published keys stand for."""
    answers = _nps_answers(truth)
    tickets = fct_tickets(truth)
    tickets["answered_on"] = truth.local_date(tickets.csat_answered_at)
    rated = tickets[tickets.csat_score.notna()]
    first = min([*answers.day, *rated.answered_on])
    segments = sorted({*answers.segment.dropna(), *_in_any_window(tickets).segment.dropna(), "all"})
    rows = []
    week = _monday(first)
    while week <= truth.today:
        until = min(week + timedelta(days=6), truth.today)
        since = until - timedelta(days=90)
        window = answers[(answers.day > since) & (answers.day <= until)]
        last_words = window.sort_values(["answered_at", "response_id"]).groupby("person").tail(1)
        solved = tickets[[_within(day, since, until) for day in tickets.solved_on]]
        scored = rated[[_within(day, since, until) for day in rated.answered_on]]
        for segment in segments:
            of = lambda frame, s=segment: frame if s == "all" else frame[frame.segment == s]  # noqa: E731
            votes = Counter("+" if s >= 9 else "-" if s <= 6 else "0" for s in of(last_words).score)
            asked = of(solved)
            answered = [pd.notna(day) and day <= until for day in asked.answered_on]
            rows += [
                _nps_row(votes) | {"week_start_on": week, "segment": segment, "as_of_on": until},
                _csat_row(Counter(of(scored).csat_score))
                | {
                    "week_start_on": week,
                    "segment": segment,
                    "as_of_on": until,
                    "asked_count": len(asked),
                    "response_ratio": sum(answered) / len(asked) if len(asked) else None,
                },
            ]
        week += timedelta(days=7)
    frame = pd.DataFrame(rows)
    frame["is_too_few"] = frame.answer_count < 30
    return frame


def mart_insight__opportunities(truth: Truth) -> pd.DataFrame:
    themes = taxonomy(truth)
    mentions = fct_feedback_themes(truth)
    worth_now = dim_accounts(truth).set_index("account_id").arr_amount.astype(float)
    named = _deals_naming(truth, mentions)
    deals = fct_deals(truth).set_index("deal_id")
    churned = fct_mrr_movements(truth)
    churned = churned[churned.movement_type == "churn"]
    decisions = truth.yaml("decisions.yml")["decisions"]
    rows = []
    for theme_id in (t for t in themes if counted_theme(themes, t) == t):
        of = mentions[mentions.theme_id == theme_id].sort_values(["occurred_at", "feedback_id"])
        since = truth.now - pd.Timedelta(days=90)
        recent = of[of.occurred_at > since]
        before = of[(of.occurred_at <= since) & (of.occurred_at > truth.now - pd.Timedelta(days=180))]
        arr = {row.account_id: row.arr_amount for row in recent.itertuples() if pd.notna(row.account_id)}
        current = [worth_now[account] for account in arr]
        asked = before.account_id.dropna().nunique()
        found = {deal: reason for (theme, deal), reason in named.items() if theme == theme_id}
        states = deals.loc[[deal for deal in found if deal in deals.index]]
        is_renewal = states.deal_type == "renewal"
        is_open, is_lost = states.status == "open", (states.status == "lost") & ~is_renewal
        ended = set()
        for deal, row in states[(states.status == "lost") & is_renewal].iterrows():
            month = pd.Timestamp(truth.local_day(row.closed_at)).to_period("M")
            for churn in churned[churned.account_id == row.account_id].itertuples():
                gap = (pd.Timestamp(churn.month_start_on).to_period("M") - month).n
                if found[deal] and -1 <= gap <= 3:
                    ended.add((churn.account_id, churn.month_start_on, churn.mrr_amount))
        answering = [
            entry
            for entry in truth.yaml("deliveries.yml")["deliveries"]
            if entry.get("theme") and counted_theme(themes, entry["theme"]) == theme_id
        ]
        ids = {entry["id"] for entry in answering}
        carried = sorted(e["id"] for e in decisions if ids & set(e.get("deliveries") or []))
        rows.append(
            {
                "theme_id": theme_id,
                "mention_count": len(recent),
                "account_count": len(arr),
                "unknown_account_mention_count": int(recent.account_id.isna().sum()),
                "arr_amount": sum(arr.values()),
                "current_arr_amount": sum(current),
                "capped_current_arr_amount": sum(min(value, sum(current) / 5) for value in current),
                "mention_before_count": len(before),
                "account_before_count": asked,
                "account_trend_ratio": (len(arr) - asked) / asked if asked else None,
                "total_mention_count": len(of),
                "total_account_count": of.account_id.dropna().nunique(),
                "first_mentioned_at": of.occurred_at.min(),
                "last_mentioned_at": of.occurred_at.max(),
                "lost_account_count": len({account for account, _, _ in ended}),
                "lost_arr_amount": sum(-12 * float(mrr) for _, _, mrr in ended),
                "open_deal_count": int(is_open.sum()),
                "open_pipeline_amount": float(states[is_open].reporting_amount.sum()),
                "lost_deal_count": int(is_lost.sum()),
                "lost_pipeline_amount": float(states[is_lost].reporting_amount.sum()),
                "delivery_ids": ",".join(sorted(ids)) or None,
                "decision_ids": ",".join(carried) or None,
            }
        )
    frame = pd.DataFrame(rows)
    for name, column in (("accounts", "account_count"), ("arr", "capped_current_arr_amount")):
        frame[f"{name}_score"] = frame[column] / frame[column].max()
        frame[f"{name}_rank"] = frame[column].rank(ascending=False, method="min").astype(int)
    frame["opportunity_score"] = 50 * (frame.accounts_score + frame.arr_score)
    return frame


def _deals_naming(truth: Truth, mentions: pd.DataFrame) -> dict[tuple[str, str], bool]:
    """(theme, deal) -> whether it is the reason of its loss: by the deal's notes and its loss reason."""
    notes = truth.visible("notes")
    deal_of = {
        item_id("crm_note", f"{int(row.note_id)}"): f"hubspot:{int(row.deal_id)}"
        for row in notes.itertuples()
        if pd.notna(row.deal_id)
    }
    reasons = {
        item_id("deal_loss_reason", f"{int(deal)}"): f"hubspot:{int(deal)}"
        for deal in deal_states(truth).deal_id
    }
    found: dict[tuple[str, str], bool] = {}
    for row in mentions.itertuples():
        deal = deal_of.get(row.feedback_id) or reasons.get(row.feedback_id)
        if deal:
            key = (row.theme_id, deal)
            found[key] = found.get(key, False) or row.feedback_id in reasons
    return found


def _within(day: Any, since: date, until: date) -> bool:
    return bool(pd.notna(day)) and since < day <= until


def _in_any_window(tickets: pd.DataFrame) -> pd.DataFrame:
    return tickets[tickets.solved_on.notna() | tickets.answered_on.notna()]


def _nps_answers(truth: Truth) -> pd.DataFrame:
    answers = truth.visible("survey_responses")
    merged = truth.state("people").set_index("person_id")
    excluded = set(truth.accounts.account_id.astype(int)) - truth.counted_accounts
    frame = answers.copy()
    frame["account_id"] = truth.account_of(frame.account_id)
    frame = frame[~frame.account_id.isin(excluded)].copy()
    into = merged.merged_into.dropna()

    def survivor(person: int) -> int:
        while person in into.index:
            person = int(into[person])
        return person

    emails = {
        person: email.strip().lower() for person, email in merged.email.items() if isinstance(email, str)
    }
    frame["person"] = [emails.get(survivor(int(person)), survivor(int(person))) for person in frame.person_id]
    frame["segment"] = truth.segment_at(frame.account_id, frame.answered_at + pd.Timedelta(seconds=1))
    frame["day"] = truth.local_date(frame.answered_at)
    return frame


def _nps_row(votes: Counter[str]) -> dict[str, Any]:
    n = votes.total()
    row: dict[str, Any] = {
        "measure": "nps",
        "answer_count": n,
        "positive_count": votes["+"],
        "neutral_count": votes["0"],
        "negative_count": votes["-"],
        "value": None,
    }
    if n:
        points = [1] * votes["+"] + [0] * votes["0"] + [-1] * votes["-"]
        mean = sum(points) / n
        spread = (sum((point - mean) ** 2 for point in points) / n / n) ** 0.5
        row |= {
            "value": 100 * mean,
            "interval_low": max(-100.0, 100 * (mean - 1.96 * spread)),
            "interval_high": min(100.0, 100 * (mean + 1.96 * spread)),
        }
    return row


def _csat_row(scores: Counter[str]) -> dict[str, Any]:
    good, bad = scores["good"], scores["bad"]
    n = good + bad
    row: dict[str, Any] = {
        "measure": "csat",
        "answer_count": n,
        "positive_count": good,
        "neutral_count": 0,
        "negative_count": bad,
        "value": good / n if n else None,
    }
    if n:
        # The shares at which the observed one lies 1.96 of their own standard errors away.
        share, z2 = good / n, 1.96**2
        root = (4 * n * share * (1 - share) * z2 + z2 * z2) ** 0.5
        row |= {
            "interval_low": (2 * n * share + z2 - root) / (2 * (n + z2)),
            "interval_high": (2 * n * share + z2 + root) / (2 * (n + z2)),
        }
    return row
