"""The sandbox company: one generated world, served as the vendors would, a day further on every run.

Belongs here: the company's day, its world, its server, the settings that make everything talk to it. Does not
belong
here: running jobs, and drawing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ingestion.sandbox.credentials import JIRA_SITE, ZENDESK_SUBDOMAIN
from ingestion.sandbox.server import SandboxServer
from orchestration.resources.warehouse import warehouse_of
from orchestration.settings import Settings

SOURCES = ("hubspot", "zendesk", "mixpanel", "jira", "governance")
DAY = timedelta(days=1)
STATE_FILE = "demo.json"
SEED = 7
ACCOUNTS = 300
MONTHS = 18


class DemoError(RuntimeError):
    """The demo cannot go on."""


@dataclass(frozen=True)
class DemoState:
    """What is remembered between runs.

    Arguments:
        seed, accounts, months: what the world was made of.
        now: of the last run that completed; None before the first.
        completed_runs: how many did.
    """

    seed: int = SEED
    accounts: int = ACCOUNTS
    months: int = MONTHS
    now: datetime | None = None
    completed_runs: int = 0

    def next_now(self, as_of: datetime, ends_at: datetime) -> datetime:
        """The company's 'now' of the next run: its first day, then a day further each time.

        Raises DemoError at the end of the world.
        """
        moment = as_of if self.now is None else self.now + DAY
        if moment > ends_at:
            raise DemoError(
                f"expected a day of the sandbox company up to {ends_at:%Y-%m-%d}; all are used up. "
                "What to do: start over with `norte demo --fresh`, which removes the demo's data"
            )
        return moment

    def completed(self, now: datetime) -> DemoState:
        """After a run that completed."""
        return replace(self, now=now, completed_runs=self.completed_runs + 1)


class Demo:
    """The sandbox company of a home.

    Arguments:
        home: the folder of all state.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state_file = home / STATE_FILE
        self.world_path = home / "world"
        self.company_path = home / "company"

    @property
    def exists(self) -> bool:
        """Whether this home is a sandbox company's."""
        return self.state_file.exists()

    @property
    def has_world(self) -> bool:
        """Whether the company has been made."""
        return (self.world_path / "world.json").exists()

    def state(self) -> DemoState:
        """What is remembered; the beginning where nothing is."""
        if not self.exists:
            return DemoState()
        content = json.loads(self.state_file.read_text(encoding="utf-8"))
        content["now"] = datetime.fromisoformat(content["now"]) if content["now"] else None
        return DemoState(**content)

    def remember(self, state: DemoState) -> None:
        """In one step: a kill leaves the state before or this one."""
        self.home.mkdir(parents=True, exist_ok=True)
        temporary = self.state_file.with_suffix(".tmp")
        content = asdict(state) | {"now": state.now.isoformat() if state.now else None}
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
        temporary.replace(self.state_file)

    def generate(self, state: DemoState, on_progress: Callable[[str, int, int], None] | None = None) -> bool:
        """Makes the world unless it is there; returns whether it was made."""
        if self.has_world:
            return False
        from ingestion.sandbox.world.generate import generate_world

        building = self.world_path.with_name("world.building")
        shutil.rmtree(building, ignore_errors=True)
        generate_world(
            building, seed=state.seed, accounts=state.accounts, months=state.months, on_progress=on_progress
        )
        shutil.rmtree(self.world_path, ignore_errors=True)
        building.rename(self.world_path)
        return True

    def person_key_secret(self) -> str:
        """The secret of the world's personal keys; empty where there is no world."""
        return self._meta()["person_key_secret"] if self.has_world else ""

    def span(self) -> tuple[datetime, datetime, datetime]:
        """When the world starts, from when the demo shows it, and when it ends."""
        meta = self._meta()
        return tuple(_moment(meta[name]) for name in ("starts_at", "as_of", "ends_at"))  # type: ignore[return-value]

    def write_company(self, now: datetime) -> None:
        """The governance files as they stand at `now`, as if the company's repository had been pulled."""
        from ingestion.sandbox.world.company import write_company
        from ingestion.sandbox.world.world import World

        write_company(World.load(self.world_path), now, self.company_path)

    @contextmanager
    def serve(self, now: datetime) -> Iterator[dict[str, str]]:
        """Serves the vendors at `now`; yields the settings that make everything talk to them."""
        meta = self._meta()
        starts_at, _, _ = self.span()
        with SandboxServer(self.world_path, now) as server:
            yield {
                **server.env(),
                "SOURCES__ENABLED": ",".join(SOURCES),
                "SOURCES__GOVERNANCE__DIRECTORY": str(self.company_path),
                # Everything said of the sandbox is on this machine; a proxy would only stand in between.
                "NO_PROXY": "127.0.0.1,localhost",
                "no_proxy": "127.0.0.1,localhost",
                "NORTE_HOME": str(self.home),
                "NORTE_NOW": now.isoformat(),
                "NORTE_TIME_ZONE": meta["time_zone"],
                "NORTE_OWN_EMAIL_DOMAINS": meta["own_domain"],
                "NORTE_SUPPORT_LINK_BASE": f"https://{ZENDESK_SUBDOMAIN}.zendesk.com",
                "NORTE_DELIVERY_LINK_BASE": f"https://{JIRA_SITE}.atlassian.net",
                "NORTE_ANALYTICS_STARTS_ON": starts_at.date().isoformat(),
                "NORTE_RETRY_COUNT": "0",
            }

    def remove(self, settings: Settings) -> None:
        """Everything that the demo made; nothing that it did not."""
        if not self.exists:
            raise DemoError(
                f"expected a sandbox company in {self.home}; there is none. "
                "What to do: choose its folder by NORTE_HOME"
            )
        for path in (
            self.world_path,
            self.company_path,
            settings.published_dir,
            settings.dagster_home,
            settings.pipelines_dir,
            settings.dbt_dir,
            settings.logs_dir,
        ):
            shutil.rmtree(path, ignore_errors=True)
        warehouse_of(settings).clear()
        for path in (
            settings.alerts_file,
            settings.alerts_file.with_suffix(".lock"),
            settings.alerts_file.with_suffix(".sending"),
            settings.heartbeat_file,
            settings.verdict_file,
            settings.erased_file,
            settings.backups_file,
            self.state_file,
        ):
            path.unlink(missing_ok=True)

    def _meta(self) -> dict[str, str]:
        meta: dict[str, str] = json.loads((self.world_path / "world.json").read_text(encoding="utf-8"))
        return meta


@contextmanager
def served_company(settings: Settings) -> Iterator[Mapping[str, str]]:
    """The settings of the sandbox company, served as of its last day, where this home is one's; else none.

    Whoever says what time it is there (`NORTE_NOW`) serves the vendors as well: their settings hold.
    """
    company = Demo(settings.home)
    if not company.exists or settings.now is not None:
        yield {}
        return
    if not company.has_world:
        raise DemoError(
            "expected a sandbox company; it was never made. What to do: run `make demo` to its end"
        )
    _, as_of, _ = company.span()
    now = company.state().now or as_of
    company.write_company(now)
    with company.serve(now) as extra:
        yield extra


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
