"""How engaged each account is, week by week: the hidden driver of usage, tickets, answers and adoption.

Belongs here: the latent process. Does not belong here: what people then do (usage.py and others).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from ingestion.sandbox.world.customers import Customers
from ingestion.sandbox.world.setting import Setting

PERSISTENCE = 0.85
"""Share of a week's deviation that is left in the next week."""


@dataclass(frozen=True)
class Engagement:
    """Log engagement; rows follow `Customers.accounts`, columns the weeks of the setting.

    Arguments:
        base: (accounts,) lasting level, 0 on average.
        deviation: (accounts, weeks) what comes and goes: slow drift and short spikes.
        season: (weeks,) common to all: growth, December and Carnival dips.
    """

    base: NDArray[np.float64]
    deviation: NDArray[np.float64]
    season: NDArray[np.float64]

    @property
    def level(self) -> NDArray[np.float64]:
        """(accounts, weeks) log engagement."""
        return self.base[:, None] + self.deviation + self.season[None, :]


def make_engagement(setting: Setting, customers: Customers) -> Engagement:
    """Draw the latent process."""
    rng = setting.stream("engagement")
    base = np.array([account.engagement for account in customers.accounts])
    shape = (len(base), setting.week_count)
    drift = np.zeros(shape)
    shocks = rng.normal(0, 0.14, shape)
    drift[:, 0] = rng.normal(0, 0.14 / np.sqrt(1 - PERSISTENCE**2), shape[0])
    for week in range(1, shape[1]):
        drift[:, week] = PERSISTENCE * drift[:, week - 1] + shocks[:, week]
    # A spike: a project on the customer's side that keeps the team busy for a few weeks.
    spikes = np.where(rng.random(shape) < 0.02, rng.uniform(0.3, 0.8, shape), 0.0)
    burst = np.zeros(shape)
    for lag, share in enumerate((0.6, 1.0, 0.8, 0.45, 0.2)):
        burst[:, lag:] += share * spikes[:, : shape[1] - lag]
    return Engagement(base, drift + burst, _season(setting))


def _season(setting: Setting) -> NDArray[np.float64]:
    season = np.empty(setting.week_count)
    for week in range(setting.week_count):
        monday = setting.first_monday + timedelta(weeks=week)
        day_of_year = monday.timetuple().tm_yday
        dip = -0.55 if day_of_year >= 355 or day_of_year <= 1 else -0.25 if day_of_year <= 9 else 0.0
        carnival = -0.12 if 44 <= day_of_year <= 56 else 0.0
        season[week] = dip + carnival + 0.0016 * week
    return season
