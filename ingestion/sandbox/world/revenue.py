"""What customers buy: deals with their stage history, and the contracts (line items) of those that are won.

Belongs here: prices, quantities, deals, contracts and their changes. Does not belong here: who renews or
leaves (lifecycle.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from ingestion.sandbox.world.customers import Account, Customers
from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.lifecycle import CHURN_REASONS, Life, Term
from ingestion.sandbox.world.organisation import PLANS, Organisation
from ingestion.sandbox.world.setting import (
    Setting,
    add_months,
    business_moment,
    next_weekday,
    pick,
    pick_weighted,
    to_local,
)

SALES, RENEWALS = 1, 2
# stage_id, pipeline_id, name, position, probability, is_closed, is_won
STAGES: tuple[tuple[int, int, str, int, float, bool, bool], ...] = (
    (11, SALES, "Discovery", 0, 0.1, False, False),
    (12, SALES, "Qualified", 1, 0.25, False, False),
    (13, SALES, "Proposal", 2, 0.5, False, False),
    (14, SALES, "Negotiation", 3, 0.75, False, False),
    (15, SALES, "Closed won", 4, 1.0, True, True),
    (16, SALES, "Closed lost", 5, 0.0, True, False),
    (21, RENEWALS, "Upcoming", 0, 0.6, False, False),
    (22, RENEWALS, "In conversation", 1, 0.7, False, False),
    (23, RENEWALS, "Terms agreed", 2, 0.9, False, False),
    (24, RENEWALS, "Renewed", 3, 1.0, True, True),
    (25, RENEWALS, "Not renewed", 4, 0.0, True, False),
)
_OPEN = {SALES: (11, 12, 13, 14), RENEWALS: (21, 22, 23)}
_WON = {SALES: 15, RENEWALS: 24}
_LOST = {SALES: 16, RENEWALS: 25}

LOCAL_PER_UNIT = {"USD": 1.0, "BRL": 5.2, "EUR": 0.92}
"""Price lists in each currency: list price in the reporting currency x this."""

_PLAN_OF_SEGMENT = {"smb": 1, "mid_market": 2, "enterprise": 3}
ADD_ON, ONBOARDING = 4, 5

_LOSS_TEXTS: dict[str, dict[str, tuple[str, ...]]] = {
    "missing_feature": {
        "pt": ("Faltou a integração com WhatsApp que eles precisam.", "Queriam automações mais completas."),
        "en": (
            "They needed single sign-on and we did not have it.",
            "Missing the automations that they rely on.",
        ),
    },
    "price": {
        "pt": ("Acharam caro para o tamanho da equipe.", "Pediram 40% de desconto, não chegamos lá."),
        "en": ("Too expensive for the size of their team.", "Budget was cut, price was the blocker."),
    },
    "low_usage": {
        "pt": ("Quase ninguém da equipe usa mais.", "O projeto interno que usava a ferramenta acabou."),
        "en": ("Hardly anyone on the team logs in any more.", "Their internal champion left, usage dropped."),
    },
    "competitor": {
        "pt": ("Fecharam com um concorrente.", "A matriz padronizou outra ferramenta."),
        "en": ("Went with a competitor.", "Head office standardised on another tool."),
    },
    "poor_support": {
        "pt": ("Reclamaram da demora do suporte.", "Chamados abertos por semanas sem resposta."),
        "en": ("Unhappy with how long support took.", "Several tickets were open for weeks."),
    },
    "business_closed": {
        "pt": ("A empresa encerrou as atividades.",),
        "en": ("The company is closing down.",),
    },
    "reliability": {
        "pt": ("Relatórios lentos e quedas frequentes.", "Perderam a confiança nos números."),
        "en": ("Slow reports and too many outages.", "They no longer trust the numbers."),
    },
}


@dataclass
class Sale:
    """What one deal is about: its lines and how it ends."""

    account: Account
    deal_type: str
    name: str
    pipeline_id: int
    closes_at: datetime
    is_won: bool
    amount: float
    cycle_days: float
    loss_reason: str | None = None


@dataclass
class Line:
    """One contract to be written with its deal."""

    plan_id: int
    quantity: int
    amount: float
    months: int | None
    starts_on: date


class RevenueBook:
    """Writes deals and contracts with ascending ids in the order of creation once all are known."""

    def __init__(self) -> None:
        self.sales: list[tuple[Sale, list[Line]]] = []

    def sell(self, sale: Sale, *lines: Line) -> None:
        """Add a deal; its lines become contracts if it is won."""
        self.sales.append((sale, list(lines)))


def make_revenue(
    setting: Setting,
    organisation: Organisation,
    customers: Customers,
    lives: dict[int, Life],
    uplifts: dict[int, list[tuple[datetime, float]]],
    ledger: Ledger,
) -> None:
    """Pipelines, deals and contracts with all their changes."""
    founded = setting.crm_starts_at - timedelta(days=400)
    for pipeline_id, name in ((SALES, "Sales"), (RENEWALS, "Renewals")):
        ledger.add("pipelines", pipeline_id=pipeline_id, name=name, visible_at=founded)
    for stage_id, pipeline_id, name, position, probability, is_closed, is_won in STAGES:
        ledger.add(
            "deal_stages",
            stage_id=stage_id,
            pipeline_id=pipeline_id,
            name=name,
            position=position,
            probability=probability,
            is_closed=is_closed,
            is_won=is_won,
            visible_at=founded,
        )
    book = RevenueBook()
    rng = setting.stream("revenue")
    for account in customers.accounts:
        if lives[account.account_id].terms:
            _sell_life(setting, rng, book, lives[account.account_id], uplifts.get(account.account_id, []))
        if account.kind in ("prospect", "customer", "duplicate"):
            _lose_some(setting, rng, book, account, lives[account.account_id])
    _write(setting, organisation, ledger, book)


def _price(account: Account, plan_id: int, seats: int, months: int, rng: np.random.Generator) -> float:
    list_price = next(price for number, _, _, price in PLANS if number == plan_id)
    discount = 0.12 if seats > 150 else 0.06 if seats > 60 else 0.0
    discount += {1: 0.0, 7: 0.03, 12: 0.08, 24: 0.15}.get(months, 0.05)
    haggled = 1 + 0.04 * (rng.random() - 0.5)
    return round(list_price * LOCAL_PER_UNIT[account.currency] * seats * months * (1 - discount) * haggled, 2)


def _sell_life(
    setting: Setting,
    rng: np.random.Generator,
    book: RevenueBook,
    life: Life,
    uplifts: list[tuple[datetime, float]],
) -> None:
    """Deals and contracts of one account: main line, changes within a term, add-on line."""
    account = life.account
    plan_id = _PLAN_OF_SEGMENT[account.segment]
    if rng.random() < 0.15:
        plan_id = max(1, plan_id - 1)
    seats = account.seats
    monthly_extra = 1.0
    pending = sorted(uplifts)
    churn_days = {day for day, _ in life.churns}
    for number, term in enumerate(life.terms):
        if number and term.kind == "renewal":
            seats, plan_id = _next_size(rng, account, seats, plan_id)
        while pending and to_local(pending[0][0]).date() < term.starts_on:
            monthly_extra *= 1 + pending.pop(0)[1]
        amount = round(_price(account, plan_id, seats, term.months, rng) * monthly_extra, 2)
        signed_at = _signing(rng, account, term)
        lines = [Line(plan_id, seats, amount, term.months, term.starts_on)]
        if term.kind == "new" and account.kind == "customer" and rng.random() < 0.4:
            fee = round((300 + 40 * seats**0.7) * LOCAL_PER_UNIT[account.currency], 2)
            lines.append(Line(ONBOARDING, 1, fee, None, term.starts_on))
        title = {"new": "New subscription", "renewal": "Renewal", "return": "Back with us"}[term.kind]
        pipeline_id = RENEWALS if term.kind == "renewal" else SALES
        cycle = 1.0 if term.months == 1 and term.kind == "renewal" else float(rng.uniform(20, 85))
        if term.kind == "new":
            cycle = max(
                1.0, (signed_at - account.created_at).total_seconds() / 86400 - float(rng.uniform(0.1, 3))
            )
        sale = Sale(
            account,
            "renewal" if term.kind == "renewal" else "new_business",
            f"{account.name} – {title} {term.starts_on:%Y-%m}",
            pipeline_id,
            signed_at,
            True,
            sum(line.amount for line in lines),
            cycle,
        )
        book.sell(sale, *lines)
        follower = life.terms[number + 1] if number + 1 < len(life.terms) else None
        until = min(term.ends_on, follower.starts_on - timedelta(days=6)) if follower else term.ends_on
        changes, carried = _changes_within(
            rng, account, term, until, seats, pending, term.ends_on in churn_days
        )
        seats, rise = _amend(rng, book, account, term, plan_id, seats, amount, changes)
        monthly_extra *= rise * carried
    for day, reason in life.churns:
        last = max((t for t in life.terms if t.ends_on <= day), key=lambda t: t.ends_on)
        at = business_moment(
            rng, next_weekday(day - timedelta(days=int(rng.integers(-3, 25)))), account.time_zone
        )
        book.sell(
            Sale(
                account,
                "renewal",
                f"{account.name} – Renewal {day:%Y-%m}",
                RENEWALS,
                at,
                False,
                _price(account, plan_id, seats, last.months, rng),
                float(rng.uniform(3, 12) if last.months == 1 else rng.uniform(25, 80)),
                reason,
            )
        )
    _sell_add_on(rng, book, account, life, seats)


def _signing(rng: np.random.Generator, account: Account, term: Term) -> datetime:
    lead = int(rng.integers(0, 2)) if term.months == 1 else int(rng.integers(1, 15))
    day = term.starts_on - timedelta(days=lead)
    at = business_moment(rng, day, account.time_zone)
    return max(at, account.created_at + timedelta(days=1, seconds=11)) if term.kind == "new" else at


def _next_size(rng: np.random.Generator, account: Account, seats: int, plan_id: int) -> tuple[int, int]:
    """Seats and plan of a renewal."""
    mark = rng.random()
    if mark < 0.25 + 0.2 * account.health:
        seats = max(seats + 1, round(seats * (1.04 + 0.3 * rng.random())))
    elif mark > 0.88:
        seats = max(2, round(seats * (0.6 + 0.3 * rng.random())))
    if plan_id < 3 and rng.random() < 0.06:
        plan_id += 1
    return seats, plan_id


def _changes_within(
    rng: np.random.Generator,
    account: Account,
    term: Term,
    until: date,
    seats: int,
    pending: list[tuple[datetime, float]],
    ends_in_churn: bool,
) -> tuple[list[tuple[date, int, float]], float]:
    """What changes inside a term before `until`: (day, seats, factor on the price).

    Uses up the pending uplifts of the term; the factor of those that come too late for it is returned beside.
    """
    changes: list[tuple[date, int, float]] = []
    carried = 1.0
    if term.months >= 7 and account.kind == "customer" and rng.random() < 0.22:
        elapsed = int(rng.integers(2, term.months - 1))
        more = max(1, round(seats * (0.08 + 0.3 * rng.random())))
        changes.append((add_months(term.starts_on, elapsed), seats + more, 1.0))
    while pending and to_local(pending[0][0]).date() < term.ends_on:
        at, effect = pending.pop(0)
        day = to_local(at).date() + timedelta(days=3)
        if ends_in_churn:
            # To end with the term, the change has to begin on a month's boundary of it.
            steps = (add_months(term.starts_on, n) for n in range(term.months + 1))
            day = next((step for step in steps if step >= day), term.ends_on)
        if term.starts_on < day < until:
            changes.append((day, seats, 1 + effect))
        else:
            carried *= 1 + effect
    return [change for change in sorted(changes) if term.starts_on < change[0] < until], carried


def _amend(
    rng: np.random.Generator,
    book: RevenueBook,
    account: Account,
    term: Term,
    plan_id: int,
    seats: int,
    amount: float,
    changes: list[tuple[date, int, float]],
) -> tuple[int, float]:
    """Newer contracts on the same line for the months left; returns the last seats and price factor."""
    monthly = amount / term.months / seats
    total_rise = 1.0
    last_day = term.starts_on
    for day, new_seats, rise in changes:
        begins = day if day > last_day else last_day + timedelta(days=1)
        last_day = begins
        seats = max(seats, new_seats)
        monthly *= rise
        total_rise *= rise
        months = next(n for n in range(1, 40) if add_months(begins, n) >= term.ends_on)
        total = round(monthly * seats * months, 2)
        at = business_moment(rng, begins - timedelta(days=int(rng.integers(0, 3))), account.time_zone)
        name = f"{account.name} – Expansion {begins:%Y-%m}"
        sale = Sale(account, "expansion", name, SALES, at, True, total, float(rng.uniform(2, 30)))
        book.sell(sale, Line(plan_id, seats, total, months, begins))
    return seats, total_rise


def _sell_add_on(
    rng: np.random.Generator, book: RevenueBook, account: Account, life: Life, seats: int
) -> None:
    if account.kind != "customer" or rng.random() > 0.25:
        return
    first = life.terms[0]
    last_paid = max(term.ends_on for term in life.terms)
    day = add_months(first.starts_on, int(rng.integers(0, 9)))
    kind = "expansion"
    while life.is_paying(day) and add_months(day, 12) <= last_paid + timedelta(days=400):
        if not life.is_paying(add_months(day, 12) - timedelta(days=1)):
            break
        quantity = max(2, round(seats * 0.6))
        amount = _price(account, ADD_ON, quantity, 12, rng)
        at = business_moment(rng, day - timedelta(days=int(rng.integers(0, 8))), account.time_zone)
        name = f"{account.name} – Add-on Analytics {day:%Y-%m}"
        pipeline = SALES if kind == "expansion" else RENEWALS
        book.sell(
            Sale(account, kind, name, pipeline, at, True, amount, float(rng.uniform(5, 40))),
            Line(ADD_ON, quantity, amount, 12, day),
        )
        if rng.random() < 0.25:
            break
        day, kind = add_months(day, 12), "renewal"


def _lose_some(
    setting: Setting, rng: np.random.Generator, book: RevenueBook, account: Account, life: Life
) -> None:
    """Deals that come to nothing, or are still open at the world's end."""
    chances = {"prospect": 1.0, "customer": 0.55, "duplicate": 0.3}
    for _ in range(2 if account.kind == "customer" else 1):
        if rng.random() > chances[account.kind]:
            continue
        begin = max(account.created_at, setting.starts_at) + timedelta(days=2)
        if account.kind == "customer" and life.terms:
            begin = max(begin, setting.starts_at) + timedelta(days=60)
        span = (setting.ends_at + timedelta(days=40) - begin).total_seconds()
        if span <= 0:
            continue
        cycle = float(rng.uniform(12, 90))
        created = begin + timedelta(seconds=span * float(rng.random()))
        closes = business_moment(
            rng, next_weekday((created + timedelta(days=cycle)).date()), account.time_zone
        )
        reason = pick_weighted(rng, [r for r, _ in CHURN_REASONS[:4]], [w for _, w in CHURN_REASONS[:4]])
        deal_type = "expansion" if account.kind == "customer" else "new_business"
        seats = max(2, account.seats // (3 if account.kind == "customer" else 1))
        amount = _price(account, _PLAN_OF_SEGMENT[account.segment], seats, 12, rng)
        title = "More seats" if deal_type == "expansion" else "New subscription"
        name = f"{account.name} – {title} {closes:%Y-%m}"
        book.sell(Sale(account, deal_type, name, SALES, closes, False, amount, cycle, reason))


def _write(setting: Setting, organisation: Organisation, ledger: Ledger, book: RevenueBook) -> None:
    rng = setting.stream("deals")
    drafts = []
    for sale, lines in book.sales:
        created = max(
            sale.closes_at - timedelta(days=sale.cycle_days), sale.account.created_at + timedelta(hours=2)
        )
        created = min(created, sale.closes_at - timedelta(hours=1)).replace(microsecond=0)
        drafts.append((created, sale, lines))
    drafts.sort(key=lambda draft: (draft[0], draft[1].name, draft[1].amount))
    forced, mistaken = _soon_after(setting, drafts)
    contract_id = 50_000
    for number, (created, sale, lines) in enumerate(drafts):
        deal_id = 30_001 + number
        _write_deal(organisation, ledger, rng, deal_id, created, sale, forced.get(id(sale)))
        if not sale.is_won:
            continue
        for line in lines:
            contract_id += 1
            ends_on = add_months(line.starts_on, line.months) if line.months else None
            values = {
                "deal_id": deal_id,
                "account_id": sale.account.account_id,
                "plan_id": line.plan_id,
                "quantity": line.quantity,
                "amount": line.amount,
                "currency": sale.account.currency,
                "is_recurring": line.months is not None,
                "term_months": line.months,
                "starts_on": line.starts_on,
                "ends_on": ends_on,
                "signed_at": sale.closes_at,
                "visible_at": sale.closes_at,
            }
            ledger.add("contracts", contract_id=contract_id, **values)
            noticed = sale.closes_at + timedelta(seconds=int(rng.integers(3600, 20 * 86400)))
            if sale is mistaken:
                noticed = setting.as_of + timedelta(hours=11, minutes=27)
            if line.months and (rng.random() < 0.006 or sale is mistaken):
                # Entered twice, and removed when somebody noticed.
                contract_id += 1
                ledger.add("contracts", contract_id=contract_id, **values)
                ledger.change("contracts", contract_id, "deleted", "false", "true", noticed)


def _soon_after(
    setting: Setting, drafts: list[tuple[datetime, Sale, list[Line]]]
) -> tuple[dict[int, datetime], Sale | None]:
    """What goes just after `as_of`: open deals (by identity) with the moment; and whose line is a mistake."""
    soon = setting.as_of + timedelta(hours=11, minutes=3, seconds=13)
    open_then = [
        sale for made, sale, _ in drafts if made < setting.as_of and sale.closes_at > soon and not sale.is_won
    ]
    won = [
        sale
        for _, sale, lines in drafts
        if sale.is_won and lines[0].months and sale.closes_at < setting.as_of
    ]
    forced = {id(sale): soon + timedelta(days=place) for place, sale in enumerate(open_then[:2])}
    return forced, max(won, key=lambda sale: sale.closes_at, default=None)


def _write_deal(
    organisation: Organisation,
    ledger: Ledger,
    rng: np.random.Generator,
    deal_id: int,
    created: datetime,
    sale: Sale,
    deleted_at: datetime | None,
) -> None:
    account = sale.account
    team = 7 if account.language == "pt" else 8
    owner = pick(rng, organisation.members("sales", team, at=created))
    owner_id = account.owner_staff_id if sale.pipeline_id == RENEWALS else owner.staff_id
    stages = _OPEN[sale.pipeline_id]
    slips = int(rng.random() < 0.3) + int(rng.random() < 0.08)
    close_day = to_local(sale.closes_at).date()
    expected = close_day - timedelta(days=slips * int(rng.integers(7, 25)))
    expected = max(expected, to_local(created).date())
    first_amount = sale.amount
    if rng.random() < 0.35:
        first_amount = round(sale.amount * float(rng.uniform(0.85, 1.25)), 2)
    ledger.add(
        "deals",
        deal_id=deal_id,
        account_id=account.account_id,
        name=sale.name,
        deal_type=sale.deal_type,
        pipeline_id=sale.pipeline_id,
        stage_id=stages[0],
        owner_staff_id=owner_id,
        amount=first_amount,
        currency=account.currency,
        expected_close_on=expected,
        created_at=created,
        visible_at=created,
    )
    span = (sale.closes_at - created).total_seconds()

    def moment(share: float) -> datetime:
        return (created + timedelta(seconds=max(1.0, span * share))).replace(microsecond=0)

    reached = len(stages) if sale.is_won else 1 + int(rng.integers(0, len(stages)))
    path = list(stages[1:reached])
    if len(path) >= 2 and rng.random() < 0.12:
        path[-1:-1] = [path[-1], path[-2]]  # goes back a stage, then on again
    marks = sorted(float(m) for m in rng.uniform(0.05, 0.95, len(path)))
    at_stage = stages[0]
    last = created
    for stage_id, mark in zip(path, marks, strict=True):
        if stage_id == at_stage:
            continue
        last = ledger.change(
            "deals",
            deal_id,
            "stage_id",
            at_stage,
            stage_id,
            max(moment(mark), last + timedelta(seconds=1)),
            owner_id,
        )
        at_stage = stage_id
    if first_amount != sale.amount:
        at = moment(float(rng.uniform(0.3, 0.9)))
        ledger.change("deals", deal_id, "amount", first_amount, sale.amount, at, owner_id)
    shown = expected
    for slip in range(slips):
        later = close_day if slip == slips - 1 else shown + (close_day - shown) / 2
        at = moment(0.5 + 0.2 * slip + 0.1 * rng.random())
        if later != shown:
            ledger.change("deals", deal_id, "expected_close_on", shown, later, at, owner_id)
            shown = later
    if not sale.is_won and (deleted_at is not None or rng.random() < 0.04):
        at = max(deleted_at or moment(float(rng.uniform(0.2, 0.8))), last + timedelta(seconds=5))
        ledger.change("deals", deal_id, "deleted", "false", "true", at, owner_id)
        if deleted_at is not None or rng.random() < 0.7:
            return
        # Deleted by mistake, and restored.
        last = ledger.change(
            "deals", deal_id, "deleted", "true", "false", at + timedelta(minutes=17), owner_id
        )
    final = _WON[sale.pipeline_id] if sale.is_won else _LOST[sale.pipeline_id]
    closed_at = ledger.change(
        "deals",
        deal_id,
        "stage_id",
        at_stage,
        final,
        max(sale.closes_at, last + timedelta(seconds=1)),
        owner_id,
    )
    ledger.change("deals", deal_id, "closed_at", None, closed_at, closed_at, owner_id)
    if shown != close_day and sale.is_won:
        ledger.change("deals", deal_id, "expected_close_on", shown, close_day, closed_at, owner_id)
    if sale.loss_reason:
        ledger.change("deals", deal_id, "loss_reason", None, sale.loss_reason, closed_at, owner_id)
        if rng.random() < 0.7:
            text = pick(rng, _LOSS_TEXTS[sale.loss_reason][account.language])
            ledger.change("deals", deal_id, "loss_reason_text", None, text, closed_at, owner_id)
