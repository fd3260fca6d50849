"""Customer organisations and their people: who they are, and how they are changed, merged and deleted in
the CRM.

Belongs here: accounts, people and their changes. Does not belong here: what they pay (lifecycle.py,
revenue.py) or do (usage.py, support.py, voice.py).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.names import (
    COMPANY_KINDS,
    COMPANY_STEMS,
    FIRST_NAMES,
    FREE_MAIL,
    JOB_TITLES,
    LAST_NAMES,
    ascii_slug,
)
from ingestion.sandbox.world.organisation import Organisation
from ingestion.sandbox.world.setting import (
    Setting,
    business_moment,
    next_weekday,
    pick,
    pick_weighted,
    to_local,
)

# country, weight, region, language, currency, time zone
COUNTRIES: tuple[tuple[str, float, str, str, str, str], ...] = (
    ("BR", 0.45, "latam", "pt", "BRL", "America/Sao_Paulo"),
    ("US", 0.28, "north_america", "en", "USD", "America/New_York"),
    ("CA", 0.05, "north_america", "en", "USD", "America/Toronto"),
    ("GB", 0.09, "emea", "en", "USD", "Europe/London"),
    ("IE", 0.04, "emea", "en", "EUR", "Europe/Dublin"),
    ("DE", 0.05, "emea", "en", "EUR", "Europe/Berlin"),
    ("NL", 0.02, "emea", "en", "EUR", "Europe/Amsterdam"),
    ("PT", 0.02, "emea", "pt", "EUR", "Europe/Lisbon"),
)

SEGMENTS = ("smb", "mid_market", "enterprise")
_SEGMENT_WEIGHTS = (0.55, 0.30, 0.15)
_USERS = {"smb": 3.2, "mid_market": 7.0, "enterprise": 14.0}
_SEATS = {"smb": (3, 18), "mid_market": (18, 80), "enterprise": (80, 380)}


@dataclass
class Account:
    """A CRM account while the world is made; what changes over time is in `segment_changes` and the ledger.

    `kind` says why it is there: `customer`, `prospect`, `test`, `own`, `duplicate` (merged into another
    later).
    """

    account_id: int
    kind: str
    name: str
    domain: str | None
    country: str
    region: str
    language: str
    currency: str
    time_zone: str
    industry: str
    employee_count: int
    segment: str
    owner_staff_id: int
    created_at: datetime
    health: float
    engagement: float
    seats: int
    first_start_on: date | None
    segment_changes: list[tuple[datetime, str]] = field(default_factory=list)
    merged_into: int | None = None
    merged_at: datetime | None = None
    deleted_at: datetime | None = None

    def segment_at(self, at: datetime) -> str:
        """The segment that held at a moment."""
        place = bisect_right([when for when, _ in self.segment_changes], at)
        return self.segment if place == 0 else self.segment_changes[place - 1][1]


@dataclass
class Person:
    """A customer's person. `user_from` is when they may begin to use the product (None: never)."""

    person_id: int
    account: Account | None
    name: str
    email: str | None
    language: str
    created_at: datetime
    user_from: datetime | None
    left_at: datetime | None
    devotion: float


@dataclass
class Customers:
    """All accounts (by ascending id) and people."""

    accounts: list[Account]
    people: list[Person]

    def __post_init__(self) -> None:
        self.by_id = {account.account_id: account for account in self.accounts}
        self.people_of: dict[int, list[Person]] = {account.account_id: [] for account in self.accounts}
        for person in self.people:
            if person.account is not None:
                self.people_of[person.account.account_id].append(person)
        self.strangers = [person for person in self.people if person.account is None]

    def survivor_of(self, account: Account) -> Account:
        """The account that a merged one ends up in; itself when never merged."""
        return self.by_id[account.merged_into] if account.merged_into is not None else account


def make_customers(setting: Setting, organisation: Organisation, ledger: Ledger) -> Customers:
    """Accounts and people with all their changes."""
    accounts = _make_accounts(setting, organisation)
    for account in accounts:
        ledger.add(
            "accounts",
            account_id=account.account_id,
            name=account.name,
            domain=account.domain,
            country=account.country,
            region=account.region,
            language=account.language,
            industry=account.industry,
            employee_count=account.employee_count,
            segment=account.segment,
            owner_staff_id=account.owner_staff_id,
            is_test=account.kind in ("test", "own"),
            created_at=account.created_at,
            visible_at=account.created_at,
            truth_health=round(account.health, 4),
            truth_engagement=round(account.engagement, 4),
        )
    _change_accounts(setting, organisation, ledger, accounts)
    people = _make_people(setting, accounts)
    for person in people:
        rng_phone = person.person_id * 7919 % 10_000
        ledger.add(
            "people",
            person_id=person.person_id,
            account_id=person.account.account_id if person.account else None,
            name=person.name,
            email=person.email,
            phone=_phone(person, rng_phone),
            language=person.language,
            job_title=JOB_TITLES[person.language][person.person_id % len(JOB_TITLES[person.language])],
            created_at=person.created_at,
            visible_at=person.created_at,
        )
    customers = Customers(accounts, people)
    _change_people(setting, ledger, customers)
    return customers


def _phone(person: Person, digits: int) -> str | None:
    if person.person_id % 5 == 0:
        return None
    if person.language == "pt":
        return f"+55 11 90000-{digits:04d}"
    return f"+1 202-555-{digits % 10000:04d}"


def _make_accounts(setting: Setting, organisation: Organisation) -> list[Account]:
    rng = setting.stream("accounts")
    total = setting.accounts
    test_count = max(2, total // 100)
    duplicate_count = max(2, total // 50)
    prospect_count = max(2, round(total * 0.12))
    kinds = (
        ["own"]
        + ["test"] * (test_count - 1)
        + ["duplicate"] * duplicate_count
        + ["prospect"] * prospect_count
    )
    kinds += ["customer"] * (total - len(kinds))
    drafts = [_draft_account(setting, organisation, rng, kind) for kind in kinds]
    _spread_first_starts(setting, rng, drafts)
    used_names: set[str] = set()
    for draft in drafts:
        _name_account(rng, draft, used_names)
    drafts.sort(key=lambda a: a.created_at)
    for number, account in enumerate(drafts):
        account.account_id = 101 + number
    _plan_merges(setting, rng, drafts)
    for account in drafts:
        if account.kind == "customer":
            _plan_segment_changes(setting, rng, account)
    deletable = [a for a in drafts if a.kind == "prospect" and a.created_at < setting.between(0.8)]
    for account in deletable[: max(1, total // 100)]:
        account.deleted_at = business_moment(
            rng, to_local(setting.between(0.85 + 0.14 * rng.random())).date()
        )
    if deletable:
        deletable[0].deleted_at = setting.as_of + timedelta(hours=10, minutes=2, seconds=31)
    return drafts


def _draft_account(
    setting: Setting, organisation: Organisation, rng: np.random.Generator, kind: str
) -> Account:
    country, _, region, language, currency, zone = pick_weighted(rng, COUNTRIES, [c[1] for c in COUNTRIES])
    if kind == "own":
        country, region, language, currency, zone = "BR", "latam", "pt", "BRL", "America/Sao_Paulo"
    segment = (
        "smb" if kind in ("test", "own", "duplicate") else pick_weighted(rng, SEGMENTS, _SEGMENT_WEIGHTS)
    )
    low, high = _SEATS[segment]
    seats = round(low * (high / low) ** rng.random())
    health = float(rng.beta(5, 2.4))
    owner_language = "pt" if language == "pt" else "en"
    owners = [m for m in organisation.members("csm") if m.language == owner_language]
    employees = int(seats * (1.5 + 12 * rng.random()))
    return Account(
        account_id=0,
        kind=kind,
        name="",
        domain=None,
        country=country,
        region=region,
        language=language,
        currency=currency,
        time_zone=zone,
        industry="software",
        employee_count=employees,
        segment=segment,
        owner_staff_id=pick(rng, owners).staff_id,
        created_at=setting.starts_at,
        health=health,
        # Who is healthy tends to be engaged, but engagement has a life of its own.
        engagement=float(0.9 * (health - 0.67) / 0.16 * 0.35 + rng.normal(0, 0.4)),
        seats=seats,
        first_start_on=None,
    )


def _spread_first_starts(setting: Setting, rng: np.random.Generator, drafts: list[Account]) -> None:
    """When each account is created, and when its first contract starts (None for those without one)."""
    customers = [a for a in drafts if a.kind == "customer"]
    old = int(len(customers) * 0.5)
    for place, account in enumerate(customers):
        if place < old:
            span = (setting.starts_at - setting.crm_starts_at).total_seconds()
            start = setting.crm_starts_at + timedelta(seconds=span * math.sqrt(rng.random()))
        else:
            span = (setting.ends_at - setting.starts_at).total_seconds()
            start = setting.starts_at + timedelta(seconds=span * float(rng.random()))
        account.first_start_on = to_local(start).date()
        day = next_weekday(account.first_start_on - timedelta(days=int(rng.integers(18, 80))))
        account.created_at = business_moment(rng, day, account.time_zone)
    for account in drafts:
        if account.kind == "customer":
            continue
        span = (setting.ends_at - setting.starts_at).total_seconds()
        share = rng.random() * (0.7 if account.kind in ("duplicate",) else 1.0)
        moment = setting.starts_at + timedelta(seconds=span * float(share))
        if account.kind in ("test", "own"):
            moment = setting.crm_starts_at + timedelta(days=float(rng.random() * 30))
            account.first_start_on = to_local(moment).date() + timedelta(days=10)
        account.created_at = business_moment(rng, next_weekday(to_local(moment).date()), account.time_zone)


def _name_account(rng: np.random.Generator, account: Account, used: set[str]) -> None:
    while True:
        kind, industry = pick(rng, COMPANY_KINDS[account.language])
        stems = COMPANY_STEMS[account.language]
        name = (
            f"{pick(rng, stems)} {kind}"
            if rng.random() < 0.6
            else f"{pick(rng, stems)} {pick(rng, stems)} {kind}"
        )
        slug = ascii_slug(name)
        if slug not in used:
            break
    used.add(slug)
    account.name, account.industry = name, industry
    ending = {"BR": "com.br.example", "GB": "co.uk.example"}.get(account.country, "example")
    account.domain = f"{slug}.{ending}"
    if account.kind == "own":
        account.name, account.domain = "Trilha (own workspace)", "trilha-workspace.example"
    elif account.kind == "test":
        account.name, account.domain = f"Test {name}", f"test-{slug}.example"
    elif account.kind == "customer" and account.segment == "smb" and rng.random() < 0.06:
        account.domain = None


def _plan_merges(setting: Setting, rng: np.random.Generator, accounts: list[Account]) -> None:
    """Duplicates carry the name of a customer of the same country, and are merged into it some time later."""
    for account in accounts:
        if account.kind != "duplicate":
            continue
        candidates = [
            a
            for a in accounts
            if a.kind == "customer"
            and a.domain
            and a.created_at < account.created_at
            and a.merged_into is None
        ] or [a for a in accounts if a.kind == "customer" and a.domain]
        twin = pick(rng, candidates)
        account.name = f"{twin.name} Ltda" if twin.language == "pt" else f"{twin.name} Inc"
        account.country, account.region, account.language = twin.country, twin.region, twin.language
        account.currency, account.time_zone, account.industry = twin.currency, twin.time_zone, twin.industry
        account.owner_staff_id = twin.owner_staff_id
        account.domain = None
        account.merged_into = twin.account_id
        earliest = max(account.created_at, twin.created_at) + timedelta(days=20)
        latest = max(earliest + timedelta(days=30), setting.as_of - timedelta(days=5))
        share = rng.random()
        account.merged_at = business_moment(
            rng, next_weekday((earliest + (latest - earliest) * share).date())
        )
    # One merge falls just after the company is looked at first; another takes a contract along.
    late = [
        a for a in accounts if a.kind == "duplicate" and a.created_at < setting.as_of - timedelta(days=40)
    ]
    if late:
        late[-1].merged_at = setting.as_of + timedelta(hours=8, minutes=11, seconds=7)
        late[0].first_start_on = to_local(late[0].created_at).date() + timedelta(days=15)


def _plan_segment_changes(setting: Setting, rng: np.random.Generator, account: Account) -> None:
    if rng.random() > 0.14 or account.first_start_on is None:
        return
    begin = max(setting.starts_at, account.created_at) + timedelta(days=60)
    if begin >= setting.ends_at:
        return
    moment = begin + (setting.ends_at - begin) * float(rng.random())
    place = SEGMENTS.index(account.segment)
    grows = rng.random() < 0.75
    target = min(2, place + 1) if grows else max(0, place - 1)
    if target == place:
        target = 1
    at = business_moment(rng, next_weekday(moment.date()))
    account.segment_changes.append((at, SEGMENTS[target]))


def _change_accounts(
    setting: Setting, organisation: Organisation, ledger: Ledger, accounts: list[Account]
) -> None:
    rng = setting.stream("account changes")
    for account in accounts:
        owner = organisation.by_id[account.owner_staff_id]
        before = account.segment
        for at, segment in account.segment_changes:
            ledger.change("accounts", account.account_id, "segment", before, segment, at, owner.staff_id)
            before = segment
        if owner.active_to is not None and account.created_at < owner.active_to:
            heirs = [
                m for m in organisation.members("csm", at=owner.active_to) if m.language == owner.language
            ]
            heir = pick(
                rng, [m for m in heirs if m is not owner] or organisation.members("csm", at=owner.active_to)
            )
            at = owner.active_to + timedelta(seconds=int(rng.integers(60, 86400)))
            ledger.change(
                "accounts",
                account.account_id,
                "owner_staff_id",
                owner.staff_id,
                heir.staff_id,
                at,
                heir.staff_id,
            )
        if account.kind == "customer" and rng.random() < 0.02:
            at = business_moment(rng, next_weekday(setting.between(0.2 + 0.8 * rng.random()).date()))
            if at > account.created_at:
                name = f"{account.name} Group" if account.language == "en" else f"Grupo {account.name}"
                ledger.change(
                    "accounts", account.account_id, "name", account.name, name, at, account.owner_staff_id
                )
        if account.merged_into is not None and account.merged_at is not None:
            ledger.change(
                "accounts", account.account_id, "merged_into", None, account.merged_into, account.merged_at
            )
        if account.deleted_at is not None:
            ledger.change("accounts", account.account_id, "deleted", "false", "true", account.deleted_at)


def _make_people(setting: Setting, accounts: list[Account]) -> list[Person]:
    rng = setting.stream("people")
    used: set[str] = set()
    drafts: list[Person] = []
    for account in accounts:
        mean = {
            "customer": _USERS[account.segment],
            "prospect": 1.6,
            "test": 2.0,
            "own": 2.0,
            "duplicate": 1.3,
        }
        count = 1 + int(
            rng.poisson(mean[account.kind] - 0.5 if account.kind == "customer" else mean[account.kind] - 1)
        )
        for place in range(count):
            drafts.append(_draft_person(setting, rng, account, place, used))
    for _ in range(max(3, setting.accounts // 15)):
        language = "pt" if rng.random() < 0.5 else "en"
        name, local_part = _person_name(rng, language, used)
        at = setting.starts_at + (setting.ends_at - setting.starts_at) * float(rng.random())
        email = f"{local_part}@{pick(rng, FREE_MAIL[language])}"
        moment = business_moment(rng, next_weekday(at.date()))
        drafts.append(Person(0, None, name, email, language, moment, None, None, 0.0))
    drafts.sort(key=lambda p: p.created_at)
    for number, person in enumerate(drafts):
        person.person_id = 20_001 + number
    return drafts


def _person_name(rng: np.random.Generator, language: str, used: set[str]) -> tuple[str, str]:
    """A name and a local part of an address that nobody has."""
    first, last = pick(rng, FIRST_NAMES[language]), pick(rng, LAST_NAMES[language])
    local_part = f"{ascii_slug(first)}.{ascii_slug(last)}"
    number = 1
    while local_part in used:
        number += 1
        local_part = f"{ascii_slug(first)}.{ascii_slug(last)}{number}"
    used.add(local_part)
    return f"{first} {last}", local_part


def _draft_person(
    setting: Setting, rng: np.random.Generator, account: Account, place: int, used: set[str]
) -> Person:
    name, local_part = _person_name(rng, account.language, used)
    starts_on = account.first_start_on
    founder = place < 2 or starts_on is None
    if founder:
        created = account.created_at + timedelta(seconds=int(rng.integers(30, 400_000)) if place else 0)
    else:
        # Colleagues join through the years, the more of them around the beginning.
        begin = max(account.created_at, setting.crm_starts_at)
        span = (setting.ends_at - begin).total_seconds()
        day = next_weekday((begin + timedelta(seconds=span * float(rng.random() ** 2.2))).date())
        created = max(business_moment(rng, day, account.time_zone), account.created_at + timedelta(hours=1))
    email: str | None = f"{local_part}@{account.domain}" if account.domain else None
    if account.domain is None or (account.kind == "customer" and rng.random() < 0.04):
        email = f"{local_part}@{pick(rng, FREE_MAIL[account.language])}"
    if account.kind == "customer" and place > 2 and rng.random() < 0.02:
        email = None
    left_at = None
    if account.kind == "customer" and place > 1 and rng.random() < 0.15:
        left_at = created + timedelta(days=float(rng.integers(90, 500)))
    is_user = account.kind != "duplicate" and email is not None and rng.random() < 0.93
    return Person(
        person_id=0,
        account=account,
        name=name,
        email=email,
        language=account.language,
        created_at=created.replace(microsecond=0),
        user_from=created.replace(microsecond=0) if is_user else None,
        left_at=left_at,
        devotion=float(rng.beta(2.2, 2.0)),
    )


def _change_people(setting: Setting, ledger: Ledger, customers: Customers) -> None:
    rng = setting.stream("person changes")
    free = [
        person
        for person in customers.people
        if person.account and person.account.kind == "customer" and person.created_at < setting.between(0.7)
    ]
    wanted = max(2, len(customers.people) // 150)
    order: list[Any] = list(rng.permutation(len(free)))

    def moment_after(person: Person, low: float, high: float) -> datetime:
        at = business_moment(rng, next_weekday(setting.between(low + (high - low) * rng.random()).date()))
        return max(at, person.created_at + timedelta(days=2))

    for step in range(min(wanted, len(order) // 5)):
        married = free[order.pop()]
        if married.email:
            local_part, _, domain = married.email.partition("@")
            at = moment_after(married, 0.7, 1.03)
            ledger.change(
                "people", married.person_id, "email", married.email, f"{local_part}.new@{domain}", at
            )
        promoted = free[order.pop()]
        titles = JOB_TITLES[promoted.language]
        old, new = (titles[(promoted.person_id + step) % len(titles)] for step in (0, 1))
        ledger.change("people", promoted.person_id, "job_title", old, new, moment_after(promoted, 0.7, 1.04))
        deleted = free[order.pop()]
        deleted_at = moment_after(deleted, 0.75, 1.03)
        if step == 0:
            deleted_at = setting.as_of + timedelta(hours=9, minutes=20, seconds=5)
        deleted.user_from = None
        ledger.change("people", deleted.person_id, "deleted", "false", "true", deleted_at)
        twin = free[order.pop()]
        colleagues = [
            p
            for p in customers.people_of[twin.account.account_id if twin.account else 0]
            if p is not twin and p.user_from and p.created_at < setting.between(0.7)
        ]
        if colleagues:
            twin.user_from = None
            at = moment_after(twin, 0.75, 1.03)
            ledger.change("people", twin.person_id, "merged_into", None, pick(rng, colleagues).person_id, at)
