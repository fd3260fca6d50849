"""Whose alert goes where: the company's `alerts.yml`.

Belongs here: reading that file, and from an owner to channels. Does not belong here: how a channel is spoken
to.

    channels:                                  # each named once
      platform: ${NORTE_HOOK_PLATFORM}         # from the environment or norte.env: an address is a password
      finance_mail: mailtos://norte:${SMTP_PASSWORD}@mail.acme.example?to=finance@acme.example
    default: [platform]                        # owners without a line below
    owners:
      revenue_operations: [finance_mail, platform]
    escalation: {after_hours: 8, to: [platform]}
    quiet_hours: {from: "20:00", until: "07:00"}
    heartbeat: {url: "${NORTE_HEARTBEAT}", silence_after_hours: 26}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from orchestration.owners import as_owner

SILENCE_AFTER_HOURS = 26.0
_WORDS = {"channels", "default", "owners", "escalation", "quiet_hours", "heartbeat"}
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class AlertsFileError(ValueError):
    """`alerts.yml` says something that has no meaning."""


@dataclass(frozen=True)
class Escalation:
    """Who is told as well when something stays blocked."""

    after: timedelta
    to: tuple[str, ...]


@dataclass(frozen=True)
class QuietHours:
    """Warnings wait for their end; what blocks does not.

    Arguments:
        start, end: local times of the company; the span may go over midnight.
    """

    start: time
    end: time
    time_zone: str

    def wait_until(self, now: datetime) -> datetime | None:
        """The end of the quiet hours that `now` (aware) lies in; None outside of them."""
        local = now.astimezone(ZoneInfo(self.time_zone))
        clock = local.time()
        overnight = self.start > self.end
        inside = clock >= self.start or clock < self.end if overnight else self.start <= clock < self.end
        if not inside:
            return None
        day = local.date() + (timedelta(days=1) if overnight and clock >= self.start else timedelta(0))
        return datetime.combine(day, self.end, ZoneInfo(self.time_zone))


@dataclass(frozen=True)
class Routes:
    """What `alerts.yml` says.

    Arguments:
        channels: name to address.
        default: channels of owners without a line of their own.
        owners: owner, as `as_owner` writes it, to channels.
        silence_after: without a publication for this long, the dead man's switch speaks.
    """

    channels: Mapping[str, str] = field(default_factory=dict)
    default: tuple[str, ...] = ()
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    escalation: Escalation | None = None
    quiet_hours: QuietHours | None = None
    heartbeat_url: str | None = None
    silence_after: timedelta = timedelta(hours=SILENCE_AFTER_HOURS)

    def of(self, owner: str) -> tuple[str, ...]:
        """The channels of an owner; `team:data` and `data` are the same."""
        return self.owners.get(as_owner(owner), self.default)


def read_routes(path: Path, environment: Mapping[str, str], time_zone: str) -> Routes:
    """The routes of a file; none where there is no file.

    Arguments:
        environment: where `${NAME}` is looked up.
        time_zone: the company's, for quiet hours.

    Raises AlertsFileError naming what is wrong and what to do.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return Routes()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise AlertsFileError(
            f"{path}: expected a file that can be read; came: {_one_line(error)}. What to do: correct it"
        ) from error
    told = _mapping(path, "the file", content)
    _known(path, "the file", told, _WORDS)
    channels = {
        name: _filled(path, f"channels.{name}", address, environment)
        for name, address in _mapping(path, "channels", told.get("channels")).items()
    }

    def names(what: str, value: Any) -> tuple[str, ...]:
        listed = [value] if isinstance(value, str) else value or []
        unknown = (
            [str(name) for name in listed if name not in channels] if isinstance(listed, list) else [what]
        )
        if unknown:
            raise AlertsFileError(
                f"{path}: {what}: expected names out of channels ({', '.join(channels) or 'none'}); "
                f"came {', '.join(unknown)}. What to do: add the channel, or correct the name"
            )
        return tuple(listed)

    heartbeat = _mapping(path, "heartbeat", told.get("heartbeat"))
    _known(path, "heartbeat", heartbeat, {"url", "silence_after_hours"})
    url = heartbeat.get("url")
    return Routes(
        channels=channels,
        default=names("default", told.get("default")),
        owners={
            as_owner(str(owner)): names(f"owners.{owner}", value)
            for owner, value in _mapping(path, "owners", told.get("owners")).items()
        },
        escalation=_escalation(path, told.get("escalation"), names),
        quiet_hours=_quiet_hours(path, told.get("quiet_hours"), time_zone),
        heartbeat_url=_filled(path, "heartbeat.url", url, environment) if url else None,
        silence_after=_hours(
            path, "heartbeat.silence_after_hours", heartbeat.get("silence_after_hours", SILENCE_AFTER_HOURS)
        ),
    )


def _escalation(path: Path, value: Any, names: Any) -> Escalation | None:
    if value is None:
        return None
    told = _mapping(path, "escalation", value)
    _known(path, "escalation", told, {"after_hours", "to"})
    return Escalation(
        _hours(path, "escalation.after_hours", told.get("after_hours")),
        names("escalation.to", told.get("to")),
    )


def _quiet_hours(path: Path, value: Any, time_zone: str) -> QuietHours | None:
    if value is None:
        return None
    told = _mapping(path, "quiet_hours", value)
    _known(path, "quiet_hours", told, {"from", "until"})
    try:
        start, end = (time.fromisoformat(told[name]) for name in ("from", "until"))
    except (KeyError, TypeError, ValueError):
        raise AlertsFileError(
            f'{path}: quiet_hours: expected {{from: "20:00", until: "07:00"}}, with quotation marks; came '
            f"{told}. What to do: correct it"
        ) from None
    return QuietHours(start, end, time_zone)


def _hours(path: Path, what: str, value: Any) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise AlertsFileError(f"{path}: {what}: expected hours above 0; came {value}. What to do: correct it")
    return timedelta(hours=value)


def _mapping(path: Path, what: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise AlertsFileError(f"{path}: {what}: expected `name: value` lines; came something else")
    return value


def _known(path: Path, what: str, told: Mapping[str, Any], words: set[str]) -> None:
    unknown = sorted(set(told) - words)
    if unknown:
        raise AlertsFileError(
            f"{path}: {what}: expected {', '.join(sorted(words))}; came {', '.join(map(str, unknown))}. "
            "What to do: correct the word"
        )


def _filled(path: Path, what: str, value: Any, environment: Mapping[str, str]) -> str:
    """The address with what it refers to; an address itself is never in an error: it is a password."""
    text = value.strip() if isinstance(value, str) else ""
    missing = [name for name in _REFERENCE.findall(text) if not environment.get(name)]
    if missing:
        raise AlertsFileError(
            f"{path}: {what}: expected {', '.join(missing)} in the environment or norte.env; it is not set. "
            "What to do: set it, or remove the line"
        )
    filled = _REFERENCE.sub(lambda found: environment[found.group(1)], text)
    if "://" not in filled:
        raise AlertsFileError(
            f"{path}: {what}: expected an address with ://; came something else. "
            "What to do: a webhook (https://...), mailtos://..., or another address of apprise"
        )
    return filled


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
