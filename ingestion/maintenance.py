"""Keeping the working warehouse small.

Belongs here: what may be removed without losing anything, and giving the space back. Does not belong here:
loading, and how a warehouse gives space back (`warehouses/`).
"""

from __future__ import annotations

from ingestion.pipeline import compact
from ingestion.warehouse import Warehouse


def compact_warehouse(warehouse: Warehouse) -> tuple[int, int]:
    """Remove the rows of loads that never completed, and give the space of all that was deleted back.

    Returns: the warehouse's bytes before and after.
    """
    with warehouse.lock("compact"):
        with warehouse.open(who="compact") as session:
            for schema in [*session.schemas("raw_"), *session.schemas("enrichment_")]:
                compact(session, schema)
        return warehouse.rewrite()
