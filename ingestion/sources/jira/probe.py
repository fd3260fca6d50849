"""Trying a Jira connection out.

Belongs here: one cheap request per list that a run reads, the site's custom fields, the projects named in the
settings. Does not belong here: how findings are made (`ingestion/probing.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingestion.probing import Trial
from ingestion.sources.jira.client import JiraClient
from ingestion.sources.jira.clients import open_client
from ingestion.sources.jira.records import IssueFields
from ingestion.sources.jira.settings import JiraSettings

_BROWSE = (
    "give the service user *Browse projects* on the projects; a scoped token also needs read:jira-work and "
    "read:jira-user"
)
_SOFTWARE = (
    "give the user access to Jira Software; a scoped token also needs read:board-scope:jira-software and "
    "read:sprint:jira-software"
)


def probe(settings: JiraSettings, trial: Trial) -> None:
    """The user first: with a bad token, search answers 200 and no issues."""
    client = trial.opened(
        lambda: open_client(settings, source=trial.instance, on_request=lambda status: None)
    )
    with client.http:
        trial.listen(client.http)
        user = trial.attempt(
            "authentication",
            client.myself,
            says=lambda found: f"as a user in {found.get('timeZone') or 'an unknown time zone'}",
        )
        if user is None:
            return
        fields = trial.attempt(
            "fields",
            lambda: client.array("field"),
            says=lambda found: f"{len(found)} of them",
            remedy=_BROWSE,
        )
        if fields is not None:
            _custom_fields(settings, fields, trial)
        _projects(client, settings, trial)
        _issues(client, trial)
        for path in ("status", "issuetype"):
            trial.attempt(path, lambda path=path: client.array(path), remedy=_BROWSE)  # type: ignore[misc]
        trial.attempt(
            "users",
            lambda: _first(client.users()),
            remedy="give the user the global permission *Browse users and groups*; a scoped token also needs "
            "read:jira-user",
        )
        boards = trial.attempt(
            "boards",
            lambda: _first(client.paged("board", {"type": "scrum"}, agile=True)),
            says=lambda found: "can be read" if found else "can be read; no scrum board",
            remedy=_SOFTWARE,
            without="boards and sprints are left out",
        )
        if boards:
            trial.attempt(
                "sprints",
                lambda: client.sprints(str(boards[0]["id"])),
                remedy=_SOFTWARE,
                without="no sprints",
            )
        _limits(client, settings, trial)


def _custom_fields(settings: JiraSettings, fields: list[Any], trial: Trial) -> None:
    ids = {str(one.get("id")): str(one.get("name")) for one in fields if isinstance(one, dict)}
    found = IssueFields.find(
        fields,
        story_points=settings.story_points_fields,
        sprint=settings.sprint_field,
        flagged=settings.flagged_field,
    )
    wanted = {
        "story_points_fields": ("estimates", found.story_points),
        "sprint_field": ("sprints", (found.sprint,) if found.sprint else ()),
        "flagged_field": ("impediments", found.flagged),
    }
    for setting, (what, chosen) in wanted.items():
        variable = f"SOURCES__{trial.instance.upper()}__{setting.upper()}"
        missing = [one for one in chosen if one not in ids]
        if missing:
            trial.add(
                setting,
                "problem",
                f"expected fields of this site; there is no {', '.join(missing)}",
                f"correct {variable}: ids look like customfield_10016 and are listed by /rest/api/2/field",
            )
        elif chosen:
            trial.add(setting, "ok", ", ".join(f"{ids[one]} ({one})" for one in chosen))
        else:
            trial.add(
                setting,
                "warning",
                f"expected a field with {what}; none was found by type and name",
                f"set {variable} if the site has one; without it {what} stay empty",
            )


def _projects(client: JiraClient, settings: JiraSettings, trial: Trial) -> None:
    projects = trial.attempt(
        "projects",
        lambda: client.projects("live"),
        says=lambda found: f"{len(found)} visible",
        remedy=_BROWSE,
    )
    if projects is None:
        return
    visible = {str(one.get("key", "")).upper() for one in projects}
    if not visible:
        trial.add("projects", "problem", "expected a project; the user sees none", _BROWSE)
    hidden = [key for key in settings.projects if key.upper() not in visible]
    if hidden:
        trial.add(
            "projects",
            "problem",
            f"expected the projects of the settings; {', '.join(hidden)} cannot be seen",
            f"correct SOURCES__{trial.instance.upper()}__PROJECTS, or give the user *Browse projects* there",
        )


def _issues(client: JiraClient, trial: Trial) -> None:
    page = trial.attempt(
        "issues",
        lambda: next(client.search("created >= '1970-01-02' order by updated desc", fields=("id",))),
        says=lambda found: "can be read" if found else "can be read; there are none",
        remedy=_BROWSE,
    )
    if page:
        trial.attempt("changelog", lambda: next(client.changelogs(page[:1]), None), remedy=_BROWSE)


def _limits(client: JiraClient, settings: JiraSettings, trial: Trial) -> None:
    limit = client.http.last_headers.get("X-RateLimit-Limit", "")
    announced = f"the site announces {limit}" if limit else "not announced"
    trial.add("limits", "ok", f"{announced}; {settings.requests_per_second} requests a second are sent")


def _first(found: Iterable[Any]) -> list[Any]:
    one = next(iter(found), None)
    return [] if one is None else [one]
