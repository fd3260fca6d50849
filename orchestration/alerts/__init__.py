"""Alerts: what is worth telling whom, once, and that it is over.

Belongs here: rules (what makes an alert), routing (whose it is), templates (its words), channels (how it is
sent), and the list of open alerts. Does not belong here: deciding what may be published, and any value of the
data: an alert names tables, checks and keys, never contents.
"""

from orchestration.alerts.dispatch import Alerter, Waiting
from orchestration.alerts.rules import Alert

__all__ = ["Alert", "Alerter", "Waiting"]
