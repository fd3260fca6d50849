"""Which sources there are, which connections are on, and their settings.

Belongs here: discovery of `sources/*` and reading dlt's configuration. Does not belong here: what a source
does.

A connection is one instance of a source. `sources.enabled` in dlt's configuration lists them; an instance
with another name than its source says which source it is:

    [sources]
    enabled = ["jira", "jira_emea"]
    [sources.jira_emea]
    source = "jira"
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

import dlt
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException

import ingestion.sources
from ingestion.errors import ConfigurationInvalid
from ingestion.source import Source

_INSTANCE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Connection:
    """An instance of a source that is switched on.

    Arguments:
        instance: its name; `_instance` of its raw rows.
        source: the connector.
    """

    instance: str
    source: Source


class _Sources(Mapping[str, Source]):
    """The sources by name, each imported when it is asked for: a run pays for those only that are on."""

    def __getitem__(self, name: str) -> Source:
        if name not in self._names():
            raise KeyError(name)
        return _source(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    @staticmethod
    def _names() -> list[str]:
        return [module.name for module in pkgutil.iter_modules(ingestion.sources.__path__)]


def available() -> Mapping[str, Source]:
    """Every source that lies in `ingestion/sources`, by the name of its folder."""
    return _Sources()


@cache
def _source(name: str) -> Source:
    source: Source = importlib.import_module(f"ingestion.sources.{name}").source
    return source


def enabled(instances: Sequence[str] | None = None) -> list[Connection]:
    """The connections that are on, in the order of the configuration.

    Arguments:
        instances: their names; None reads `sources.enabled` (a list, or a text with commas).

    Raises ConfigurationInvalid for a name that no source has.
    """
    if instances is None:
        configured: Any = dlt.config.get("sources.enabled")
        if isinstance(configured, str):
            configured = [name.strip() for name in configured.strip("[]").replace('"', "").split(",")]
        instances = [name for name in configured or [] if name]
    names = list(instances)
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigurationInvalid(
            "each connection once in sources.enabled", f"{', '.join(doubled)} twice", "remove one of them"
        )
    return [connection(name) for name in names]


def connection(instance: str) -> Connection:
    """The connection of that name, on or not."""
    if not _INSTANCE.fullmatch(instance):
        raise ConfigurationInvalid(
            "a connection's name of lower-case letters, digits and underscores", f"{instance!r}", "rename it"
        )
    sources = available()
    name = str(dlt.config.get(f"sources.{instance}.source", str) or instance)
    if name not in sources:
        close = get_close_matches(name, sources, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ConfigurationInvalid(
            f"one of the sources {', '.join(sorted(sources))}",
            f"{name!r}",
            f"{hint}correct sources.enabled, or say sources.{instance}.source",
            source=instance,
        )
    return Connection(instance, sources[name])


def settings_of(connection: Connection) -> Any:
    """The connection's settings, from dlt's configuration, secrets and the environment.

    Raises ConfigurationInvalid naming what is missing and where it can be set; never a value.
    """
    instance = connection.instance
    spec = connection.source.settings_class()
    try:
        return resolve_configuration(spec(), sections=("sources", instance))
    except ConfigFieldMissingException as error:
        missing = sorted(error.fields)
        variables = ", ".join(f"SOURCES__{instance.upper()}__{name.upper()}" for name in missing)
        raise ConfigurationInvalid(
            f"settings {', '.join(missing)}",
            "nothing",
            f"set {variables} in the environment, or the same names below [sources.{instance}] "
            "in .dlt/config.toml (secrets: .dlt/secrets.toml)",
            source=instance,
        ) from None
    except ConfigurationException as error:
        field = getattr(error, "field_name", "")
        raise ConfigurationInvalid(
            "settings of the right type",
            f"a value of {field or 'a setting'} that cannot be read ({type(error).__name__})",
            f"compare [sources.{instance}] with the README of {connection.source.name}",
            source=instance,
        ) from None


def secrets_of(settings: Any) -> list[str]:
    """Values that must never appear in a message: all fields that dlt treats as secret."""
    hidden: list[str] = []
    for name, hint in settings.get_resolvable_fields().items():
        value = getattr(settings, name, None)
        is_secret = "Secret" in str(hint) or any("Secret" in str(part) for part in get_args(hint))
        if is_secret and isinstance(value, str) and value:
            hidden.append(value)
    return hidden
