"""From a suite's check to an asset check and back.

Belongs here: names, severities, metadata. Does not belong here: running anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from expectations.check import Check, CheckOutcome
from orchestration.owners import as_owner


def check_name(suite: str, check: str) -> str:
    """The asset check's name."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"{suite}__{check}")


def check_specs(checks: Sequence[Check], keys: Mapping[str, dg.AssetKey]) -> list[dg.AssetCheckSpec]:
    """The asset checks of those suites whose table is an asset.

    Arguments:
        keys: `<schema>.<table>` to asset key.
    """
    return [
        dg.AssetCheckSpec(
            name=check_name(check.suite, check.check),
            asset=keys[check.table],
            description=check.why,
            metadata={
                "owner": as_owner(check.owner),
                "severity": check.severity,
                "suite": f"{check.layer}.{check.suite}",
                "remedy": check.remedy,
                "expected": "; ".join(rule.in_words() for rule in check.expectations),
            },
        )
        for check in checks
        if check.table in keys
    ]


def check_result(
    outcome: CheckOutcome, key: dg.AssetKey, held_by: Callable[[str], list[str]]
) -> dg.AssetCheckResult:
    """What Dagster shows: `warn` is amber, `block` red. Keys of rows, never values.

    Arguments:
        held_by: the public tables that a failing `block` on a table holds back.
    """
    blocks = outcome.severity == "block"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check_name(outcome.suite, outcome.check),
        passed=outcome.success,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description=outcome.why,
        metadata={
            "observed": outcome.observed,
            "failed_rows": outcome.failed_count,
            "keys_of_failing_rows": list(outcome.failing_keys),
            "owner": as_owner(outcome.owner),
            "severity": outcome.severity,
            "why": outcome.why,
            "remedy": outcome.remedy,
            "holds_back": held_by(outcome.table) if blocks and not outcome.success else [],
        },
    )
