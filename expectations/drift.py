"""Whether a vendor's objects still look as they did: fields that are new, gone, or of another type.

Belongs here: comparing samples of payloads. Does not belong here: which rows are sampled (`contract.py`).

Samples mislead: a field that few objects have may just not be in one. So a field counts as gone (new) only
if with its earlier (present) share chance would leave it out of the other sample once in a million times. A
type is another matter: vendors do not mix them, so one that was never seen among many objects is news with
the first object that brings it, and stays news while it is rare among the earlier ones. An empty field is
there: what is told is a change of the vendor's form, not of the business.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CHANCE = 1e-6
# As many objects of one type only say that a field has one type.
ENOUGH_OF_ONE_TYPE = 20
CHANCE_OF_A_RARE_TYPE = 1e-3
# Fields of some objects only come and go with what the day brings; of those that we read, more is known.
LEAST_SHARE_TO_MISS, LEAST_SHARE_TO_MISS_OF_READ = 0.5, 0.2
# Vendors put their fields into the object or one level below.
DEPTH = 2
CONTAINERS = ("properties", "fields", "$properties")
# A field that a column is read from, by its values, where only a pattern of its name is known.
LEAST_AGREEING, LEAST_AGREEING_SHARE = 5, 0.9


@dataclass(frozen=True)
class FieldChanges:
    """Names of fields.

    Arguments:
        retyped: with the type before and the type now.
        readers: of those that typed columns are read from, which columns.
    """

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    readers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class _Seen:
    objects: int = 0
    kinds: dict[str, Counter[str]] = field(default_factory=dict)

    def share(self, name: str) -> float:
        """Of the objects with the field, as far as a sample can say: never all."""
        found = self.kinds[name].total() if name in self.kinds else 0
        return max(found - 0.5, 0) / self.objects if self.objects else 0.0


def field_changes(
    before: Sequence[Mapping[str, Any]],
    latest: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str | None],
) -> FieldChanges:
    """What changed between two samples.

    Arguments:
        before, latest: rows with `payload` (a JSON object as text), and the columns whose field is a pattern.
        columns: typed columns and the field that each is read from: its name, a path (`via.channel`), a
            pattern (`fields.customfield_*`, told by its values), or None for no field.
    """
    old, now = _seen(row["payload"] for row in before), _seen(row["payload"] for row in latest)
    read = _read_fields({*old.kinds, *now.kinds}, columns, before)
    readers: dict[str, tuple[str, ...]] = {}
    for name in {*old.kinds, *now.kinds}:
        by = sorted({c for c, fields in read.items() if any(_touches(name, one) for one in fields)})
        if by:
            readers[name] = tuple(by)
    new = [
        name for name in now.kinds if name not in old.kinds and _is_no_chance(now.share(name), old.objects)
    ]
    gone = [
        name
        for name in old.kinds
        if name not in now.kinds
        and old.share(name) >= (LEAST_SHARE_TO_MISS_OF_READ if name in readers else LEAST_SHARE_TO_MISS)
        and _is_no_chance(old.share(name), now.objects)
    ]
    retyped = []
    for name in old.kinds.keys() & now.kinds.keys():
        was, is_now = (
            Counter({k: n for k, n in seen.kinds[name].items() if k != "nothing"}) for seen in (old, now)
        )
        if not was:
            continue
        usual, _ = was.most_common(1)[0]
        others = [kind for kind, _ in is_now.most_common() if kind != usual]
        other = next((kind for kind in others if _is_another_type(kind, was, is_now)), None)
        if other is not None:
            retyped.append((name, usual, other))

    def outermost(names: list[str]) -> tuple[str, ...]:
        return tuple(sorted(name for name in names if name.rpartition(".")[0] not in names))

    inside = {name for name, _, _ in retyped}
    new = [name for name in new if name.rpartition(".")[0] not in inside]
    gone = [name for name in gone if name.rpartition(".")[0] not in inside]
    told = {*new, *gone, *inside}
    return FieldChanges(
        new=outermost(new),
        gone=outermost(gone),
        retyped=tuple(sorted(retyped)),
        readers={name: by for name, by in readers.items() if name in told},
    )


def _is_another_type(kind: str, was: Counter[str], is_now: Counter[str]) -> bool:
    """Whether a type came that the field did not have, or hardly ever."""
    if not was[kind]:
        return was.total() >= ENOUGH_OF_ONE_TYPE
    usual_share, objects = (was[kind] + 1) / (was.total() + 2), is_now.total()
    return (
        sum(
            math.comb(objects, n) * usual_share**n * (1 - usual_share) ** (objects - n)
            for n in range(is_now[kind], objects + 1)
        )
        < CHANCE_OF_A_RARE_TYPE
    )


def _touches(name: str, read: str) -> bool:
    """Whether a change of the field is one of the field that is read: it, what it lies in, what is in it."""
    return name == read or read.startswith(f"{name}.") or name.startswith(f"{read}.")


def _read_fields(
    names: Collection[str], columns: Mapping[str, str | None], rows: Sequence[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """By column, the fields that it is read from."""
    by_name: dict[str, list[str]] = {}
    for name in names:
        holder, _, own = name.rpartition(".")
        if not holder or holder in CONTAINERS:
            by_name.setdefault(own, []).append(name)
            if _snake(own) != own:
                by_name.setdefault(_snake(own), []).append(name)
    found = {}
    for column, source in columns.items():
        if source is None:
            continue
        if "*" in source:
            pattern = re.compile(re.escape(source).replace(r"\*", ".*"))
            values = [
                (json.loads(row["payload"]), row[column]) for row in rows if row.get(column) is not None
            ]
            found[column] = [name for name in names if pattern.fullmatch(name) and _agrees(name, values)]
        else:
            found[column] = by_name.get(source) or [source]
    return found


def _agrees(name: str, values: Sequence[tuple[Any, Any]]) -> bool:
    """Whether the column says what the field says (objects, each with the column's value)."""
    both = [(value, typed) for content, typed in values if (value := _value_at(content, name)) is not None]
    agreeing = sum(_same(value, typed) for value, typed in both)
    return agreeing >= LEAST_AGREEING and agreeing >= LEAST_AGREEING_SHARE * len(both)


def _value_at(content: Any, name: str) -> Any:
    for part in name.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _same(value: Any, typed: Any) -> bool:
    # A field that holds anything is what a flag says; of a list of one, the one.
    if isinstance(typed, bool):
        return bool(value) == typed
    if isinstance(value, list) and len(value) == 1:
        [value] = value
    try:
        return float(value) == float(typed)
    except (TypeError, ValueError):
        return str(value) == str(typed)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.lstrip("$")).lower()


def _is_no_chance(share: float, objects: int) -> bool:
    """Whether a field that is in this share of the objects would hardly be in none of so many."""
    return objects * math.log(1 - share) < math.log(CHANCE)


def _seen(payloads: Iterable[str]) -> _Seen:
    seen = _Seen()
    for payload in payloads:
        content = json.loads(payload)
        if isinstance(content, dict):
            seen.objects += 1
            for name, kind in _fields(content, DEPTH):
                seen.kinds.setdefault(name, Counter())[kind] += 1
    return seen


def _fields(content: Mapping[str, Any], depth: int, above: str = "") -> Iterable[tuple[str, str]]:
    for name, value in content.items():
        yield above + name, _kind(value)
        if isinstance(value, dict) and depth > 1:
            yield from _fields(value, depth - 1, f"{above}{name}.")


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
    return "object"
