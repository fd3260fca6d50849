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

FIRST_LOOK = 500


def alerter(settings: Settings) -> Alerter:
    """The alerter of a home."""
    return Alerter(
        settings.alerts_file,
        default_urls=settings.alert_urls,
        routes=settings.alert_routes,
        clock=settings.now_utc,
    )


def alert_run(alerts: Alerter, instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> bool:
    """Alerts a failed run, or says that its job is well again; returns whether a message was sent."""
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return alerts.resolve(f"run:{run.job_name}")
    if run.status != dg.DagsterRunStatus.FAILURE:
        return False
    return alerts.raise_alert(
        run_alert(
            job=run.job_name,
            run_id=run.run_id,
            error=failure_reason(instance, run.run_id),
            owner=DEFAULT_OWNER,
            link=f"{settings.ui_url.rstrip('/')}/runs/{run.run_id}",
        )
    )


def alert_checks(
    alerts: Alerter,
    instance: dg.DagsterInstance,
    settings: Settings,
    *,
    after: int | None = None,
    run_id: str | None = None,
) -> tuple[int | None, int]:
    """Alerts the checks that fail and those that pass again.

    Arguments:
        after: look at evaluations recorded after this one; None looks at the latest few hundred.
        run_id: only those of one run.

    Returns:
        The last evaluation that was looked at (None if there was none) and how many messages were sent.
    """
    sent = 0
    last = None
    for storage_id, evaluation in _evaluations(instance, after, run_id):
        last = storage_id
        state = _state(evaluation)
        if state.passed:
            sent += alerts.resolve(state.key)
        else:
            link = f"{settings.ui_url.rstrip('/')}/assets/{state.subject}?view=checks"
            sent += alerts.raise_alert(check_alert(state, holds_back=_held_back(evaluation), link=link))
    return last, sent


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


def _evaluations(
    instance: dg.DagsterInstance, after: int | None, run_id: str | None
) -> list[tuple[int, dg.AssetCheckEvaluation]]:
    of_type = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    if run_id is not None:
        records = instance.get_records_for_run(run_id, of_type=of_type).records
    else:
        records = instance.get_event_records(
            dg.EventRecordsFilter(event_type=of_type, after_cursor=after),
            limit=FIRST_LOOK if after is None else None,
            ascending=after is not None,
        )
    found = []
    for record in sorted(records, key=lambda record: record.storage_id):
        event = record.event_log_entry.dagster_event
        if event is not None:
            found.append((record.storage_id, event.asset_check_evaluation_data))
    return found


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
