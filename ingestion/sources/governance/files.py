"""The governance files: which there are, and which keys their entries have.

Belongs here: names, keys, kinds. Does not belong here: reading (`reading.py`), what must hold between entries
(`references.py`), raw rows (`rows.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ingestion.sources.governance.reading import (
    Entry,
    Field,
    Problems,
    Value,
    check_entry,
    closest,
    read_csv,
    read_yaml,
)

_ID = Field("slug", is_required=True)
_NAME = Field(is_required=True)
_DAY = Field("date", is_required=True)
_REFERENCES = Field("slug", is_list=True)
_TEXTS = Field(is_list=True)
_PATTERNS = Field("regex", is_list=True)

# An owner is never required: that one is missing is a finding of process health, not an error.
YAML_FILES: dict[str, Mapping[str, Field]] = {
    "objectives": {
        "id": _ID,
        "name": _NAME,
        "owner": Field(),
        "starts_on": _DAY,
        "ends_on": _DAY,
    },
    "key_results": {
        "id": _ID,
        "objective": Field("slug", is_required=True),
        "name": _NAME,
        "metric": Field("slug", is_required=True),
        "segment": Field(),
        "baseline": Field("number", is_required=True),
        "target": Field("number", is_required=True),
        "starts_on": _DAY,
        "ends_on": _DAY,
        "owner": Field(),
    },
    "decisions": {
        "id": _ID,
        "title": _NAME,
        "decided_on": _DAY,
        "decider": Field(),
        "why": Field(),
        "evidence_kind": Field(
            choices=("customer_evidence", "metric", "experiment", "mandate", "opinion"), is_required=True
        ),
        "evidence": _TEXTS,
        "expected": Field(
            "mapping",
            fields={
                "metric": Field("slug", is_required=True),
                "change_pct": Field("number"),
                "by": Field("date"),
            },
        ),
        "deliveries": _REFERENCES,
        "review_on": Field("date"),
    },
    "deliveries": {
        "id": _ID,
        "name": _NAME,
        "epic": Field(),
        "issues": _TEXTS,
        "rollout": Field(choices=("general", "experiment", "phased"), is_required=True),
        "assignment_unit": Field(choices=("account", "segment_region")),
        "feature": Field(),
        "theme": Field("slug"),
        "released_at": Field("timestamp"),
        "owner": Field(),
        "adopter_event": Field("mapping", fields={"event": _NAME, "feature": Field()}),
        "metrics": _REFERENCES,
        "key_results": _REFERENCES,
        "has_adopter_list": Field("boolean"),
        "cost_currency": Field(),
        "waves": Field(
            "mapping",
            is_list=True,
            fields={
                "wave": Field("integer", is_required=True),
                "starts_on": _DAY,
                "accounts": _TEXTS,
                "segments": _TEXTS,
            },
        ),
    },
    "metrics": {
        "id": _ID,
        "owner": Field(),
        "target": Field("mapping", fields={"value": Field("number", is_required=True), "by": Field("date")}),
        "thresholds": Field("mapping", fields={"low": Field("number"), "high": Field("number")}),
        "parent": Field("slug"),
    },
}
THEME: Mapping[str, Field] = {
    "id": _ID,
    "name": Field("mapping", is_required=True, fields={"en": Field(), "pt": Field()}),
    "parent": Field("slug"),
    "owner": Field(),
    "status": Field(choices=("active", "proposed", "retired"), is_required=True),
    "description": Field(),
    "any": _PATTERNS,
    "none": _PATTERNS,
    "examples": _TEXTS,
    "not": _TEXTS,
    "tags": _TEXTS,
    "merged_into": Field("slug"),
    "since": Field("date"),
}
CALENDARS: Mapping[str, Field] = {
    "time_zone": Field("zone"),
    "calendars": Field(
        "mapping",
        is_list=True,
        fields={
            "id": _ID,
            "time_zone": Field("zone", is_required=True),
            "country": Field(),
            "subdivision": Field(),
            "work_hours": Field(
                "mapping",
                is_list=True,
                fields={
                    "weekdays": Field("weekday", is_required=True, is_list=True),
                    "from": Field("time", is_required=True),
                    "to": Field("time", is_required=True),
                    "valid_from": Field("date"),
                    "valid_to": Field("date"),
                },
            ),
            "extra_holidays": Field("mapping", is_list=True, fields={"on": _DAY, "name": Field()}),
        },
    ),
    "fiscal_years": Field(
        "mapping",
        is_list=True,
        fields={
            "year": Field("integer", is_required=True),
            "starts_on": _DAY,
            "reporting_currency": Field(is_required=True),
            "rates": Field("rates"),
        },
    ),
}
MAPPINGS: Mapping[str, Field] = {
    "crm": Field(
        "mapping",
        fields={
            "segment_property": Field(),
            "test_account_property": Field(),
            "loss_reason_property": Field(),
        },
    ),
    "analytics": Field(
        "mapping",
        fields={
            "project_time_zone": Field("zone"),
            "account_property": Field(),
            "feature_property": Field(),
            "value_events": _TEXTS,
            "activation": Field(
                "mapping",
                fields={
                    "events": Field(
                        "mapping", is_list=True, fields={"name": _NAME, "count": Field("integer")}
                    ),
                    "window_days": Field("integer"),
                    "sign_up_event": Field(),
                },
            ),
        },
    ),
    "jira": Field("mapping", fields={"story_points_field": Field()}),
}
CSV_FILES: dict[str, Mapping[str, Field]] = {
    "theme_overrides": {
        "feedback_id": _NAME,
        "theme_id": Field("slug", is_required=True),
        "action": Field(choices=("add", "remove", "set"), is_required=True),
        "by": Field(),
        "at": Field(),
        "reason": Field(),
    },
    "accounts": {
        "source": Field("slug", is_required=True),
        "external_id": _NAME,
        "account_id": Field(),
        "excluded": Field(choices=("test", "own")),
        "reason": Field(),
    },
    "assignments": {
        "delivery_id": Field("slug", is_required=True),
        "account": _NAME,
        "arm": Field("integer", is_required=True),
        "assigned_at": Field("timestamp"),
    },
    "statuses": {
        "status": _NAME,
        "project_key": Field(),
        "kind": Field(choices=("active", "queue", "blocked")),
        "category_override": Field(choices=("new", "indeterminate", "done", "to_do", "in_progress")),
    },
    "day_rates": {
        "team_id": Field("slug"),
        "amount": Field("number", is_required=True),
        "currency": Field(is_required=True),
        "valid_from": Field("date"),
    },
    "sla_targets": {
        "priority": Field(),
        "metric": Field(choices=("first_reply", "next_reply", "full_resolution"), is_required=True),
        "target_minutes": Field("integer", is_required=True),
        "time": Field(choices=("calendar", "business"), is_required=True),
        "valid_from": Field("date"),
        "valid_to": Field("date"),
    },
    "teams": {
        "team_id": _ID,
        "name": _NAME,
        "kind": Field(choices=("delivery", "support", "sales", "success"), is_required=True),
        "owner": Field(),
        "source": Field("slug"),
        "source_key": Field(),
    },
}
_OPTIONAL_COLUMNS = (
    "by",
    "at",
    "reason",
    "owner",
    "category_override",
    "excluded",
    "account_id",
    "assigned_at",
    "project_key",
    "priority",
    "team_id",
    "valid_from",
    "valid_to",
)
# What mart_insight__account_health measures.
HEALTH_COMPONENTS = frozenset(
    {
        "usage_trend",
        "active_share",
        "support_load",
        "sentiment",
        "renewal_distance",
        "champion_activity",
    }
)
_KNOWN_NAMES = (
    *(f"{name}.yml" for name in (*YAML_FILES, "calendars", "mappings", "health_weights")),
    *(f"{name}.csv" for name in CSV_FILES),
    "themes",
)


@dataclass
class Company:
    """All governance files, read and cast; lists are empty where a file is missing."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    themes: list[Entry] = field(default_factory=list)
    calendars: list[Entry] = field(default_factory=list)
    fiscal_years: list[Entry] = field(default_factory=list)
    rates: dict[int, dict[str, float]] = field(default_factory=dict)
    mappings: Entry | None = None
    health_weights: dict[str, float] = field(default_factory=dict)


def read_company(directory: Path, problems: Problems) -> Company:
    """Read every file that is there."""
    company = Company()
    _check_names(directory, problems)
    for name, fields in YAML_FILES.items():
        company.entries[name] = _entries(directory, name, fields, problems)
    for name, fields in CSV_FILES.items():
        path = directory / f"{name}.csv"
        required = [column for column in fields if column not in _OPTIONAL_COLUMNS]
        rows = read_csv(path, path.name, tuple(fields), required, problems) if path.exists() else []
        known = [
            Value({key: cell for key, cell in row.content.items() if key in fields}, row.line)
            for row in rows
            if isinstance(row.content, dict)
        ]
        checked = [check_entry(row, fields, path.name, f"a row of {path.name}", problems) for row in known]
        company.entries[name] = [entry for entry in checked if entry]
    _read_themes(directory, company, problems)
    _read_calendars(directory, company, problems)
    company.mappings = _document(directory / "mappings.yml", MAPPINGS, problems)
    _read_weights(directory, company, problems)
    return company


def _check_names(directory: Path, problems: Problems) -> None:
    """A file that looks like one of ours under a wrong name would be ignored in silence."""
    for path in sorted(directory.iterdir()):
        if path.name in _KNOWN_NAMES or path.name.startswith("."):
            continue
        match = get_close_matches(path.name, _KNOWN_NAMES, n=1, cutoff=0.85)
        if match:
            problems.add(path.name, None, f"a file {match[0]!r}", f"{path.name!r}", "Rename it.")


def _entries(directory: Path, name: str, fields: Mapping[str, Field], problems: Problems) -> list[Entry]:
    path = directory / f"{name}.yml"
    if not path.exists():
        return []
    document = read_yaml(path, path.name, problems)
    if document is None:
        return []
    listed = _listed(document, name, path.name, problems)
    what = {"key_results": "a key result", "deliveries": "a delivery"}.get(
        name, f"a {name.removesuffix('s')}"
    )
    what = what.replace("a o", "an o")
    checked = [check_entry(value, fields, path.name, what, problems) for value in listed]
    return [entry for entry in checked if entry]


def _listed(document: Value, name: str, file: str, problems: Problems) -> Sequence[Value]:
    """The list below the file's one top key."""
    content = document.content
    if isinstance(content, dict):
        for key, value in content.items():
            if key != name:
                problems.add(file, value.line, f"one top key {name!r}", f"{key!r}", closest(key, [name]))
        if name in content:
            inner = content[name]
            if inner.content is None:
                return []
            if isinstance(inner.content, list):
                return inner.content
            problems.add(
                file, inner.line, f"a list below {name!r}", "something else", "Begin entries with '- '."
            )
        return []
    problems.add(file, document.line, f"{name!r} with a list below it", "something else", "See the template.")
    return []


def _document(path: Path, fields: Mapping[str, Field], problems: Problems) -> Entry | None:
    if not path.exists():
        return None
    document = read_yaml(path, path.name, problems)
    return check_entry(document, fields, path.name, path.name, problems) if document else None


def _read_themes(directory: Path, company: Company, problems: Problems) -> None:
    folder = directory / "themes"
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        file = f"themes/{path.name}"
        if path.suffix == ".yaml":
            problems.add(file, None, "a name that ends in .yml", f"{path.name!r}", "Rename it.")
        if path.suffix != ".yml":
            continue
        document = read_yaml(path, file, problems)
        theme = check_entry(document, THEME, file, "a theme", problems) if document else None
        if theme is None:
            continue
        if theme["id"] and theme["id"] != path.stem:
            problems.add(
                file,
                theme.line_of("id"),
                f"the id {path.stem!r}, as the file is called",
                f"{theme['id']!r}",
                "Rename the file or correct the id; ids never change once they are used.",
            )
        company.themes.append(theme)


def _read_calendars(directory: Path, company: Company, problems: Problems) -> None:
    path = directory / "calendars.yml"
    if not path.exists():
        return
    document = read_yaml(path, path.name, problems)
    if document is None:
        return
    document = _without_rates(document, company, path.name, problems)
    entry = check_entry(document, CALENDARS, path.name, path.name, problems)
    if entry:
        company.calendars = [item for item, _ in entry["calendars"] or []]
        company.fiscal_years = [item for item, _ in entry["fiscal_years"] or []]


def _without_rates(document: Value, company: Company, file: str, problems: Problems) -> Value:
    """Takes the rates out of the fiscal years: their keys are currencies, not words of ours."""
    if not isinstance(document.content, dict):
        return document
    years = document.content.get("fiscal_years")
    if years is None or not isinstance(years.content, list):
        return document
    kept: list[Value] = []
    for value in years.content:
        if isinstance(value.content, dict) and "rates" in value.content:
            rates = value.content["rates"]
            year = value.content.get("year")
            number = int(str(year.content)) if year and str(year.content).isdigit() else 0
            company.rates[number] = _numbers(rates, "a rate", file, problems)
            for currency in company.rates[number]:
                if len(currency) != 3 or not currency.isupper():
                    problems.add(
                        file, rates.line, "a currency like BRL", f"{currency!r}", "Use its ISO code."
                    )
            value = Value({k: v for k, v in value.content.items() if k != "rates"}, value.line)
        kept.append(value)
    return Value({**document.content, "fiscal_years": Value(kept, years.line)}, document.line)


def _read_weights(directory: Path, company: Company, problems: Problems) -> None:
    path = directory / "health_weights.yml"
    if not path.exists():
        return
    document = read_yaml(path, path.name, problems)
    if document is None:
        return
    content = document.content if isinstance(document.content, dict) else {}
    for key, value in content.items():
        if key != "weights":
            problems.add(
                path.name, value.line, "one top key 'weights'", f"{key!r}", closest(key, ["weights"])
            )
    if "weights" in content:
        weights = content["weights"]
        company.health_weights = _numbers(weights, "a weight", path.name, problems)
        named = weights.content if isinstance(weights.content, dict) else {}
        for component in company.health_weights.keys() - HEALTH_COMPONENTS:
            problems.add(
                path.name,
                named[component].line,
                f"a component of account health: {', '.join(sorted(HEALTH_COMPONENTS))}",
                repr(component),
                closest(component, sorted(HEALTH_COMPONENTS)),
            )


def _numbers(value: Value, what: str, file: str, problems: Problems) -> dict[str, float]:
    """A mapping of names to numbers that are not negative."""
    if value.content is None:
        return {}
    if not isinstance(value.content, dict):
        problems.add(file, value.line, f"{what} for each name", "something else", "See the template.")
        return {}
    numbers: dict[str, float] = {}
    for name, item in value.content.items():
        entry = check_entry(
            Value({what: item}, item.line), {what: Field("number", is_required=True)}, file, name, problems
        )
        number: Any = entry[what] if entry else None
        if number is not None and number < 0:
            problems.add(
                file, item.line, f"{what} of {name} of 0 or more", f"{number:g}", "Correct the number."
            )
        elif number is not None:
            numbers[name] = number
    return numbers
