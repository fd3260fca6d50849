"""The `jira` library reads the whole site."""

from __future__ import annotations

import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.snapshot import Snapshot

pytestmark = pytest.mark.clients
jira = pytest.importorskip("jira")


@pytest.fixture
def client() -> jira.JIRA:
    return jira.JIRA(
        server=f"https://{credentials.JIRA_SITE}.atlassian.net",
        basic_auth=(credentials.JIRA_EMAIL, credentials.JIRA_API_TOKEN),
        max_retries=0,
    )


def test_it_finds_every_issue_with_its_changelog(client: jira.JIRA, held: Snapshot) -> None:
    alive = {str(entity.id): entity for entity in held.entities("issues").values() if not entity.is_deleted}

    issues = client.enhanced_search_issues(
        "created >= 0000000000000 ORDER BY updated ASC", maxResults=0, fields="*all", expand="changelog"
    )

    assert {issue.id for issue in issues} == set(alive)
    busiest = max(issues, key=lambda issue: issue.changelog.total)
    assert busiest.changelog.total >= len(busiest.changelog.histories) > 0
    assert client.approximate_issue_count("created >= 0000000000000") == len(alive)


def test_it_reads_one_issue_by_key_with_wiki_text(client: jira.JIRA, held: Snapshot) -> None:
    entity = next(
        entity
        for entity in held.entities("issues").values()
        if entity.row["description"] and not entity.is_deleted
    )

    issue = client.issue(str(entity.id))

    assert issue.fields.summary == entity.row["summary"]
    assert isinstance(issue.fields.description, str)
    assert client.issue(issue.key).id == issue.id


def test_it_reads_boards_sprints_and_versions(client: jira.JIRA, held: Snapshot) -> None:
    boards = client.boards(maxResults=False)
    sprints = [
        sprint
        for board in boards
        if board.type == "scrum"
        for sprint in client.sprints(board.id, maxResults=False)
    ]
    versions = [version for project in client.projects() for version in client.project_versions(project)]

    assert len(boards) == len(held.rows("boards"))
    assert {sprint.id for sprint in sprints} == {row["sprint_id"] for row in held.rows("sprints")}
    assert len(versions) == len(held.rows("versions"))


def test_it_knows_who_it_is_and_that_this_is_the_cloud(client: jira.JIRA, held: Snapshot) -> None:
    assert client.myself()["emailAddress"] == credentials.JIRA_EMAIL
    assert client.deploymentType == "Cloud"
    assert len(client.fields()) > 20


def test_a_wrong_token_is_refused() -> None:
    client = jira.JIRA(
        server=f"https://{credentials.JIRA_SITE}.atlassian.net",
        basic_auth=(credentials.JIRA_EMAIL, "wrong"),
        max_retries=0,
        get_server_info=False,
    )

    with pytest.raises(jira.JIRAError) as refused:
        client.myself()

    assert refused.value.status_code == 401
