"""What the company wants and decides: objectives, key results, decisions, and the deliveries that carry them.

Belongs here: the governed side of deliveries. Does not belong here: who was exposed and what it did
(rollouts.py), or the files that say all this (company.py).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ingestion.sandbox.world.delivery import WrittenIssue
from ingestion.sandbox.world.finance import recurring_revenue
from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.organisation import Organisation
from ingestion.sandbox.world.rollouts import Rollout, Rollouts
from ingestion.sandbox.world.setting import Setting, from_local, next_weekday, to_local

EPIC_LEVEL = 1

# slug, name, owner's team, key results: (slug, name, metric, segment, baseline, target, has an owner)
_OBJECTIVES: tuple[
    tuple[str, str, int, tuple[tuple[str, str, str, str | None, float, float, bool], ...]], ...
] = (
    (
        "habit",
        "A product that teams use every week",
        1,
        (
            (
                "weekly-active-people",
                "More people active every week",
                "active_people_7d",
                None,
                1.0,
                1.35,
                True,
            ),
            ("stickiness", "People come back on more days", "stickiness", None, 0.30, 0.36, True),
        ),
    ),
    (
        "dependable",
        "Customers can depend on us",
        4,
        (
            ("fewer-tickets", "Fewer tickets a day", "tickets_created", None, 1.0, 0.85, True),
            (
                "first-reply-two-hours",
                "First reply within two hours",
                "first_reply_minutes_median",
                None,
                260,
                120,
                True,
            ),
            ("csat-above-90", "Nine of ten are satisfied with support", "csat_ratio", None, 0.82, 0.9, True),
        ),
    ),
    (
        "grow",
        "Grow with our customers",
        2,
        (
            ("expansion-mrr", "Recurring revenue", "mrr", None, 1.0, 1.25, True),
            ("enterprise-mrr", "Recurring revenue of large companies", "mrr", "enterprise", 1.0, 1.3, True),
        ),
    ),
    (
        "loved",
        "Loved in both languages",
        3,
        (("nps-40", "Net promoter score above 40", "nps", None, 28, 40, False),),
    ),
)

# delivery, evidence kind, why, expected (metric, change in percent)
_REASONS: tuple[tuple[str, str, str, tuple[str, float] | None], ...] = (
    (
        "smart-filters",
        "opinion",
        "We believe that filters are the first thing people miss.",
        ("active_people_7d", 5),
    ),
    (
        "faster-reports",
        "customer_evidence",
        "Slow reports are the most frequent complaint.",
        ("tickets_created", -15),
    ),
    (
        "guided-setup",
        "experiment",
        "New accounts that finish the set-up stay; we test a guided one.",
        ("active_people_7d", 8),
    ),
    ("report-templates", "metric", "Half of the new people never create a report.", ("active_people_7d", 10)),
    (
        "new-export-queue",
        "customer_evidence",
        "Exports fail for large accounts every week.",
        ("tickets_created", -10),
    ),
    (
        "mobile-dashboards",
        "opinion",
        "A product of our kind needs dashboards on the phone.",
        ("active_people_7d", 10),
    ),
    (
        "in-app-help",
        "experiment",
        "Half of all questions are answered in the help centre already.",
        ("tickets_created", -15),
    ),
    (
        "billing-portal",
        "customer_evidence",
        "Finance teams write to us for every invoice.",
        ("tickets_created", -8),
    ),
    ("usage-alerts-addon", "metric", "Accounts that look at usage buy more seats.", ("mrr", 4)),
    (
        "integration-retries",
        "customer_evidence",
        "One failed call stops an integration for days.",
        ("tickets_created", -10),
    ),
    (
        "onboarding-checklist",
        "experiment",
        "A checklist may bring people to their first report.",
        ("active_people_7d", 6),
    ),
    (
        "automation-builder",
        "customer_evidence",
        "Customers copy numbers by hand every Monday.",
        ("active_people_7d", 8),
    ),
    (
        "dashboard-comments",
        "opinion",
        "Talk about numbers should happen beside the numbers.",
        ("active_people_7d", 4),
    ),
    ("live-chat-handoff", "metric", "Ratings are worst where a chat changes hands.", ("csat_ratio", 8)),
    ("saml-sso", "mandate", "Procurement of two large customers requires it.", ("mrr", 3)),
    ("portuguese-interface", "customer_evidence", "Half of our customers work in Portuguese.", ("nps", 15)),
    (
        "query-suggestions",
        "experiment",
        "Suggestions may help people who do not know what to ask.",
        ("active_people_7d", 6),
    ),
    ("weekly-digest", "opinion", "A digest keeps us in mind.", None),
    (
        "shared-filters",
        "customer_evidence",
        "Teams send each other screenshots of filters.",
        ("active_people_7d", 4),
    ),
    ("audit-log", "mandate", "Needed for the certification that we promised.", None),
    ("bulk-permissions", "customer_evidence", "Administrators click for hours.", ("tickets_created", -5)),
    (
        "whatsapp-alerts",
        "customer_evidence",
        "Field teams in Brazil live in WhatsApp.",
        ("active_people_7d", 5),
    ),
)

# days from as_of, slug, title, evidence kind, why, decider's team
_LATER: tuple[tuple[float, str, str, str, str, int], ...] = (
    (-300, "one-support-tool", "One support tool for both languages", "mandate", "Two tools cost twice.", 3),
    (
        -190,
        "no-free-plan",
        "No free plan this year",
        "metric",
        "Trials convert better than free accounts did.",
        1,
    ),
    (
        -95,
        "hire-data-engineer",
        "A data engineer before another designer",
        "opinion",
        "The pipeline is fragile.",
        4,
    ),
    (
        -12,
        "pause-mobile",
        "Pause work on the mobile app",
        "metric",
        "Adopters were active before; no lift to see.",
        2,
    ),
    (
        0.3,
        "price-review",
        "Review the price list in January",
        "customer_evidence",
        "Price comes up in renewals.",
        1,
    ),
    (2.4, "weekly-incident-review", "Review incidents every week", "metric", "The same causes come back.", 4),
    (
        8.4,
        "retire-old-editor",
        "Retire the old report editor",
        "customer_evidence",
        "It is confusing and costs us bugs.",
        2,
    ),
    (
        15.3,
        "support-on-saturday",
        "Support on Saturday mornings",
        "customer_evidence",
        "Retail works on Saturdays.",
        3,
    ),
    (22.4, "second-region", "Host in a second region", "mandate", "Two customers require it by contract.", 4),
)


def make_decisions(
    setting: Setting,
    organisation: Organisation,
    rollouts: Rollouts,
    issues: list[WrittenIssue],
    ledger: Ledger,
) -> None:
    """Objectives, key results, decisions and deliveries."""
    _make_objectives(setting, organisation, ledger)
    epics = {i.delivery: i for i in issues if i.level == EPIC_LEVEL and i.delivery}
    links = _tickets_by_delivery(issues, ledger)
    by_id = {rollout.plan.delivery_id: rollout for rollout in rollouts.all}
    for delivery_id, kind, why, expected in _REASONS:
        _make_delivery(
            setting,
            organisation,
            ledger,
            by_id[delivery_id],
            epics.get(delivery_id),
            links,
            kind,
            why,
            expected,
        )
    for days, slug, title, kind, why, team_id in _LATER:
        moment = setting.as_of + timedelta(days=days)
        if moment < setting.starts_at:
            continue
        day = next_weekday(to_local(moment).date())
        has_evidence = kind in ("customer_evidence", "metric")
        ledger.add(
            "decisions",
            decision_id=slug,
            title=title,
            decided_on=day,
            decider=organisation.manager(team_id).name,
            why=why,
            evidence_kind=kind,
            evidence=" ".join(_ticket_link(t) for t in links.get(None, [])[:2]) if has_evidence else "",
            expected_metric_id=None,
            expected_change_pct=None,
            expected_by_on=None,
            review_on=day + timedelta(days=90) if kind != "mandate" else None,
            visible_at=max(from_local(datetime(day.year, day.month, day.day, 11, 30)), setting.starts_at),
        )


def _ticket_link(ticket_id: int) -> str:
    return f"https://trilha.zendesk.com/agent/tickets/{ticket_id}"


def _tickets_by_delivery(issues: list[WrittenIssue], ledger: Ledger) -> dict[str | None, list[int]]:
    """Tickets linked to the issues of each delivery, in the order of the links."""
    delivery_of = {issue.issue_id: issue.delivery for issue in issues}
    found: dict[str | None, list[int]] = {}
    for link in ledger.rows["ticket_issue_links"]:
        found.setdefault(delivery_of.get(link["issue_id"]), []).append(link["ticket_id"])
    return found


def _make_objectives(setting: Setting, organisation: Organisation, ledger: Ledger) -> None:
    year = to_local(setting.as_of).year
    for period in (year - 1, year):
        starts_on, ends_on = date(period, 1, 1), date(period, 12, 31)
        begins = from_local(datetime(period, 1, 12, 10))
        if period == year - 1 and to_local(setting.starts_at).year == year:
            continue
        visible_at = max(begins, setting.starts_at + timedelta(hours=5))
        for slug, name, team_id, key_results in _OBJECTIVES:
            suffix = "" if period == year else f"-{period}"
            ledger.add(
                "objectives",
                objective_id=f"{slug}{suffix}",
                name=name,
                owner=organisation.manager(team_id).name,
                starts_on=starts_on,
                ends_on=ends_on,
                visible_at=visible_at,
            )
            for kr_slug, kr_name, metric_id, segment, low, high, has_owner in key_results:
                baseline, target = _numbers(setting, ledger, metric_id, segment, low, high, starts_on)
                ledger.add(
                    "key_results",
                    key_result_id=f"{kr_slug}{suffix}",
                    objective_id=f"{slug}{suffix}",
                    name=kr_name,
                    metric_id=metric_id,
                    segment=segment,
                    baseline=baseline,
                    target=target,
                    starts_on=starts_on,
                    ends_on=ends_on,
                    owner=organisation.manager(team_id).name if has_owner else None,
                    visible_at=visible_at,
                )


def _numbers(
    setting: Setting,
    ledger: Ledger,
    metric_id: str,
    segment: str | None,
    low: float,
    high: float,
    starts_on: date,
) -> tuple[float, float]:
    """Baseline and target: as given for ratios, from the company's size for sums."""
    if metric_id == "mrr":
        tests = {row["account_id"] for row in ledger.rows["accounts"] if row["is_test"]}
        chosen = {
            row["account_id"]
            for row in ledger.rows["accounts"]
            if row["account_id"] not in tests and segment in (None, row["segment"])
        }
        day = max(starts_on, to_local(setting.starts_at).date() + timedelta(days=1))
        baseline = round(recurring_revenue(ledger.rows["contracts"], day, chosen), -2)
        return baseline * low, round(baseline * high, -2)
    begin = max(from_local(datetime(starts_on.year, 1, 1)), setting.starts_at)
    if metric_id == "active_people_7d":
        events = ledger.frames["events"]
        mine = events[events["occurred_at"].between(begin, begin + timedelta(days=28), inclusive="left")]
        weekly = mine.groupby((mine["occurred_at"] - begin) // timedelta(days=7))["person_id"].nunique()
        baseline = float(round(weekly.mean())) if len(weekly) else 0.0
        return baseline, float(round(baseline * high))
    if metric_id == "tickets_created":
        until = begin + timedelta(days=56)
        count = sum(1 for row in ledger.rows["tickets"] if begin <= row["created_at"] < until)
        return round(count / 56, 1), round(count / 56 * high, 1)
    return float(low), float(high)


def _make_delivery(
    setting: Setting,
    organisation: Organisation,
    ledger: Ledger,
    rollout: Rollout,
    epic: WrittenIssue | None,
    links: dict[str | None, list[int]],
    kind: str,
    why: str,
    expected: tuple[str, float] | None,
) -> None:
    plan = rollout.plan
    owner = organisation.manager(plan.team_id).name
    decided = next_weekday(to_local(rollout.released_at - timedelta(days=75)).date())
    decided = max(decided, next_weekday(to_local(setting.starts_at).date() + timedelta(days=1)))
    decision_visible = from_local(datetime(decided.year, decided.month, decided.day, 17))
    visible_at = decision_visible + timedelta(hours=1)
    if epic is not None:
        visible_at = max(visible_at, epic.created_at + timedelta(hours=1))
    decision_id = f"build-{plan.delivery_id}"
    known = _visible_tickets(ledger, links.get(plan.delivery_id, []), decision_visible)
    evidence = " ".join(_ticket_link(t) for t in known[:4])
    if kind == "customer_evidence" and not evidence:
        evidence = f"https://wiki.trilha.example/research/{plan.delivery_id}"
    if kind in ("metric", "experiment"):
        evidence = f"https://wiki.trilha.example/metrics/{plan.delivery_id}"
    if kind in ("opinion", "mandate"):
        evidence = ""
    key_results = {row["key_result_id"] for row in ledger.rows["key_results"]}
    ledger.add(
        "decisions",
        decision_id=decision_id,
        title=f"Build: {plan.name}",
        decided_on=decided,
        decider=owner,
        why=why,
        evidence_kind=kind,
        evidence=evidence,
        expected_metric_id=expected[0] if expected else None,
        expected_change_pct=float(expected[1]) if expected else None,
        expected_by_on=to_local(rollout.released_at).date() + timedelta(days=70) if expected else None,
        review_on=to_local(rollout.released_at).date() + timedelta(days=75) if expected else None,
        visible_at=decision_visible,
    )
    year = to_local(rollout.released_at).year
    wanted = [
        slug if year == to_local(setting.as_of).year else f"{slug}-{year}" for slug in plan.key_result_ids
    ]
    ledger.add(
        "deliveries",
        delivery_id=plan.delivery_id,
        name=plan.name,
        epic_issue_id=epic.issue_id if epic else None,
        rollout=plan.rollout,
        assignment_unit=plan.unit,
        feature=plan.feature,
        theme_id=plan.theme,
        released_at=rollout.released_at,
        owner=owner,
        metric_ids=";".join(plan.metric_ids),
        key_result_ids=";".join(slug for slug in wanted if slug in key_results),
        decision_ids=decision_id,
        has_adopter_list=plan.self_selected,
        visible_at=visible_at,
    )


def _visible_tickets(ledger: Ledger, ticket_ids: list[int], at: datetime) -> list[int]:
    wanted = set(ticket_ids)
    return [
        row["ticket_id"]
        for row in ledger.rows["tickets"]
        if row["ticket_id"] in wanted and row["created_at"] <= at
    ]
