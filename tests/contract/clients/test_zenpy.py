"""zenpy reads the whole account."""

from __future__ import annotations

import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.snapshot import Snapshot

pytestmark = pytest.mark.clients
zenpy = pytest.importorskip("zenpy")


@pytest.fixture
def client(server: SandboxServer) -> zenpy.Zenpy:
    return zenpy.Zenpy(
        subdomain=credentials.ZENDESK_SUBDOMAIN,
        email=credentials.ZENDESK_EMAIL,
        token=credentials.ZENDESK_API_TOKEN,
        disable_cache=True,
    )


def test_it_exports_every_ticket_by_cursor_and_by_time(client: zenpy.Zenpy, held: Snapshot) -> None:
    expected = {entity.id for entity in held.entities("tickets").values() if not entity.first["is_ai_agent"]}

    by_cursor = {ticket.id for ticket in client.tickets.incremental(start_time=1, paginate_by_time=False)}
    by_time = {ticket.id for ticket in client.tickets.incremental(start_time=1)}

    assert by_cursor == by_time == expected


def test_it_exports_users_organisations_and_events(client: zenpy.Zenpy, held: Snapshot) -> None:
    users = {user.id for user in client.users.incremental(start_time=1)}
    organizations = {org.id for org in client.organizations.incremental(start_time=1)}
    events = list(client.tickets.events(start_time=1, include=["comment_events"]))
    alive = {entity.id for entity in held.entities("tickets").values() if not entity.is_deleted}

    assert len(users) == len(held.rows("people")) + len(held.rows("staff"))
    assert len(organizations) == len(held.rows("accounts"))
    assert {event.ticket_id for event in events} >= alive


def test_it_lists_groups_comments_ratings_and_links(client: zenpy.Zenpy, held: Snapshot) -> None:
    tickets = held.entities("tickets")
    ticket = next(row for row in held.rows("ticket_comments") if not tickets[row["ticket_id"]].is_deleted)
    comments = {
        row["comment_id"] for row in held.rows("ticket_comments") if row["ticket_id"] == ticket["ticket_id"]
    }
    links = [row for row in held.rows("ticket_issue_links") if not tickets[row["ticket_id"]].is_deleted]

    assert len(list(client.groups())) == sum(1 for row in held.rows("teams") if row["kind"] == "support")
    assert {comment.id for comment in client.tickets.comments(ticket=ticket["ticket_id"])} >= comments
    assert len(list(client.satisfaction_ratings())) == len(held.rows("ticket_ratings"))
    assert len(list(client.jira_links())) == len(links)


def test_a_wrong_token_is_refused(server: SandboxServer) -> None:
    client = zenpy.Zenpy(
        subdomain=credentials.ZENDESK_SUBDOMAIN, email=credentials.ZENDESK_EMAIL, token="wrong"
    )

    with pytest.raises(zenpy.lib.exception.APIException, match="Couldn't authenticate you"):
        client.users.me()
