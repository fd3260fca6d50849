"""Publication suites: from `suites/marts/<suite>.yml` to checks.

Belongs here: reading the files and filling in their placeholders. Does not belong here: what must be true
(the YAML files) and running the checks.

Placeholders in a suite's SQL (Jinja): `{{ current('raw_zendesk.tickets') }}` is a table expression of the
latest version of each living key, `{{ now }}` and `{{ today }}` are literals,
`{{ own_email_domains }}` is a list for `in (...)`, `event_senders` are (raw table, SQL of a row's sender) of
the event streams that are on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import yaml

from expectations.check import Check, Expectation
from expectations.contract import ContractError, current_rows, event_senders, timestamp_literal

SUITES = Path(__file__).parent / "suites" / "marts"

# Where a check does not say its own; a test asks for one.
REMEDY = (
    "Look at these rows in {table}, undo its last change or correct the source, then `norte run --build`."
)
_WORDS_OF_A_CHECK = {
    "table",
    "severity",
    "owner",
    "why",
    "remedy",
    "keys",
    "needs_event_senders",
    "rows_that_should_not_exist",
    "rows",
    "expect",
}


def read_mart_suites(
    now: datetime,
    *,
    time_zone: str = "UTC",
    own_email_domains: Sequence[str] = (),
    sources: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> list[Check]:
    """The checks of the publication suites.

    Arguments:
        now: the run's now, naive UTC.
        time_zone: the company's time zone; "today" is its date.
        own_email_domains: domains of the company's own staff, who are left out of the marts.
        sources: sources that are on; a suite of another one is left out. None: all are on.
        names: suites to read; None reads all.
    """
    aware = now.replace(tzinfo=ZoneInfo("UTC"))
    placeholders = {
        "current": lambda table: f"({current_rows(table)})",
        "event_senders": event_senders(sources),
        "now": timestamp_literal(now),
        "today": f"cast('{aware.astimezone(ZoneInfo(time_zone)):%Y-%m-%d}' as date)",
        "own_email_domains": ", ".join(_text_literal(domain.lower()) for domain in own_email_domains) or "''",
    }
    known = {path.stem: path for path in sorted(SUITES.glob("*.yml"))}
    missing = sorted(set(names or ()) - set(known))
    if missing:
        raise ContractError(
            f"Expected the publication suite {missing[0]}, found {', '.join(known)}. "
            f"Write expectations/suites/marts/{missing[0]}.yml, or leave the name out."
        )
    return [
        check
        for name in (names if names is not None else known)
        for check in _read_suite(known[name], placeholders, sources)
    ]


def _read_suite(path: Path, placeholders: dict[str, Any], sources: Sequence[str] | None) -> list[Check]:
    suite = yaml.safe_load(path.read_text(encoding="utf-8"))
    if sources is not None and "source" in suite and suite["source"] not in sources:
        return []
    checks = []
    for name, spec in suite["checks"].items():
        unknown = set(spec) - _WORDS_OF_A_CHECK
        if unknown or ("rows" in spec) == ("rows_that_should_not_exist" in spec):
            raise ContractError(
                f"{path.name}, check {name}: expected rows_that_should_not_exist, or rows with expect, "
                f"and the words {', '.join(sorted(_WORDS_OF_A_CHECK))}; "
                f"{', '.join(sorted(unknown)) or 'neither or both'} came."
            )
        if spec.get("needs_event_senders") and not placeholders["event_senders"]:
            continue
        rules = tuple(_expectation(path, name, rule) for rule in spec.get("expect", [{"kind": "no_rows"}]))
        # A placeholder that is not filled in is an error, not an empty string.
        template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(
            spec.get("rows_that_should_not_exist") or spec["rows"]
        )
        checks.append(
            Check(
                "marts",
                path.stem,
                name,
                spec["table"],
                spec["severity"],
                spec.get("owner", suite["owner"]),
                spec["why"],
                template.render(placeholders).strip(),
                tuple(spec["keys"]),
                rules,
                spec.get("remedy", REMEDY.format(table=spec["table"])),
            )
        )
    return checks


def _expectation(path: Path, check: str, rule: dict[str, Any]) -> Expectation:
    kind = rule.get("kind")
    if kind not in {"no_rows", "row_count", "not_null", "in_set", "between", "at_least", "column_sum"}:
        raise ContractError(
            f"{path.name}, check {check}: {kind} is no kind of expectation that runs on every warehouse."
        )
    return Expectation(kind, {key: value for key, value in rule.items() if key != "kind"})


def _text_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
