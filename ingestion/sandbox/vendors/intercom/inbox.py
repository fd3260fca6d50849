"""The world as Intercom's objects: conversations with their parts, contacts, companies, admins, teams, tags.

Belongs here: what Intercom holds. Does not belong here: paths, pages, versions, limits (`__init__.py`).

Tickets are conversations. A status that Intercom lacks becomes the state that it would have there:
new, open and hold are open, pending is snoozed, solved and closed are closed.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html import escape
from typing import Any

from ingestion.sandbox import credentials
from ingestion.sandbox.snapshot import Change, Entity, Row, Snapshot
from ingestion.sandbox.vendors.zendesk.desk import written_down

ADMINS = 814_000_000
TEAMS = 5_000_000
OPERATOR = ADMINS
MOST_PARTS = 500
# Ids of what the world does not number itself: far from the ids it does.
MERGE_PARTS = 5_000_000_000
CHANGE_PARTS = 20_000_000_000
LINK_PARTS = 30_000_000_000
CREATION_PARTS = 40_000_000_000
PRIORITY, KIND, ISSUES = "Priority", "Type", "Jira issues"
MERGED_TAG = "closed_by_merge"

_STATES = {
    "new": "open",
    "open": "open",
    "hold": "open",
    "pending": "snoozed",
    "solved": "closed",
    "closed": "closed",
}
_PART_OF_STATE = {"open": "open", "snoozed": "snoozed", "closed": "close"}
_SOURCES = {"email": "email", "chat": "conversation", "web": "conversation", "api": "conversation"}


def epoch(moment: datetime) -> int:
    return calendar.timegm(moment.timetuple())


def contact_id(person_id: int) -> str:
    return f"65f0{person_id:020x}"


def company_id(account_id: int) -> str:
    return f"66c0{account_id:020x}"


def admin_id(staff_id: int) -> str:
    return str(ADMINS + staff_id)


def team_id(group_id: int) -> str:
    return str(TEAMS + group_id)


def nested(kind: str, key: str, members: list[Any]) -> dict[str, Any]:
    return {"type": kind, key: members}


def paged(members: list[Any], url: str) -> dict[str, Any]:
    """A list within an object: its first ten, the rest at `url`."""
    return {
        "type": "list",
        "data": members[:10],
        "url": url,
        "total_count": len(members),
        "has_more": len(members) > 10,
    }


@dataclass(slots=True)
class Conversation:
    """A ticket as a conversation.

    Arguments:
        head: what searches and lists show.
        parts: all of its parts, oldest first.
        updated_at: when Intercom last wrote it.
    """

    entity: Entity
    updated_at: datetime
    state: str
    head: dict[str, Any] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.entity.id)


class Inbox:
    """Intercom's database as of a snapshot."""

    def __init__(self, book: Snapshot) -> None:
        self.book = book

    # --- people and companies

    @cached_property
    def staff(self) -> dict[int, Row]:
        return {row["staff_id"]: row for row in self.book.rows("staff")}

    @cached_property
    def admins(self) -> list[dict[str, Any]]:
        """Who has a seat now; who left is no longer listed."""
        teams = {row["team_id"] for row in self.book.rows("teams") if row["kind"] == "support"}
        return [
            {
                "type": "admin",
                "id": admin_id(row["staff_id"]),
                "name": row["name"],
                "email": row["email"],
                "job_title": row["role"].replace("_", " "),
                "away_mode_enabled": False,
                "away_mode_reassign": False,
                "has_inbox_seat": row["role"] == "support_agent",
                "team_ids": [TEAMS + row["team_id"]] if row["team_id"] in teams else [],
                "avatar": {"type": "avatar", "image_url": None},
            }
            for row in sorted(self.staff.values(), key=lambda row: row["staff_id"])
            if row["role"] != "support_bot" and not (row["active_to"] and row["active_to"] <= self.book.now)
        ]

    @cached_property
    def teams(self) -> list[dict[str, Any]]:
        members: dict[int, list[int]] = {}
        for admin in self.admins:
            for team in admin["team_ids"]:
                members.setdefault(team, []).append(int(admin["id"]))
        return [
            {
                "type": "team",
                "id": team_id(row["team_id"]),
                "name": row["name"],
                "admin_ids": members.get(TEAMS + row["team_id"], []),
            }
            for row in sorted(self.book.rows("teams"), key=lambda row: row["team_id"])
            if row["kind"] == "support"
        ]

    def company_of(self, account_id: int | None) -> int | None:
        """The account whose company an account's people are in now: merges followed, none when deleted."""
        survivor = self.book.survivor("accounts", account_id)
        if survivor is None:
            return None
        entity = self.book.entities("accounts").get(survivor)
        return None if entity is None or entity.is_deleted else survivor

    def moved_at(self, account_id: int | None) -> datetime:
        """When the account's company was last merged or deleted, which writes its people too."""
        entity = self.book.entities("accounts").get(account_id) if account_id is not None else None
        if entity is None:
            return datetime.min
        times = [change.visible_at for change in entity.changes if change.field in ("merged_into", "deleted")]
        return max(times, default=datetime.min)

    @cached_property
    def user_counts(self) -> dict[int, int]:
        counts: dict[int, int] = {}
        for entity in self.living_people:
            account = self.company_of(entity.row["account_id"])
            if account is not None:
                counts[account] = counts.get(account, 0) + 1
        return counts

    @cached_property
    def living_people(self) -> list[Entity]:
        return [
            entity
            for entity in self.book.entities("people").values()
            if not entity.is_deleted and entity.merged_into is None
        ]

    @cached_property
    def companies(self) -> list[dict[str, Any]]:
        """Companies by (created_at, id); deleted and merged ones are gone without a trace."""
        shown = []
        for entity in self.book.entities("accounts").values():
            if entity.is_deleted or entity.merged_into is not None:
                continue
            row, written = entity.row, written_down(entity.row)
            knows_crm = bool(entity.id % 10)
            shown.append(
                {
                    "type": "company",
                    "id": company_id(entity.id),
                    # One that was typed in by hand has an id of Intercom's making.
                    "company_id": str(entity.id) if knows_crm else f"manual-{company_id(entity.id)}",
                    "app_id": credentials.INTERCOM_APP_ID,
                    "name": written.name,
                    "website": f"https://{row['domain']}" if row["domain"] and written.knows_domain else None,
                    "industry": row["industry"],
                    "size": row["employee_count"],
                    "plan": {},
                    "monthly_spend": 0,
                    "session_count": 0,
                    "user_count": self.user_counts.get(entity.id, 0),
                    "created_at": epoch(entity.created_at),
                    "remote_created_at": epoch(entity.created_at),
                    "updated_at": epoch(max(entity.written_at, entity.created_at)),
                    "last_request_at": None,
                    "custom_attributes": {"country": written.country} if written.country else {},
                    "tags": nested("tag.list", "tags", []),
                    "segments": nested("segment.list", "segments", []),
                }
            )
        return sorted(shown, key=lambda one: (one["created_at"], one["id"]))

    @cached_property
    def contacts(self) -> dict[str, dict[str, Any]]:
        """Contacts by id; deleted and merged ones are gone without a trace."""
        return {contact_id(entity.id): self._contact(entity) for entity in self.living_people}

    def _contact(self, entity: Entity) -> dict[str, Any]:
        row, key = entity.row, contact_id(entity.id)
        account = self.company_of(row["account_id"])
        companies = []
        if account is not None:
            found = company_id(account)
            companies.append({"type": "company", "id": found, "url": f"/companies/{found}"})
        return {
            "type": "contact",
            "id": key,
            "workspace_id": credentials.INTERCOM_APP_ID,
            "external_id": str(entity.id) if entity.id % 10 else None,
            "role": "user",
            "email": row["email"],
            "phone": row["phone"],
            "name": row["name"],
            "avatar": None,
            "owner_id": None,
            "social_profiles": {"type": "list", "data": []},
            "has_hard_bounced": False,
            "marked_email_as_spam": False,
            "unsubscribed_from_emails": False,
            "created_at": epoch(entity.created_at),
            "updated_at": epoch(
                max(entity.written_at, self.moved_at(row["account_id"]), self.absorbed_at(entity))
            ),
            "signed_up_at": epoch(entity.created_at),
            "last_seen_at": None,
            "last_replied_at": None,
            "last_contacted_at": None,
            "language_override": row["language"],
            "custom_attributes": {"job_title": row["job_title"]} if row["job_title"] else {},
            "tags": paged([], f"/contacts/{key}/tags"),
            "notes": paged([], f"/contacts/{key}/notes"),
            "companies": paged(companies, f"/contacts/{key}/companies"),
            "opted_out_subscription_types": paged([], f"/contacts/{key}/subscriptions"),
            "opted_in_subscription_types": paged([], f"/contacts/{key}/subscriptions"),
        }

    @cached_property
    def absorbed(self) -> dict[int, list[Entity]]:
        """Merged people by the person that they are now."""
        found: dict[int, list[Entity]] = {}
        for entity in self.book.entities("people").values():
            if entity.merged_into is not None:
                survivor = self.book.survivor("people", entity.id)
                if survivor is not None and survivor != entity.id:
                    found.setdefault(survivor, []).append(entity)
        return found

    def absorbed_at(self, entity: Entity) -> datetime:
        times = [one.merged_at for one in self.absorbed.get(entity.id, []) if one.merged_at]
        return max(times, default=datetime.min)

    def merge_history(self, key: str) -> list[dict[str, Any]]:
        """What was merged into a contact."""
        return [
            {
                "type": "contact_merge",
                "source_contact_id": contact_id(one.id),
                "target_contact_id": key,
                "merged_at": epoch(one.merged_at) if one.merged_at else None,
            }
            for one in self.absorbed.get(int(key[4:], 16), [])
        ]

    # --- conversations

    @cached_property
    def tags(self) -> list[dict[str, Any]]:
        names = {tag for one in self.conversations.values() for tag in self._tags_of(one.entity)}
        return [
            {"type": "tag", "id": str(number), "name": name} for number, name in enumerate(sorted(names), 1)
        ]

    @cached_property
    def tag_ids(self) -> dict[str, str]:
        return {tag["name"]: tag["id"] for tag in self.tags}

    @staticmethod
    def _tags_of(entity: Entity) -> list[str]:
        tags = [tag for tag in (entity.row["tags"] or "").split(";") if tag]
        # Agents tag what they close as a double.
        if entity.merged_into is not None and MERGED_TAG not in tags:
            tags.append(MERGED_TAG)
        return tags

    @cached_property
    def _comments(self) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = {}
        for row in self.book.rows("ticket_comments"):
            found.setdefault(row["ticket_id"], []).append(row)
        for rows in found.values():
            rows.sort(key=lambda row: (row["created_at"], row["comment_id"]))
        return found

    @cached_property
    def _ratings(self) -> dict[int, Row]:
        """The last rating of each ticket: a conversation has one."""
        ordered = sorted(
            self.book.rows("ticket_ratings"), key=lambda row: (row["rated_at"], row["rating_id"])
        )
        return {row["ticket_id"]: row for row in ordered}

    @cached_property
    def _links(self) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = {}
        for row in sorted(
            self.book.rows("ticket_issue_links"), key=lambda row: (row["created_at"], row["link_id"])
        ):
            found.setdefault(row["ticket_id"], []).append(row)
        return found

    @cached_property
    def key_of_issue(self) -> dict[int, str]:
        keys = {row["project_id"]: row["key"] for row in self.book.rows("projects")}
        return {
            entity.id: entity.row.get("key")
            or f"{keys.get(entity.first['project_id'])}-{entity.first['number']}"
            for entity in self.book.entities("issues").values()
        }

    @cached_property
    def conversations(self) -> dict[str, Conversation]:
        """Conversations by id, those deleted included."""
        people = self.book.entities("people")
        made = {}
        for entity in self.book.entities("tickets").values():
            updated = entity.written_at
            for row in self._comments.get(entity.id, []):
                updated = max(updated, row["created_at"], row["visible_at"])
            for row in self._links.get(entity.id, []):
                updated = max(updated, row["created_at"], row["visible_at"])
            rating = self._ratings.get(entity.id)
            if rating:
                updated = max(updated, rating["visible_at"], rating["rated_at"])
            requester = people.get(entity.first["requester_person_id"])
            if requester is not None and requester.merged_at is not None:
                updated = max(updated, requester.merged_at)
            updated = max(updated, self.moved_at(entity.first["account_id"]))
            one = Conversation(entity, updated, "open")
            made[one.id] = one
        return made

    @cached_property
    def deleted(self) -> list[dict[str, Any]]:
        """Deleted conversations, oldest deletion first."""
        found = [
            {"id": one.id, "deleted_at": epoch(one.entity.deleted_at), "metrics_retained": True}
            for one in self.conversations.values()
            if one.entity.is_deleted and one.entity.deleted_at
        ]
        return sorted(found, key=lambda row: (row["deleted_at"], row["id"]))

    @cached_property
    def living(self) -> list[Conversation]:
        return [one for one in self.conversations.values() if not one.entity.is_deleted]

    def show(self, one: Conversation) -> dict[str, Any]:
        """A conversation as lists and searches show it: without its parts. Made once."""
        if not one.head:
            one.parts = self._parts(one)
            one.head = self._head(one)
        return one.head

    def _requester(self, entity: Entity) -> tuple[str, Entity | None]:
        """The contact that a conversation is with: merged contacts' conversations move to the survivor."""
        person = entity.first["requester_person_id"]
        person = self.book.survivor("people", person) or person
        return contact_id(person), self.book.entities("people").get(person)

    def _first_message(self, entity: Entity) -> Row | None:
        """The message that opened it; it is the conversation's source and none of its parts."""
        first = next(iter(self._comments.get(entity.id, [])), None)
        is_opening = first is not None and first["author_kind"] == "person" and first["is_public"]
        return first if is_opening else None

    def _head(self, one: Conversation) -> dict[str, Any]:
        entity, row = one.entity, one.entity.row
        key, person = self._requester(entity)
        account = self.company_of(entity.first["account_id"])
        opening = self._first_message(entity)
        rating = self._ratings.get(entity.id)
        teammates = sorted(
            {part["author"]["id"] for part in one.parts if part["author"]["type"] == "admin"}, key=int
        )
        external = person.id if person is not None and person.id % 10 else None
        attributes: dict[str, Any] = {}
        if row["priority"]:
            attributes[PRIORITY] = row["priority"]
        if row["ticket_type"]:
            attributes[KIND] = row["ticket_type"]
        if self._issue_keys(entity.id):
            attributes[ISSUES] = ", ".join(self._issue_keys(entity.id))
        return {
            "type": "conversation",
            "id": one.id,
            "title": row["subject"],
            "created_at": epoch(entity.created_at),
            "updated_at": epoch(one.updated_at),
            "waiting_since": self._waiting_since(one),
            "snoozed_until": epoch(one.updated_at) + 86_400 if one.state == "snoozed" else None,
            "open": one.state != "closed",
            "state": one.state,
            "read": True,
            "priority": "priority" if row["priority"] in ("high", "urgent") else "not_priority",
            "admin_assignee_id": self._assignee(row["assignee_staff_id"]),
            "team_assignee_id": None if row["group_team_id"] is None else team_id(row["group_team_id"]),
            "company": None if account is None else {"type": "company", "id": company_id(account)},
            "channel": {"initial": _SOURCES.get(entity.first["channel"], "conversation")},
            "source": {
                "type": _SOURCES.get(entity.first["channel"], "conversation"),
                "id": str(opening["comment_id"] if opening else entity.id),
                "delivered_as": "customer_initiated",
                "subject": entity.first["subject"] if entity.first["channel"] == "email" else "",
                "body": opening["text"] if opening else entity.first["text"],
                "author": self._person(entity.first["requester_person_id"]),
                "attachments": [],
                "url": "https://app.norte.example/help" if entity.first["channel"] == "web" else None,
                "redacted": False,
            },
            "contacts": {
                "type": "contact.list",
                "contacts": [
                    {
                        "type": "contact",
                        "id": key,
                        "external_id": None if external is None else str(external),
                    }
                ],
            },
            "teammates": {
                "type": "admin.list",
                "teammates": [{"type": "admin", "id": teammate} for teammate in teammates],
            },
            "tags": nested(
                "tag.list",
                "tags",
                [
                    {
                        "type": "tag",
                        "id": self.tag_ids[tag],
                        "name": tag,
                        "applied_at": epoch(entity.created_at),
                        "applied_by": {"type": "admin", "id": str(OPERATOR)},
                    }
                    for tag in self._tags_of(entity)
                ],
            ),
            "conversation_rating": self._rating(rating, row, key) if rating else None,
            "first_contact_reply": {
                "created_at": epoch(entity.created_at),
                "type": _SOURCES.get(entity.first["channel"], "conversation"),
                "url": None,
            },
            "sla_applied": None,
            "statistics": self._statistics(one),
            "custom_attributes": attributes,
            "topics": {"type": "topic.list", "topics": [], "total_count": 0},
            "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": False},
            "ai_agent_participated": bool(entity.first["is_ai_agent"]),
            "ai_agent": None,
        }

    def _assignee(self, staff_id: int | None) -> str | None:
        """The teammate who has it; what the bot handles is nobody's."""
        row = self.staff.get(staff_id) if staff_id is not None else None
        return None if row is None or row["role"] == "support_bot" else admin_id(row["staff_id"])

    def _rating(self, rating: Row, row: Row, key: str) -> dict[str, Any]:
        number = rating["rating_id"]
        stars = (4 if number % 3 == 0 else 5) if rating["score"] == "good" else (1 if number % 2 else 2)
        teammate = self._assignee(row["assignee_staff_id"])
        return {
            "rating": stars,
            "remark": rating["text"] or "",
            "created_at": epoch(rating["rated_at"]),
            "updated_at": epoch(rating["rated_at"]),
            "contact": {"type": "contact", "id": key},
            "teammate": None if teammate is None else {"type": "admin", "id": teammate},
        }

    def _issue_keys(self, ticket_id: int) -> list[str]:
        keys = (self.key_of_issue.get(row["issue_id"]) for row in self._links.get(ticket_id, []))
        return [key for key in keys if key]

    # --- parts

    def _person(self, person_id: int) -> dict[str, Any]:
        survivor = self.book.survivor("people", person_id) or person_id
        entity = self.book.entities("people").get(survivor)
        return {
            "type": "user",
            "id": contact_id(survivor),
            "name": entity.row["name"] if entity else None,
            "email": entity.row["email"] if entity else None,
        }

    def _admin(self, staff_id: int | None) -> dict[str, Any]:
        row = self.staff.get(staff_id) if staff_id is not None else None
        if row is None or row["role"] == "support_bot":
            return {
                "type": "bot",
                "id": str(OPERATOR),
                "name": "Operator",
                "email": f"operator+{credentials.INTERCOM_APP_ID}@intercom.io",
            }
        return {
            "type": "admin",
            "id": admin_id(row["staff_id"]),
            "name": row["name"],
            "email": row["email"],
        }

    def _parts(self, one: Conversation) -> list[dict[str, Any]]:
        """All parts, oldest first; sets the conversation's state on the way."""
        found: list[tuple[datetime, int, str, dict[str, Any], dict[str, Any]]] = []

        def add(at: datetime, number: int, kind: str, author: dict[str, Any], **more: Any) -> None:
            found.append((at, number, kind, author, more))

        entity = one.entity
        self._of_creation(entity, add)
        opening = self._first_message(entity)
        for row in self._comments.get(entity.id, []):
            if opening is not None and row["comment_id"] == opening["comment_id"]:
                continue
            is_person = row["author_kind"] == "person"
            author = self._person(row["author_id"]) if is_person else self._admin(row["author_id"])
            if row["is_auto_reply"] or row["author_kind"] == "bot":
                author = self._admin(None)
            kind = "comment" if row["is_public"] else "note"
            add(row["created_at"], row["comment_id"], kind, author, body=row["text"])
        for change in entity.changes:
            self._of_change(entity, change, add)
        keys: list[str] = []
        for row in self._links.get(entity.id, []):
            key = self.key_of_issue.get(row["issue_id"])
            if key is None:
                continue
            before, keys = ", ".join(keys) or None, [*keys, key]
            author = self._admin(entity.row["assignee_staff_id"])
            number = LINK_PARTS + row["link_id"]
            _add_attribute(add, row["created_at"], number, author, ISSUES, before, ", ".join(keys))
        for source in self._absorbed_tickets.get(entity.id, []):
            text = f"Conversation {source.id} was closed as a double of this one."
            merge = next(change for change in source.changes if change.field == "merged_into")
            add(merge.at, MERGE_PARTS + merge.change_id, "note", self._admin(merge.by), body=text)
        return self._told(one, sorted(found, key=lambda item: (item[0], item[1])))

    @cached_property
    def _absorbed_tickets(self) -> dict[int, list[Entity]]:
        found: dict[int, list[Entity]] = {}
        for entity in self.book.entities("tickets").values():
            if entity.merged_into is not None:
                found.setdefault(entity.merged_into, []).append(entity)
        return found

    def _of_creation(self, entity: Entity, add: Callable[..., None]) -> None:
        """What a workflow does with a new conversation: its team, its attributes, whoever has it."""
        first, number = entity.first, CREATION_PARTS + entity.id * 10
        bot = self._admin(None)
        if first["group_team_id"] is not None:
            to = {"type": "team", "id": team_id(first["group_team_id"])}
            add(entity.created_at, number, "assignment", bot, assigned_to=to)
        assignee = self._assignee(first["assignee_staff_id"])
        if assignee is not None:
            to = {"type": "admin", "id": assignee}
            add(entity.created_at, number + 1, "assignment", bot, assigned_to=to)
        for position, (name, value) in enumerate(
            ((PRIORITY, first["priority"]), (KIND, first["ticket_type"])), 2
        ):
            if value:
                _add_attribute(add, entity.created_at, number + position, bot, name, None, value)

    def _of_change(self, entity: Entity, change: Change, add: Callable[..., None]) -> None:
        author = self._admin(change.by)
        number = CHANGE_PARTS + change.change_id
        if change.field == "status":
            if change.by is None:
                author = self._person(entity.first["requester_person_id"])
            add(change.at, number, "state", author, state=_STATES[change.after])
        elif change.field == "merged_into" and change.after:
            add(change.at, number, "state", author, state="closed")
        elif change.field == "assignee_staff_id":
            after = self._assignee(change.after)
            if after is None and self._assignee(change.before) is None:
                return
            to = {"type": "nobody_admin" if after is None else "admin", "id": after}
            add(change.at, number, "assignment", author, assigned_to=to)
        elif change.field == "group_team_id":
            to = (
                {"type": "nobody_team", "id": None}
                if change.after is None
                else {"type": "team", "id": team_id(change.after)}
            )
            add(change.at, number, "assignment", author, assigned_to=to)
        elif change.field in ("priority", "ticket_type"):
            name = PRIORITY if change.field == "priority" else KIND
            _add_attribute(add, change.at, number, author, name, change.before, change.after)

    def _told(self, one: Conversation, found: Iterable[Any]) -> list[dict[str, Any]]:
        state, parts = "open", []
        for at, number, kind, author, more in found:
            after = more.get("state", state)
            if kind == "state":
                if after == state:
                    continue
                kind = _PART_OF_STATE[after]
            state = after
            parts.append(
                {
                    "type": "conversation_part",
                    "id": str(number),
                    "part_type": kind,
                    "body": more.get("body"),
                    "created_at": epoch(at),
                    "updated_at": epoch(at),
                    "notified_at": epoch(at),
                    "assigned_to": more.get("assigned_to"),
                    "author": author,
                    "attachments": [],
                    "external_id": None,
                    "redacted": False,
                    "state": state,
                    "tags": [],
                    "event_details": more.get("event_details"),
                    "app_package_code": None,
                }
            )
        one.state = state
        return parts

    def parts(self, one: Conversation, as_plain_text: bool) -> dict[str, Any]:
        """The newest parts, as the conversation itself shows them."""
        self.show(one)
        shown = []
        for part in one.parts[-MOST_PARTS:]:
            body = part["body"]
            if body is not None and not as_plain_text:
                part = {**part, "body": html_of(body)}
            shown.append(part)
        return {
            "type": "conversation_part.list",
            "conversation_parts": shown,
            "total_count": len(one.parts),
        }

    def _waiting_since(self, one: Conversation) -> int | None:
        """Since when the contact waits for an answer."""
        spoken = [
            part
            for part in one.parts
            if part["part_type"] == "comment" and part["author"]["type"] in ("user", "admin")
        ]
        since = epoch(one.entity.created_at)
        is_waiting = True
        for part in spoken:
            by_contact = part["author"]["type"] == "user"
            if by_contact and not is_waiting:
                since = part["created_at"]
            is_waiting = by_contact
        return since if one.state == "open" and is_waiting else None

    def _statistics(self, one: Conversation) -> dict[str, Any]:
        created = epoch(one.entity.created_at)

        def times(test: Callable[[dict[str, Any]], bool]) -> list[int]:
            return [part["created_at"] for part in one.parts if test(part)]

        replies = times(lambda part: part["part_type"] == "comment" and part["author"]["type"] == "admin")
        asked = times(lambda part: part["part_type"] == "comment" and part["author"]["type"] == "user")
        closes = times(lambda part: part["part_type"] == "close")
        given = times(lambda part: part["part_type"] == "assignment")
        reopens = 0
        for before, part in zip(one.parts, one.parts[1:], strict=False):
            reopens += before["state"] == "closed" and part["state"] != "closed"

        def since(moments: list[int], at: int = 0) -> int | None:
            return moments[at] - created if moments else None

        def edge(moments: list[int], at: int) -> int | None:
            return moments[at] if moments else None

        return {
            "type": "conversation_statistics",
            "time_to_assignment": since(given),
            "time_to_admin_reply": since(replies),
            "time_to_first_close": since(closes),
            "time_to_last_close": since(closes, -1),
            "median_time_to_reply": None,
            "first_contact_reply_at": created,
            "first_assignment_at": edge(given, 0),
            "first_admin_reply_at": edge(replies, 0),
            "first_close_at": edge(closes, 0),
            "last_assignment_at": edge(given, -1),
            "last_assignment_admin_reply_at": edge(replies, -1),
            "last_contact_reply_at": edge(asked, -1) or created,
            "last_admin_reply_at": edge(replies, -1),
            "last_close_at": edge(closes, -1),
            "last_closed_by_id": None,
            "count_reopens": reopens,
            "count_assignments": len(given),
            "count_conversation_parts": len(one.parts),
        }


def html_of(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _add_attribute(
    add: Callable[..., None],
    at: datetime,
    number: int,
    author: dict[str, Any],
    name: str,
    before: Any,
    after: Any,
) -> None:
    by = {"admin": "admin", "user": "user"}.get(author["type"], "workflow")
    details = {"attribute": {"name": name}, "value": {"name": after, "previous": before}}
    kind = f"conversation_attribute_updated_by_{by}"
    add(at, number, kind, author, event_details=details)
