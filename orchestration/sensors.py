"""What the daemon watches: failed runs, and checks that fail or pass again.

Belongs here: noticing. Does not belong here: what an alert says and where it goes (`alerts/`).

Commands run without a daemon notice by the same functions (`watch.py`); an alert is sent once whoever comes
first.
"""

from __future__ import annotations

import dagster as dg

from orchestration.alerts.of_home import alerter
from orchestration.settings import Settings
from orchestration.watch import alert


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensors of this company."""
    running = dg.DefaultSensorStatus.RUNNING

    @dg.run_failure_sensor(
        name="on_run_failure",
        default_status=running,
        description="Alerts when a run fails, and what its checks found before.",
    )
    def on_run_failure(context: dg.RunFailureSensorContext) -> None:
        alert(alerter(settings), context.instance, context.dagster_run, settings)

    @dg.run_status_sensor(
        name="on_run_success",
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=running,
        description="Alerts when a check failed in a run, and says what is well again.",
    )
    def on_run_success(context: dg.RunStatusSensorContext) -> None:
        alert(alerter(settings), context.instance, context.dagster_run, settings)

    return [on_run_failure, on_run_success]
