"""The company's Jira before any issue: projects, boards, workflows, issue types, sprints and versions.

Belongs here: what issues move through. Does not belong here: issues (delivery.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.organisation import Organisation
from ingestion.sandbox.world.setting import Setting, from_local, next_weekday, to_local

INITIATIVE, EPIC, STORY, BUG, TASK, SUB_TASK = 10_000, 10_001, 10_002, 10_003, 10_004, 10_005
ISSUE_TYPES: tuple[tuple[int, str, int], ...] = (
    (INITIATIVE, "Initiative", 2),
    (EPIC, "Epic", 1),
    (STORY, "Story", 0),
    (BUG, "Bug", 0),
    (TASK, "Task", 0),
    (SUB_TASK, "Sub-task", -1),
)

# status_id, project_id (None: global), name, category
STATUSES: tuple[tuple[int, int | None, str, str], ...] = (
    (1, None, "To Do", "new"),
    (3, None, "In Progress", "indeterminate"),
    (4, None, "In Review", "indeterminate"),
    (5, None, "Blocked", "indeterminate"),
    (6, None, "Done", "done"),
    (7, None, "Released", "done"),
    (8, None, "Cancelled", "done"),
    (101, 10_012, "To Do", "new"),
    (102, 10_012, "In Progress", "indeterminate"),
    (103, 10_012, "QA", "indeterminate"),
    (104, 10_012, "Review", "indeterminate"),
    (105, 10_012, "Done", "done"),
    (201, None, "A fazer", "new"),
    (202, None, "Em andamento", "indeterminate"),
    (203, None, "Em revisão", "indeterminate"),
    (204, None, "Bloqueado", "indeterminate"),
    (205, None, "Concluído", "done"),
    (206, None, "Cancelado", "done"),
    (301, None, "Backlog", "new"),
    (302, None, "Selected", "new"),
    (303, None, "Waiting for release", "indeterminate"),
)
RENAMED_STATUS, NEW_NAME, RENAMED_AT_SHARE = 4, "Code Review", 0.45
DELETED_STATUS, DELETED_AT_SHARE = 103, 0.62


@dataclass(frozen=True)
class Workflow:
    """Status ids of one project, by what they mean."""

    to_do: int
    selected: int | None
    progress: int
    review: int
    testing: int | None
    waiting: int | None
    blocked: int | None
    done: int
    released: int | None
    cancelled: int


@dataclass(frozen=True)
class Project:
    """A project with its one board."""

    project_id: int
    key: str
    name: str
    team_id: int
    is_team_managed: bool
    language: str
    board_id: int
    board_kind: str
    workflow: Workflow


PROJECTS: tuple[Project, ...] = (
    Project(
        10_011,
        "CORE",
        "Core product",
        1,
        False,
        "en",
        11,
        "scrum",
        Workflow(1, None, 3, 4, None, None, 5, 6, 7, 8),
    ),
    Project(
        10_012,
        "INS",
        "Insights",
        2,
        True,
        "en",
        12,
        "scrum",
        Workflow(101, None, 102, 104, 103, None, None, 105, None, 105),
    ),
    Project(
        10_013,
        "INT",
        "Integrações",
        3,
        False,
        "pt",
        13,
        "scrum",
        Workflow(201, None, 202, 203, None, None, 204, 205, None, 206),
    ),
    Project(
        10_014,
        "PLT",
        "Platform",
        4,
        False,
        "en",
        14,
        "kanban",
        Workflow(301, 302, 3, 4, None, 303, 5, 6, 7, 8),
    ),
)
PROJECT_OF_TEAM = {project.team_id: project for project in PROJECTS}


@dataclass(frozen=True)
class Sprint:
    """A sprint; `completes_at` is when somebody closed it."""

    sprint_id: int
    name: str
    starts_at: datetime
    ends_at: datetime
    completes_at: datetime


@dataclass(frozen=True)
class Version:
    """A version of a project."""

    version_id: int
    name: str
    released_at: datetime


@dataclass(frozen=True)
class Boards:
    """Sprints and versions by project id, in order of time."""

    sprints: dict[int, list[Sprint]]
    versions: dict[int, list[Version]]


def status_name(setting: Setting, status_id: int, at: datetime) -> str:
    """The name that a status had at a moment."""
    if status_id == RENAMED_STATUS and at >= renamed_at(setting):
        return NEW_NAME
    return next(name for number, _, name, _ in STATUSES if number == status_id)


def renamed_at(setting: Setting) -> datetime:
    """When a status was renamed."""
    return setting.between(RENAMED_AT_SHARE)


def deleted_at(setting: Setting) -> datetime:
    """When a status was deleted; nothing enters it in the weeks before."""
    return setting.between(DELETED_AT_SHARE)


def make_workflow(setting: Setting, organisation: Organisation, ledger: Ledger) -> Boards:
    """Projects, statuses, issue types, boards, sprints and versions."""
    founded = setting.crm_starts_at - timedelta(days=400)
    admin = organisation.jira_admin.staff_id
    for number, name, level in ISSUE_TYPES:
        ledger.add("issue_types", issue_type_id=number, name=name, hierarchy_level=level, visible_at=founded)
    for number, project_id, name, category in STATUSES:
        ledger.add(
            "statuses",
            status_id=number,
            project_id=project_id,
            name=name,
            category=category,
            visible_at=founded,
        )
    before = next(name for number, _, name, _ in STATUSES if number == RENAMED_STATUS)
    ledger.change("statuses", RENAMED_STATUS, "name", before, NEW_NAME, renamed_at(setting), admin)
    ledger.change("statuses", DELETED_STATUS, "deleted", "false", "true", deleted_at(setting), admin)
    boards = Boards({}, {})
    sprint_id, version_id = 400, 700
    for project in PROJECTS:
        ledger.add(
            "projects",
            project_id=project.project_id,
            key=project.key,
            name=project.name,
            team_id=project.team_id,
            is_team_managed=project.is_team_managed,
            language=project.language,
            visible_at=founded,
        )
        ledger.add(
            "boards",
            board_id=project.board_id,
            project_id=project.project_id,
            name=f"{project.key} board",
            kind=project.board_kind,
            visible_at=founded,
        )
        sprints = _make_sprints(setting, ledger, project, sprint_id) if project.board_kind == "scrum" else []
        sprint_id += 150
        boards.sprints[project.project_id] = sprints
        boards.versions[project.project_id] = _make_versions(setting, ledger, project, version_id)
        version_id += 100
    return boards


def _make_sprints(setting: Setting, ledger: Ledger, project: Project, first_id: int) -> list[Sprint]:
    rng = setting.stream(f"sprints {project.key}")
    goals = {
        "pt": ("Estabilizar as sincronizações", "Fechar o épico em curso", "Reduzir chamados", None),
        "en": ("Ship the open epic", "Fewer open bugs", "Prepare the next release", None),
    }[project.language]
    sprints: list[Sprint] = []
    monday = setting.first_monday + timedelta(
        days=7 if setting.first_monday < to_local(setting.starts_at).date() else 0
    )
    monday += timedelta(days=7 * (project.team_id % 2))
    closed = setting.starts_at
    while monday <= to_local(setting.ends_at).date() + timedelta(days=28):
        noon = datetime(monday.year, monday.month, monday.day, 13)
        starts_at = max(
            from_local(noon + timedelta(seconds=int(rng.integers(0, 5400)))), closed + timedelta(minutes=7)
        )
        ends_at = from_local(noon + timedelta(days=14) - timedelta(hours=2))
        completes_at = ends_at + timedelta(seconds=int(rng.integers(-5400, 6000)))
        number = len(sprints) + 1
        sprint = Sprint(first_id + number, f"{project.key} Sprint {number}", starts_at, ends_at, completes_at)
        sprints.append(sprint)
        created_at = max(starts_at - timedelta(seconds=int(rng.integers(10, 16) * 86400)), setting.starts_at)
        ledger.add(
            "sprints",
            sprint_id=sprint.sprint_id,
            board_id=project.board_id,
            name=sprint.name,
            starts_at=starts_at,
            ends_at=ends_at,
            completes_at=completes_at,
            goal=goals[number % len(goals)],
            created_at=created_at,
            visible_at=created_at,
        )
        closed = completes_at
        monday += timedelta(days=14)
    return sprints


def _make_versions(setting: Setting, ledger: Ledger, project: Project, first_id: int) -> list[Version]:
    rng = setting.stream(f"versions {project.key}")
    versions: list[Version] = []
    begins = to_local(setting.starts_at).date()
    last_day = to_local(setting.ends_at).date()
    while begins < last_day + timedelta(days=20):
        planned = next_weekday(begins + timedelta(days=int(rng.integers(26, 38))))
        slip = int(rng.choice([0, 0, 0, 1, 2, 5]))
        released_on = next_weekday(planned + timedelta(days=slip))
        released_at = from_local(
            datetime(released_on.year, released_on.month, released_on.day, 16)
            + timedelta(seconds=int(rng.integers(0, 3600)))
        )
        number = len(versions) + 1
        version = Version(first_id + number, f"{project.key} {begins.year % 100}.{number}", released_at)
        versions.append(version)
        ledger.add(
            "versions",
            version_id=version.version_id,
            project_id=project.project_id,
            name=version.name,
            starts_on=begins,
            release_on=planned,
            released_at=released_at if released_at <= setting.ends_at else None,
            visible_at=from_local(datetime(begins.year, begins.month, begins.day, 9)),
        )
        begins = released_on
    return versions
