"""The company itself: teams, staff, plans, incidents.

Belongs here: who works there and what is sold. Does not belong here: customers.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.names import FIRST_NAMES, LAST_NAMES, ascii_slug
from ingestion.sandbox.world.setting import OWN_DOMAIN, Setting, from_local, pick, to_local

# team_id, name, kind, the language it works in
TEAMS: tuple[tuple[int, str, str, str], ...] = (
    (1, "Core", "delivery", "en"),
    (2, "Insights", "delivery", "en"),
    (3, "Integrações", "delivery", "pt"),
    (4, "Platform", "delivery", "en"),
    (5, "Suporte Brasil", "support", "pt"),
    (6, "Global Support", "support", "en"),
    (7, "Vendas", "sales", "pt"),
    (8, "Sales International", "sales", "en"),
    (9, "Customer Success", "success", "en"),
)

_CREW: tuple[tuple[str, int, int], ...] = (
    *(("engineer", team, 5) for team in (1, 2, 3, 4)),
    *(("product_manager", team, 1) for team in (1, 2, 3, 4)),
    ("jira_admin", 4, 1),
    ("support_agent", 5, 6),
    ("support_agent", 6, 5),
    ("support_bot", 6, 1),
    ("sales", 7, 3),
    ("sales", 8, 3),
    ("csm", 9, 6),
)

# plan_id, name, recurring, list price per seat and month in the reporting currency
PLANS: tuple[tuple[int, str, bool, float], ...] = (
    (1, "Starter", True, 12.0),
    (2, "Growth", True, 26.0),
    (3, "Enterprise", True, 48.0),
    (4, "Add-on Analytics", True, 7.0),
    (5, "Onboarding", False, 0.0),
)

BASE_FEATURES = ("reports", "dashboards", "exports", "integrations", "alerts", "search", "permissions")

_INCIDENT_TITLES = {
    "reports": "Reports time out",
    "dashboards": "Dashboards show stale numbers",
    "exports": "Exports stuck in the queue",
    "integrations": "Integrations stopped syncing",
    "alerts": "Alerts sent twice",
    "search": "Search unavailable",
    "permissions": "Some users could not log in",
}


@dataclass(frozen=True)
class Staff:
    """One person (or the bot) of the company."""

    staff_id: int
    name: str
    email: str
    role: str
    team_id: int
    time_zone: str
    language: str
    active_from: datetime
    active_to: datetime | None

    def is_active(self, at: datetime) -> bool:
        """Whether they work for the company at a moment."""
        return self.active_from <= at and (self.active_to is None or at < self.active_to)


@dataclass(frozen=True)
class Incident:
    """A time in which a feature did not work."""

    incident_id: int
    title: str
    severity: int
    feature: str
    started_at: datetime
    ended_at: datetime


class Organisation:
    """Who is there, by role and team."""

    def __init__(self, staff: list[Staff], incidents: list[Incident]) -> None:
        self.staff = staff
        self.incidents = incidents
        self.by_id = {member.staff_id: member for member in staff}
        self._by_role: dict[str, list[Staff]] = defaultdict(list)
        for member in staff:
            self._by_role[member.role].append(member)
        self.bot = self._by_role["support_bot"][0]
        self.jira_admin = self._by_role["jira_admin"][0]

    def members(self, role: str, team_id: int | None = None, at: datetime | None = None) -> list[Staff]:
        """Staff of a role, of one team if given, who work there at a moment if given (never empty: else
        all)."""
        found = [m for m in self._by_role[role] if team_id is None or m.team_id == team_id]
        if at is None:
            return found
        return [m for m in found if m.is_active(at)] or found

    def manager(self, team_id: int) -> Staff:
        """The product manager of a delivery team."""
        return self.members("product_manager", team_id)[0]


def make_organisation(setting: Setting, ledger: Ledger) -> Organisation:
    """Teams, staff, plans and incidents."""
    rng = setting.stream("organisation")
    founded = setting.crm_starts_at - timedelta(days=400)
    languages = {team_id: language for team_id, _, _, language in TEAMS}
    staff: list[Staff] = []
    used: set[str] = set()
    for role, team_id, count in _CREW:
        for place in range(count):
            language = languages[team_id]
            if role == "csm":
                language = "pt" if place % 2 == 0 else "en"
            if role == "support_bot":
                name, local_part = "Trilha Bot", "bot"
            else:
                name, local_part = _new_name(rng, language, used)
            zone = "America/Sao_Paulo" if language == "pt" or team_id == 4 else "America/New_York"
            if role == "support_agent" and team_id == 6 and place >= 3:
                zone = "Europe/London"
            # The first of each crew has been there from the beginning; a few others join or leave later.
            joined, left = founded, None
            if place > 0 and role in ("engineer", "support_agent", "csm", "sales"):
                if rng.random() < 0.2:
                    joined = setting.between(rng.random() * 0.8)
                elif rng.random() < 0.12:
                    left = setting.between(0.3 + 0.6 * rng.random())
            staff.append(
                Staff(
                    len(staff) + 1,
                    name,
                    f"{local_part}@{OWN_DOMAIN}",
                    role,
                    team_id,
                    zone,
                    language,
                    joined,
                    left,
                )
            )
    for member in staff:
        ledger.add("staff", **vars(member), visible_at=member.active_from)
    managers = {m.team_id: m.name for m in staff if m.role == "product_manager"}
    for team_id, name, kind, _ in TEAMS:
        first = next(m for m in staff if m.team_id == team_id and m.role != "support_bot")
        ledger.add(
            "teams",
            team_id=team_id,
            name=name,
            kind=kind,
            owner_name=managers.get(team_id, first.name),
            visible_at=founded,
        )
    for plan_id, name, is_recurring, price in PLANS:
        ledger.add(
            "plans",
            plan_id=plan_id,
            name=name,
            is_recurring=is_recurring,
            list_price_monthly=price,
            visible_at=founded,
        )
    return Organisation(staff, _make_incidents(setting, ledger))


def _new_name(rng: Any, language: str, used: set[str]) -> tuple[str, str]:
    while True:
        first, last = pick(rng, FIRST_NAMES[language]), pick(rng, LAST_NAMES[language])
        local_part = f"{ascii_slug(first)}.{ascii_slug(last)}"
        if local_part not in used:
            used.add(local_part)
            return f"{first} {last}", local_part


def _make_incidents(setting: Setting, ledger: Ledger) -> list[Incident]:
    rng = setting.stream("incidents")
    incidents: list[Incident] = []
    day = to_local(setting.starts_at).date() + timedelta(days=12)
    last_day = to_local(setting.ends_at).date()
    while day < last_day:
        start = from_local(
            datetime(day.year, day.month, day.day, 8) + timedelta(seconds=int(rng.integers(0, 32400)))
        )
        feature = pick(rng, BASE_FEATURES)
        severity = int(rng.choice([1, 2, 3], p=[0.25, 0.45, 0.3]))
        end = start + timedelta(seconds=int(3600 * (1.0 + rng.exponential(3.0 / severity))))
        incidents.append(
            Incident(len(incidents) + 1, _INCIDENT_TITLES[feature], severity, feature, start, end)
        )
        day += timedelta(days=int(rng.integers(14, 45)))
    for incident in incidents:
        ledger.add("incidents", **vars(incident), visible_at=incident.started_at)
    return incidents
