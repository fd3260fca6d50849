"""Makes a world: one company, coherent across all its systems, from one seed.

Belongs here: the order in which the domains are made, and the files of the folder. Does not belong here:
any domain (organisation.py, customers.py, ...) or the schema (schema.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ingestion.sandbox.world.company import write_company
from ingestion.sandbox.world.customers import make_customers
from ingestion.sandbox.world.decisions import make_decisions
from ingestion.sandbox.world.delivery import make_delivery
from ingestion.sandbox.world.engagement import make_engagement
from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.lifecycle import make_lives
from ingestion.sandbox.world.organisation import make_organisation
from ingestion.sandbox.world.revenue import make_revenue
from ingestion.sandbox.world.rollouts import make_rollouts, planted_truth, record_assignments
from ingestion.sandbox.world.schema import SCHEMA_VERSION
from ingestion.sandbox.world.setting import OWN_DOMAIN, REPORTING_CURRENCY, TIME_ZONE, Setting
from ingestion.sandbox.world.support import make_support
from ingestion.sandbox.world.themes import THEMES
from ingestion.sandbox.world.usage import make_usage
from ingestion.sandbox.world.voice import make_voice
from ingestion.sandbox.world.world import World

DEFAULT_AS_OF = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)

Progress = Callable[[str, int, int], None]
"""Called with (what is being made, steps done, steps in all)."""


def generate_world(
    out: Path,
    *,
    seed: int = 7,
    accounts: int = 300,
    months: int = 18,
    as_of: datetime = DEFAULT_AS_OF,
    horizon_days: int = 30,
    on_progress: Progress | None = None,
) -> None:
    """Write a world to the folder `out`. The same arguments give the same bytes.

    Arguments:
        accounts: CRM accounts in all, prospects, duplicates and tests included; at least 10.
        months: full months of usage, support and delivery before `as_of`; at least 2.
        as_of: the moment at which the company is looked at first.
        horizon_days: how long the world goes on after it.
    """
    setting = Setting.of(seed=seed, accounts=accounts, months=months, as_of=as_of, horizon_days=horizon_days)
    steps = (
        "customers",
        "adoption",
        "contracts",
        "usage",
        "delivery",
        "support",
        "voice",
        "decisions",
        "files",
    )

    def report(step: str) -> None:
        if on_progress is not None:
            on_progress(step, steps.index(step), len(steps))

    ledger = Ledger()
    organisation = make_organisation(setting, ledger)
    report("customers")
    customers = make_customers(setting, organisation, ledger)
    lives = make_lives(setting, customers)
    report("adoption")
    engagement = make_engagement(setting, customers)
    rollouts = make_rollouts(setting, customers, lives, engagement)
    record_assignments(rollouts, ledger)
    report("contracts")
    make_revenue(setting, organisation, customers, lives, rollouts.mrr_uplifts(), ledger)
    report("usage")
    make_usage(setting, organisation, customers, lives, engagement, rollouts, ledger)
    report("delivery")
    issues = make_delivery(setting, organisation, rollouts, ledger)
    report("support")
    make_support(setting, organisation, customers, lives, engagement, rollouts, issues, ledger)
    report("voice")
    make_voice(setting, organisation, customers, lives, ledger)
    report("decisions")
    make_decisions(setting, organisation, rollouts, issues, ledger)
    report("files")

    out.mkdir(parents=True, exist_ok=True)
    # world.json comes last: a folder without it is no world, so a half-written one is never taken for whole.
    (out / "world.json").unlink(missing_ok=True)
    ledger.write(out / "tables", setting.ends_at)
    truth = {**planted_truth(rollouts), "themes": [theme.theme_id for theme in THEMES]}
    _write_json(out / "truth.json", truth)
    _write_json(
        out / "world.json",
        {
            "schema_version": SCHEMA_VERSION,
            "seed": seed,
            "as_of": _zulu(setting.as_of),
            "starts_at": _zulu(setting.starts_at),
            "ends_at": _zulu(setting.ends_at),
            "time_zone": TIME_ZONE,
            "reporting_currency": REPORTING_CURRENCY,
            "own_domain": OWN_DOMAIN,
            "person_key_secret": f"sandbox-{seed}-not-a-secret",
        },
    )
    world = World.load(out)
    write_company(world, world.meta.as_of, out / "company")
    if on_progress is not None:
        on_progress("done", len(steps), len(steps))


def _zulu(moment: datetime) -> str:
    return moment.isoformat() + "Z"


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
