"""From the read governance files to the values of the raw tables.

Belongs here: renaming, flattening, expanding holidays. Does not belong here: checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ingestion.source import Record
from ingestion.sources.governance.files import Company
from ingestion.sources.governance.reading import Entry, Problems, closest

_FIRST_HOLIDAY_YEAR = 2015
_YEARS_AHEAD = 2


def company_rows(company: Company, now: datetime, problems: Problems) -> dict[str, list[Record]]:
    """Records by resource; holidays from a fixed year on, so that history never loses one."""
    entries = company.entries
    rows: dict[str, list[Record]] = {
        "objectives": [
            _record(entry, objective_id=entry["id"], **_same(entry, "name", "owner", "starts_on", "ends_on"))
            for entry in entries["objectives"]
        ],
        "key_results": [
            _record(
                entry,
                key_result_id=entry["id"],
                objective_id=entry["objective"],
                metric_id=entry["metric"],
                **_same(entry, "name", "segment", "baseline", "target", "starts_on", "ends_on", "owner"),
            )
            for entry in entries["key_results"]
        ],
        "decisions": [_decision(entry) for entry in entries["decisions"]],
        "decision_deliveries": _links(entries["decisions"], "decision_id", "deliveries", "delivery_id"),
        "decision_evidence": [
            Record(values, values)
            for entry in entries["decisions"]
            for position, (reference, _) in enumerate(entry["evidence"] or [], start=1)
            for values in [{"decision_id": entry["id"], "position": position, "reference": reference}]
        ],
        "deliveries": [_delivery(entry) for entry in entries["deliveries"]],
        "delivery_metrics": _links(entries["deliveries"], "delivery_id", "metrics", "metric_id"),
        "delivery_key_results": _links(entries["deliveries"], "delivery_id", "key_results", "key_result_id"),
        "delivery_issues": _links(entries["deliveries"], "delivery_id", "issues", "issue_key"),
        "delivery_waves": [record for entry in entries["deliveries"] for record in _waves(entry)],
        "delivery_assignments": [
            _record(row, account_ref=row["account"], **_same(row, "delivery_id", "arm", "assigned_at"))
            for row in entries["assignments"]
        ],
        "metrics": [_metric(entry) for entry in entries["metrics"]],
        "themes": [_theme(entry) for entry in company.themes],
        "theme_tags": [
            Record(values, values)
            for entry in company.themes
            for tag in sorted({text.strip().lower() for text, _ in entry["tags"] or []})
            for values in [{"theme_id": entry["id"], "tag": tag}]
        ],
        "theme_overrides": [
            _record(
                row,
                decided_by=row["by"],
                decided_at=row["at"],
                **_same(row, "feedback_id", "theme_id", "action", "reason"),
            )
            for row in entries["theme_overrides"]
        ],
        "account_overrides": [
            _record(
                row,
                is_excluded=row["excluded"] is not None,
                **_same(row, "source", "external_id", "account_id", "reason"),
            )
            for row in entries["accounts"]
        ],
        "statuses": [
            _record(row, status_name=row["status"], **_same(row, "project_key", "kind", "category_override"))
            for row in entries["statuses"]
        ],
        "teams": [
            _record(row, **_same(row, "team_id", "name", "kind", "owner", "source", "source_key"))
            for row in entries["teams"]
        ],
        "day_rates": [
            _record(row, **_same(row, "team_id", "valid_from", "amount", "currency"))
            for row in entries["day_rates"]
        ],
        "sla_targets": [
            _record(
                row,
                priority=(row["priority"] or "").lower() or None,
                time_kind=row["time"],
                **_same(row, "metric", "target_minutes", "valid_from", "valid_to"),
            )
            for row in entries["sla_targets"]
        ],
        "calendars": [
            _record(entry, calendar_id=entry["id"], **_same(entry, "time_zone", "country"))
            for entry in company.calendars
        ],
        "holidays": [record for entry in company.calendars for record in _holidays(entry, now, problems)],
        "work_hours": [record for entry in company.calendars for record in _work_hours(entry)],
        "fiscal_years": [
            _record(entry, fiscal_year=entry["year"], **_same(entry, "starts_on", "reporting_currency"))
            for entry in company.fiscal_years
        ],
        "fx_rates": [
            Record(values, values)
            for year, rates in company.rates.items()
            for currency, rate in rates.items()
            for values in [{"fiscal_year": year, "currency": currency, "rate": rate}]
        ],
        "mappings": [
            Record(values, values)
            for key, position, value in _flattened(company.mappings.payload if company.mappings else {}, "")
            for values in [{"mapping_key": key, "position": position, "value": value}]
        ],
        "health_weights": [
            Record(values, values)
            for component, weight in company.health_weights.items()
            for values in [{"component": component, "weight": weight}]
        ],
    }
    return rows


def _same(entry: Entry, *names: str) -> dict[str, Any]:
    return {name: entry[name] for name in names}


def _record(entry: Entry, **values: Any) -> Record:
    return Record(values, entry.payload)


def _links(entries: list[Entry], owner: str, field: str, member: str) -> list[Record]:
    found: dict[tuple[str, str], Record] = {}
    for entry in entries:
        for value, _ in entry[field] or []:
            values = {owner: entry["id"], member: value}
            found[entry["id"], value] = Record(values, values)
    return list(found.values())


def _decision(entry: Entry) -> Record:
    expected = entry["expected"]
    return _record(
        entry,
        decision_id=entry["id"],
        evidence_count=len(entry["evidence"] or []),
        expected_metric_id=expected["metric"] if expected else None,
        expected_change_pct=expected["change_pct"] if expected else None,
        expected_by_on=expected["by"] if expected else None,
        **_same(entry, "title", "decided_on", "decider", "why", "evidence_kind", "review_on"),
    )


def _delivery(entry: Entry) -> Record:
    adopter = entry["adopter_event"]
    return _record(
        entry,
        delivery_id=entry["id"],
        epic_key=entry["epic"],
        theme_id=entry["theme"],
        has_adopter_list=bool(entry["has_adopter_list"]),
        adopter_event=adopter["event"] if adopter else None,
        feature=entry["feature"] or (adopter["feature"] if adopter else None),
        **_same(entry, "name", "rollout", "assignment_unit", "released_at", "owner", "cost_currency"),
    )


def _waves(entry: Entry) -> Iterator[Record]:
    """One record per member of a wave; a wave that names nobody has none."""
    for wave, _ in entry["waves"] or []:
        for kind, field in (("account", "accounts"), ("segment", "segments")):
            for member in dict.fromkeys(name for name, _ in wave[field] or []):
                values = {
                    "delivery_id": entry["id"],
                    "wave": wave["wave"],
                    "starts_on": wave["starts_on"],
                    "member_kind": kind,
                    "member": member,
                }
                yield Record(values, values)


def _metric(entry: Entry) -> Record:
    target = entry["target"]
    thresholds = entry["thresholds"]
    return _record(
        entry,
        metric_id=entry["id"],
        owner=entry["owner"],
        target_value=target["value"] if target else None,
        target_on=target["by"] if target else None,
        threshold_low=thresholds["low"] if thresholds else None,
        threshold_high=thresholds["high"] if thresholds else None,
        parent_metric_id=entry["parent"],
    )


def _theme(entry: Entry) -> Record:
    names = entry["name"]
    return _record(
        entry,
        theme_id=entry["id"],
        name_en=names["en"] if names else None,
        name_pt=names["pt"] if names else None,
        parent_id=entry["parent"],
        **_same(entry, "owner", "status", "description"),
    )


def _holidays(entry: Entry, now: datetime, problems: Problems) -> Iterator[Record]:
    """Public holidays of the country and the calendar's own; an own name wins on the same day."""
    days: dict[Any, str] = {}
    if entry["country"]:
        # Every country's calendar is imported on first use only.
        import holidays

        try:
            public = holidays.country_holidays(
                entry["country"],
                subdiv=entry["subdivision"],
                years=range(_FIRST_HOLIDAY_YEAR, now.year + _YEARS_AHEAD + 1),
                language="en_US",  # else it follows the machine
            )
        except NotImplementedError:
            supported = holidays.list_supported_countries()
            country = entry["country"]
            if country not in supported:
                problems.add(
                    entry.file,
                    entry.line_of("country"),
                    "a country code like BR",
                    f"{country!r}",
                    "Use the ISO code of two letters.",
                )
            else:
                problems.add(
                    entry.file,
                    entry.line_of("subdivision"),
                    f"a subdivision of {country}",
                    f"{entry['subdivision']!r}",
                    closest(entry["subdivision"] or "", supported[country]),
                )
            return
        days.update(public.items())
    for own, _ in entry["extra_holidays"] or []:
        if own["on"]:
            days[own["on"]] = own["name"] or "own holiday"
    for day in sorted(days):
        values = {"calendar_id": entry["id"], "holiday_on": day, "name": days[day]}
        yield Record(values, values)


def _work_hours(entry: Entry) -> Iterator[Record]:
    for hours, _ in entry["work_hours"] or []:
        for weekday, _ in hours["weekdays"] or []:
            values = {
                "calendar_id": entry["id"],
                "weekday": weekday,
                "starts_at": hours["from"],
                "ends_at": hours["to"],
                "valid_from": hours["valid_from"],
                "valid_to": hours["valid_to"],
            }
            yield Record(values, values)


def _flattened(value: Any, prefix: str) -> Iterator[tuple[str, int, str]]:
    """Dotted keys; a list's values carry their position from 1, a single value has position 1."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flattened(item, f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, list):
        for position, item in enumerate(value, start=1):
            for key, _, text in _flattened(item, prefix):
                yield key, position, text
    elif value is not None:
        yield prefix, 1, str(value)
