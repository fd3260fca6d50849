"""The world as Zendesk's objects: tickets with their audits and metric sets, users, organisations, ratings.

Belongs here: what Zendesk holds. Does not belong here: paths, pages, limits (`__init__.py`).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html import escape
from typing import Any, NamedTuple

from ingestion.sandbox.credentials import ZENDESK_SUBDOMAIN
from ingestion.sandbox.snapshot import Entity, Row, Snapshot

ORGANIZATIONS = 900_000_000
END_USERS = 700_000_000
AGENTS = 800_000_000
SYSTEM_USER = -1
# Ids of what the world does not number itself: far from the ids it does.
MERGE_COMMENTS = 5_000_000_000
AUDITS_OF_CHANGES = 10_000_000_000
AUDITS_OF_COMMENTS = 20_000_000_000
CHANGE_EVENTS = 30_000_000_000
CREATE_EVENTS = 40_000_000_000
BRAND = 360_000_000_001
TICKET_FORM = 360_000_000_002
ARCHIVED_AFTER_DAYS = 120

_RAILS_ZONES = {
    "America/Sao_Paulo": "Brasilia",
    "America/New_York": "Eastern Time (US & Canada)",
    "America/Chicago": "Central Time (US & Canada)",
    "America/Los_Angeles": "Pacific Time (US & Canada)",
    "Europe/Berlin": "Berlin",
    "Europe/London": "London",
    "Europe/Lisbon": "Lisbon",
    "Europe/Madrid": "Madrid",
    "Europe/Paris": "Paris",
    "UTC": "UTC",
}

_LOCALES = {"pt": "pt-BR", "en": "en-US"}


def iso(moment: datetime) -> str:
    return f"{moment.replace(microsecond=0).isoformat()}Z"


def epoch(moment: datetime) -> int:
    return calendar.timegm(moment.timetuple())


def org_id(account_id: int) -> int:
    return ORGANIZATIONS + account_id


class SupportName(NamedTuple):
    """What support wrote down of an organisation that it could not tie to the CRM by its id."""

    name: str
    knows_domain: bool
    country: str | None


def written_down(row: Row) -> SupportName:
    """Every tenth organisation was typed in by hand, without the CRM's id.

    Of four such, two have their domain; one has the name, the way that contracts write it, and the country;
    one the name alone.
    """
    turn = row["account_id"] // 10 % 4
    if row["account_id"] % 10 or turn % 2:
        return SupportName(row["name"], True, None)
    ending = " LTDA." if row["language"] == "pt" else ", Inc."
    return SupportName(row["name"].upper() + ending, False, None if turn else row["country"])


def person_user(person_id: int) -> int:
    return END_USERS + person_id


def staff_user(staff_id: int | None) -> int:
    return SYSTEM_USER if staff_id is None else AGENTS + staff_id


@dataclass(slots=True)
class Comment:
    id: int
    ticket_id: int
    at: datetime
    visible_at: datetime
    author_id: int
    is_public: bool
    text: str
    via: dict[str, Any]
    is_human_agent: bool
    is_requester: bool


@dataclass(slots=True)
class Audit:
    """All that one update of a ticket did."""

    id: int
    ticket_id: int
    at: datetime
    visible_at: datetime
    author_id: int
    via: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)


@dataclass(slots=True)
class Ticket:
    entity: Entity
    row: Row
    comments: list[Comment]
    written_at: datetime
    updated_at: datetime
    statuses: list[tuple[str, datetime]]
    shown: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return self.entity.id


def via(channel: str, rel: str | None = None) -> dict[str, Any]:
    return {"channel": channel, "source": {"from": {}, "to": {}, "rel": rel}}


class Desk:
    """Zendesk's database as of a snapshot."""

    def __init__(self, book: Snapshot) -> None:
        self.book = book
        self.base = f"https://{ZENDESK_SUBDOMAIN}.zendesk.com/api/v2"

    # --- people and organisations

    @cached_property
    def bots(self) -> set[int]:
        return {row["staff_id"] for row in self.book.rows("staff") if row["role"] == "support_bot"}

    def organization_of(self, account_id: int | None) -> int | None:
        """The organisation that an account's people and tickets are in now: merges followed, none when
        deleted.
        """
        survivor = self.book.survivor("accounts", account_id)
        if survivor is None:
            return None
        entity = self.book.entities("accounts").get(survivor)
        return None if entity is None or entity.is_deleted else org_id(survivor)

    def moved_at(self, account_id: int | None) -> datetime:
        """When the account's organisation was last merged or deleted, which writes its people and tickets
        too.
        """
        entity = self.book.entities("accounts").get(account_id) if account_id is not None else None
        if entity is None:
            return datetime.min
        times = [change.visible_at for change in entity.changes if change.field in ("merged_into", "deleted")]
        return max(times, default=datetime.min)

    @cached_property
    def organizations(self) -> list[dict[str, Any]]:
        """All organisations by (updated_at, id), deleted ones included."""
        shown = []
        for entity in self.book.entities("accounts").values():
            row = entity.row
            seen = [c for c in entity.changes if c.field in ("name", "deleted", "merged_into")]
            updated = max([entity.created_at, *(max(c.at, c.visible_at) for c in seen)])
            written = written_down(row)
            gone = entity.merged_at or (entity.deleted_at if entity.is_deleted else None)
            shown.append(
                {
                    "id": org_id(entity.id),
                    "url": f"{self.base}/organizations/{org_id(entity.id)}.json",
                    "name": written.name,
                    "external_id": str(entity.id) if entity.id % 10 else None,
                    "domain_names": [row["domain"]] if row["domain"] and written.knows_domain else [],
                    "details": None,
                    "notes": None,
                    "group_id": None,
                    "shared_tickets": False,
                    "shared_comments": False,
                    "tags": [],
                    "organization_fields": {"country": written.country},
                    "created_at": iso(entity.created_at),
                    "updated_at": iso(updated),
                    "deleted_at": iso(gone) if gone else None,
                }
            )
        return sorted(shown, key=lambda item: (item["updated_at"], item["id"]))

    @cached_property
    def users(self) -> list[dict[str, Any]]:
        """End users and agents by (updated_at, id)."""
        shown = []
        for entity in self.book.entities("people").values():
            row = entity.row
            updated = max(entity.written_at, self.moved_at(row["account_id"]))
            is_active = not entity.is_deleted and entity.merged_into is None
            shown.append(
                self._user(
                    person_user(entity.id),
                    name=row["name"],
                    email=row["email"],
                    role="end-user",
                    created_at=entity.created_at,
                    updated_at=updated,
                    active=is_active,
                    organization_id=self.organization_of(row["account_id"]),
                    external_id=str(entity.id) if entity.id % 10 else None,
                    phone=row["phone"],
                    locale=_LOCALES.get(row["language"], "en-US"),
                    zone=self.book.meta.time_zone,
                )
            )
        for row in self.book.rows("staff"):
            left = row["active_to"] is not None and row["active_to"] <= self.book.now
            is_agent = row["role"] in ("support_agent", "support_bot")
            shown.append(
                self._user(
                    staff_user(row["staff_id"]),
                    name=row["name"],
                    email=row["email"],
                    role="admin" if row["role"] == "jira_admin" else "agent",
                    created_at=row["active_from"],
                    updated_at=max(row["active_to"] if left else row["active_from"], row["visible_at"]),
                    active=not left,
                    organization_id=None,
                    external_id=None,
                    phone=None,
                    locale=_LOCALES.get(row["language"], "en-US"),
                    zone=row["time_zone"],
                    default_group_id=row["team_id"] if is_agent else None,
                    role_type=None if row["role"] != "support_bot" else 3,
                )
            )
        return sorted(shown, key=lambda item: (item["updated_at"], item["id"]))

    def _user(
        self,
        user_id: int,
        *,
        name: str,
        email: str | None,
        role: str,
        created_at: datetime,
        updated_at: datetime,
        active: bool,
        organization_id: int | None,
        external_id: str | None,
        phone: str | None,
        locale: str,
        zone: str,
        default_group_id: int | None = None,
        role_type: int | None = None,
    ) -> dict[str, Any]:
        return {
            "id": user_id,
            "url": f"{self.base}/users/{user_id}.json",
            "name": name,
            "email": email,
            "created_at": iso(created_at),
            "updated_at": iso(updated_at),
            "time_zone": _RAILS_ZONES.get(zone, zone),
            "iana_time_zone": zone,
            "phone": phone,
            "locale": locale,
            "organization_id": organization_id,
            "role": role,
            "role_type": role_type,
            "verified": True,
            "external_id": external_id,
            "tags": [],
            "alias": "",
            "active": active,
            "shared": False,
            "shared_agent": False,
            "last_login_at": None,
            "signature": None,
            "details": "",
            "notes": "",
            "custom_role_id": None,
            "moderator": role != "end-user",
            "ticket_restriction": "requested" if role == "end-user" else None,
            "only_private_comments": False,
            "restricted_agent": role != "admin",
            "suspended": False,
            "default_group_id": default_group_id,
            "report_csv": False,
            "user_fields": {},
        }

    @cached_property
    def groups(self) -> list[dict[str, Any]]:
        return [
            {
                "id": row["team_id"],
                "url": f"{self.base}/groups/{row['team_id']}.json",
                "name": row["name"],
                "description": "",
                "default": False,
                "is_public": True,
                "deleted": False,
                "created_at": iso(row["visible_at"]),
                "updated_at": iso(row["visible_at"]),
            }
            for row in sorted(self.book.rows("teams"), key=lambda row: row["team_id"])
            if row["kind"] == "support"
        ]

    # --- tickets

    @cached_property
    def comments(self) -> dict[int, list[Comment]]:
        """Comments of each ticket, oldest first, with those that a merge writes."""
        found: dict[int, list[Comment]] = {}
        tickets = self.book.entities("tickets")
        for row in self.book.rows("ticket_comments"):
            ticket = tickets.get(row["ticket_id"])
            if ticket is None:
                continue
            is_person = row["author_kind"] == "person"
            is_bot = row["author_kind"] == "bot" or (not is_person and row["author_id"] in self.bots)
            if is_person:
                author = self.user_of_person(row["author_id"])
                channel = via(ticket.first["channel"])
            else:
                author = staff_user(row["author_id"])
                channel = via("web")
            if row["is_auto_reply"]:
                channel = via("rule", "trigger")
            elif is_bot:
                channel = via("answer_bot")
            found.setdefault(row["ticket_id"], []).append(
                Comment(
                    id=row["comment_id"],
                    ticket_id=row["ticket_id"],
                    at=row["created_at"],
                    visible_at=max(row["created_at"], row["visible_at"]),
                    author_id=author,
                    is_public=row["is_public"],
                    text=row["text"],
                    via=channel,
                    is_human_agent=not is_person and not is_bot and not row["is_auto_reply"],
                    is_requester=is_person,
                )
            )
        for entity in tickets.values():
            for change in entity.changes:
                if change.field != "merged_into" or not change.after:
                    continue
                target = int(change.after)
                texts = (
                    (
                        entity.id,
                        2 * change.change_id,
                        f"This request was closed and merged into request #{target}.",
                    ),
                    (
                        target,
                        2 * change.change_id + 1,
                        f"Request #{entity.id} was closed and merged into this request.",
                    ),
                )
                for ticket_id, number, text in texts:
                    if ticket_id in tickets:
                        found.setdefault(ticket_id, []).append(
                            Comment(
                                id=MERGE_COMMENTS + number,
                                ticket_id=ticket_id,
                                at=change.at,
                                visible_at=max(change.at, change.visible_at),
                                author_id=staff_user(change.by),
                                is_public=False,
                                text=text,
                                via=via("web", "merge"),
                                is_human_agent=False,
                                is_requester=False,
                            )
                        )
        for comments in found.values():
            comments.sort(key=lambda comment: (comment.at, comment.id))
        return found

    def user_of_person(self, person_id: int) -> int:
        """The user of a person: merged users' tickets and comments move to the survivor."""
        return person_user(self.book.survivor("people", person_id) or person_id)

    @cached_property
    def ratings(self) -> dict[int, Row]:
        """The last rating of each ticket."""
        ordered = sorted(
            self.book.rows("ticket_ratings"), key=lambda row: (row["rated_at"], row["rating_id"])
        )
        return {row["ticket_id"]: row for row in ordered}

    @cached_property
    def tickets(self) -> dict[int, Ticket]:
        """Tickets by id, deleted ones included."""
        made = {}
        people = self.book.entities("people")
        for entity in self.book.entities("tickets").values():
            comments = self.comments.get(entity.id, [])
            row, first = entity.row, entity.first
            written, updated = entity.written_at, entity.changed_at
            for comment in comments:
                written, updated = max(written, comment.visible_at), max(updated, comment.at)
            rating = self.ratings.get(entity.id)
            if rating:
                written = max(written, rating["visible_at"], rating["rated_at"])
                updated = max(updated, rating["rated_at"])
            # A merge of users or organisations writes the tickets too; only generated_timestamp shows it.
            person = people.get(first["requester_person_id"])
            if person is not None and person.merged_at is not None:
                written = max(written, person.merged_at)
            written = max(written, self.moved_at(first["account_id"]))
            statuses = self._statuses(entity)
            made[entity.id] = Ticket(entity, row, comments, written, updated, statuses)
        return made

    @staticmethod
    def _statuses(entity: Entity) -> list[tuple[str, datetime]]:
        """Statuses with their begin, oldest first. A merge closes what was not closed yet."""
        spans = [(entity.first["status"], entity.created_at)]
        for change in entity.changes:
            status = None
            if change.field == "status":
                status = change.after
            elif change.field == "merged_into" and change.after:
                status = "closed"
            if status is not None and status != spans[-1][0]:
                spans.append((status, change.at))
        return spans

    def tags_of(self, ticket: Ticket) -> list[str]:
        tags = [tag for tag in (ticket.row["tags"] or "").split(";") if tag]
        if ticket.entity.merged_into is not None and "closed_by_merge" not in tags:
            tags.append("closed_by_merge")
        return tags

    def show(self, ticket: Ticket) -> dict[str, Any]:
        """A ticket as JSON, made once."""
        if ticket.shown:
            return ticket.shown
        row, first = ticket.row, ticket.entity.first
        status = "deleted" if ticket.entity.is_deleted else ticket.statuses[-1][0]
        requester = self.user_of_person(first["requester_person_id"])
        rating = self.ratings.get(ticket.id)
        score: dict[str, Any] = {
            "score": "offered" if ticket.statuses[-1][0] in ("solved", "closed") else "unoffered"
        }
        if rating:
            score = {"score": rating["score"], "comment": rating["text"], "id": rating["rating_id"]}
        ticket.shown = {
            "id": ticket.id,
            "url": f"{self.base}/tickets/{ticket.id}.json",
            "external_id": None,
            "via": via(first["channel"]),
            "created_at": iso(ticket.entity.created_at),
            "updated_at": iso(ticket.updated_at),
            "generated_timestamp": epoch(ticket.written_at),
            "type": row["ticket_type"],
            "subject": row["subject"],
            "raw_subject": row["subject"],
            "description": row["text"],
            "priority": row["priority"],
            "status": status,
            "custom_status_id": None,
            "recipient": None,
            "requester_id": requester,
            "submitter_id": requester,
            "assignee_id": staff_user(row["assignee_staff_id"])
            if row["assignee_staff_id"] is not None
            else None,
            "organization_id": self.organization_of(first["account_id"]),
            "group_id": row["group_team_id"],
            "collaborator_ids": [],
            "follower_ids": [],
            "email_cc_ids": [],
            "forum_topic_id": None,
            "problem_id": None,
            "has_incidents": False,
            "is_public": True,
            "due_at": None,
            "tags": self.tags_of(ticket),
            "custom_fields": [],
            "fields": [],
            "satisfaction_rating": score,
            "sharing_agreement_ids": [],
            "followup_ids": [],
            "ticket_form_id": TICKET_FORM,
            "brand_id": BRAND,
            "allow_channelback": False,
            "allow_attachments": True,
            "from_messaging_channel": first["channel"] == "chat",
            "support_type": "ai_agent" if first["is_ai_agent"] else "agent",
        }
        return ticket.shown

    @cached_property
    def feed(self) -> list[Ticket]:
        """Tickets as the incremental export orders them."""
        return sorted(self.tickets.values(), key=lambda ticket: (epoch(ticket.written_at), ticket.id))

    def metric_set(self, ticket: Ticket) -> dict[str, Any]:
        """The ticket's metric set; without a schedule business minutes equal calendar minutes."""
        created = ticket.entity.created_at
        spans = ticket.statuses
        ended = [(status, begin, spans[at + 1][1]) for at, (status, begin) in enumerate(spans[:-1])]

        def spent(*statuses: str) -> float | None:
            if not ended:
                return None
            return sum((end - begin).total_seconds() for status, begin, end in ended if status in statuses)

        done = ("solved", "closed")
        solves = [
            begin
            for at, (status, begin) in enumerate(spans)
            if status in done and (at == 0 or spans[at - 1][0] not in done)
        ]
        reopens = sum(
            1
            for at, (status, _) in enumerate(spans)
            if at and status not in done and spans[at - 1][0] in done
        )
        is_solved = spans[-1][0] in done
        replies = [comment for comment in ticket.comments if comment.is_human_agent and comment.is_public]
        changes = ticket.entity.changes
        assigned = [c.at for c in changes if c.field == "assignee_staff_id" and c.after is not None]
        if ticket.entity.first["assignee_staff_id"] is not None:
            assigned.insert(0, created)
        groups = 1 + sum(1 for change in changes if change.field == "group_team_id")
        agent_comments = [c.at for c in ticket.comments if c.is_human_agent]
        requester_comments = [c.at for c in ticket.comments if c.is_requester]

        def minutes(seconds: float | None) -> dict[str, int | None]:
            value = None if seconds is None else int(seconds // 60)
            return {"calendar": value, "business": value}

        def since(moment: datetime | None) -> dict[str, int | None]:
            return minutes(None if moment is None else (moment - created).total_seconds())

        def last(times: Iterable[datetime]) -> str | None:
            moment = max(times, default=None)
            return iso(moment) if moment else None

        return {
            "id": CREATE_EVENTS + ticket.id,
            "url": f"{self.base}/ticket_metrics/{CREATE_EVENTS + ticket.id}.json",
            "ticket_id": ticket.id,
            "created_at": iso(created),
            "updated_at": iso(ticket.updated_at),
            "group_stations": groups,
            "assignee_stations": len(assigned),
            "reopens": reopens,
            "replies": len(replies),
            "assignee_updated_at": last(agent_comments),
            "requester_updated_at": last(requester_comments),
            "status_updated_at": iso(spans[-1][1]),
            "initially_assigned_at": iso(assigned[0]) if assigned else None,
            "assigned_at": iso(assigned[-1]) if assigned else None,
            "solved_at": iso(solves[-1]) if is_solved and solves else None,
            "latest_comment_added_at": last(comment.at for comment in ticket.comments),
            "reply_time_in_minutes": since(replies[0].at if replies else None),
            "first_resolution_time_in_minutes": since(solves[0] if solves else None),
            "full_resolution_time_in_minutes": since(solves[-1] if is_solved and solves else None),
            "agent_wait_time_in_minutes": minutes(spent("pending")),
            "requester_wait_time_in_minutes": minutes(spent("new", "open", "hold")),
            "on_hold_time_in_minutes": minutes(spent("hold")),
            "custom_status_updated_at": iso(spans[-1][1]),
        }

    # --- what happened to tickets

    def audits(self, ticket: Ticket) -> list[Audit]:
        """What happened to one ticket, oldest first, the updates of one moment together."""
        made: dict[datetime, Audit] = {}

        def audit(
            at: datetime, visible_at: datetime, number: int, author: int, channel: dict[str, Any]
        ) -> Audit:
            if at not in made:
                made[at] = Audit(number, ticket.id, at, max(at, visible_at), author, channel)
            found = made[at]
            found.visible_at = max(found.visible_at, visible_at)
            return found

        first, entity = ticket.entity.first, ticket.entity
        requester = self.user_of_person(first["requester_person_id"])
        creation = audit(
            entity.created_at,
            max(first["visible_at"], entity.created_at),
            AUDITS_OF_CHANGES + CREATE_EVENTS + ticket.id,
            requester,
            via(first["channel"]),
        )
        assignee = first["assignee_staff_id"]
        for position, (name, value) in enumerate(
            (
                ("subject", first["subject"]),
                ("status", first["status"]),
                ("priority", first["priority"]),
                ("type", first["ticket_type"]),
                ("requester_id", requester),
                ("assignee_id", None if assignee is None else staff_user(assignee)),
                ("group_id", first["group_team_id"]),
                ("tags", [tag for tag in (first["tags"] or "").split(";") if tag] or None),
            )
        ):
            if value is not None:
                creation.events.append(
                    {
                        "id": CREATE_EVENTS + ticket.id * 10 + position,
                        "type": "Create",
                        "field_name": name,
                        "value": value,
                        "previous_value": None,
                    }
                )
        status = alive = first["status"]
        for change in entity.changes:
            seen = max(change.at, change.visible_at)
            update = audit(
                change.at, seen, AUDITS_OF_CHANGES + change.change_id, staff_user(change.by), via("web")
            )
            for position, (name, value, previous) in enumerate(
                _told(change.field, change.before, change.after)
            ):
                if name == "status":
                    value = value or alive
                    if value == status:
                        continue
                    previous, status = status, value
                    alive = alive if status == "deleted" else status
                update.events.append(
                    {
                        "id": CHANGE_EVENTS + change.change_id * 2 + position,
                        "type": "Change",
                        "field_name": name,
                        "value": value,
                        "previous_value": previous,
                    }
                )
        for comment in ticket.comments:
            audit(
                comment.at,
                comment.visible_at,
                AUDITS_OF_COMMENTS + comment.id,
                comment.author_id,
                comment.via,
            ).comments.append(comment)
        return [
            audit
            for audit in sorted(made.values(), key=lambda audit: audit.at)
            if audit.events or audit.comments
        ]

    @cached_property
    def ticket_events(self) -> list[Audit]:
        """Audits of all tickets as the incremental export orders them; a deleted ticket has none but its
        deletion.
        """
        found = []
        for ticket in self.tickets.values():
            audits = self.audits(ticket)
            if ticket.entity.is_deleted:
                audits = [audit for audit in audits if audit.at == ticket.entity.deleted_at]
                for audit in audits:
                    audit.comments = []
            found += audits
        return sorted(found, key=lambda audit: (epoch(audit.visible_at), audit.id))

    def show_comment(self, comment: Comment, audit_id: int) -> dict[str, Any]:
        return {
            "id": comment.id,
            "type": "Comment",
            "author_id": comment.author_id,
            "body": comment.text,
            "html_body": f'<div class="zd-comment" dir="auto"><p>{escape(comment.text)}</p></div>',
            "plain_body": comment.text,
            "public": comment.is_public,
            "attachments": [],
            "audit_id": audit_id,
            "via": comment.via,
            "created_at": iso(comment.at),
            "metadata": {"system": {}, "custom": {}},
        }

    @cached_property
    def key_of_issue(self) -> dict[int, str]:
        keys = {row["project_id"]: row["key"] for row in self.book.rows("projects")}
        return {
            entity.id: entity.row.get("key")
            or f"{keys.get(entity.first['project_id'])}-{entity.first['number']}"
            for entity in self.book.entities("issues").values()
        }


def _told(name: str, before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """A change of the world as Zendesk's fields: (name, value, previous value).

    The status that a restored ticket returns to is None: the caller knows it.
    """
    if name == "assignee_staff_id":
        return [
            (
                "assignee_id",
                None if after is None else staff_user(after),
                None if before is None else staff_user(before),
            )
        ]
    if name == "group_team_id":
        return [("group_id", after, before)]
    if name == "tags":
        return [("tags", _split(after), _split(before))]
    if name == "deleted":
        return [("status", "deleted" if after == "true" else None, None)]
    if name == "merged_into":
        return [("status", "closed", None)] if after else []
    if name == "ticket_type":
        return [("type", after, before)]
    return [(name, after, before)]


def _split(tags: str | None) -> list[str]:
    return [tag for tag in (tags or "").split(";") if tag]
