"""What customers ask support, and how support answers: tickets, comments, changes, ratings, links to issues.

Belongs here: the life of tickets. Does not belong here: their words (themes.py, phrasing.py), or surveys
(voice.py).

How many tickets each account writes per week and theme is drawn in one go; each ticket then collects steps
(a moment, who, what changes, what is said) that are sorted and replayed, so that a comment and the change
of status that goes with it share a second, and nothing follows a merge or a deletion.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ingestion.sandbox.world import phrasing
from ingestion.sandbox.world.customers import Account, Customers, Person
from ingestion.sandbox.world.delivery import WrittenIssue
from ingestion.sandbox.world.engagement import Engagement
from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.lifecycle import Life
from ingestion.sandbox.world.organisation import Incident, Organisation, Staff
from ingestion.sandbox.world.rollouts import Rollouts
from ingestion.sandbox.world.setting import (
    Setting,
    business_moment,
    from_local,
    next_weekday,
    pick,
    pick_weighted,
    to_local,
)
from ingestion.sandbox.world.themes import BY_ID, THEMES, Theme

TICKETS_PER_WEEK = {"smb": 0.2, "mid_market": 0.5, "enterprise": 1.05}
_TEAM = {"pt": 5, "en": 6}
_CHANNELS = (("email", 0.5), ("web", 0.3), ("chat", 0.16), ("api", 0.04))
_PRIORITIES = ("low", "normal", "high", "urgent")
_TYPE_OF_KIND = {"bug": "problem", "request": "task", "question": "question"}
_WEEKDAYS = (0.21, 0.2, 0.2, 0.18, 0.15, 0.03, 0.03)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CLOSED_AFTER = timedelta(days=4)


@dataclass
class Step:
    """One save of a ticket: what changes, and what is said with it."""

    at: datetime
    by: int | None
    changes: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    comment: tuple[str, int, bool, bool, str] | None = None  # author kind, author id, public, automatic, text


@dataclass
class Ticket:
    """A ticket as created, and its steps."""

    account: Account | None
    requester: Person
    theme: Theme
    kind: str
    created_at: datetime
    incident: Incident | None = None
    ticket_id: int = 0
    is_ai_agent: bool = False
    tags: str = ""
    steps: list[Step] = field(default_factory=list)
    rating: tuple[datetime, str, str | None] | None = None
    first_status: str = "new"
    priority: str | None = None
    merged_into: Ticket | None = None
    ended_at: datetime | None = None


def make_support(
    setting: Setting,
    organisation: Organisation,
    customers: Customers,
    lives: dict[int, Life],
    engagement: Engagement,
    rollouts: Rollouts,
    issues: list[WrittenIssue],
    ledger: Ledger,
) -> None:
    """Tickets with everything that belongs to them."""
    tickets = _ask(setting, organisation, customers, lives, engagement, rollouts)
    tickets.sort(key=lambda t: (t.created_at, t.requester.person_id, t.theme.theme_id))
    for number, ticket in enumerate(tickets):
        ticket.ticket_id = 5_001 + number
    shifts = {account.account_id: rollouts.csat_shift[row] for row, account in enumerate(customers.accounts)}
    rng = setting.stream("ticket lives")
    for ticket in tickets:
        _live(setting, organisation, rng, ticket, shifts)
    _merge_and_delete(setting, organisation, tickets)
    texts = setting.stream("ticket texts")
    for ticket in tickets:
        _write(texts, ledger, ticket)
    for number, row in enumerate(sorted(ledger.rows["ticket_comments"], key=_comment_order)):
        row["comment_id"] = 1_000_001 + number
    _link(setting, tickets, issues, ledger)


def _comment_order(row: dict[str, Any]) -> tuple[datetime, int, str]:
    return row["created_at"], row["ticket_id"], row["author_kind"]


# -- who asks what, and when ------------------------------------------------------------------------


def _ask(
    setting: Setting,
    organisation: Organisation,
    customers: Customers,
    lives: dict[int, Life],
    engagement: Engagement,
    rollouts: Rollouts,
) -> list[Ticket]:
    rng = setting.stream("tickets")
    tickets: list[Ticket] = []
    weeks = setting.week_count
    shares = np.array([theme.weight for theme in THEMES])
    shares = shares / shares.sum()
    for row, account in enumerate(customers.accounts):
        if account.kind not in ("customer", "test"):
            continue
        base = TICKETS_PER_WEEK[account.segment] * (1.6 - 0.9 * account.health)
        rate = base * np.exp(0.35 * engagement.level[row]) * rollouts.ticket_factor[row]
        by_theme = np.outer(rate, shares)
        for place, theme in enumerate(THEMES):
            if theme.theme_id in rollouts.theme_ticket_factor:
                by_theme[:, place] *= rollouts.theme_ticket_factor[theme.theme_id][row]
            if theme.since_share:
                by_theme[: setting.week_of(setting.between(theme.since_share)), place] = 0.0
            if theme.theme_id == "localisation" and account.language == "en":
                by_theme[:, place] *= 0.2
        paying = [
            lives[account.account_id].is_paying(setting.first_monday + timedelta(days=7 * week + 3))
            for week in range(weeks)
        ]
        counts = rng.poisson(by_theme * np.array(paying)[:, None])
        for week, place in zip(*np.nonzero(counts), strict=True):
            for _ in range(int(counts[week, place])):
                _add(
                    setting,
                    rng,
                    tickets,
                    customers,
                    account,
                    THEMES[place],
                    _moment(setting, rng, account, int(week)),
                )
    _add_incidents(setting, rng, organisation, customers, lives, tickets)
    for account in customers.accounts:
        if account.kind in ("prospect", "duplicate") and rng.random() < 0.7:
            at = account.created_at + timedelta(days=float(rng.uniform(0.2, 18)))
            theme = pick(rng, [BY_ID["onboarding_help"], BY_ID["pricing_plan"], BY_ID["login_access"]])
            _add(setting, rng, tickets, customers, account, theme, at)
    for person in customers.strangers:
        at = person.created_at + timedelta(seconds=int(rng.integers(60, 40_000)))
        theme = pick(rng, [BY_ID["pricing_plan"], BY_ID["login_access"], BY_ID["search"]])
        tickets.append(_draft(rng, None, person, theme, at))
    _ask_each_day_to_come(setting, rng, customers, lives, tickets)
    return [t for t in tickets if setting.starts_at <= t.created_at <= setting.ends_at]


def _ask_each_day_to_come(
    setting: Setting,
    rng: np.random.Generator,
    customers: Customers,
    lives: dict[int, Life],
    tickets: list[Ticket],
) -> None:
    """However small the company: after `as_of` every day brings a ticket."""
    written = {(ticket.created_at - setting.as_of) // DAY for ticket in tickets}
    for day in range((setting.ends_at - setting.as_of).days):
        at = setting.as_of + DAY * day + timedelta(hours=7, seconds=int(rng.integers(0, 36_000)))
        paying = [
            account
            for account in customers.accounts
            if account.kind == "customer" and lives[account.account_id].is_paying(to_local(at).date())
        ]
        if day not in written and paying:
            _add(setting, rng, tickets, customers, pick(rng, paying), pick(rng, THEMES), at)


def _moment(setting: Setting, rng: np.random.Generator, account: Account, week: int) -> datetime:
    weekday = pick_weighted(rng, range(7), _WEEKDAYS)
    day = setting.first_monday + timedelta(days=7 * week + weekday)
    hour = float(np.clip(rng.normal(11.2, 1.8) if rng.random() < 0.5 else rng.normal(15.3, 2.2), 0.1, 23.8))
    moment = datetime(day.year, day.month, day.day) + timedelta(seconds=int(hour * 3600))
    return from_local(moment, account.time_zone)


def _add(
    setting: Setting,
    rng: np.random.Generator,
    tickets: list[Ticket],
    customers: Customers,
    account: Account,
    theme: Theme,
    at: datetime,
    incident: Incident | None = None,
) -> None:
    if account.merged_at is not None and at > account.merged_at - HOUR:
        return
    people = [p for p in customers.people_of[account.account_id] if p.created_at < at and p.email]
    people = [p for p in people if p.left_at is None or p.left_at > at]
    if not people:
        return
    # A few colleagues write most of the messages.
    person = people[min(int(rng.exponential(1.6)), len(people) - 1)]
    tickets.append(_draft(rng, account, person, theme, at, incident))


def _draft(
    rng: np.random.Generator,
    account: Account | None,
    person: Person,
    theme: Theme,
    at: datetime,
    incident: Incident | None = None,
) -> Ticket:
    kind = "bug" if incident else pick_weighted(rng, [k for k, _ in theme.kinds], [w for _, w in theme.kinds])
    ticket = Ticket(account, person, theme, kind, at.replace(microsecond=0), incident)
    ticket.is_ai_agent = incident is None and kind == "question" and rng.random() < 0.22
    return ticket


def _add_incidents(
    setting: Setting,
    rng: np.random.Generator,
    organisation: Organisation,
    customers: Customers,
    lives: dict[int, Life],
    tickets: list[Ticket],
) -> None:
    """An incident hits some accounts, who write while it lasts and a little after."""
    for incident in organisation.incidents:
        theme = next((t for t in THEMES if t.feature == incident.feature), None)
        if theme is None:
            continue
        share = {1: 0.16, 2: 0.08, 3: 0.035}[incident.severity]
        span = (incident.ended_at - incident.started_at).total_seconds() + 7200
        for account in customers.accounts:
            if account.kind != "customer" or rng.random() > share:
                continue
            if lives[account.account_id].is_paying(to_local(incident.started_at).date()):
                at = incident.started_at + timedelta(seconds=int(300 + span * rng.beta(1.3, 3)))
                _add(setting, rng, tickets, customers, account, theme, at, incident)


# -- the life of a ticket ---------------------------------------------------------------------------


def _in_office(rng: np.random.Generator, agent: Staff, at: datetime) -> datetime:
    """The moment itself if the agent is at work then, else soon after work begins again."""
    local = to_local(at, agent.time_zone)
    if local.weekday() < 5 and 8 <= local.hour < 19:
        return at
    day = local.date() if local.hour < 8 and local.weekday() < 5 else next_weekday(local.date() + DAY)
    begin = datetime(day.year, day.month, day.day, 8) + timedelta(seconds=int(rng.integers(60, 9000)))
    return from_local(begin, agent.time_zone)


def _live(
    setting: Setting,
    organisation: Organisation,
    rng: np.random.Generator,
    ticket: Ticket,
    csat_shifts: dict[int, Any],
) -> None:
    language = ticket.requester.language
    channel_is_chat = False
    ticket.priority = None
    if rng.random() < 0.65:
        ticket.priority = pick_weighted(rng, _PRIORITIES, (0.15, 0.55, 0.22, 0.08))
    if ticket.incident is not None:
        ticket.priority = "urgent" if ticket.incident.severity == 1 else "high"
    theme_tag = ticket.theme.theme_id.replace("_", "-")
    tags = [theme_tag] if rng.random() < 0.45 else []
    if ticket.incident is not None:
        tags.append("incident")
    ticket.tags = ";".join(tags)
    channel_is_chat = rng.random() < 0.16
    ticket.first_status = "open" if channel_is_chat else "new"
    if ticket.is_ai_agent:
        _answer_by_bot(organisation, rng, ticket, language)
        return
    bot = organisation.bot
    if not channel_is_chat and rng.random() < 0.85:
        at = ticket.created_at + timedelta(seconds=int(rng.integers(2, 25)))
        text = phrasing.AUTO_REPLY[language]
        ticket.steps.append(Step(at, bot.staff_id, comment=("bot", bot.staff_id, True, True, text)))
    _answer_by_agents(setting, organisation, rng, ticket, language, channel_is_chat, csat_shifts)


def _answer_by_bot(
    organisation: Organisation, rng: np.random.Generator, ticket: Ticket, language: str
) -> None:
    """The vendor's AI agent answers at once; nobody else looks at the ticket."""
    bot = organisation.bot
    at = ticket.created_at + timedelta(seconds=int(rng.integers(4, 50)))
    text = phrasing.BOT_ANSWER[language].format(n=int(rng.integers(100, 999)))
    changes: dict[str, Any] = {"assignee_staff_id": bot.staff_id, "status": "pending"}
    ticket.steps.append(
        Step(at, bot.staff_id, changes, ("ai-agent",), ("bot", bot.staff_id, True, False, text))
    )
    solved = at + timedelta(seconds=int(rng.integers(1800, 86400)))
    ticket.steps.append(Step(solved, bot.staff_id, {"status": "solved"}))
    ticket.steps.append(Step(solved + CLOSED_AFTER, None, {"status": "closed"}))


def _answer_by_agents(
    setting: Setting,
    organisation: Organisation,
    rng: np.random.Generator,
    ticket: Ticket,
    language: str,
    is_chat: bool,
    csat_shifts: dict[int, Any],
) -> None:
    team_id = _TEAM[language]
    agent = pick(rng, organisation.members("support_agent", team_id, at=ticket.created_at))
    median_hours = {"urgent": 0.7, "high": 1.6, "normal": 3.4, "low": 7.0, None: 3.4}[ticket.priority]
    if is_chat:
        median_hours = 0.12
    wait = timedelta(hours=float(np.clip(median_hours * rng.lognormal(0, 0.9), 0.02, 120)))
    replied = _in_office(rng, agent, ticket.created_at + wait)
    if rng.random() < 0.45:
        assigned = ticket.created_at + (replied - ticket.created_at) * float(rng.uniform(0.1, 0.9))
        ticket.steps.append(
            Step(assigned, agent.staff_id, {"assignee_staff_id": agent.staff_id, "status": "open"})
        )
    if rng.random() < 0.05:
        other = organisation.members("support_agent", 11 - team_id, at=ticket.created_at)
        handed = ticket.created_at + (replied - ticket.created_at) * 0.95
        agent = pick(rng, other)
        moves_on = {"group_team_id": 11 - team_id, "assignee_staff_id": agent.staff_id}
        ticket.steps.append(Step(handed, agent.staff_id, moves_on))
    if rng.random() < 0.06:
        at = ticket.created_at + (replied - ticket.created_at) * float(rng.uniform(0.3, 1.5))
        raised = "high" if ticket.priority in (None, "low", "normal") else "normal"
        ticket.steps.append(Step(at, agent.staff_id, {"priority": raised}))

    at = replied
    reopened = False
    name = ticket.requester.name
    rounds = int(rng.geometric(0.7 if is_chat else 0.45))
    for turn in range(rounds):
        is_last = turn == rounds - 1
        status = "solved" if is_last else "hold" if ticket.kind == "bug" and rng.random() < 0.3 else "pending"
        changes: dict[str, Any] = {"assignee_staff_id": agent.staff_id, "status": status}
        text = phrasing.agent_reply(rng, language, name)
        ticket.steps.append(
            Step(at, agent.staff_id, changes, comment=("staff", agent.staff_id, True, False, text))
        )
        if is_last:
            break
        if rng.random() < 0.15:
            note = at + timedelta(seconds=int(rng.integers(60, 7200)))
            comment = ("staff", agent.staff_id, False, False, phrasing.INTERNAL_NOTE[language])
            ticket.steps.append(Step(note, agent.staff_id, comment=comment))
        if status == "hold":
            at = _in_office(rng, agent, at + timedelta(hours=float(rng.uniform(8, 160))))
            continue
        answered = at + timedelta(hours=float(np.clip(rng.lognormal(1.6, 1.1), 0.05, 150)))
        comment = ("person", ticket.requester.person_id, True, False, phrasing.follow_up(rng, language))
        ticket.steps.append(Step(answered, None, {"status": "open"}, comment=comment))
        at = _in_office(
            rng, agent, answered + timedelta(hours=float(np.clip(rng.lognormal(0.9, 0.9), 0.05, 90)))
        )
    solved = at
    if rng.random() < 0.08:
        reopened = True
        again = solved + timedelta(hours=float(rng.uniform(0.5, 80)))
        comment = ("person", ticket.requester.person_id, True, False, phrasing.follow_up(rng, language))
        ticket.steps.append(Step(again, None, {"status": "open"}, ("reopened",), comment))
        fixed = _in_office(
            rng, agent, again + timedelta(hours=float(np.clip(rng.lognormal(1.3, 0.8), 0.1, 60)))
        )
        text = phrasing.agent_reply(rng, language, name)
        comment = ("staff", agent.staff_id, True, False, text)
        ticket.steps.append(Step(fixed, agent.staff_id, {"status": "solved"}, comment=comment))
        solved = fixed
    ticket.steps.append(Step(solved + CLOSED_AFTER + HOUR, None, {"status": "closed"}))
    _rate(setting, rng, ticket, replied, solved, reopened, csat_shifts)


def _rate(
    setting: Setting,
    rng: np.random.Generator,
    ticket: Ticket,
    replied: datetime,
    solved: datetime,
    reopened: bool,
    csat_shifts: dict[int, Any],
) -> None:
    if ticket.account is None or rng.random() > 0.34:
        return
    at = (solved + timedelta(hours=float(np.clip(rng.lognormal(1.5, 1.0), 0.05, 90)))).replace(microsecond=0)
    chance = 0.66 + 0.22 * ticket.account.health
    chance -= 0.12 if replied - ticket.created_at > DAY else 0.0
    chance -= 0.15 if reopened else 0.0
    week = setting.week_of(ticket.created_at)
    if 0 <= week < setting.week_count:
        chance += float(csat_shifts[ticket.account.account_id][week])
    score = "good" if rng.random() < min(0.985, chance) else "bad"
    ticket.rating = (at, score, phrasing.rating_text(rng, ticket.requester.language, score))


def _merge_and_delete(setting: Setting, organisation: Organisation, tickets: list[Ticket]) -> None:
    """A second message on the same matter is merged into the first; spam and slips are deleted."""
    rng = setting.stream("ticket merges")
    recent: dict[int, Ticket] = {}
    for ticket in tickets:
        if ticket.account is None or ticket.is_ai_agent:
            if rng.random() < 0.1 and ticket.account is None:
                _delete(organisation, rng, ticket)
            continue
        first = recent.get(ticket.account.account_id)
        near = first is not None and ticket.created_at - first.created_at < 3 * DAY
        if first is not None and near and rng.random() < 0.2:
            at = ticket.created_at + timedelta(seconds=int(rng.integers(600, 30_000)))
            if first.ended_at is None or at < first.ended_at:
                _merge(organisation, rng, ticket, first, at)
                continue
        if rng.random() < 0.008:
            _delete(organisation, rng, ticket)
            continue
        recent[ticket.account.account_id] = ticket
    # Deletions in the first days after the company is looked at.
    survivors = {id(t.merged_into) for t in tickets if t.merged_into is not None}
    late = [
        t
        for t in tickets
        if id(t) not in survivors
        and setting.as_of - 3 * DAY < t.created_at < setting.as_of
        and t.ended_at is None
        and t.account
    ]
    for step, ticket in enumerate(late[:2]):
        _end(ticket, setting.as_of + timedelta(hours=7 + 24 * step, seconds=41))
        ticket.steps.append(
            Step(ticket.ended_at or setting.as_of, organisation.bot.staff_id, {"deleted": True})
        )


def _end(ticket: Ticket, at: datetime) -> None:
    ticket.ended_at = at.replace(microsecond=0)
    ticket.steps = [step for step in ticket.steps if step.at < ticket.ended_at]
    if ticket.rating is not None and ticket.rating[0] >= ticket.ended_at:
        ticket.rating = None


def _merge(
    organisation: Organisation, rng: np.random.Generator, ticket: Ticket, survivor: Ticket, at: datetime
) -> None:
    language = ticket.requester.language
    agent = pick(rng, organisation.members("support_agent", _TEAM[language], at=at))
    _end(ticket, at)
    ticket.merged_into = survivor
    changes = {"assignee_staff_id": agent.staff_id, "status": "closed", "merged_into": survivor.ticket_id}
    comment = ("staff", agent.staff_id, False, False, phrasing.MERGE_NOTE[language])
    ticket.steps.append(Step(ticket.ended_at or at, agent.staff_id, changes, ("closed_by_merge",), comment))


def _delete(organisation: Organisation, rng: np.random.Generator, ticket: Ticket) -> None:
    agent = pick(
        rng, organisation.members("support_agent", _TEAM[ticket.requester.language], at=ticket.created_at)
    )
    _end(ticket, ticket.created_at + timedelta(seconds=int(rng.integers(120, 3 * 86400))))
    ticket.steps.append(Step(ticket.ended_at or ticket.created_at, agent.staff_id, {"deleted": True}))


# -- writing ----------------------------------------------------------------------------------------


def _write(rng: np.random.Generator, ledger: Ledger, ticket: Ticket) -> None:
    person, language = ticket.requester, ticket.requester.language
    text = phrasing.message(rng, ticket.theme, language, person.name, person.email)
    channel = (
        "chat"
        if ticket.first_status == "open"
        else pick_weighted(rng, ("email", "web", "api"), (0.6, 0.35, 0.05))
    )
    known_type = rng.random() < 0.6
    ticket_type = _TYPE_OF_KIND.get(ticket.kind) if known_type else None
    if ticket.incident is not None:
        ticket_type = "incident"
    ledger.add(
        "tickets",
        ticket_id=ticket.ticket_id,
        account_id=ticket.account.account_id if ticket.account else None,
        requester_person_id=person.person_id,
        subject=phrasing.subject_of(rng, ticket.theme, language),
        text=text,
        language=language,
        channel=channel,
        ticket_type=ticket_type,
        priority=ticket.priority,
        status=ticket.first_status,
        group_team_id=_TEAM[language],
        assignee_staff_id=None,
        tags=ticket.tags,
        is_ai_agent=ticket.is_ai_agent,
        created_at=ticket.created_at,
        visible_at=ticket.created_at,
        truth_theme=ticket.theme.theme_id,
        truth_kind=ticket.kind,
        truth_incident_id=ticket.incident.incident_id if ticket.incident else None,
    )
    _say(ledger, ticket, ticket.created_at, ("person", person.person_id, True, False, text))
    state: dict[str, Any] = {
        "status": ticket.first_status,
        "priority": ticket.priority,
        "assignee_staff_id": None,
        "group_team_id": _TEAM[language],
        "tags": ticket.tags,
        "deleted": False,
        "merged_into": None,
    }
    last = ticket.created_at
    for step in sorted(ticket.steps, key=lambda s: s.at):
        at = max(step.at.replace(microsecond=0), last + timedelta(seconds=1))
        wanted = dict(step.changes)
        if step.tags:
            wanted["tags"] = ";".join(
                dict.fromkeys([t for t in state["tags"].split(";") if t] + list(step.tags))
            )
        if state["status"] == "closed":
            wanted.pop("status", None)
        for name, after in wanted.items():
            if state[name] != after:
                ledger.change("tickets", ticket.ticket_id, name, state[name], after, at, step.by)
                state[name] = after
        if step.comment is not None:
            _say(ledger, ticket, at, step.comment)
        last = at
    if ticket.rating is not None:
        at, score, rating_text = ticket.rating
        at = max(at, ticket.created_at + MINUTE)
        ledger.add(
            "ticket_ratings",
            rating_id=2_000_000 + ticket.ticket_id,
            ticket_id=ticket.ticket_id,
            person_id=person.person_id,
            score=score,
            text=rating_text,
            rated_at=at,
            visible_at=at,
        )


def _say(ledger: Ledger, ticket: Ticket, at: datetime, comment: tuple[str, int, bool, bool, str]) -> None:
    author_kind, author_id, is_public, is_auto_reply, text = comment
    ledger.add(
        "ticket_comments",
        comment_id=0,
        ticket_id=ticket.ticket_id,
        author_kind=author_kind,
        author_id=author_id,
        is_public=is_public,
        is_auto_reply=is_auto_reply,
        text=text,
        created_at=at,
        visible_at=at,
    )


def _link(setting: Setting, tickets: list[Ticket], issues: list[WrittenIssue], ledger: Ledger) -> None:
    """Agents link bugs and requests to issues on the same theme."""
    rng = setting.stream("ticket links")
    by_theme: dict[str, list[WrittenIssue]] = defaultdict(list)
    for issue in issues:
        if issue.theme and issue.level <= 0 and issue.is_asked_for:
            by_theme[issue.theme].append(issue)
    links = []
    for ticket in tickets:
        if ticket.kind not in ("bug", "request") or ticket.is_ai_agent or rng.random() > 0.17:
            continue
        near = [
            issue
            for issue in by_theme[ticket.theme.theme_id]
            if ticket.created_at - 50 * DAY < issue.created_at < ticket.created_at + 20 * DAY
        ]
        if not near:
            continue
        governed = [issue for issue in near if issue.delivery]
        issue = pick(rng, governed if governed and rng.random() < 0.7 else near)
        begin = max(ticket.created_at, issue.created_at)
        at = business_moment(rng, next_weekday((begin + DAY).date()))
        at = max(at, begin + MINUTE)
        if ticket.ended_at is None or at < ticket.ended_at:
            links.append((at, ticket.ticket_id, issue.issue_id))
    for number, (at, ticket_id, issue_id) in enumerate(sorted(links)):
        ledger.add(
            "ticket_issue_links",
            link_id=60_001 + number,
            ticket_id=ticket_id,
            issue_id=issue_id,
            created_at=at,
            visible_at=at,
        )
