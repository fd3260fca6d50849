"""The truth of support and of the voice of the customer: tickets and feedback items."""

from __future__ import annotations

import pandas as pd

from tests.truth.base import Truth, remembered
from tests.truth.identity import ladder
from tests.truth.revenue import deal_states, fct_mrr_daily

RESOLVED = frozenset({"solved", "closed"})
# Zendesk withholds the newest minute of its incremental exports.
WITHHELD = pd.Timedelta(seconds=60)


@remembered
def ticket_accounts(truth: Truth) -> pd.DataFrame:
    """Tickets that are not deleted, with the account that they can be resolved to (or <NA>)."""
    tickets = truth.state("tickets")
    tickets = tickets[~tickets.is_deleted.astype(bool)].copy()
    tickets["account_id"] = resolve_accounts(truth, tickets.account_id, tickets.requester_person_id)
    excluded = set(truth.accounts.account_id.astype(int)) - truth.counted_accounts
    return tickets[~tickets.account_id.isin(excluded)]


def resolve_accounts(truth: Truth, accounts: pd.Series, requesters: pd.Series) -> pd.Series:
    """The account that the help desk's records of a ticket lead to."""
    found = ladder(truth)
    return pd.Series(
        [found.ticket(account, person).account for account, person in zip(accounts, requesters, strict=True)],
        index=accounts.index,
        dtype="Int64",
    )


@remembered
def fct_tickets(truth: Truth) -> pd.DataFrame:
    tickets = ticket_accounts(truth)
    changes = truth.changes("tickets")
    statuses = {
        ticket: list(zip(moves.changed_at, moves.to_value, strict=True))
        for ticket, moves in changes[changes.field == "status"].groupby("ticket_id")
    }
    initial = truth.visible("tickets").set_index("ticket_id")
    comments = truth.visible("ticket_comments").sort_values(["created_at", "comment_id"])
    comments = comments[comments.is_public.astype(bool)]
    by_staff = comments[comments.author_kind == "staff"]
    human = by_staff[~by_staff.is_auto_reply.astype(bool)]
    automatic = comments[comments.author_kind != "person"]
    ratings = truth.visible("ticket_ratings").sort_values(["rated_at", "rating_id"])
    last_rating = ratings.drop_duplicates("ticket_id", keep="last").set_index("ticket_id")

    rows = []
    for ticket in tickets.itertuples():
        timeline = [
            (ticket.created_at, initial.status[ticket.ticket_id]),
            *statuses.get(ticket.ticket_id, []),
        ]
        spent: dict[str, float] = {}
        entries = []
        for position, (start, status) in enumerate(timeline):
            end = timeline[position + 1][0] if position + 1 < len(timeline) else truth.now
            spent[status] = spent.get(status, 0.0) + (end - start).total_seconds() / 60
            before = timeline[position - 1][1] if position else None
            if status in RESOLVED and before not in RESOLVED:
                entries.append(start)
        status = timeline[-1][1]
        rows.append(
            {
                "ticket_id": ticket.ticket_id,
                "status": status,
                "first_solved_at": entries[0] if entries else None,
                "solved_at": entries[-1] if entries and status in RESOLVED else None,
                "reopen_count": max(len(entries) - 1, 0),
                "requester_wait_minutes": spent.get("new", 0) + spent.get("open", 0) + spent.get("hold", 0),
                "agent_work_minutes": spent.get("new", 0) + spent.get("open", 0),
                "on_hold_minutes": spent.get("hold", 0.0),
                "closed_at": next((start for start, name in timeline if name == "closed"), None),
            }
        )
    timed = pd.DataFrame(rows).set_index("ticket_id")
    frame = tickets.set_index("ticket_id").drop(columns=["status"]).join(timed)
    frame["created_at"] = pd.to_datetime(frame.created_at)
    for column in ("first_solved_at", "solved_at", "closed_at"):
        frame[column] = pd.to_datetime(frame[column])
    frame["created_on"] = truth.local_date(frame.created_at)
    frame["solved_on"] = truth.local_date(frame.solved_at)
    frame["first_reply_at"] = human.groupby("ticket_id").created_at.min()
    first_any = automatic.groupby("ticket_id").created_at.min()
    frame["first_reply_minutes"] = _minutes(frame.created_at, frame.first_reply_at)
    frame["first_reply_incl_automatic_minutes"] = _minutes(frame.created_at, first_any.reindex(frame.index))
    frame["first_resolution_minutes"] = _minutes(frame.created_at, frame.first_solved_at)
    frame["full_resolution_minutes"] = _minutes(frame.created_at, frame.solved_at)
    frame["agent_reply_count"] = human.groupby("ticket_id").size()
    frame["agent_reply_count"] = frame.agent_reply_count.fillna(0).astype(int)
    by_people = comments[comments.author_kind == "person"]
    frame["customer_comment_count"] = by_people.groupby("ticket_id").size()
    frame["customer_comment_count"] = frame.customer_comment_count.fillna(0).astype(int)
    frame["is_one_touch"] = (
        (frame.agent_reply_count == 1) & frame.status.isin(RESOLVED) & (frame.reopen_count == 0)
    )
    frame["csat_score"] = last_rating.score.reindex(frame.index)
    frame["csat_answered_at"] = pd.to_datetime(last_rating.rated_at.reindex(frame.index))
    frame["is_merged"] = frame.merged_into.notna()
    frame["priority_at_creation"] = initial.priority.reindex(frame.index)
    frame["segment"] = truth.segment_at(frame.account_id, frame.created_at + pd.Timedelta(seconds=1))
    teams = {
        row["source_key"]: row["team_id"] for row in truth.csv("teams.csv") if row["source"] == "zendesk"
    }
    names = truth.visible("teams").set_index("team_id").name
    frame["team_id"] = frame.group_team_id.astype("Int64").map(names).map(teams)
    frame["account_id"] = frame.account_id.map(
        lambda value: f"hubspot:{int(value)}" if pd.notna(value) else None
    )
    frame = frame.reset_index()
    frame["ticket_id"] = frame.ticket_id.map(lambda value: f"zendesk:{int(value)}")
    return frame[
        [
            "ticket_id",
            "account_id",
            "team_id",
            "channel",
            "ticket_type",
            "priority",
            "priority_at_creation",
            "status",
            "is_merged",
            "created_at",
            "created_on",
            "first_reply_at",
            "first_reply_minutes",
            "first_reply_incl_automatic_minutes",
            "first_solved_at",
            "solved_at",
            "solved_on",
            "first_resolution_minutes",
            "full_resolution_minutes",
            "reopen_count",
            "requester_wait_minutes",
            "agent_work_minutes",
            "on_hold_minutes",
            "agent_reply_count",
            "customer_comment_count",
            "is_one_touch",
            "csat_score",
            "csat_answered_at",
            "segment",
            "closed_at",
        ]
    ]


def _minutes(start: pd.Series, end: pd.Series) -> pd.Series:
    return (pd.to_datetime(end) - pd.to_datetime(start)).dt.total_seconds() / 60


@remembered
def fct_feedback(truth: Truth) -> pd.DataFrame:
    """Keyed by (object_type, object_id); object_id is the vendor's."""
    parts = [
        _ticket_items(truth),
        _csat_items(truth),
        _nps_items(truth),
        _note_items(truth),
        _loss_items(truth),
    ]
    items = pd.concat(parts, ignore_index=True)
    items["occurred_at"] = pd.to_datetime(items.occurred_at)
    is_nps = items.object_type == "nps_response"
    items["sentiment"] = [
        None if pd.isna(score) else _feeling(9, 6, score) if nps else _feeling(1, 0, score)
        for score, nps in zip(items.score, is_nps, strict=True)
    ]
    items["segment"] = truth.segment_at(items.account_id, items.occurred_at + pd.Timedelta(seconds=1))
    daily = fct_mrr_daily(truth).set_index(["account_id", "date_on"]).arr_amount
    items["account_id"] = items.account_id.map(
        lambda value: f"hubspot:{int(value)}" if pd.notna(value) else None
    )
    days = truth.local_date(items.occurred_at)
    items["arr_amount"] = [
        float(daily.get((account, day), 0.0)) if pd.notna(account) else None
        for account, day in zip(items.account_id, days, strict=True)
    ]
    items["occurred_on"] = days
    return items


def _feeling(content_from: float, upset_to: float, score: float) -> str:
    return "positive" if score >= content_from else "negative" if score <= upset_to else "neutral"


@remembered
def _ticket_items(truth: Truth) -> pd.DataFrame:
    tickets = ticket_accounts(truth)
    kinds = {"problem": "bug", "incident": "bug", "question": "question", "task": "request"}
    return pd.DataFrame(
        {
            "object_type": "ticket",
            "object_id": tickets.ticket_id.map(lambda value: f"{int(value)}"),
            "account_id": tickets.account_id,
            "occurred_at": tickets.created_at,
            "kind": tickets.ticket_type.map(kinds),
            "score": float("nan"),
        }
    )


@remembered
def _csat_items(truth: Truth) -> pd.DataFrame:
    ratings = truth.visible("ticket_ratings")
    ratings = ratings[ratings.text.notna() & (ratings.text != "")]
    tickets = ticket_accounts(truth).set_index("ticket_id").account_id
    ratings = ratings[ratings.ticket_id.isin(tickets.index)]
    return pd.DataFrame(
        {
            "object_type": "csat_response",
            "object_id": ratings.rating_id.map(lambda value: f"R{int(value)}"),
            "account_id": ratings.ticket_id.map(tickets),
            "occurred_at": ratings.rated_at,
            "kind": ratings.score.map({"good": "praise", "bad": "complaint"}),
            "score": ratings.score.map({"good": 1.0, "bad": 0.0}),
        }
    )


def _counted(truth: Truth, frame: pd.DataFrame) -> pd.DataFrame:
    excluded = set(truth.accounts.account_id.astype(int)) - truth.counted_accounts
    alive = set(truth.accounts.account_id.astype(int))
    frame = frame.copy()
    frame["account_id"] = truth.account_of(frame.account_id)
    frame = frame[~frame.account_id.isin(excluded)].copy()
    frame["account_id"] = frame.account_id.where(frame.account_id.isin(alive))
    return frame


@remembered
def _nps_items(truth: Truth) -> pd.DataFrame:
    answers = truth.visible("survey_responses")
    answers = _counted(truth, answers[answers.text.notna() & (answers.text != "")])
    return pd.DataFrame(
        {
            "object_type": "nps_response",
            "object_id": answers.response_id.map(lambda value: f"{int(value)}"),
            "account_id": answers.account_id,
            "occurred_at": answers.answered_at,
            "kind": answers.score.map(
                lambda score: "praise" if score >= 9 else "complaint" if score <= 6 else None
            ),
            "score": answers.score.astype(float),
        }
    )


@remembered
def _note_items(truth: Truth) -> pd.DataFrame:
    notes = _counted(truth, truth.visible("notes"))
    return pd.DataFrame(
        {
            "object_type": "crm_note",
            "object_id": notes.note_id.map(lambda value: f"{int(value)}"),
            "account_id": notes.account_id,
            "occurred_at": notes.created_at,
            "kind": None,
            "score": float("nan"),
        }
    )


@remembered
def _loss_items(truth: Truth) -> pd.DataFrame:
    deals = deal_states(truth)
    deals = deals[deals.is_closed.astype(bool) & ~deals.is_won.astype(bool) & deals.loss_reason.notna()]
    excluded = set(truth.accounts.account_id.astype(int)) - truth.counted_accounts
    deals = deals[~deals.account_id.isin(excluded)]
    changes = truth.changes("deals")
    moves = changes[changes.field == "stage_id"].groupby("deal_id").changed_at.max()
    return pd.DataFrame(
        {
            "object_type": "deal_loss_reason",
            "object_id": deals.deal_id.map(lambda value: f"{int(value)}"),
            "account_id": deals.account_id,
            "occurred_at": deals.deal_id.map(moves),
            "kind": "loss_reason",
            "score": float("nan"),
        }
    )
