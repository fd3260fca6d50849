"""From Dagster's records to alerts.

Belongs here: reading runs and check evaluations from the instance. Does not belong here: words, routes,
channels.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from orchestration.alerts import Alerter
from orchestration.alerts.rules import CheckState, check_alert, run_alert
from orchestration.settings import Settings
from orchestration.translators import DEFAULT_OWNER


def alerter(settings: Settings) -> Alerter:
    """The alerter of a home."""
    return Alerter(
        settings.alerts_file,
        default_urls=settings.alert_urls,
        routes=settings.alert_routes,
        clock=settings.now_utc,
    )


def alert(alerts: Alerter, instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> int:
    """Alerts what a run that has ended brought: its failure, checks that failed, and what is well again.

    Returns how many messages were sent; none when someone else has noticed the same before.
    """
    return _alert_run(alerts, instance, run, settings) + _alert_checks(alerts, instance, run.run_id, settings)


def _alert_run(alerts: Alerter, instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> int:
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return alerts.resolve(f"run:{run.job_name}")
    if run.status != dg.DagsterRunStatus.FAILURE:
        return 0
    return alerts.raise_alert(
        run_alert(
            job=run.job_name,
            run_id=run.run_id,
            error=failure_reason(instance, run.run_id),
            owner=DEFAULT_OWNER,
            link=f"{settings.ui_url.rstrip('/')}/runs/{run.run_id}",
        )
    )


def _alert_checks(alerts: Alerter, instance: dg.DagsterInstance, run_id: str, settings: Settings) -> int:
    sent = 0
    for evaluation in _evaluations(instance, run_id):
        state = _state(evaluation)
        if state.passed:
            sent += alerts.resolve(state.key)
        else:
            link = f"{settings.ui_url.rstrip('/')}/assets/{state.subject}?view=checks"
            sent += alerts.raise_alert(check_alert(state, holds_back=_held_back(evaluation), link=link))
    return sent


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
    is_block = evaluation.severity == dg.AssetCheckSeverity.ERROR
    return CheckState(
        name=evaluation.check_name,
        subject=evaluation.asset_key.to_user_string(),
        owner=str(metadata.get("owner") or DEFAULT_OWNER),
        severity="block" if is_block else "warn",
        passed=evaluation.passed,
        why=str(metadata.get("why") or ""),
        failed_count=metadata.get("failed_rows"),
        failing_keys=metadata.get("keys_of_failing_rows") or (),
    )


def _held_back(evaluation: Any) -> list[str]:
    value = evaluation.metadata.get("holds_back")
    return list(getattr(value, "value", None) or ())
