"""What must hold between governance entries: unique ids, references that lead somewhere, order in time.

Belongs here: rules over the read files. Does not belong here: the kind of a single value (`files.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ingestion.sources.governance.files import Company
from ingestion.sources.governance.reading import Entry, Problems, closest


def check_company(company: Company, problems: Problems) -> None:
    """Collect what does not fit together."""
    entries = company.entries
    for name in ("objectives", "key_results", "decisions", "deliveries", "metrics"):
        _unique(entries[name], lambda entry: entry["id"], "id", problems)
        _in_order(entries[name], "starts_on", "ends_on", problems)
    _unique(company.themes, lambda entry: entry["id"], "id", problems)
    _unique(company.calendars, lambda entry: entry["id"], "id", problems)
    _unique(company.fiscal_years, lambda entry: entry["year"], "year", problems)
    _unique(entries["accounts"], lambda row: (row["source"], row["external_id"]), "external_id", problems)
    _unique(
        entries["statuses"],
        lambda row: ((row["status"] or "").lower(), row["project_key"]),
        "status",
        problems,
    )
    _unique(
        entries["assignments"],
        lambda row: (row["delivery_id"], row["account"], row["arm"]),
        "account",
        problems,
    )
    _unique(
        entries["teams"],
        lambda row: (row["team_id"], row["source"], row["source_key"]),
        "source_key",
        problems,
    )

    _unique(
        entries["sla_targets"],
        lambda row: (row["metric"], (row["priority"] or "").lower(), row["valid_from"]),
        "target_minutes",
        problems,
    )
    _in_order(entries["sla_targets"], "valid_from", "valid_to", problems)

    _unique(
        entries["day_rates"], lambda row: (row["team_id"] or "all", row["valid_from"]), "amount", problems
    )

    objectives = _ids(entries["objectives"])
    key_results = _ids(entries["key_results"])
    deliveries = _ids(entries["deliveries"])
    metrics = _ids(entries["metrics"])
    themes = _ids(company.themes)
    for entry in entries["key_results"]:
        _refers(entry, "objective", objectives, "objectives.yml", problems)
        _refers(entry, "metric", metrics, "metrics.yml", problems)
    for entry in entries["decisions"]:
        _refer(entry, "deliveries", deliveries, "deliveries.yml", problems)
        expected = entry["expected"]
        if expected:
            _refers(expected, "metric", metrics, "metrics.yml", problems)
    for entry in entries["deliveries"]:
        _refer(entry, "metrics", metrics, "metrics.yml", problems)
        _refer(entry, "key_results", key_results, "key_results.yml", problems)
        _refers(entry, "theme", themes, "themes/", problems)
        _waves_in_order(entry, problems)
    for entry in entries["assignments"]:
        _refers(entry, "delivery_id", deliveries, "deliveries.yml", problems)
    for entry in entries["metrics"]:
        _refers(entry, "parent", metrics, "metrics.yml", problems)
    for entry in company.themes:
        _refers(entry, "parent", themes, "themes/", problems)
        _refers(entry, "merged_into", themes, "themes/", problems)
    for entry in entries["theme_overrides"]:
        _refers(entry, "theme_id", themes, "themes/", problems)
    _targets_measurable(company, problems)
    _rates_convertible(company, problems)
    _no_circle(entries["metrics"], problems)
    _no_circle(company.themes, problems)
    _one_delivery_per_issue(entries["deliveries"], problems)
    for calendar in company.calendars:
        for hours, line in calendar["work_hours"] or []:
            if hours["from"] and hours["to"] and hours["from"] >= hours["to"]:
                problems.add(
                    hours.file,
                    line,
                    "work hours that end after they start",
                    f"{hours['from']} to {hours['to']}",
                    "A night shift is two intervals: until 24:00, and from 00:00 on the next weekday.",
                )
            _in_order([hours], "valid_from", "valid_to", problems)


def _ids(entries: Iterable[Entry]) -> set[str]:
    return {entry["id"] for entry in entries if entry["id"]}


def _unique(entries: Sequence[Entry], key: Callable[[Entry], object], field: str, problems: Problems) -> None:
    first: dict[object, Entry] = {}
    for entry in entries:
        value = key(entry)
        if value in (None, ("", None)) or (isinstance(value, tuple) and value[0] is None):
            continue
        if value in first:
            shown = value if not isinstance(value, tuple) else ", ".join(str(part) for part in value if part)
            problems.add(
                entry.file,
                entry.line_of(field),
                f"{field} {str(shown)!r} once",
                f"it again, after {first[value].file}:{first[value].line_of(field)}",
                "Remove or rename one of them.",
            )
        else:
            first[value] = entry


def _in_order(entries: Sequence[Entry], start: str, end: str, problems: Problems) -> None:
    for entry in entries:
        if entry[start] and entry[end] and entry[end] < entry[start]:
            problems.add(
                entry.file,
                entry.line_of(end),
                f"{end} on or after {start} ({entry[start]})",
                f"{entry[end]}",
                "Correct one of the two.",
            )


def _refers(entry: Entry, field: str, valid: set[str], where: str, problems: Problems) -> None:
    value = entry[field]
    if value and value not in valid:
        problems.add(
            entry.file,
            entry.line_of(field),
            f"{field} to name an entry of {where}",
            f"{value!r}",
            closest(value, valid),
        )


def _refer(entry: Entry, field: str, valid: set[str], where: str, problems: Problems) -> None:
    for value, line in entry[field] or []:
        if value not in valid:
            problems.add(
                entry.file, line, f"{field} to name entries of {where}", f"{value!r}", closest(value, valid)
            )


def _no_circle(entries: Sequence[Entry], problems: Problems) -> None:
    parents = {entry["id"]: entry["parent"] for entry in entries if entry["id"]}
    for entry in entries:
        seen = {entry["id"]}
        above = entry["parent"]
        while above in parents and above not in seen:
            seen.add(above)
            above = parents[above]
        if above is not None and above == entry["id"]:
            problems.add(
                entry.file,
                entry.line_of("parent"),
                "a tree",
                f"{entry['id']!r} above itself",
                "Correct one parent of the circle.",
            )


def _waves_in_order(delivery: Entry, problems: Problems) -> None:
    """A wave is a number and one day; its members are named."""
    days: dict[int, object] = {}
    for wave, line in delivery["waves"] or []:
        number, day = wave["wave"], wave["starts_on"]
        if number is None or day is None:
            continue
        if number < 1:
            problems.add(delivery.file, line, "waves numbered from 1", f"{number}", "Number them from 1.")
        if days.setdefault(number, day) != day:
            problems.add(
                delivery.file,
                line,
                f"one day on which wave {number} starts",
                f"{day} beside {days[number]}",
                "Give the later ones a number of their own.",
            )
        if not wave["accounts"] and not wave["segments"]:
            problems.add(
                delivery.file,
                line,
                "accounts or segments of the wave",
                "neither",
                "List who got it with this wave, or remove the wave.",
            )


def _targets_measurable(company: Company, problems: Problems) -> None:
    """A target is above zero; one in business time needs hours to count."""
    has_hours = any(calendar["work_hours"] for calendar in company.calendars)
    for row in company.entries["sla_targets"]:
        minutes = row["target_minutes"]
        if minutes is not None and minutes < 1:
            problems.add(
                row.file,
                row.line_of("target_minutes"),
                "minutes above 0",
                f"{minutes}",
                "Give the minutes that are promised, or remove the row.",
            )
        if row["time"] == "business" and not has_hours:
            problems.add(
                row.file,
                row.line_of("time"),
                "work hours in calendars.yml, which business time is counted by",
                "none",
                "Add work_hours to a calendar, or promise calendar time.",
            )


def _rates_convertible(company: Company, problems: Problems) -> None:
    """A day rate is of a team there is, not negative, and in a currency that a fiscal year names."""
    teams = {str(row["team_id"]) for row in company.entries["teams"] if row["team_id"]}
    currencies = {str(year["reporting_currency"]) for year in company.fiscal_years}
    currencies |= {currency for rates in company.rates.values() for currency in rates}
    for row in company.entries["day_rates"]:
        _refers(row, "team_id", teams, "teams.csv", problems)
        _refers(row, "currency", currencies, "the fiscal years of calendars.yml", problems)
        if row["amount"] is not None and row["amount"] < 0:
            problems.add(
                row.file, row.line_of("amount"), "an amount of 0 or more", f"{row['amount']:g}", "Correct it."
            )


def _one_delivery_per_issue(deliveries: Sequence[Entry], problems: Problems) -> None:
    owner: dict[str, str] = {}
    for entry in deliveries:
        named = [(entry["epic"], entry.line_of("epic"))] if entry["epic"] else []
        for key, line in [*named, *(entry["issues"] or [])]:
            if key in owner:
                problems.add(
                    entry.file,
                    line,
                    f"{key} in one delivery only",
                    f"it in {owner[key]!r} too",
                    "An issue belongs to at most one delivery: remove it from one.",
                )
            owner.setdefault(key, str(entry["id"]))
