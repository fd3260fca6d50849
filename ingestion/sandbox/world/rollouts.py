"""What the company delivers to customers, who gets it when, and what it does to them: the planted truth.

Belongs here: the list of governed deliveries with planted effects and non-effects, exposures and
assignments. Does not belong here: the Jira work behind a delivery (delivery.py), or the usage and tickets
that show the effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingestion.sandbox.world.customers import SEGMENTS, Customers
from ingestion.sandbox.world.engagement import Engagement
from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.lifecycle import Life
from ingestion.sandbox.world.setting import Setting, business_moment, from_local, next_weekday, to_local


@dataclass(frozen=True)
class Plan:
    """A delivery as planned.

    Arguments: when: share of the way from the world's start to `as_of`; above 1: 1 + days after `as_of` /
    100. unit: what is assigned in an experiment or a phased rollout. effects: metric to relative effect (of
    `csat`: points on 0-1) on those exposed; empty = it does nothing. `tickets` concerns the delivery's
    theme where it has one. metric_ids: what the company hopes to move. self_selected: adopters choose
    themselves, the more engaged the sooner, in a spike of activity.
    """

    delivery_id: str
    name: str
    when: float
    team_id: int
    rollout: str
    unit: str | None = None
    feature: str | None = None
    theme: str | None = None
    effects: dict[str, float] = field(default_factory=dict)
    metric_ids: tuple[str, ...] = ()
    key_result_ids: tuple[str, ...] = ()
    self_selected: bool = False


_USE = ("active_people_7d",)
_LOAD = ("tickets_created",)

PLANS: tuple[Plan, ...] = (
    Plan(
        "smart-filters", "Smart filters", 0.10, 1, "general", None, "smart_filters", None, {}, _USE, (), True
    ),
    Plan(
        "faster-reports",
        "Faster reports",
        0.16,
        4,
        "general",
        None,
        None,
        "slow_reports",
        {"tickets": -0.45},
        _LOAD,
        ("fewer-tickets",),
    ),
    Plan(
        "guided-setup",
        "Guided set-up",
        0.22,
        1,
        "experiment",
        "account",
        "guided_setup",
        "onboarding_help",
        {"wau_rate": 0.14},
        _USE,
        ("weekly-active-people",),
    ),
    Plan(
        "report-templates",
        "Report templates",
        0.30,
        2,
        "general",
        None,
        "report_templates",
        None,
        {"wau_rate": 0.15},
        _USE,
        ("weekly-active-people",),
        True,
    ),
    Plan(
        "new-export-queue",
        "New export queue",
        0.36,
        4,
        "phased",
        "segment_region",
        None,
        "export_errors",
        {"tickets": -0.5},
        _LOAD,
        ("fewer-tickets",),
    ),
    Plan(
        "mobile-dashboards",
        "Mobile dashboards",
        0.42,
        2,
        "general",
        None,
        "mobile_dashboards",
        "mobile_app",
        {},
        _USE,
        (),
        True,
    ),
    Plan(
        "in-app-help",
        "Help inside the product",
        0.47,
        1,
        "experiment",
        "account",
        "in_app_help",
        None,
        {"tickets": -0.22},
        _LOAD,
        ("fewer-tickets",),
    ),
    Plan("billing-portal", "Billing portal", 0.52, 3, "general", None, None, "billing_invoice", {}, _LOAD),
    Plan(
        "usage-alerts-addon",
        "Usage alerts",
        0.56,
        2,
        "general",
        None,
        "usage_alerts",
        None,
        {"mrr_rel": 0.08},
        ("mrr",),
        ("expansion-mrr",),
        True,
    ),
    Plan(
        "integration-retries",
        "Integrations that retry",
        0.61,
        3,
        "phased",
        "account",
        None,
        "integration_sync",
        {"tickets": -0.4},
        _LOAD,
        ("fewer-tickets",),
    ),
    Plan(
        "onboarding-checklist",
        "Onboarding checklist",
        0.66,
        1,
        "experiment",
        "account",
        "onboarding_checklist",
        "onboarding_help",
        {},
        _USE,
    ),
    Plan(
        "automation-builder",
        "Automation builder",
        0.70,
        1,
        "general",
        None,
        "automation_builder",
        "automation_request",
        {"wau_rate": 0.18},
        _USE,
        ("weekly-active-people",),
        True,
    ),
    Plan(
        "dashboard-comments",
        "Comments on dashboards",
        0.75,
        2,
        "general",
        None,
        "dashboard_comments",
        "dashboard_sharing",
        {},
        _USE,
        (),
        True,
    ),
    Plan(
        "live-chat-handoff",
        "Hand-over in live chat",
        0.79,
        3,
        "phased",
        "account",
        None,
        None,
        {"csat": 0.12},
        ("csat_ratio",),
        ("csat-above-90",),
    ),
    Plan(
        "saml-sso",
        "Single sign-on",
        0.83,
        4,
        "general",
        None,
        "saml_sso",
        "sso_security",
        {},
        ("mrr",),
        ("enterprise-mrr",),
        True,
    ),
    Plan(
        "portuguese-interface",
        "Interface in Portuguese",
        0.87,
        3,
        "phased",
        "segment_region",
        None,
        "localisation",
        {"tickets": -0.5},
        (*_LOAD, "nps"),
        ("nps-40",),
    ),
    Plan(
        "query-suggestions",
        "Query suggestions",
        0.93,
        2,
        "experiment",
        "account",
        "query_suggestions",
        None,
        {"wau_rate": 0.10},
        _USE,
    ),
    Plan("weekly-digest", "Weekly digest by e-mail", 0.965, 1, "general", None, None, None, {}, _USE),
    Plan(
        "shared-filters",
        "Filters shared by a team",
        1.0145,
        2,
        "general",
        None,
        "shared_filters",
        "dashboard_sharing",
        {},
        _USE,
        (),
        True,
    ),
    Plan(
        "audit-log",
        "Audit log",
        1.043,
        4,
        "general",
        None,
        "audit_log",
        "sso_security",
        {},
        ("mrr",),
        ("enterprise-mrr",),
        True,
    ),
    Plan(
        "bulk-permissions",
        "Permissions in bulk",
        1.10,
        4,
        "phased",
        "segment_region",
        None,
        "permissions_roles",
        {"tickets": -0.3},
        _LOAD,
    ),
    Plan(
        "whatsapp-alerts",
        "Alerts by WhatsApp",
        1.17,
        3,
        "general",
        None,
        "whatsapp_alerts",
        "whatsapp_alerts",
        {},
        _USE,
        (),
        True,
    ),
)

WAVE_COUNT = 4


@dataclass
class Rollout:
    """A delivery with its release and who was exposed when."""

    plan: Plan
    released_at: datetime
    exposed_at: dict[int, datetime] = field(default_factory=dict)
    arms: dict[int, tuple[int, datetime]] = field(default_factory=dict)


@dataclass
class Rollouts:
    """All deliveries, and their effects as matrices (accounts, weeks)."""

    all: list[Rollout]
    usage_factor: NDArray[np.float64]
    ticket_factor: NDArray[np.float64]
    theme_ticket_factor: dict[str, NDArray[np.float64]]
    csat_shift: NDArray[np.float64]

    def mrr_uplifts(self) -> dict[int, list[tuple[datetime, float]]]:
        """Account id to the price rises that its adoptions bring: (moment, relative rise)."""
        found: dict[int, list[tuple[datetime, float]]] = {}
        for rollout in self.all:
            effect = rollout.plan.effects.get("mrr_rel")
            if effect:
                for account_id, at in rollout.exposed_at.items():
                    found.setdefault(account_id, []).append((at, effect))
        return found


def release_moment(setting: Setting, plan: Plan) -> datetime:
    """When a planned delivery is released: in the morning of a working day, before or after `as_of` as
    planned."""
    if plan.when <= 1:
        day = next_weekday(to_local(setting.between(plan.when)).date())
    else:
        day = next_weekday(to_local(setting.as_of + timedelta(days=100 * (plan.when - 1))).date())
    minutes = 600 + sum(map(ord, plan.delivery_id)) % 180
    return from_local(datetime(day.year, day.month, day.day) + timedelta(minutes=minutes, seconds=7))


def make_rollouts(
    setting: Setting, customers: Customers, lives: dict[int, Life], engagement: Engagement
) -> Rollouts:
    """Decide who is exposed to what and when."""
    rng = setting.stream("rollouts")
    shape = engagement.deviation.shape
    rollouts = Rollouts([], np.ones(shape), np.ones(shape), {}, np.zeros(shape))
    for plan in PLANS:
        rollout = Rollout(plan, release_moment(setting, plan))
        if plan.self_selected:
            _adopt(setting, rng, rollout, customers, lives, engagement)
        elif plan.rollout == "experiment":
            _draw_arms(rng, rollout, customers, lives)
        elif plan.rollout == "phased":
            _draw_waves(setting, rng, rollout, customers, lives)
        else:
            rollout.exposed_at = {account.account_id: rollout.released_at for account in customers.accounts}
        rollouts.all.append(rollout)
        _apply(setting, rollouts, rollout, customers)
    return rollouts


def _paying(lives: dict[int, Life], customers: Customers, at: datetime) -> list[Any]:
    day = to_local(at).date()
    return [
        account
        for account in customers.accounts
        if account.kind == "customer"
        and account.created_at <= at
        and lives[account.account_id].is_paying(day)
    ]


def _adopt(
    setting: Setting,
    rng: np.random.Generator,
    rollout: Rollout,
    customers: Customers,
    lives: dict[int, Life],
    engagement: Engagement,
) -> None:
    """Adopters select themselves: hazard grows with the lasting level and with the spike of the week."""
    released_week = setting.week_of(rollout.released_at)
    enterprise_only = rollout.plan.delivery_id in ("saml-sso", "audit-log")
    for row, account in enumerate(customers.accounts):
        if account.kind != "customer":
            continue
        for week in range(released_week, min(setting.week_count, released_week + 40)):
            day = setting.first_monday + timedelta(days=7 * week + int(rng.integers(0, 5)))
            chance = 0.028 * np.exp(0.9 * engagement.base[row] + 1.8 * engagement.deviation[row, week])
            if enterprise_only:
                chance *= {"smb": 0.1, "mid_market": 0.7, "enterprise": 2.0}[account.segment]
            if rng.random() >= chance or not lives[account.account_id].is_paying(day):
                continue
            at = business_moment(rng, day, account.time_zone)
            if at > rollout.released_at and at > account.created_at:
                rollout.exposed_at[account.account_id] = at
                break


def _draw_arms(
    rng: np.random.Generator, rollout: Rollout, customers: Customers, lives: dict[int, Life]
) -> None:
    for account in _paying(lives, customers, rollout.released_at):
        arm = int(rng.random() < 0.5)
        rollout.arms[account.account_id] = (arm, rollout.released_at)
        if arm:
            rollout.exposed_at[account.account_id] = rollout.released_at


def _draw_waves(
    setting: Setting,
    rng: np.random.Generator,
    rollout: Rollout,
    customers: Customers,
    lives: dict[int, Life],
) -> None:
    gap = timedelta(days=int(rng.integers(2, 4)) * 7)
    starts = [rollout.released_at + gap * wave for wave in range(WAVE_COUNT)]
    cells = [(segment, region) for segment in SEGMENTS for region in ("latam", "north_america", "emea")]
    wave_of_cell = {
        cells[int(cell)]: place % WAVE_COUNT for place, cell in enumerate(rng.permutation(len(cells)))
    }
    for account in _paying(lives, customers, rollout.released_at):
        if rollout.plan.unit == "segment_region":
            wave = wave_of_cell[account.segment_at(rollout.released_at), account.region]
        else:
            wave = int(rng.integers(0, WAVE_COUNT))
        rollout.arms[account.account_id] = (wave + 1, starts[wave])
        rollout.exposed_at[account.account_id] = starts[wave]
    # Who comes later never was without it; they belong to no wave.
    for account in customers.accounts:
        if account.account_id not in rollout.arms:
            rollout.exposed_at[account.account_id] = max(starts[-1], account.created_at)


def _apply(setting: Setting, rollouts: Rollouts, rollout: Rollout, customers: Customers) -> None:
    effects = rollout.plan.effects
    if not effects:
        return
    row_of = {account.account_id: row for row, account in enumerate(customers.accounts)}
    for account_id, at in rollout.exposed_at.items():
        since = max(0, setting.week_of(at))
        row = row_of[account_id]
        if "wau_rate" in effects:
            rollouts.usage_factor[row, since:] *= 1 + effects["wau_rate"]
        if "tickets" in effects:
            if rollout.plan.theme:
                factors = rollouts.theme_ticket_factor.setdefault(
                    rollout.plan.theme, np.ones_like(rollouts.ticket_factor)
                )
                factors[row, since:] *= 1 + effects["tickets"]
            else:
                rollouts.ticket_factor[row, since:] *= 1 + effects["tickets"]
        if "csat" in effects:
            rollouts.csat_shift[row, since:] += effects["csat"]


def record_assignments(rollouts: Rollouts, ledger: Ledger) -> None:
    """Arms and waves; exposures of adopter lists are recorded with the events that show them (usage.py)."""
    for rollout in rollouts.all:
        delivery_id = rollout.plan.delivery_id
        for account_id, (arm, at) in sorted(rollout.arms.items()):
            ledger.add(
                "assignments",
                delivery_id=delivery_id,
                account_id=account_id,
                arm=arm,
                assigned_at=at,
                visible_at=rollout.released_at,
            )
        if not rollout.plan.self_selected and rollout.arms:
            for account_id in sorted(set(rollout.exposed_at) & set(rollout.arms)):
                at = rollout.exposed_at[account_id]
                ledger.add(
                    "exposures",
                    delivery_id=delivery_id,
                    account_id=account_id,
                    first_exposed_at=at,
                    visible_at=at,
                )


def planted_truth(rollouts: Rollouts) -> dict[str, Any]:
    """What `truth.json` says about deliveries."""
    effects, non_effects = [], []
    for rollout in rollouts.all:
        plan = rollout.plan
        base = {"delivery_id": plan.delivery_id, "from": rollout.released_at.isoformat() + "Z"}
        for metric, effect in plan.effects.items():
            scope = {"theme_id": plan.theme} if metric == "tickets" and plan.theme else {}
            effects.append({**base, "metric": metric, "effect_rel": effect, **scope})
        for metric in ("wau_rate", "tickets", "mrr_rel", "csat"):
            if metric not in plan.effects:
                non_effects.append(
                    {
                        **base,
                        "metric": metric,
                        "effect_rel": 0.0,
                        "adopters_select_themselves": plan.self_selected,
                    }
                )
    return {"effects": effects, "non_effects": non_effects}
