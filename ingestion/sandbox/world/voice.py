"""What customers say when asked, and what colleagues write down about them: surveys and notes.

Belongs here: survey responses and CRM notes. Does not belong here: tickets and their ratings (support.py).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ingestion.sandbox.world import phrasing
from ingestion.sandbox.world.customers import Account, Customers
from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.lifecycle import Life
from ingestion.sandbox.world.organisation import Organisation
from ingestion.sandbox.world.setting import (
    Setting,
    business_moment,
    next_weekday,
    pick,
    pick_weighted,
    to_local,
)
from ingestion.sandbox.world.themes import THEMES

DAY = timedelta(days=1)
_ASKED_EVERY_DAYS = 100
_ANSWER_CHANCE = 0.42


def make_voice(
    setting: Setting,
    organisation: Organisation,
    customers: Customers,
    lives: dict[int, Life],
    ledger: Ledger,
) -> None:
    """NPS answers and notes."""
    _make_surveys(setting, customers, lives, ledger)
    _make_notes(setting, organisation, customers, lives, ledger)


def _theme(setting: Setting, rng: np.random.Generator, at: datetime) -> Any:
    known = [t for t in THEMES if t.kinds[0][0] != "praise" and at >= setting.between(t.since_share)]
    return pick_weighted(rng, known, [t.weight for t in known])


def _make_surveys(setting: Setting, customers: Customers, lives: dict[int, Life], ledger: Ledger) -> None:
    rng = setting.stream("surveys")
    answers: list[dict[str, Any]] = []
    for person in customers.people:
        account = person.account
        if (
            account is None
            or account.kind not in ("customer", "test")
            or not person.email
            or not person.user_from
        ):
            continue
        at = max(setting.starts_at, person.created_at + 30 * DAY) + DAY * float(
            rng.uniform(0, _ASKED_EVERY_DAYS)
        )
        while at < setting.ends_at:
            if rng.random() < _ANSWER_CHANCE and lives[account.account_id].is_paying(to_local(at).date()):
                answered = business_moment(rng, to_local(at).date(), account.time_zone, 7, 22)
                if person.left_at is None or answered < person.left_at:
                    answers.append(_answer(setting, rng, person.person_id, account, answered))
            at += DAY * float(rng.uniform(0.85, 1.2)) * _ASKED_EVERY_DAYS
    answers.sort(key=lambda a: (a["answered_at"], a["person_id"]))
    for number, answer in enumerate(answers):
        ledger.add("survey_responses", response_id=80_001 + number, **answer)


def _answer(
    setting: Setting, rng: np.random.Generator, person_id: int, account: Account, at: datetime
) -> dict[str, Any]:
    score = int(np.clip(round(4.1 + 6.2 * account.health + rng.normal(0, 1.9)), 0, 10))
    theme = _theme(setting, rng, at)
    text = phrasing.survey_text(rng, account.language, score, theme)
    return {
        "survey": "nps",
        "person_id": person_id,
        "account_id": account.account_id,
        "score": score,
        "text": text,
        "language": account.language,
        "answered_at": at,
        "visible_at": at,
        "truth_theme": theme.theme_id if text and score < 7 else None,
    }


def _make_notes(
    setting: Setting,
    organisation: Organisation,
    customers: Customers,
    lives: dict[int, Life],
    ledger: Ledger,
) -> None:
    rng = setting.stream("notes")
    deals_of: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for deal in ledger.rows["deals"]:
        deals_of[deal["account_id"]].append(deal)
    drafts: list[dict[str, Any]] = []
    for account in customers.accounts:
        if account.kind not in ("customer", "prospect"):
            continue
        at = max(setting.starts_at, account.created_at) + DAY * float(rng.uniform(2, 70))
        while at < setting.ends_at:
            moment = business_moment(rng, next_weekday(to_local(at).date()), account.time_zone)
            gone = account.deleted_at is not None and moment > account.deleted_at
            known = account.kind == "prospect" or lives[account.account_id].is_paying(to_local(at).date())
            people = [p for p in customers.people_of[account.account_id] if p.created_at < moment]
            if known and people and not gone:
                drafts.append(_note(setting, organisation, rng, account, people, deals_of, moment))
            at += DAY * float(rng.uniform(25, 110))
    drafts += _note_of_each_day_to_come(setting, organisation, rng, customers, lives, drafts)
    drafts.sort(key=lambda d: (d["created_at"], d["account_id"]))
    for number, draft in enumerate(drafts):
        ledger.add("notes", note_id=90_001 + number, **draft)


def _note_of_each_day_to_come(
    setting: Setting,
    organisation: Organisation,
    rng: np.random.Generator,
    customers: Customers,
    lives: dict[int, Life],
    drafts: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """However small the company: after `as_of` every day brings a note, so that a further day has news in
    the CRM."""
    written = {(draft["created_at"] - setting.as_of) // DAY for draft in drafts}
    more = []
    for day in range((setting.ends_at - setting.as_of).days):
        if day in written:
            continue
        moment = setting.as_of + DAY * day + timedelta(hours=9, seconds=int(rng.integers(0, 18_000)))
        today = to_local(moment).date()
        paying = [
            a
            for a in customers.accounts
            if a.kind == "customer"
            and customers.people_of[a.account_id]
            and lives[a.account_id].is_paying(today)
        ]
        known = [
            (a, people)
            for a in paying
            if (people := [p for p in customers.people_of[a.account_id] if p.created_at < moment])
        ]
        if known:
            account, people = pick(rng, known)
            more.append(_note(setting, organisation, rng, account, people, defaultdict(list), moment))
    return more


def _note(
    setting: Setting,
    organisation: Organisation,
    rng: np.random.Generator,
    account: Account,
    people: list[Any],
    deals_of: dict[int, list[dict[str, Any]]],
    moment: datetime,
) -> dict[str, Any]:
    person = pick(rng, people)
    theme = _theme(setting, rng, moment)
    kind = pick_weighted(rng, [k for k, _ in theme.kinds], [w for _, w in theme.kinds])
    deals = [d for d in deals_of[account.account_id] if timedelta(0) < moment - d["created_at"] < 90 * DAY]
    authors = [organisation.by_id[account.owner_staff_id]]
    if not authors[0].is_active(moment):
        authors = organisation.members("csm", at=moment)
    return {
        "account_id": account.account_id,
        "deal_id": pick(rng, deals)["deal_id"] if deals and rng.random() < 0.5 else None,
        "person_id": person.person_id if rng.random() < 0.7 else None,
        "author_staff_id": pick(rng, authors).staff_id,
        "kind": "call" if rng.random() < 0.4 else "note",
        "text": phrasing.note_text(rng, account.language, person.name, theme),
        "language": account.language,
        "created_at": moment,
        "visible_at": moment,
        "truth_theme": theme.theme_id,
        "truth_kind": kind,
    }
