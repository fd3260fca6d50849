"""Which engines there are, in the order in which they run.

Belongs here: the list. Does not belong here: what an engine does (its folder's `pipeline.py`).

An engine may read what dbt makes of the results of those before it, never of those after it.
"""

from __future__ import annotations

from ingestion.enrichment.engine import Engine

# from ingestion.enrichment.<engine>.pipeline import ENGINE, and its name here.
ENGINES: tuple[Engine, ...] = ()
