"""Writes the company's governance files as they stand at a moment.

Belongs here: what the invented company keeps in its own repository, from the world's tables and its few
settings. Does not belong here: how such files are read and checked (the governance source).
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ingestion.sandbox.world.finance import rates_of
from ingestion.sandbox.world.names import ascii_slug
from ingestion.sandbox.world.setting import to_local
from ingestion.sandbox.world.themes import PARENTS, THEMES
from ingestion.sandbox.world.usage import VALUE_EVENTS
from ingestion.sandbox.world.workflow import PROJECTS
from ingestion.sandbox.world.world import World, naive_utc

# metric, team whose manager owns it, target over the value of the year's key result (None: no target), parent
_METRICS: tuple[tuple[str, int | None, str | None], ...] = (
    ("mrr", 2, None),
    ("arr", 2, "mrr"),
    ("customer_count", 2, "mrr"),
    ("deals_won_amount", 2, "mrr"),
    ("active_accounts_7d", 1, "customer_count"),
    ("active_people_7d", 1, "active_accounts_7d"),
    ("stickiness", 1, "active_people_7d"),
    ("nps", 3, "customer_count"),
    ("csat_ratio", 3, "nps"),
    ("tickets_created", 4, "csat_ratio"),
    ("ticket_backlog", 4, "tickets_created"),
    ("first_reply_minutes_median", 3, "csat_ratio"),
    ("work_items_done", None, None),
    ("nrr_12m_ratio", 2, "mrr"),
    ("grr_12m_ratio", 2, "nrr_12m_ratio"),
    ("logo_churn_1m_ratio", 2, "grr_12m_ratio"),
    ("open_pipeline_amount", 2, "deals_won_amount"),
    ("win_ratio", 2, "deals_won_amount"),
    ("activation_ratio", 1, "active_people_7d"),
    ("week_4_retention_ratio", 1, "active_people_7d"),
    ("feature_adoption_ratio", 1, "active_accounts_7d"),
    ("contact_ratio", 4, "tickets_created"),
    ("full_resolution_minutes_median", 3, "csat_ratio"),
    ("one_touch_ratio", 3, "full_resolution_minutes_median"),
    ("first_reply_attainment_ratio", 3, "csat_ratio"),
    ("full_resolution_attainment_ratio", 3, "csat_ratio"),
    ("work_items_in_progress", None, None),
    ("cycle_time_days_median", 4, "work_items_done"),
    ("flow_efficiency_ratio", 4, "cycle_time_days_median"),
    ("planning_accuracy_ratio", 4, "work_items_done"),
    ("evidence_backed_people_days_ratio", 4, None),
)
_THRESHOLDS: dict[str, dict[str, float]] = {
    "first_reply_minutes_median": {"high": 600.0},
    "csat_ratio": {"low": 0.75},
    "nps": {"low": 15.0},
}

_REVIEWED_EVERY = 40

# status, project key (empty: all), kind, category override
_STATUSES: tuple[tuple[str, str, str, str], ...] = (
    ("In Progress", "", "active", ""),
    ("In Review", "", "active", ""),
    ("Code Review", "", "active", ""),
    ("Review", "INS", "active", ""),
    ("QA", "INS", "queue", ""),
    ("Blocked", "", "blocked", ""),
    ("Waiting for release", "PLT", "queue", ""),
    ("Em andamento", "INT", "active", ""),
    ("Em revisão", "INT", "active", ""),
    ("Bloqueado", "INT", "blocked", ""),
    ("To Do", "", "queue", ""),
    ("Backlog", "PLT", "queue", ""),
    ("Selected", "PLT", "queue", ""),
    ("A fazer", "INT", "queue", ""),
)

# team (empty: all others), amount, currency, valid from
_DAY_RATES: tuple[tuple[str, int, str, str], ...] = (
    ("", 480, "USD", ""),
    ("", 520, "USD", "2026-01-01"),
    ("insights", 2600, "BRL", "2026-03-01"),
)

# priority (empty: all others), metric, target in minutes, time, valid from
_SLA_TARGETS: tuple[tuple[str, str, int, str, str], ...] = (
    ("urgent", "first_reply", 60, "calendar", ""),
    ("high", "first_reply", 180, "business", ""),
    ("", "first_reply", 480, "business", ""),
    # Halfway, the company promises more.
    ("", "first_reply", 360, "business", "2026-01-01"),
    ("urgent", "next_reply", 120, "calendar", ""),
    ("", "next_reply", 480, "business", ""),
    ("urgent", "full_resolution", 1440, "calendar", ""),
    ("high", "full_resolution", 1620, "business", ""),
    ("normal", "full_resolution", 2700, "business", ""),
)

_HEALTH_WEIGHTS = {
    "usage_trend": 0.3,
    "active_share": 0.2,
    "support_load": 0.15,
    "sentiment": 0.15,
    "renewal_distance": 0.1,
    "champion_activity": 0.1,
}


@dataclass(frozen=True)
class Systems:
    """The systems that the files speak of, where they name a record or a team of one.

    Arguments:
        crm, support, delivery: names of the connections.
        account_ref: an account as our tables name it, by the world's id.
        organisation_id: an account's organisation as the support system numbers it, by the world's id.
    """

    crm: str = "hubspot"
    support: str = "zendesk"
    delivery: str = "jira"
    account_ref: Callable[[int], str] = "hubspot:{}".format
    organisation_id: Callable[[int], str] = lambda account_id: str(900_000_000 + account_id)


def write_company(world: World, now: datetime, out: Path, systems: Systems | None = None) -> None:
    """Write the governance files as of `now` to the folder `out`; what was there before is replaced."""
    systems = systems or Systems()
    if out.exists():
        shutil.rmtree(out)
    (out / "themes").mkdir(parents=True)
    visible = _Visible(world, now)
    _write_yaml(out / "objectives.yml", {"objectives": _objectives(visible)})
    _write_yaml(out / "key_results.yml", {"key_results": _key_results(visible)})
    _write_yaml(out / "decisions.yml", {"decisions": _decisions(visible)})
    _write_yaml(out / "deliveries.yml", {"deliveries": _deliveries(visible)})
    _write_yaml(out / "metrics.yml", {"metrics": _metrics(visible)})
    _write_yaml(out / "calendars.yml", _calendars(world, now))
    _write_yaml(out / "mappings.yml", _mappings())
    _write_yaml(out / "health_weights.yml", {"weights": _HEALTH_WEIGHTS})
    for theme in _themes(visible):
        _write_yaml(out / "themes" / f"{theme['id']}.yml", theme)
    _write_csv(
        out / "theme_overrides.csv",
        ("feedback_id", "theme_id", "action", "by", "at", "reason"),
        _theme_overrides(visible, systems),
    )
    _write_csv(
        out / "accounts.csv",
        ("source", "external_id", "account_id", "excluded", "reason"),
        _accounts(visible, systems),
    )
    _write_csv(
        out / "assignments.csv", ("delivery_id", "account", "arm", "assigned_at"), _assignments(visible)
    )
    _write_csv(out / "statuses.csv", ("status", "project_key", "kind", "category_override"), _STATUSES)
    _write_csv(out / "day_rates.csv", ("team_id", "amount", "currency", "valid_from"), _DAY_RATES)
    _write_csv(
        out / "sla_targets.csv", ("priority", "metric", "target_minutes", "time", "valid_from"), _SLA_TARGETS
    )
    _write_csv(
        out / "teams.csv",
        ("team_id", "name", "kind", "owner", "source", "source_key"),
        _teams(visible, systems),
    )


class _Visible:
    """The tables as of the moment, as records without null values."""

    def __init__(self, world: World, now: datetime) -> None:
        self.world = world
        self.now = now

    def records(self, table: str) -> list[dict[str, Any]]:
        return [
            {str(name): value for name, value in row.items() if not pd.isna(value)}
            for row in self.world.visible(table, self.now).to_dict("records")
        ]

    def ids(self, table: str) -> set[str]:
        frame = self.world.visible(table, self.now)
        return set(frame.iloc[:, 0])


def _objectives(visible: _Visible) -> list[dict[str, Any]]:
    return [
        {
            "id": row["objective_id"],
            "name": row["name"],
            "owner": row["owner"],
            "starts_on": row["starts_on"],
            "ends_on": row["ends_on"],
        }
        for row in visible.records("objectives")
    ]


def _key_results(visible: _Visible) -> list[dict[str, Any]]:
    return [
        _without_none(
            id=row["key_result_id"],
            objective=row["objective_id"],
            name=row["name"],
            metric=row["metric_id"],
            segment=row.get("segment"),
            baseline=row["baseline"],
            target=row["target"],
            starts_on=row["starts_on"],
            ends_on=row["ends_on"],
            owner=row.get("owner"),
        )
        for row in visible.records("key_results")
    ]


def _decisions(visible: _Visible) -> list[dict[str, Any]]:
    carried: dict[str, list[str]] = {}
    for row in visible.records("deliveries"):
        for decision_id in row["decision_ids"].split(";"):
            carried.setdefault(decision_id, []).append(row["delivery_id"])
    decisions = []
    for row in visible.records("decisions"):
        expected = None
        if "expected_metric_id" in row:
            expected = _without_none(
                metric=row["expected_metric_id"],
                change_pct=row.get("expected_change_pct"),
                by=row.get("expected_by_on"),
            )
        decisions.append(
            _without_none(
                id=row["decision_id"],
                title=row["title"],
                decided_on=row["decided_on"],
                decider=row["decider"],
                why=row["why"],
                evidence_kind=row["evidence_kind"],
                evidence=row["evidence"].split() or None,
                expected=expected,
                deliveries=carried.get(row["decision_id"]),
                review_on=row.get("review_on"),
            )
        )
    return decisions


def _deliveries(visible: _Visible) -> list[dict[str, Any]]:
    issues = visible.world.state("issues", visible.now)
    alive = issues[~issues["is_deleted"]]
    key_of = dict(zip(alive["issue_id"], alive["key"], strict=True))
    without_epic = {row["delivery_id"] for row in visible.records("deliveries") if "epic_issue_id" not in row}
    named = alive[alive["truth_delivery"].isin(without_epic)]
    issues_of = {str(slug): sorted(rows["key"]) for slug, rows in named.groupby("truth_delivery")}
    waves = _waves(visible)
    deliveries = []
    for row in visible.records("deliveries"):
        adopter_event = None
        if row["has_adopter_list"]:
            adopter_event = {"event": "Feature Used", "feature": row["feature"]}
        released_at = row["released_at"].to_pydatetime().replace(tzinfo=UTC)
        deliveries.append(
            _without_none(
                id=row["delivery_id"],
                name=row["name"],
                epic=key_of.get(row.get("epic_issue_id")),
                issues=issues_of.get(row["delivery_id"]),
                rollout=row["rollout"],
                assignment_unit=row.get("assignment_unit"),
                feature=row.get("feature"),
                theme=row.get("theme_id"),
                released_at=released_at,
                owner=row["owner"],
                adopter_event=adopter_event,
                metrics=_split(row["metric_ids"]),
                key_results=[
                    slug for slug in _split(row["key_result_ids"]) if slug in visible.ids("key_results")
                ],
                has_adopter_list=bool(row["has_adopter_list"]),
                waves=waves.get(row["delivery_id"]),
            )
        )
    return deliveries


def _waves(visible: _Visible) -> dict[str, list[dict[str, Any]]]:
    """The waves of phased rollouts: cells of segment and region, or CRM ids of accounts."""
    deliveries = {
        row["delivery_id"]: row for row in visible.records("deliveries") if row["rollout"] == "phased"
    }
    assigned = visible.world.visible("assignments", visible.now)
    found: dict[str, list[dict[str, Any]]] = {}
    for delivery_id, delivery in deliveries.items():
        mine = assigned[assigned["delivery_id"] == delivery_id]
        accounts = visible.world.state("accounts", delivery["released_at"]).set_index("account_id")
        for wave, rows in mine.groupby("arm"):
            entry: dict[str, Any] = {
                "wave": int(str(wave)),
                "starts_on": to_local(rows["assigned_at"].iloc[0].to_pydatetime()).date(),
            }
            if delivery.get("assignment_unit") == "segment_region":
                chosen = accounts.loc[rows["account_id"]]
                entry["segments"] = sorted(set(chosen["segment"] + ":" + chosen["region"]))
            else:
                entry["accounts"] = [str(number) for number in sorted(rows["account_id"])]
            found.setdefault(delivery_id, []).append(entry)
    return found


def _assignments(visible: _Visible) -> list[Sequence[Any]]:
    """The arms of experiments by CRM id, as a flag service would list them."""
    experiments = {
        row["delivery_id"] for row in visible.records("deliveries") if row["rollout"] == "experiment"
    }
    return [
        (row["delivery_id"], row["account_id"], row["arm"], row["assigned_at"].isoformat() + "Z")
        for row in visible.records("assignments")
        if row["delivery_id"] in experiments
    ]


def _metrics(visible: _Visible) -> list[dict[str, Any]]:
    managers = {row["team_id"]: row["owner_name"] for row in visible.records("teams")}
    today = to_local(naive_utc(visible.now)).date()
    targets = {
        row["metric_id"]: {"value": row["target"], "by": row["ends_on"]}
        for row in visible.records("key_results")
        if "segment" not in row and row["starts_on"] <= today <= row["ends_on"]
    }
    return [
        _without_none(
            id=metric_id,
            owner=managers[team_id] if team_id else None,
            target=targets.get(metric_id),
            thresholds=_THRESHOLDS.get(metric_id),
            parent=parent,
        )
        for metric_id, team_id, parent in _METRICS
    ]


def _themes(visible: _Visible) -> Iterable[dict[str, Any]]:
    managers = {row["team_id"]: row["owner_name"] for row in visible.records("teams")}
    since = to_local(naive_utc(visible.world.meta.starts_at)).date()
    for theme_id, name in PARENTS.items():
        yield {"id": theme_id, "name": name, "status": "active", "owner": managers[1], "since": since}
    for place, theme in enumerate(THEMES):
        governed = bool(theme.rules)
        yield _without_none(
            id=theme.theme_id,
            name=theme.name,
            parent=theme.parent,
            owner=managers[1 + place % 4] if theme.owner else None,
            status="active" if governed else "proposed",
            description=f"{theme.name['en']}: what customers say about it, in any language.",
            any=list(theme.rules) or None,
            tags=[theme.theme_id.replace("_", "-"), *theme.loss_reasons] if governed else None,
            examples=[
                text.format(n=12, thing=thing, tool="SAP", day=day)
                for language, thing, day in (("en", "orders", "Monday"), ("pt", "pedidos", "segunda-feira"))
                for text in theme.sentences[language]
            ],
            since=since,
        )


def _theme_overrides(visible: _Visible, systems: Systems) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Somebody reads a ticket now and then and says what it is about."""
    reviewer = next(row["owner_name"] for row in visible.records("teams") if row["team_id"] == 1)
    governed = {theme.theme_id for theme in THEMES if theme.rules}
    for row in visible.records("tickets"):
        if row["ticket_id"] % _REVIEWED_EVERY == 0 and row.get("truth_theme") in governed:
            # As feedback ids are made: instance, kind of object, vendor's id, part.
            parts = f"{systems.support}|ticket|{row['ticket_id']}|"
            item = md5(parts.encode(), usedforsecurity=False).hexdigest()
            day = (row["visible_at"] + timedelta(days=1)).date().isoformat()
            yield item, row["truth_theme"], "set", reviewer, day, "monthly review"


def _calendars(world: World, now: datetime) -> dict[str, Any]:
    first = int(
        world.table("contracts")["starts_on"].map(lambda day: day.year).min()
        if len(world.table("contracts"))
        else now.year
    )
    last = to_local(naive_utc(world.meta.ends_at)).year
    return {
        "time_zone": world.meta.time_zone,
        "calendars": [
            {
                "id": "default",
                "time_zone": world.meta.time_zone,
                "country": "BR",
                "subdivision": "SP",
                "work_hours": [{"weekdays": [1, 2, 3, 4, 5], "from": "09:00", "to": "18:00"}],
                "extra_holidays": [
                    {"on": date(year, 12, 24), "name": "Company closed"} for year in range(first, last + 1)
                ],
            }
        ],
        "fiscal_years": [
            {
                "year": year,
                "starts_on": date(year, 1, 1),
                "reporting_currency": world.meta.reporting_currency,
                "rates": rates_of(year),
            }
            for year in range(first, last + 1)
        ],
    }


def _mappings() -> dict[str, Any]:
    return {
        "crm": {
            "segment_property": "segment",
            "test_account_property": "is_test_account",
            "loss_reason_property": "closed_lost_reason",
        },
        "analytics": {
            "project_time_zone": "UTC",
            "account_property": "company_id",
            "feature_property": "feature",
            "value_events": list(VALUE_EVENTS),
            "activation": {
                "events": [{"name": "Report Created", "count": 1}, {"name": "Report Viewed", "count": 3}],
                "window_days": 14,
            },
        },
        "jira": {"story_points_field": "customfield_10016"},
    }


def _accounts(visible: _Visible, systems: Systems) -> list[Sequence[Any]]:
    """Tests to leave out, and the organisations of the support system that nothing else can match."""
    accounts = visible.world.state("accounts", visible.now)
    rows: list[Sequence[Any]] = []
    for row in accounts.itertuples():
        if row.is_test:
            kind = "own" if "own workspace" in str(row.name) else "test"
            reason = "Ours" if kind == "own" else "Made to try things out"
            rows.append((systems.crm, row.account_id, "", kind, reason))
    without_domain = accounts[accounts["domain"].isna()]
    for account_id in without_domain["account_id"]:
        # The support system knows every tenth organisation without its CRM id; some have no domain either.
        if account_id % 10 == 0:
            organisation = systems.organisation_id(account_id)
            ours = systems.account_ref(account_id)
            rows.append((systems.support, organisation, ours, "", "No domain to match by"))
    return rows


def _teams(visible: _Visible, systems: Systems) -> list[Sequence[Any]]:
    key_of = {project.team_id: project.key for project in PROJECTS}
    rows: list[Sequence[Any]] = []
    for row in visible.records("teams"):
        source, source_key = {
            "delivery": (systems.delivery, key_of.get(row["team_id"], "")),
            "support": (systems.support, row["name"]),
            "sales": (systems.crm, row["name"]),
            "success": (systems.crm, row["name"]),
        }[row["kind"]]
        slug = "-".join(ascii_slug(word) for word in row["name"].split())
        rows.append((slug, row["name"], row["kind"], row["owner_name"], source, source_key))
    return rows


def _split(text: str) -> list[str]:
    return [part for part in text.split(";") if part]


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class _PlainDumper(yaml.SafeDumper):
    """Writes a value that comes twice twice, as a person would."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    text = yaml.dump(content, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110)
    path.write_text(text, encoding="utf-8")


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
