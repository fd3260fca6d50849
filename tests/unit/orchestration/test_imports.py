"""Who may import whom: ingestion and expectations know nothing of what stands above them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FORBIDDEN = {
    "ingestion": {
        "expectations",
        "orchestration",
        "dagster",
        "dagster_dbt",
        "dbt",
        "great_expectations",
        "tests",
    },
    "expectations": {"orchestration", "ingestion", "dagster", "dagster_dbt", "dbt", "dlt", "tests"},
    "orchestration": {"tests", "dlt", "great_expectations"},
}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_layer_imports_nothing_above_it(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): sorted(imports_of(path) & FORBIDDEN[package])
        for path in (ROOT / package).rglob("*.py")
        if imports_of(path) & FORBIDDEN[package]
    }
    assert wrong == {}


def test_definitions_only_assemble() -> None:
    """No decorator but Dagster's own, no loop, no class: nothing to find there but calls."""
    tree = ast.parse((ROOT / "orchestration" / "definitions.py").read_text(encoding="utf-8"))
    kinds = (ast.For, ast.While, ast.ClassDef, ast.Try, ast.With)
    assert [type(node).__name__ for node in ast.walk(tree) if isinstance(node, kinds)] == []


def test_the_heavy_libraries_wait_until_they_are_needed() -> None:
    heavy = {"dagster", "dbt", "dlt", "great_expectations", "altair", "apprise"}
    code = f"import sys, orchestration.cli; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
