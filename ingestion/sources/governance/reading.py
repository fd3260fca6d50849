"""YAML and CSV files as values that remember their line, and the problems found on the way.

Belongs here: reading text, casting one value, naming the closest valid word. Does not belong here: which
fields a file has (`files.py`) and what must hold between files (`references.py`).

YAML scalars are taken as the text that is written: `country: NO` is Norway, `09:00` is a time, `on:` is a
key.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from ingestion.errors import GovernanceProblem
from ingestion.patterns import compile_pattern

# The same in C where PyYAML was built with it: ten times faster.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_TIME = re.compile(r"([01]?\d|2[0-4]):[0-5]\d")


@dataclass(frozen=True)
class Value:
    """A scalar's text, a list of values, or a mapping of values, with the line where it stands."""

    content: str | list[Value] | dict[str, Value] | None
    line: int

    def plain(self) -> Any:
        """The same without lines, for the payload."""
        if isinstance(self.content, list):
            return [value.plain() for value in self.content]
        if isinstance(self.content, dict):
            return {name: value.plain() for name, value in self.content.items()}
        return self.content


@dataclass
class Problems:
    """Collects everything that is wrong, so that all of it is told at once."""

    found: list[GovernanceProblem] = field(default_factory=list)

    def add(self, file: str, line: int | None, expected: str, came: str, remedy: str) -> None:
        """One problem; see GovernanceProblem."""
        self.found.append(GovernanceProblem(file, line, expected, came, remedy))


def closest(word: str, valid: Iterable[str]) -> str:
    """A sentence that names the valid word nearest to `word`, or all of them."""
    words = sorted(set(valid))
    match = get_close_matches(word, words, n=1, cutoff=0.6)
    if match:
        return f"Did you mean {match[0]!r}?"
    return f"Valid: {', '.join(words)}." if words else "There is none to refer to."


def read_text(path: Path, file: str, problems: Problems) -> str | None:
    """The file's text; None when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        problems.add(file, line, "text in UTF-8", "another encoding", "Save the file as UTF-8.")
    except OSError as error:
        problems.add(file, None, "a file that can be read", type(error).__name__, "Check its rights.")
    return None


def read_yaml(path: Path, file: str, problems: Problems) -> Value | None:
    """A YAML document with lines; None for an empty one or one that is no YAML."""
    text = read_text(path, file, problems)
    if text is None:
        return None
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(
            file,
            mark.line + 1 if mark else None,
            "valid YAML",
            error.problem or "something else",
            "Check the indentation, colons and quotes there.",
        )
        return None
    except yaml.YAMLError as error:
        problems.add(file, None, "valid YAML", " ".join(str(error).split())[:200], "Remove what is no text.")
        return None
    return None if node is None else _value(node, file, problems)


def _value(node: yaml.Node, file: str, problems: Problems) -> Value:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return Value([_value(item, file, problems) for item in node.value], line)
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Value] = {}
        for key, item in node.value:
            name = str(key.value)
            if name in content:
                problems.add(
                    file, key.start_mark.line + 1, f"{name!r} once", "it a second time", "Remove one of them."
                )
                continue
            content[name] = _value(item, file, problems)
        return Value(content, line)
    is_null = node.value in _NULLS and getattr(node, "style", None) not in ("'", '"')
    return Value(None if is_null else str(node.value), line)


def read_csv(
    path: Path, file: str, columns: Sequence[str], required: Sequence[str], problems: Problems
) -> list[Value]:
    """Rows of a CSV file as mappings; separated by commas, or by semicolons as spreadsheets in Portuguese do.

    Arguments:
        columns: the valid ones.
        required: those that must be in the header.
    """
    text = read_text(path, file, problems)
    if not text or not text.strip():
        return []
    header = text.lstrip().splitlines()[0]
    separator = ";" if header.count(";") > header.count(",") else ","
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    names = [name.strip() for name in next(reader)]
    first_line = reader.line_num
    for name in names:
        if name not in columns:
            problems.add(
                file,
                first_line,
                f"columns {', '.join(columns)}",
                f"a column {name!r}",
                closest(name, columns),
            )
    for name in required:
        if name not in names:
            problems.add(file, first_line, f"a column {name!r}", "none", "Add it to the header.")
    rows: list[Value] = []
    try:
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                problems.add(
                    file,
                    line,
                    f"{len(names)} values",
                    f"{len(cells)}",
                    "Add or remove a separator, or put quotes around a value that contains it.",
                )
                continue
            pairs = zip(names, cells, strict=True)
            rows.append(Value({name: Value(cell.strip() or None, line) for name, cell in pairs}, line))
    except csv.Error as error:
        problems.add(file, reader.line_num, "valid CSV", str(error), "Check the quotes there.")
    return rows


@dataclass(frozen=True)
class Field:
    """What a key of an entry may hold.

    Arguments:
        kind: `slug`, `text`, `number`, `integer`, `boolean`, `date`, `timestamp`, `time`, `weekday`,
            `regex`, `zone`, or `mapping` with `fields`.
        is_required: must be there and not empty.
        is_list: a list of such values.
        choices: the valid words.
        fields: of a mapping.
    """

    kind: str = "text"
    is_required: bool = False
    is_list: bool = False
    choices: tuple[str, ...] = ()
    fields: Mapping[str, Field] | None = None


@dataclass(frozen=True)
class Entry:
    """A checked entry: Python values by name, the line of each, and the entry as it was written."""

    file: str
    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int]
    payload: Any

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def line_of(self, name: str) -> int:
        """Where that value stands."""
        return self.lines.get(name, self.line)


def check_entry(
    value: Value, fields: Mapping[str, Field], file: str, what: str, problems: Problems
) -> Entry | None:
    """Cast an entry's values; problems are collected, and what cannot be read is left out."""
    if not isinstance(value.content, dict):
        problems.add(file, value.line, f"{what} with {', '.join(fields)}", _kind(value), "See the template.")
        return None
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for name, item in value.content.items():
        if name not in fields:
            problems.add(file, item.line, f"a key of {what}", f"{name!r}", closest(name, fields))
            continue
        lines[name] = item.line
        values[name] = _checked(item, fields[name], file, f"{name} of {what}", problems)
    for name, spec in fields.items():
        given = value.content.get(name)
        if spec.is_required and (given is None or given.content is None):
            problems.add(file, lines.get(name, value.line), f"{name} of {what}", "nothing", f"Add {name}.")
    return Entry(file, value.line, values, lines, value.plain())


def _checked(value: Value, spec: Field, file: str, what: str, problems: Problems) -> Any:
    if value.content is None:
        return [] if spec.is_list else None
    if spec.is_list:
        items = value.content if isinstance(value.content, list) else [value]
        single = Field(spec.kind, spec.is_required, False, spec.choices, spec.fields)
        checked = [(_checked(item, single, file, what, problems), item.line) for item in items]
        return [item for item in checked if item[0] is not None]
    if spec.kind == "mapping":
        return check_entry(value, spec.fields or {}, file, what, problems)
    if not isinstance(value.content, str):
        problems.add(file, value.line, f"one {spec.kind} as {what}", _kind(value), "See the template.")
        return None
    text = value.content.strip()
    try:
        result = _cast(text, spec.kind)
    except ValueError as error:
        problems.add(file, value.line, f"{error} as {what}", f"{text!r}", "Correct the value.")
        return None
    if spec.choices and text not in spec.choices:
        problems.add(
            file,
            value.line,
            f"one of {', '.join(spec.choices)} as {what}",
            f"{text!r}",
            closest(text, spec.choices),
        )
        return None
    return result


def _cast(text: str, kind: str) -> Any:
    """The Python value; ValueError with what was expected."""
    if kind == "text":
        return text
    if kind == "slug":
        if _SLUG.fullmatch(text):
            return text
        raise ValueError("an id of letters, digits, '-', '_' and '.'")
    if kind in ("number", "integer", "weekday"):
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if kind == "number" and abs(number) < float("inf"):
            return number
        if kind != "number" and number.is_integer() and (kind == "integer" or 1 <= number <= 7):
            return int(number)
        raise ValueError(
            {"weekday": "a weekday from 1 (Monday) to 7", "integer": "an integer"}.get(kind, "a number")
        )
    if kind == "boolean":
        if text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        raise ValueError("true or false")
    if kind == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("a date like 2026-03-31") from None
    if kind == "timestamp":
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("a moment with its zone, like 2026-03-31T14:00:00-03:00") from None
        if moment.tzinfo is None:
            raise ValueError("a moment with its zone, like 2026-03-31T14:00:00-03:00")
        return moment
    if kind == "time":
        if _TIME.fullmatch(text):
            return text.rjust(5, "0")
        raise ValueError("a time like 09:00")
    if kind == "regex":
        compile_pattern(text)
        return text
    if kind == "zone":
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("a time zone like America/Sao_Paulo") from None
        return text
    raise AssertionError(f"unknown kind {kind}")


def _kind(value: Value) -> str:
    if value.content is None:
        return "nothing"
    names = {list: "a list", dict: "a mapping", str: "a single value"}
    return names[type(value.content)]
