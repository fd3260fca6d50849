"""What the daemon watches: failed runs, and checks that fail or pass again.

Belongs here: noticing. Does not belong here: what an alert says and where it goes (`alerts/`).

Commands run without a daemon notice by the same functions (`watch.py`); an alert is sent once whoever comes
first.
"""

from __future__ import annotations

import dagster as dg

from orchestration.settings import Settings
from orchestration.watch import alert_checks, alert_run, alerter

CHECKS_EVERY_SECONDS = 30


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors of this company."""
    status = dg.DefaultSensorStatus.RUNNING

    @dg.run_failure_sensor(
        name="on_run_failure", default_status=status, description="Alerts when a run fails."
    )
    def on_run_failure(context: dg.RunFailureSensorContext) -> None:
        alert_run(alerter(settings), context.instance, context.dagster_run, settings)

    @dg.run_status_sensor(
        name="on_run_success",
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=status,
        description="Says that a job that had failed is well again.",
    )
    def on_run_success(context: dg.RunStatusSensorContext) -> None:
        alert_run(alerter(settings), context.instance, context.dagster_run, settings)

    @dg.sensor(
        name="on_check_failure",
        default_status=status,
        minimum_interval_seconds=CHECKS_EVERY_SECONDS,
        description="Alerts when an asset check fails, and when it passes again.",
    )
    def on_check_failure(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        cursor = int(context.cursor) if context.cursor else None
        last, sent = alert_checks(alerter(settings), context.instance, settings, after=cursor)
        if last is not None:
            context.update_cursor(str(last))
        return dg.SkipReason(f"{sent} messages sent")

    return [on_run_failure, on_run_success, on_check_failure]
