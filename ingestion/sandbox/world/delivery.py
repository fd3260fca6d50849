"""The work of the delivery teams: issues, their changelogs, comments, links and worklogs.

Belongs here: how issues come up and move. Does not belong here: projects, sprints and versions
(workflow.py), or what a delivery does to customers (rollouts.py).

Each issue collects edits (a moment, who, and what is set, added or removed) in any order. They are sorted and
replayed once at the end, so that every change knows the value before it; what follows a deletion is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ingestion.sandbox.world import issue_text
from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.organisation import Organisation
from ingestion.sandbox.world.rollouts import Rollouts
from ingestion.sandbox.world.setting import (
    Setting,
    business_moment,
    next_weekday,
    pick,
    pick_weighted,
    text_of,
    to_local,
)
from ingestion.sandbox.world.themes import PRODUCT_THEMES
from ingestion.sandbox.world.workflow import (
    BUG,
    EPIC,
    INITIATIVE,
    ISSUE_TYPES,
    PROJECT_OF_TEAM,
    PROJECTS,
    STORY,
    SUB_TASK,
    TASK,
    Boards,
    Project,
    Sprint,
    deleted_at,
    make_workflow,
    status_name,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_POINTS = (1.0, 2.0, 3.0, 5.0, 8.0)
_PRIORITIES = ("Low", "Medium", "High", "Highest")
_PRIORITY_WEIGHTS = (0.2, 0.55, 0.2, 0.05)


@dataclass
class Edit:
    """What one save of an issue changes: (field, `set` | `add` | `remove`, value)."""

    at: datetime
    by: int
    steps: list[tuple[str, str, Any]]


@dataclass
class Issue:
    """An issue as created, and its edits."""

    project: Project
    type_id: int
    summary: str
    created_at: datetime
    reporter: int
    parent: Issue | None = None
    theme: str | None = None
    delivery: str | None = None
    points: float | None = None
    assignee: int | None = None
    priority: str = "Medium"
    labels: str = ""
    description: str | None = None
    edits: list[Edit] = field(default_factory=list)
    done_at: datetime | None = None
    issue_id: int = 0
    number: int = 0

    def edit(self, at: datetime, by: int, *steps: tuple[str, str, Any]) -> None:
        """Add an edit, at the earliest a minute after the creation."""
        at = max(at.replace(microsecond=0), self.created_at + timedelta(minutes=1))
        self.edits.append(Edit(at, by, list(steps)))


@dataclass
class Epic:
    """An epic with the time in which its children are worked on."""

    issue: Issue
    begins_at: datetime
    ends_at: datetime
    about: str
    theme: str | None
    delivery: str | None


EPIC_LEVEL = 1
ASKED_FOR_OF_20 = 9


@dataclass(frozen=True)
class WrittenIssue:
    """What other domains may know of an issue."""

    issue_id: int
    created_at: datetime
    theme: str | None
    delivery: str | None
    level: int
    key: str
    is_asked_for: bool
    """Whether customers ever ask for what its epic is about: a good part of a roadmap nobody asked for."""


def _is_asked_for(issue: Issue, levels: dict[int, int]) -> bool:
    top = issue
    while top.parent is not None and levels[top.type_id] < EPIC_LEVEL:
        top = top.parent
    is_loose = levels[top.type_id] < EPIC_LEVEL
    return issue.delivery is not None or is_loose or top.issue_id % 20 < ASKED_FOR_OF_20


class Delivery:
    """Makes all issues of the company."""

    def __init__(
        self, setting: Setting, organisation: Organisation, rollouts: Rollouts, boards: Boards, ledger: Ledger
    ) -> None:
        self.setting = setting
        self.organisation = organisation
        self.rollouts = rollouts
        self.boards = boards
        self.ledger = ledger
        self.issues: list[Issue] = []
        self.epics: dict[int, list[Epic]] = {project.project_id: [] for project in PROJECTS}
        self.moves: list[tuple[datetime, Issue, Project]] = []

    def add(self, issue: Issue) -> Issue:
        """Keep an issue; nothing is created before the world starts."""
        issue.created_at = max(issue.created_at, self.setting.starts_at + timedelta(minutes=9)).replace(
            microsecond=0
        )
        self.issues.append(issue)
        return issue

    # -- initiatives and epics ----------------------------------------------------------------------

    def plan_epics(self) -> None:
        """Initiatives, one epic per governed delivery, and further epics that nobody governs."""
        rng = self.setting.stream("epics")
        home = PROJECTS[0]
        admin = self.organisation.jira_admin.staff_id
        initiatives = []
        for place, name in enumerate(issue_text.INITIATIVES):
            at = self.setting.starts_at + timedelta(days=place, hours=14, seconds=int(rng.integers(0, 3600)))
            initiative = self.add(
                Issue(home, INITIATIVE, name, at, self.organisation.manager(home.team_id).staff_id)
            )
            initiative.edit(at + 6 * DAY, admin, ("status_id", "set", home.workflow.progress))
            initiatives.append(initiative)
        for rollout in self.rollouts.all:
            plan = rollout.plan
            if plan.delivery_id == "weekly-digest":
                continue  # governed without an epic: the governance file names its issues
            project = PROJECT_OF_TEAM[plan.team_id]
            begins = rollout.released_at - timedelta(days=int(rng.integers(30, 62)))
            self._epic(
                rng,
                project,
                plan.name,
                begins,
                rollout.released_at,
                plan.theme,
                plan.delivery_id,
                initiatives,
            )
        for project in PROJECTS:
            names = issue_text.OTHER_EPICS[project.language]
            begins = self.setting.starts_at + timedelta(days=int(rng.integers(3, 30)))
            place = project.team_id * 3
            while begins < self.setting.ends_at:
                length = timedelta(days=int(rng.integers(35, 100)))
                round_number = place // len(names)
                name = names[place % len(names)] + (f" ({round_number + 1})" if round_number else "")
                self._epic(rng, project, name, begins, begins + length, None, None, initiatives)
                begins += timedelta(days=int(rng.integers(50, 95)))
                place += 1

    def _epic(
        self,
        rng: np.random.Generator,
        project: Project,
        name: str,
        begins: datetime,
        ends: datetime,
        theme: str | None,
        delivery: str | None,
        initiatives: list[Issue],
    ) -> None:
        manager = self.organisation.manager(project.team_id).staff_id
        begins = max(begins, self.setting.starts_at + DAY)
        created = business_moment(
            rng, next_weekday((begins - timedelta(days=int(rng.integers(5, 40)))).date())
        )
        parent = initiatives[sum(map(ord, name)) % len(initiatives)] if rng.random() < 0.7 else None
        if parent and parent.created_at > created:
            parent = None
        issue = self.add(
            Issue(
                project,
                EPIC,
                name,
                created,
                manager,
                parent,
                theme,
                delivery,
                description=None,
                assignee=manager,
            )
        )
        flow = project.workflow
        started = business_moment(rng, next_weekday((begins + 2 * DAY).date()))
        started = max(started, issue.created_at + HOUR)
        issue.edit(started, manager, ("status_id", "set", flow.progress))
        version = self._version_at(project, ends)
        if delivery is None and rng.random() < 0.14:
            dropped = begins + (ends - begins) * 0.6
            issue.edit(
                dropped, manager, ("status_id", "set", flow.cancelled), ("resolution", "set", "Won't Do")
            )
            self.epics[project.project_id].append(Epic(issue, begins, dropped, name, theme, delivery))
            return
        if version is not None:
            issue.edit(ends - timedelta(days=12), manager, ("fix_version_ids", "add", version))
        done = ends + timedelta(hours=2, seconds=int(rng.integers(0, 7200)))
        issue.done_at = done
        issue.edit(done, manager, ("status_id", "set", flow.done), ("resolution", "set", "Done"))
        self.epics[project.project_id].append(Epic(issue, begins, ends, name, theme, delivery))

    def _version_at(self, project: Project, at: datetime) -> int | None:
        return next(
            (v.version_id for v in self.boards.versions[project.project_id] if v.released_at >= at), None
        )

    # -- standard issues ----------------------------------------------------------------------------

    def _draft(
        self, rng: np.random.Generator, project: Project, created: datetime, working_at: datetime
    ) -> Issue:
        kind = pick_weighted(rng, ("story", "bug", "task"), (0.48, 0.3, 0.22))
        epic = None
        fitting = [
            e
            for e in self.epics[project.project_id]
            if e.begins_at - 3 * DAY <= working_at <= e.ends_at and e.issue.created_at < working_at
        ]
        if fitting and rng.random() < (0.85 if kind == "story" else 0.45):
            governed = [e for e in fitting if e.delivery]
            epic = pick(rng, governed if governed and rng.random() < 0.7 else fitting)
        theme = epic.theme if epic and epic.theme else (pick(rng, PRODUCT_THEMES) if kind != "task" else None)
        engineers = self.organisation.members("engineer", project.team_id, at=working_at)
        manager = self.organisation.manager(project.team_id).staff_id
        created = max(created, self.setting.starts_at + timedelta(seconds=int(rng.integers(600, 200_000))))
        if epic:
            created = max(created, epic.issue.created_at + timedelta(minutes=20))
        labels = ";".join(
            label
            for label, chance in (("customer", 0.15), ("tech-debt", 0.1), ("q-goal", 0.08))
            if rng.random() < chance
        )
        return self.add(
            Issue(
                project,
                {"story": STORY, "bug": BUG, "task": TASK}[kind],
                issue_text.summary(rng, project.language, kind, epic.about if epic else None),
                created,
                manager if rng.random() < 0.5 else pick(rng, engineers).staff_id,
                epic.issue if epic else None,
                theme,
                epic.delivery if epic else None,
                priority=pick_weighted(rng, _PRIORITIES, _PRIORITY_WEIGHTS),
                labels=labels,
                description=issue_text.description(rng, project.language),
            )
        )

    def _work(
        self,
        rng: np.random.Generator,
        issue: Issue,
        started: datetime,
        done: datetime,
        *,
        may_reopen: bool = True,
    ) -> None:
        """Moves an issue from to-do to done, with detours."""
        project, flow = issue.project, issue.project.workflow
        engineers = self.organisation.members("engineer", project.team_id, at=started)
        worker = pick(rng, engineers).staff_id
        manager = self.organisation.manager(project.team_id).staff_id
        span = max(done - started, 2 * HOUR)
        done = started + span

        def at(share: float) -> datetime:
            return started + span * share

        if flow.selected is not None:
            wait = timedelta(seconds=int(rng.integers(1800, 5 * 86400)))
            issue.edit(
                max(started - wait, issue.created_at + HOUR / 2), manager, ("status_id", "set", flow.selected)
            )
        issue.edit(
            started - timedelta(seconds=int(rng.integers(2, 9000))),
            manager,
            ("assignee_staff_id", "set", worker),
        )
        issue.edit(started, worker, ("status_id", "set", flow.progress))
        if flow.blocked is not None and rng.random() < 0.07:
            begin = float(rng.uniform(0.1, 0.3))
            issue.edit(at(begin), worker, ("status_id", "set", flow.blocked))
            issue.edit(at(begin + 0.15), worker, ("status_id", "set", flow.progress))
        if rng.random() < 0.06:
            begin = float(rng.uniform(0.05, 0.35))
            issue.edit(at(begin), worker, ("is_flagged", "set", True))
            issue.edit(at(begin + float(rng.uniform(0.05, 0.5))), worker, ("is_flagged", "set", False))
        reviewer = pick(rng, engineers).staff_id
        issue.edit(at(0.6), worker, ("status_id", "set", flow.review))
        if rng.random() < 0.15:
            issue.edit(at(0.68), reviewer, ("status_id", "set", flow.progress))
            issue.edit(at(0.76), worker, ("status_id", "set", flow.review))
        if flow.testing is not None and at(0.8) < deleted_at(self.setting) - 14 * DAY:
            issue.edit(at(0.8), reviewer, ("status_id", "set", flow.testing))
        if flow.waiting is not None:
            issue.edit(at(0.84), reviewer, ("status_id", "set", flow.waiting))
        if rng.random() < 0.08:
            heir = pick(rng, engineers).staff_id
            issue.edit(at(0.45), manager, ("assignee_staff_id", "set", heir))
        version = self._version_at(project, done)
        if version is not None and rng.random() < 0.6:
            issue.edit(at(float(rng.uniform(0.2, 0.95))), manager, ("fix_version_ids", "add", version))
        done = self._finish(rng, issue, done, worker, version, may_reopen)
        issue.done_at = done
        self._talk(rng, issue, started, done, [worker, reviewer, manager])
        if project.team_id == 3:
            self._log_work(rng, issue, started, done, worker)

    def _finish(
        self,
        rng: np.random.Generator,
        issue: Issue,
        done: datetime,
        worker: int,
        version: int | None,
        may_reopen: bool,
    ) -> datetime:
        flow = issue.project.workflow
        resolved = ("resolution", "set", "Done")
        closing: list[tuple[str, str, Any]] = [("status_id", "set", flow.done)]
        # Team-managed projects now and then close without a resolution: name and resolution then disagree.
        if not (issue.project.is_team_managed and rng.random() < 0.12):
            closing.append(resolved)
        issue.edit(done, worker, *closing)
        if may_reopen and rng.random() < 0.06:
            again = done + timedelta(seconds=int(rng.integers(3600, 6 * 86400)))
            issue.edit(again, worker, ("status_id", "set", flow.progress), ("resolution", "set", None))
            done = again + timedelta(seconds=int(rng.integers(7200, 4 * 86400)))
            issue.edit(done, worker, ("status_id", "set", flow.done), resolved)
        if flow.released is not None and version is not None and rng.random() < 0.8:
            released_at = next(
                v.released_at
                for v in self.boards.versions[issue.project.project_id]
                if v.version_id == version
            )
            # One bulk edit of the administrator moves all of a version from one done status to the next.
            if released_at + 2 * HOUR > done:
                admin = self.organisation.jira_admin.staff_id
                issue.edit(released_at + 2 * HOUR, admin, ("status_id", "set", flow.released))
        return done

    def _talk(
        self, rng: np.random.Generator, issue: Issue, started: datetime, done: datetime, staff: list[int]
    ) -> None:
        for _ in range(int(rng.poisson(0.8))):
            at = (started + (done - started) * float(rng.random())).replace(microsecond=0)
            self.ledger.add(
                "issue_comments",
                comment_id=0,
                issue_id=issue,
                author_staff_id=pick(rng, staff),
                text=issue_text.comment(rng, issue.project.language),
                created_at=max(at, issue.created_at + timedelta(minutes=2)),
                visible_at=max(at, issue.created_at + timedelta(minutes=2)),
            )

    def _log_work(
        self, rng: np.random.Generator, issue: Issue, started: datetime, done: datetime, worker: int
    ) -> None:
        for _ in range(int(rng.integers(1, 4))):
            begin = (started + (done - started) * float(rng.random())).replace(microsecond=0)
            seconds = int(rng.integers(2, 17)) * 1800
            created = begin + timedelta(seconds=seconds + int(rng.integers(60, 7200)))
            self.ledger.add(
                "worklogs",
                worklog_id=0,
                issue_id=issue,
                staff_id=worker,
                seconds=seconds,
                started_at=begin,
                created_at=created,
                visible_at=created,
            )

    def _sub_tasks(self, rng: np.random.Generator, parent: Issue, started: datetime, done: datetime) -> None:
        for place in range(int(rng.integers(2, 5))):
            created = max(
                started - timedelta(seconds=int(rng.integers(600, 86400))), parent.created_at + HOUR / 4
            )
            child = self.add(
                Issue(
                    parent.project,
                    SUB_TASK,
                    issue_text.sub_task_summary(rng, parent.project.language, parent.summary, place),
                    created + timedelta(seconds=place * 20),
                    parent.reporter,
                    parent,
                    parent.theme,
                    parent.delivery,
                )
            )
            begin = max(started + (done - started) * float(rng.uniform(0, 0.5)), child.created_at + HOUR / 4)
            end = begin + (done - begin) * float(rng.uniform(0.3, 0.98))
            flow = parent.project.workflow
            worker = pick(
                rng, self.organisation.members("engineer", parent.project.team_id, at=begin)
            ).staff_id
            child.edit(
                begin, worker, ("assignee_staff_id", "set", worker), ("status_id", "set", flow.progress)
            )
            if end > begin + HOUR / 4:
                child.edit(end, worker, ("status_id", "set", flow.done), ("resolution", "set", "Done"))
                child.done_at = end

    # -- scrum --------------------------------------------------------------------------------------

    def run_sprints(self, project: Project) -> None:
        """Everything that goes through the sprints of a project."""
        rng = self.setting.stream(f"issues {project.key}")
        sprints = self.boards.sprints[project.project_id]
        manager = self.organisation.manager(project.team_id).staff_id
        for place, sprint in enumerate(sprints):
            if sprint.starts_at > self.setting.ends_at + 14 * DAY:
                break
            for _ in range(3 + int(rng.poisson(5.5))):
                self._sprint_item(rng, project, sprints, place, manager)

    def _sprint_item(
        self, rng: np.random.Generator, project: Project, sprints: list[Sprint], place: int, manager: int
    ) -> None:
        sprint = sprints[place]
        length = sprint.completes_at - sprint.starts_at
        is_late = rng.random() < 0.14
        if is_late:
            added = sprint.starts_at + length * float(rng.uniform(0.0005, 0.75))
            created = added - timedelta(seconds=int(rng.integers(120, 6 * 86400)))
        else:
            added = sprint.starts_at - timedelta(seconds=int(rng.integers(40, 3 * 86400)))
            created = added - timedelta(seconds=int(rng.integers(1800, 38 * 86400)))
        issue = self._draft(rng, project, created, sprint.starts_at)
        added = max(added, issue.created_at + timedelta(minutes=3))
        issue.edit(added, manager, ("sprint_ids", "add", sprint.sprint_id))
        self._estimate(rng, issue, added, sprint, manager)
        if rng.random() < 0.055 and place + 1 < len(sprints):
            removed = max(sprint.starts_at, added) + length * float(rng.uniform(0.02, 0.6))
            if removed < sprint.completes_at:
                issue.edit(removed, manager, ("sprint_ids", "remove", sprint.sprint_id))
                if rng.random() < 0.3:
                    return  # back to the backlog for good
                sprint = sprints[place + 1]
                place += 1
                again = max(
                    removed + HOUR, sprint.starts_at - timedelta(seconds=int(rng.integers(600, 86400)))
                )
                issue.edit(again, manager, ("sprint_ids", "add", sprint.sprint_id))
                added = again
        begin = max(added + HOUR / 4, sprint.starts_at + HOUR / 4)
        started = begin + (sprint.completes_at - begin) * float(rng.beta(1.2, 2.6))
        cycle = timedelta(days=float(np.clip(rng.lognormal(1.2, 0.65), 0.15, 30)))
        done = started + cycle
        if rng.random() < 0.05:
            # Finished in the minutes around the moment at which somebody closes the sprint.
            done = sprint.completes_at + timedelta(seconds=int(rng.integers(-600, 600)))
            done = max(done, started + 2 * HOUR)
        while done > sprint.completes_at and place + 1 < len(sprints):
            following = sprints[place + 1]
            issue.edit(
                sprint.completes_at + timedelta(seconds=1),
                manager,
                ("sprint_ids", "add", following.sprint_id),
            )
            place, sprint = place + 1, following
        if rng.random() < 0.03:
            flow = project.workflow
            issue.edit(
                started, manager, ("status_id", "set", flow.cancelled), ("resolution", "set", "Won't Do")
            )
            return
        self._work(rng, issue, started, done)
        if issue.type_id == STORY and rng.random() < 0.24:
            self._sub_tasks(rng, issue, started, done)

    def _estimate(
        self, rng: np.random.Generator, issue: Issue, added: datetime, sprint: Sprint, manager: int
    ) -> None:
        if rng.random() < 0.07:
            return
        points = pick_weighted(rng, _POINTS, (0.15, 0.25, 0.3, 0.2, 0.1))
        if rng.random() < 0.4:
            issue.points = points
        else:
            at = issue.created_at + (added - issue.created_at) * float(rng.uniform(0.2, 0.98))
            issue.edit(at, manager, ("story_points", "set", points))
        if rng.random() < 0.07:
            share = float(rng.uniform(0.05, 0.9))
            at = sprint.starts_at + (sprint.completes_at - sprint.starts_at) * share
            issue.edit(max(at, added + HOUR), manager, ("story_points", "set", pick(rng, _POINTS)))

    # -- kanban, backlog and oddities ---------------------------------------------------------------

    def run_kanban(self, project: Project) -> None:
        """A board without sprints: work comes in every day and is taken when there is room."""
        rng = self.setting.stream(f"issues {project.key}")
        day = self.setting.starts_at
        while day < self.setting.ends_at:
            local = to_local(day)
            rate = 0.95 if local.weekday() < 5 else 0.3
            for _ in range(int(rng.poisson(rate))):
                created = business_moment(rng, local.date())
                wait = timedelta(days=float(np.clip(rng.lognormal(1.3, 1.0), 0.02, 70)))
                started = created + wait
                if (
                    started < self.setting.ends_at
                    and to_local(started).weekday() >= 5
                    and rng.random() < 0.75
                ):
                    started = business_moment(rng, next_weekday(to_local(started).date()))
                issue = self._draft(rng, project, created, started)
                started = max(started, issue.created_at + HOUR)
                cycle = timedelta(days=float(np.clip(rng.lognormal(1.15, 0.8), 0.08, 45)))
                self._work(rng, issue, started, started + cycle)
                if issue.type_id == STORY and rng.random() < 0.2:
                    self._sub_tasks(rng, issue, started, started + cycle)
            day += DAY

    def fill_backlogs(self) -> None:
        """Issues that wait; some are cancelled, deleted, moved to another project, or fiddled with for
        months."""
        rng = self.setting.stream("backlog")
        months = max(1, (self.setting.ends_at - self.setting.starts_at).days // 30)
        for project in PROJECTS:
            manager = self.organisation.manager(project.team_id).staff_id
            for _ in range(months * 4):
                at = self.setting.starts_at + (self.setting.ends_at - self.setting.starts_at) * float(
                    rng.random()
                )
                created = business_moment(rng, next_weekday(at.date()))
                issue = self._draft(rng, project, created, created)
                later = issue.created_at + timedelta(days=float(rng.uniform(4, 120)))
                mark = rng.random()
                if mark < 0.2:
                    flow = project.workflow
                    issue.edit(
                        later,
                        manager,
                        ("status_id", "set", flow.cancelled),
                        ("resolution", "set", "Won't Do"),
                    )
                elif mark < 0.32:
                    issue.edit(later, manager, ("deleted", "set", True))
                elif mark < 0.42:
                    self._move(rng, issue, later)
                elif mark < 0.6:
                    issue.edit(later, manager, ("priority", "set", pick(rng, _PRIORITIES)))
        self._delete_some(rng)
        self._restless(rng)
        self._issue_of_the_delivery_without_epic(rng)

    def _move(self, rng: np.random.Generator, issue: Issue, at: datetime) -> None:
        target = pick(rng, [p for p in PROJECTS if p is not issue.project and not p.is_team_managed])
        self.moves.append((at.replace(microsecond=0), issue, target))
        if rng.random() < 0.6:
            worker = pick(rng, self.organisation.members("engineer", target.team_id, at=at)).staff_id
            started = at + timedelta(days=float(rng.uniform(1, 15)))
            flow = target.workflow
            issue.edit(
                started, worker, ("assignee_staff_id", "set", worker), ("status_id", "set", flow.progress)
            )
            done = started + timedelta(days=float(rng.uniform(0.5, 9)))
            issue.edit(done, worker, ("status_id", "set", flow.done), ("resolution", "set", "Done"))

    def _delete_some(self, rng: np.random.Generator) -> None:
        leaves = {id(issue.parent) for issue in self.issues}
        free = [i for i in self.issues if i.type_id in (STORY, BUG, TASK, SUB_TASK) and id(i) not in leaves]
        for issue in free:
            if rng.random() < 0.008:
                at = issue.created_at + timedelta(days=float(rng.uniform(1, 60)))
                issue.edit(at, self.organisation.jira_admin.staff_id, ("deleted", "set", True))
        # Something is deleted in the first days after `as_of`, so that a sweep has something to find.
        recent = [i for i in free if self.setting.as_of - 40 * DAY < i.created_at < self.setting.as_of - DAY]
        for step, issue in enumerate(recent[:3]):
            at = self.setting.as_of + timedelta(hours=9 + 24 * step, seconds=17)
            issue.edit(at, self.organisation.jira_admin.staff_id, ("deleted", "set", True))

    def _restless(self, rng: np.random.Generator) -> None:
        """A few issues collect more changes than one answer of the vendor shows."""
        chosen = [i for i in self.issues if i.type_id == TASK and i.created_at < self.setting.between(0.5)][
            :4
        ]
        for issue in chosen:
            at = issue.created_at + DAY
            manager = self.organisation.manager(issue.project.team_id).staff_id
            for step in range(48):
                at += timedelta(seconds=int(rng.integers(1800, 3 * 86400)))
                if step % 3 == 0:
                    issue.edit(at, manager, ("story_points", "set", _POINTS[step % 5]))
                elif step % 3 == 1:
                    issue.edit(at, manager, ("priority", "set", _PRIORITIES[step % 4]))
                else:
                    issue.edit(at, manager, ("summary", "set", f"{issue.summary} (rev. {step})"))

    def _issue_of_the_delivery_without_epic(self, rng: np.random.Generator) -> None:
        rollout = next(r for r in self.rollouts.all if r.plan.delivery_id == "weekly-digest")
        project = PROJECT_OF_TEAM[rollout.plan.team_id]
        for _ in range(4):
            created = business_moment(
                rng, next_weekday((rollout.released_at - timedelta(days=int(rng.integers(20, 40)))).date())
            )
            issue = self._draft(rng, project, created, created)
            issue.parent, issue.delivery, issue.theme = None, rollout.plan.delivery_id, None
            started = issue.created_at + timedelta(days=float(rng.uniform(1, 6)))
            done = max(started + 4 * HOUR, rollout.released_at - timedelta(hours=int(rng.integers(20, 90))))
            self._work(rng, issue, started, done, may_reopen=False)

    # -- writing ------------------------------------------------------------------------------------

    def write(self) -> list[WrittenIssue]:
        """Number the issues, replay their edits and record everything."""
        self._number()
        histories: list[tuple[datetime, int, Issue, int, list[tuple[str, Any, Any]]]] = []
        for issue in self.issues:
            self._record(issue)
            histories.extend(self._replay(issue))
        histories.sort(key=lambda h: (h[0], h[1]))
        for number, (at, _, issue, by, changes) in enumerate(histories):
            for name, before, after in changes:
                self.ledger.change(
                    "issues",
                    issue.issue_id,
                    name,
                    before,
                    after,
                    at,
                    by,
                    history_id=600_001 + number,
                    from_label=self._label(name, before, at),
                    to_label=self._label(name, after, at),
                )
        self._record_relations()
        levels = {number: level for number, _, level in ISSUE_TYPES}
        return [
            WrittenIssue(
                i.issue_id,
                i.created_at,
                i.theme,
                i.delivery,
                levels[i.type_id],
                f"{i.project.key}-{i.number}",
                _is_asked_for(i, levels),
            )
            for i in self.issues
        ]

    def _number(self) -> None:
        """Ids by creation; numbers within a project by creation, or by arrival for those that move in."""
        self.issues.sort(key=lambda i: (i.created_at, i.type_id, i.summary))
        arrivals: list[tuple[datetime, int, Issue, Project | None]] = []
        for number, issue in enumerate(self.issues):
            issue.issue_id = 100_001 + number
            arrivals.append((issue.created_at, issue.issue_id, issue, None))
        for at, issue, target in self.moves:
            arrivals.append((max(at, issue.created_at + HOUR), issue.issue_id, issue, target))
        arrivals.sort(key=lambda a: (a[0], a[1]))
        next_number = {project.project_id: 1 for project in PROJECTS}
        for at, _, issue, destination in arrivals:
            home = issue.project if destination is None else destination
            number = next_number[home.project_id]
            next_number[home.project_id] += 1
            if destination is None:
                issue.number = number
            else:
                issue.edit(
                    at,
                    self.organisation.manager(home.team_id).staff_id,
                    ("project_id", "set", home.project_id),
                    ("key", "set", f"{home.key}-{number}"),
                    ("status_id", "set", home.workflow.to_do),
                    ("parent_issue_id", "set", None),
                )

    def _record(self, issue: Issue) -> None:
        self.ledger.add(
            "issues",
            issue_id=issue.issue_id,
            project_id=issue.project.project_id,
            number=issue.number,
            issue_type_id=issue.type_id,
            summary=issue.summary,
            description=issue.description,
            status_id=issue.project.workflow.to_do,
            priority=issue.priority,
            parent_issue_id=issue.parent.issue_id if issue.parent else None,
            reporter_staff_id=issue.reporter,
            assignee_staff_id=issue.assignee,
            story_points=issue.points,
            labels=issue.labels,
            fix_version_ids="",
            sprint_ids="",
            is_flagged=False,
            created_at=issue.created_at,
            visible_at=issue.created_at,
            truth_delivery=issue.delivery,
        )

    def _replay(self, issue: Issue) -> list[tuple[datetime, int, Issue, int, list[tuple[str, Any, Any]]]]:
        state: dict[str, Any] = {
            "status_id": issue.project.workflow.to_do,
            "assignee_staff_id": issue.assignee,
            "story_points": issue.points,
            "priority": issue.priority,
            "sprint_ids": "",
            "fix_version_ids": "",
            "parent_issue_id": issue.parent.issue_id if issue.parent else None,
            "is_flagged": False,
            "resolution": None,
            "summary": issue.summary,
            "project_id": issue.project.project_id,
            "key": f"{issue.project.key}-{issue.number}",
            "deleted": False,
        }
        found = []
        last = issue.created_at
        for edit in sorted(issue.edits, key=lambda e: e.at):
            at = max(edit.at, last + timedelta(seconds=1))
            changes = []
            for name, action, value in edit.steps:
                before = state[name]
                after = value if action == "set" else _with_or_without(before, value, action == "add")
                if after != before:
                    changes.append((name, before, after))
                    state[name] = after
            if changes:
                found.append((at, issue.issue_id, issue, edit.by, changes))
                last = at
            if state["deleted"]:
                break
        return found

    def _label(self, name: str, value: Any, at: datetime) -> str | None:
        if value is None or value == "":
            return None if value is None else ""
        if name == "status_id":
            return status_name(self.setting, value, at)
        if name == "assignee_staff_id":
            return self.organisation.by_id[value].name
        names: Callable[[int], str] | None = {
            "sprint_ids": self._sprint_name,
            "fix_version_ids": self._version_name,
        }.get(name)
        if names is not None:
            return ", ".join(names(int(part)) for part in str(value).split(";"))
        if name == "project_id":
            return next(p.name for p in PROJECTS if p.project_id == value)
        return text_of(value)

    def _sprint_name(self, sprint_id: int) -> str:
        return next(
            s.name for group in self.boards.sprints.values() for s in group if s.sprint_id == sprint_id
        )

    def _version_name(self, version_id: int) -> str:
        return next(
            v.name for group in self.boards.versions.values() for v in group if v.version_id == version_id
        )

    def _record_relations(self) -> None:
        """Comments and worklogs get ids in the order of time; links are drawn."""
        for table, key, first in (
            ("issue_comments", "comment_id", 800_001),
            ("worklogs", "worklog_id", 900_001),
        ):
            rows = sorted(self.ledger.rows[table], key=lambda r: (r["created_at"], r["issue_id"].issue_id))
            for number, row in enumerate(rows):
                row["issue_id"] = row["issue_id"].issue_id
                row[key] = first + number
            self.ledger.rows[table] = rows
        rng = self.setting.stream("issue links")
        standard = [i for i in self.issues if i.type_id in (STORY, BUG, TASK)]
        links = []
        for place, issue in enumerate(standard[8:], start=8):
            if rng.random() < 0.05:
                other = standard[place - 1 - int(rng.integers(0, 7))]
                at = issue.created_at + timedelta(seconds=int(rng.integers(60, 3 * 86400)))
                links.append(
                    (at, issue.issue_id, other.issue_id, "Blocks" if rng.random() < 0.5 else "Relates")
                )
        for number, (at, first_id, second_id, kind) in enumerate(sorted(links)):
            self.ledger.add(
                "issue_links",
                link_id=70_001 + number,
                from_issue_id=first_id,
                to_issue_id=second_id,
                kind=kind,
                created_at=at,
                visible_at=at,
            )


def _with_or_without(before: str, value: int, add: bool) -> str:
    parts = [part for part in before.split(";") if part]
    text = str(value)
    if add and text not in parts:
        parts.append(text)
    if not add:
        parts = [part for part in parts if part != text]
    return ";".join(parts)


def make_delivery(
    setting: Setting, organisation: Organisation, rollouts: Rollouts, ledger: Ledger
) -> list[WrittenIssue]:
    """Everything that Jira holds; returns the issues for those who link to them."""
    boards = make_workflow(setting, organisation, ledger)
    delivery = Delivery(setting, organisation, rollouts, boards, ledger)
    delivery.plan_epics()
    for project in PROJECTS:
        if project.board_kind == "scrum":
            delivery.run_sprints(project)
        else:
            delivery.run_kanban(project)
    delivery.fill_backlogs()
    return delivery.write()
