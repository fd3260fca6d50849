"""Whether a vendor's objects still look as they did: fields that are new, gone, or of another type.

Belongs here: comparing samples of payloads. Does not belong here: which rows are sampled (`contract.py`).

Samples mislead: a field that few objects have may just not be in one. So a field counts as gone (new) only if
with its earlier (present) share chance would leave it out of the other sample once in a thousand million
times; of another type likewise, against the type that it mostly had. An empty field is there: what is told is
a change of the vendor's form, not of the business.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CHANCE = 1e-9
# No sample proves that a field is in every object.
SUREST_SHARE = 0.99
# Fields of some objects only come and go with what the day brings.
LEAST_SHARE_TO_MISS = 0.5
# Vendors put their fields into the object or one level below (`properties`, `fields`).
DEPTH = 2


@dataclass(frozen=True)
class FieldChanges:
    """Names of fields.

    Arguments:
        retyped: with the type before and the type now.
    """

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()


@dataclass
class _Seen:
    objects: int = 0
    kinds: dict[str, Counter[str]] = field(default_factory=dict)

    def share(self, name: str) -> float:
        return self.kinds[name].total() / self.objects if name in self.kinds else 0.0


def field_changes(before: Iterable[str], latest: Iterable[str]) -> FieldChanges:
    """What changed between two samples of payloads (JSON objects)."""
    old, now = _seen(before), _seen(latest)
    new = [
        name for name in now.kinds if name not in old.kinds and _is_no_chance(now.share(name), old.objects)
    ]
    gone = [
        name
        for name in old.kinds
        if name not in now.kinds
        and old.share(name) >= LEAST_SHARE_TO_MISS
        and _is_no_chance(old.share(name), now.objects)
    ]
    retyped = []
    for name in old.kinds.keys() & now.kinds.keys():
        was, is_now = (
            Counter({k: n for k, n in seen.kinds[name].items() if k != "nothing"}) for seen in (old, now)
        )
        if not was or not is_now:
            continue
        kind, count = was.most_common(1)[0]
        if kind not in is_now and _is_no_chance(count / was.total(), is_now.total()):
            retyped.append((name, kind, is_now.most_common(1)[0][0]))

    def outermost(names: list[str]) -> tuple[str, ...]:
        return tuple(sorted(name for name in names if name.rpartition(".")[0] not in names))

    inside = {name for name, _, _ in retyped}
    return FieldChanges(
        new=outermost([name for name in new if name.rpartition(".")[0] not in inside]),
        gone=outermost([name for name in gone if name.rpartition(".")[0] not in inside]),
        retyped=tuple(sorted(retyped)),
    )


def _is_no_chance(share: float, objects: int) -> bool:
    """Whether a field that is in this share of the objects would hardly be in none of so many."""
    return objects * math.log(1 - min(share, SUREST_SHARE)) < math.log(CHANCE)


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
