"""One module or package per page; each has `build(page)`, which adds the sections.

To add a page: a module here, its texts under its name in `texts/<language>.yml`, a line below.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestration.publishing.report.page import Page
from orchestration.publishing.report.pages import (
    customers,
    data_health,
    delivery,
    governance,
    impact,
    metrics,
    product_review,
)

# In the order of the navigation.
BUILDERS: dict[str, Callable[[Page], None]] = {
    "product_review": product_review.build,
    "metrics": metrics.build,
    "customers": customers.build,
    "delivery": delivery.build,
    "impact": impact.build,
    "governance": governance.build,
    "data_health": data_health.build,
}
