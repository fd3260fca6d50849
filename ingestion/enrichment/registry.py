"""Which engines there are, in the order in which they run.

Belongs here: the list. Does not belong here: what an engine does (its folder's `pipeline.py`).

An engine may read what dbt makes of the results of those before it, never of those after it.
"""

from __future__ import annotations

from ingestion.enrichment.engine import Engine
from ingestion.enrichment.impact.pipeline import ENGINE as IMPACT
from ingestion.enrichment.insight.pipeline import ENGINE as INSIGHT
from ingestion.enrichment.trends.pipeline import ENGINE as TRENDS

ENGINES: tuple[Engine, ...] = (INSIGHT, TRENDS, IMPACT)
