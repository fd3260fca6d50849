"""Sends each alert once, and once more when it is over; what a channel does not take is sent again.

Belongs here: the list of open alerts, the outbox, and what becomes of both. Does not belong here: what an
alert is about.

Both are in one file, because alerts come from the daemon's sensors and from commands run without a daemon; a
lock on it keeps the two from sending the same alert twice. A message is in the outbox before it is sent and
leaves it when its channel has taken it, so that neither a dead channel nor a kill loses one.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.alerts.channels import logger, send, send_to_console
from orchestration.alerts.routing import Routes
from orchestration.alerts.rules import Alert
from orchestration.alerts.templates import (
    Message,
    escalation_message,
    failure_message,
    recovery_message,
)

KEPT_RUNS = 200
KEPT_MESSAGES = 500
KEPT_FOR = timedelta(days=7)
_EMPTY: dict[str, Any] = {"open": {}, "runs": [], "outbox": []}


@dataclass(frozen=True)
class Waiting:
    """A message that a channel has not taken yet.

    Arguments:
        channel: its name in `alerts.yml`.
        since: when it was first tried.
        reason: why the channel did not take it.
    """

    title: str
    channel: str
    since: datetime
    reason: str


class Alerter:
    """The open alerts of one home, and where alerts go.

    Arguments:
        state_file: where open alerts and the outbox are kept.
        routes: what `alerts.yml` says.
        clock: the time that alerts are stamped with, aware UTC.
        trouble: why the routes could not be read; nothing is sent then, and everything waits.
    """

    def __init__(
        self,
        state_file: Path,
        *,
        routes: Routes | None = None,
        clock: Callable[[], datetime],
        trouble: str = "",
    ) -> None:
        self._state_file = state_file
        self._routes = routes or Routes()
        self._clock = clock
        self._trouble = trouble

    def report(self, raised: Sequence[Alert] = (), over: Collection[str] = ()) -> int:
        """Tells what is new and what is over, one message per owner; returns how many alerts that concerned.

        Arguments:
            raised: what is wrong now; what is open already, or of a run that was alerted, is no news.
            over: keys of what is well; most were never open.
        """
        now = self._clock()
        messages: list[tuple[str, Message, bool]] = []
        with self._state() as state:
            new: dict[str, list[tuple[Alert, datetime]]] = {}
            for alert in raised:
                if alert.key in state["open"] or (alert.run_id and alert.run_id in state["runs"]):
                    continue
                since = alert.since or now
                state["open"][alert.key] = {
                    "since": since.isoformat(),
                    "title": alert.title,
                    "owner": alert.owner,
                    "severity": alert.severity,
                }
                if alert.run_id:
                    state["runs"] = [*state["runs"], alert.run_id][-KEPT_RUNS:]
                new.setdefault(alert.owner, []).append((alert, since))
            ended: dict[str, list[dict[str, Any]]] = {}
            for key in dict.fromkeys(over):
                if (opened := state["open"].pop(key, None)) is not None:
                    ended.setdefault(opened["owner"], []).append(opened)
            for owner, alerts in new.items():
                can_wait = all(alert.severity != "block" for alert, _ in alerts)
                messages.append((owner, failure_message(alerts, now), can_wait))
            for owner, ends in ended.items():
                # That a notice ends is no news.
                told = [one for one in ends if one.get("severity") != "notice"]
                if told:
                    begun = [(one["title"], datetime.fromisoformat(one["since"])) for one in told]
                    can_wait = all(one.get("severity") != "block" for one in told)
                    messages.append((owner, recovery_message(begun, now), can_wait))
            for owner, message, can_wait in messages:
                self._put(state, message, self._routes.of(owner), owner, now, can_wait)
            self._escalate(state, now)
        for _, message, _ in messages:
            send_to_console(message)
        self.deliver()
        return sum(map(len, new.values())) + sum(map(len, ended.values()))

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Drops open alerts of what does not exist any more, without a word.

        Arguments:
            is_gone: told an alert's key.
        """
        with self._state() as state:
            state["open"] = {key: value for key, value in state["open"].items() if not is_gone(key)}

    def deliver(self) -> list[Waiting]:
        """Sends what waits in the outbox; returns what still waits because a channel did not take it."""
        now = self._clock()
        with self._sending():
            dead: dict[str, str] = {}
            for entry in self._due(now):
                channel, reason = entry["channel"], ""
                address = self._routes.channels.get(channel)
                if self._trouble:
                    reason = self._trouble
                elif channel in dead:
                    # Once is enough to learn that it is dead: each attempt may take its whole timeout.
                    reason = dead[channel]
                elif address is not None:
                    reason = send(Message.from_json(entry["message"]), address)
                if reason:
                    dead[channel] = reason
                    if not self._trouble:
                        logger.error("the channel %s took no alert (%s); it is tried again", channel, reason)
                self._settle(entry["id"], reason)
        return self.waiting()

    def waiting(self) -> list[Waiting]:
        """What a channel has not taken yet."""
        with self._state() as state:
            return [
                Waiting(
                    one["message"]["title"],
                    one["channel"],
                    datetime.fromisoformat(one["made_at"]),
                    one["reason"],
                )
                for one in state["outbox"]
                if one["reason"]
            ]

    def open_alerts(self) -> dict[str, dict[str, Any]]:
        """Key to since, title, owner and severity."""
        with self._state() as state:
            return dict(state["open"])

    def _put(
        self,
        state: dict[str, Any],
        message: Message,
        channels: Sequence[str],
        owner: str,
        now: datetime,
        can_wait: bool,
    ) -> None:
        quiet = self._routes.quiet_hours
        until = quiet.wait_until(now) if quiet and can_wait else None
        # Where the routes cannot be read, the message waits for the ones that can.
        for channel in channels or ([""] if self._trouble else []):
            state["sequence"] = state.get("sequence", 0) + 1
            state["outbox"].append(
                {
                    "id": state["sequence"],
                    "channel": channel,
                    "to": list(channels),
                    "owner": owner,
                    "made_at": now.isoformat(),
                    "not_before": until.isoformat() if until else "",
                    "reason": "",
                    "message": message.as_json(),
                }
            )
        lost = state["outbox"][:-KEPT_MESSAGES]
        if lost:
            logger.error("%s alerts that no channel took were dropped; the log has their text", len(lost))
            state["outbox"] = state["outbox"][-KEPT_MESSAGES:]

    def _escalate(self, state: dict[str, Any], now: datetime) -> None:
        rule = self._routes.escalation
        if rule is None:
            return
        for opened in state["open"].values():
            since = datetime.fromisoformat(opened["since"])
            if (
                opened.get("severity") == "block"
                and "escalated_at" not in opened
                and now - since >= rule.after
            ):
                opened["escalated_at"] = now.isoformat()
                message = escalation_message(opened["title"], opened["owner"], since, now)
                self._put(state, message, rule.to, opened["owner"], now, can_wait=False)

    def _due(self, now: datetime) -> list[dict[str, Any]]:
        """What is to be sent, oldest first; what lost all its channels goes to those its owner has now."""
        with self._state() as state:
            kept: list[dict[str, Any]] = []
            for entry in state["outbox"]:
                if now - datetime.fromisoformat(entry["made_at"]) > KEPT_FOR:
                    logger.error(
                        "an alert that no channel took for a week is dropped: %s", entry["message"]["title"]
                    )
                elif self._trouble or entry["channel"] in self._routes.channels:
                    kept.append(entry)
                elif not set(entry["to"]) & set(self._routes.channels):
                    for channel in self._routes.of(entry["owner"]):
                        state["sequence"] += 1
                        kept.append({**entry, "id": state["sequence"], "channel": channel, "reason": ""})
            state["outbox"] = kept
            return [
                entry
                for entry in kept
                if not entry["not_before"] or datetime.fromisoformat(entry["not_before"]) <= now
            ]

    def _settle(self, number: int, reason: str) -> None:
        with self._state() as state:
            if not reason:
                state["outbox"] = [one for one in state["outbox"] if one["id"] != number]
                return
            for one in state["outbox"]:
                if one["id"] == number:
                    one["reason"] = reason

    @contextmanager
    def _sending(self) -> Iterator[None]:
        """One process sends at a time; the list stays open to the others meanwhile."""
        with self._locked(".sending"):
            yield

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        """The list, to be changed in place; written in one step."""
        with self._locked(".lock"):
            text = self._state_file.read_text(encoding="utf-8") if self._state_file.exists() else ""
            before: dict[str, Any] = json.loads(text) if text else {}
            after = {**json.loads(json.dumps(_EMPTY)), **json.loads(json.dumps(before))}
            yield after
            if after != before and (before or after != _EMPTY):
                temporary = self._state_file.with_suffix(".tmp")
                temporary.write_text(json.dumps(after, indent=1, ensure_ascii=False), encoding="utf-8")
                temporary.replace(self._state_file)

    @contextmanager
    def _locked(self, suffix: str) -> Iterator[None]:
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        with self._state_file.with_suffix(suffix).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
