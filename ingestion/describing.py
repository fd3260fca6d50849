"""The settings of a source in words: what a configuration file to fill in is made of.

Belongs here: reading a source's configspec, so that its names, defaults and sentences are said once, where
they are defined. Does not belong here: values (`registry.py`).
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any, get_args

from ingestion.settings import ConnectionSettings
from ingestion.source import Source

_ENTRY = re.compile(r"^([a-z0-9_]+(?:, [a-z0-9_]+)*): (.*)$")


@dataclass(frozen=True)
class SettingField:
    """One setting of a connection.

    Arguments:
        sentence: what it is for; settings described together have the same.
        default: what holds when it is not set; None: nothing.
        is_secret: belongs into the secrets, never into the configuration.
        is_needed: there is no default that could be right.
        is_common: every vendor's connection has it.
    """

    name: str
    sentence: str
    default: Any
    is_secret: bool
    is_needed: bool
    is_common: bool


def settings_fields(source: Source) -> list[SettingField]:
    """The settings of a source, its own first, in the order in which they are described."""
    spec = source.settings_class()
    sentences: dict[str, str] = {}
    for base in spec.__mro__:
        if base.__module__.startswith("ingestion."):
            for name, sentence in _sentences(inspect.getdoc(base) or "").items():
                sentences.setdefault(name, sentence)
    made: Any = spec()
    common = ConnectionSettings().get_resolvable_fields() if issubclass(spec, ConnectionSettings) else {}
    hints = made.get_resolvable_fields()
    names = [name for name in sentences if name in hints]
    names += [name for name in hints if name not in sentences]
    fields = []
    for name in names:
        default, hint = getattr(made, name, None), hints[name]
        is_optional = type(None) in get_args(hint)
        fields.append(
            SettingField(
                name=name,
                sentence=sentences.get(name, ""),
                default=default,
                is_secret="Secret" in str(hint) or any("Secret" in str(part) for part in get_args(hint)),
                is_needed=default == "" or (default is None and not is_optional),
                is_common=name in common,
            )
        )
    return fields


def _sentences(documentation: str) -> dict[str, str]:
    """From the `Fields:` of a docstring: name to sentence."""
    _, _, block = documentation.partition("Fields:\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in block.splitlines():
        if not line.startswith("    "):
            break
        entry = _ENTRY.match(line[4:])
        if entry:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return {name: sentence[:1].upper() + sentence[1:] for name, sentence in found.items()}
