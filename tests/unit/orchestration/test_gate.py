"""A fault holds back its own table and everything built on it, and nothing else."""

from __future__ import annotations

from typing import Any

from orchestration.gate import Fault, held_back

SOURCE = "source.norte.zendesk.tickets"


def model(name: str, layer: str, schema: str, tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "alias": name,
        "schema": schema,
        "fqn": ["norte", layer, "x", name],
        "tags": list(tags),
    }


NODES = {
    "model.norte.stg": model("stg", "staging", "staging"),
    "model.norte.fct_tickets": model("fct_tickets", "marts", "metric"),
    "model.norte.fct_deals": model("fct_deals", "marts", "metric"),
    "model.norte.daily": model("daily", "marts", "metric"),
    "model.norte.health": model("health", "marts", "governance", ("after_checks",)),
}
MANIFEST = {
    "nodes": NODES,
    "sources": {
        SOURCE: {
            "resource_type": "source",
            "schema": "raw_zendesk",
            "identifier": "tickets",
            "name": "tickets",
        }
    },
    "child_map": {
        SOURCE: ["model.norte.stg", "test.norte.t1"],
        "model.norte.stg": ["model.norte.fct_tickets"],
        "model.norte.fct_tickets": ["model.norte.daily", "model.norte.health"],
        "model.norte.fct_deals": ["model.norte.daily"],
    },
}


def test_a_fault_at_arrival_holds_back_every_mart_downstream_of_it() -> None:
    held = held_back(MANIFEST, [Fault("raw_zendesk.tickets", "keys are missing")])
    assert set(held) == {"metric.fct_tickets", "metric.daily"}
    assert held["metric.fct_tickets"] == "it is built on raw_zendesk.tickets: keys are missing"


def test_a_fault_of_a_mart_names_itself_on_the_mart_and_the_mart_downstream() -> None:
    held = held_back(MANIFEST, [Fault("metric.fct_deals", "sums differ")])
    assert held == {
        "metric.fct_deals": "sums differ",
        "metric.daily": "it is built on metric.fct_deals: sums differ",
    }


def test_the_table_that_tells_the_state_of_the_others_waits_only_for_itself() -> None:
    assert "governance.health" not in held_back(MANIFEST, [Fault("metric.fct_tickets", "x")])
    assert held_back(MANIFEST, [Fault("governance.health", "y")]) == {"governance.health": "y"}


def test_the_first_fault_found_gives_the_reason() -> None:
    faults = [Fault("metric.daily", "its own"), Fault("metric.fct_deals", "upstream")]
    assert held_back(MANIFEST, faults)["metric.daily"] == "its own"


def test_nothing_failed_nothing_is_held_back() -> None:
    assert held_back(MANIFEST, []) == {}
    assert held_back(MANIFEST, [Fault("raw_other.table", "not ours")]) == {}
