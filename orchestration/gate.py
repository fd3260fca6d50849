"""Which tables may not be published, and why.

Belongs here: from what failed, through dbt's graph, to the public tables that keep their last published
state. Does not belong here: running checks, and publishing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

AFTER_CHECKS = "after_checks"


@dataclass(frozen=True)
class Fault:
    """Something that makes a table unfit.

    Arguments:
        table: `<schema>.<table>`, raw or built.
        reason: in words.
    """

    table: str
    reason: str


def table_name(node: Mapping[str, Any]) -> str:
    """`<schema>.<table>` of a dbt node."""
    return f"{node['schema']}.{node.get('alias') or node.get('identifier') or node['name']}"


def public_tables(manifest: Mapping[str, Any]) -> dict[str, str]:
    """dbt id to `<schema>.<table>` of the marts: these and no others are published."""
    return {
        unique_id: table_name(node)
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }


def held_back(manifest: Mapping[str, Any], faults: Iterable[Fault]) -> dict[str, str]:
    """The public tables that a fault concerns: its own table and everything downstream of it.

    A table tagged `after_checks` tells the state of the others, so it waits for no fault but its own.

    Returns:
        `<schema>.<table>` to the reason; the first fault found counts.
    """
    public = public_tables(manifest)
    held: dict[str, str] = {}
    for fault in faults:
        for unique_id in _concerned(manifest, fault.table):
            if unique_id in public:
                upstream = "" if public[unique_id] == fault.table else f"it is built on {fault.table}: "
                held.setdefault(public[unique_id], upstream + fault.reason)
    return dict(sorted(held.items()))


def tables_concerned(manifest: Mapping[str, Any], faults: Iterable[Fault]) -> set[str]:
    """`<schema>.<table>` of everything that is unfit or downstream of it, public or not."""
    tables = _tables(manifest)
    return {
        table_name(tables[unique_id]) for fault in faults for unique_id in _concerned(manifest, fault.table)
    }


def _concerned(manifest: Mapping[str, Any], table: str) -> list[str]:
    """dbt ids of the table and of what is downstream of it, nearest first; none for an unknown table."""
    tables = _tables(manifest)
    start = next((uid for uid, node in tables.items() if table_name(node) == table), None)
    if start is None:
        return []
    found = [start]
    seen = {start}
    queue = deque([start])
    while queue:
        for child in manifest["child_map"].get(queue.popleft(), []):
            # An engine's tables are sources to dbt.
            if child in seen or not child.startswith(("model.", "source.")):
                continue
            if AFTER_CHECKS in tables[child].get("tags", ()):
                continue
            seen.add(child)
            found.append(child)
            queue.append(child)
    return found


def _tables(manifest: Mapping[str, Any]) -> dict[str, Any]:
    nodes = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed", "snapshot")
    }
    return {**nodes, **manifest["sources"]}
