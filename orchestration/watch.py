"""From Dagster's records to alerts.

Belongs here: reading runs and check evaluations from the instance, and what is published from its file. Does
not belong here: words, routes, channels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import dagster as dg
import duckdb

from orchestration.alerts import Alert, Alerter
from orchestration.alerts.rules import CheckState, check_alert, late_alert, run_alert, spike_alert
from orchestration.gate import table_name
from orchestration.job_names import BUILD_JOB
from orchestration.owners import DEFAULT_OWNER, as_owner
from orchestration.publishing.publication import read_publication
from orchestration.settings import Settings
from orchestration.translators import FRESH_FOR, owner_of

_THEME_DAYS = "insight.mart_insight__theme_daily"
_THEMES = "insight.dim_themes"


def alert(alerts: Alerter, instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> int:
    """Alerts what a run that has ended brought: its failure, checks that failed, what is published and late,
    and what is well again. A run that someone stopped is no failure and brings nothing.

    Returns how many alerts that concerned; none when someone else has noticed the same before.
    """
    if run.status == dg.DagsterRunStatus.CANCELED:
        return 0
    raised: list[Alert] = []
    over: list[str] = []
    if run.status == dg.DagsterRunStatus.SUCCESS:
        over.append(f"run:{run.job_name}")
    elif run.status == dg.DagsterRunStatus.FAILURE:
        raised.append(_of_run(instance, run, settings))
    evaluated = set()
    for evaluation in _evaluations(instance, run.run_id):
        state = _state(evaluation)
        evaluated.add(state.key)
        if state.passed:
            over.append(state.key)
        else:
            link = f"{settings.ui_url.rstrip('/')}/assets/{state.subject}?view=checks"
            raised.append(check_alert(state, holds_back=_held_back(evaluation), link=link))
    if run.job_name == BUILD_JOB:
        late, fresh = _late(settings)
        raised += late
        over += fresh
        loud, quiet = _spikes(settings, alerts)
        raised += loud
        over += quiet
        is_whole = run.asset_selection is None and run.asset_check_selection is None
        if run.status == dg.DagsterRunStatus.SUCCESS and is_whole and evaluated:
            # A build judges everything there is: an open alert of another check is of one that was removed.
            alerts.forget(lambda key: key.startswith("check:") and key not in evaluated)
    return alerts.report(raised, over)


def _of_run(instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> Alert:
    return run_alert(
        job=run.job_name,
        run_id=run.run_id,
        error=failure_reason(instance, run.run_id),
        owner=DEFAULT_OWNER,
        link=f"{settings.ui_url.rstrip('/')}/runs/{run.run_id}",
    )


def _late(settings: Settings) -> tuple[list[Alert], list[str]]:
    """Alerts of published tables that are older than promised, and the keys of all others."""
    publication = read_publication(settings.published_dir / "current")
    if publication is None:
        return [], []
    now = settings.now_utc()
    late, fresh = [], []
    owners: Mapping[str, str] | None = None
    for table in publication.tables:
        as_of = (table.since or publication.published_at).replace(tzinfo=UTC)
        if now - as_of <= FRESH_FOR:
            fresh.append(f"late:{table.full_name}")
            continue
        owners = _owners(settings) if owners is None else owners
        owner = owners.get(table.full_name, DEFAULT_OWNER)
        late.append(late_alert(table.full_name, as_of=as_of, promise=FRESH_FOR, now=now, owner=owner))
    return late, fresh


def _spikes(settings: Settings, alerts: Alerter) -> tuple[list[Alert], list[str]]:
    """Alerts of themes that come up more than before, to their owners; and the keys of those that did."""
    publication = read_publication(settings.published_dir / "current")
    if publication is None or not {_THEME_DAYS, _THEMES} <= {table.full_name for table in publication.tables}:
        return [], []
    with duckdb.connect(str(publication.database), read_only=True) as connection:
        rows = connection.execute(
            "select daily.theme_id, coalesce(daily.label, theme.name_en, daily.theme_id), daily.date_on,"
            " daily.mention_7d_count, daily.expected_mention_7d_count, theme.owner,"
            f" daily.theme_kind = 'emerging' from {_THEME_DAYS} as daily left join {_THEMES} as theme"
            " on daily.theme_id = theme.theme_id where daily.spike_state = 'alert' and daily.date_on ="
            f" (select max(date_on) from {_THEME_DAYS} where is_complete) order by daily.theme_id"
        ).fetchall()
    raised = [
        spike_alert(
            theme_id,
            name=name,
            day=day,
            count=count,
            expected=expected,
            owner=as_owner(owner) if owner else DEFAULT_OWNER,
            is_new=is_new,
        )
        for theme_id, name, day, count, expected, owner, is_new in rows
    ]
    loud = {alert.key for alert in raised}
    return raised, [key for key in alerts.open_alerts() if key.startswith("theme:") and key not in loud]


def _owners(settings: Settings) -> dict[str, str]:
    """`<schema>.<table>` to its owner."""
    try:
        manifest = json.loads((settings.dbt_dir / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {
        table_name(node): owner_of(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


def failure_reason(instance: dg.DagsterInstance, run_id: str) -> str:
    """The first step failure's message in one or a few lines, without a stack trace."""
    records = instance.get_records_for_run(
        run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    ).records
    for record in records:
        event = record.event_log_entry.dagster_event
        data: Any = event.event_specific_data if event else None
        user_failure = getattr(data, "user_failure_data", None)
        if user_failure is not None and user_failure.description:
            return str(user_failure.description)
        error = getattr(data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return str(error.message).strip()
    return ""


def _evaluations(instance: dg.DagsterInstance, run_id: str) -> list[Any]:
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    events = [record.event_log_entry.dagster_event for record in records]
    return [event.asset_check_evaluation_data for event in events if event is not None]


def _state(evaluation: Any) -> CheckState:
    metadata = {name: getattr(value, "value", value) for name, value in evaluation.metadata.items()}
    severity = "block" if evaluation.severity == dg.AssetCheckSeverity.ERROR else "warn"
    return CheckState(
        name=evaluation.check_name,
        subject=evaluation.asset_key.to_user_string(),
        owner=str(metadata.get("owner") or DEFAULT_OWNER),
        severity="notice" if metadata.get("severity") == "notice" else severity,  # type: ignore[arg-type]
        passed=evaluation.passed,
        why=str(metadata.get("why") or ""),
        message=str(metadata.get("observed") or ""),
        remedy=str(metadata.get("remedy") or ""),
        failed_count=metadata.get("failed_rows"),
        failing_keys=metadata.get("keys_of_failing_rows") or (),
    )


def _held_back(evaluation: Any) -> list[str]:
    value = evaluation.metadata.get("holds_back")
    return list(getattr(value, "value", None) or ())
