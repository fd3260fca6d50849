"""Every fact about a vendor that is often got wrong has tests, which are there."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ingestion.sandbox.app import vendor_classes

HERE = Path(__file__).resolve().parent
LOOKED_IN = (
    HERE,
    HERE.parent / "integration" / "ingestion",
    HERE.parent / "unit" / "ingestion",
    HERE.parent / "clients",
)


def test_every_fact_that_is_often_got_wrong_has_its_tests() -> None:
    facts = yaml.safe_load((HERE / "facts.yml").read_text(encoding="utf-8"))
    there = {
        name
        for folder in LOOKED_IN
        for file in folder.rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert set(facts) == set(vendor_classes())
    named = {name for told in facts.values() for one in told for name in one["tests"]}
    assert named - there == set()
    assert all(one["fact"] and one["tests"] for told in facts.values() for one in told)
