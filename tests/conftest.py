"""The order in which files of tests are begun.

Belongs here: which files take minutes. Does not belong here: fixtures; those stand beside their tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

# A file is run by one worker; one that begins a long file last lets the other wait for it.
LONGEST_FIRST = (
    "integration/test_main_job.py",
    "integration/orchestration",
    "integration/test_gate_and_alerts.py",
    "unit/dbt",
    "integration/test_own_company.py",
    "integration",
    "contract",
)
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.path.relative_to(_HERE)
    places = [number for number, place in enumerate(LONGEST_FIRST) if path.is_relative_to(place)]
    return places[0] if places else len(LONGEST_FIRST)
