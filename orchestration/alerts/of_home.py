"""The alerter of a home.

Belongs here: from settings to routes and an alerter. Does not belong here: what is alerted. Nothing here
loads Dagster: alerts must work where it does not.
"""

from __future__ import annotations

import os

from orchestration.alerts.channels import logger
from orchestration.alerts.dispatch import Alerter
from orchestration.alerts.routing import AlertsFileError, Routes, read_routes
from orchestration.settings import Settings


def routes(settings: Settings) -> Routes:
    """What the company's `alerts.yml` says. Raises AlertsFileError."""
    return read_routes(settings.routes_file, os.environ, settings.time_zone)


def alerter(settings: Settings) -> Alerter:
    """The alerter of a home; with a file that cannot be read, alerts wait until it can."""
    trouble = ""
    try:
        found = routes(settings)
    except AlertsFileError as error:
        found, trouble = Routes(), str(error)
        logger.error("no alert can be sent: %s", trouble)
    return Alerter(settings.alerts_file, routes=found, clock=settings.now_utc, trouble=trouble)
