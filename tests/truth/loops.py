"""The truth of closing the loop, for deliveries without a theme: who asked by a ticket, and what came of it.

Belongs here: linked tickets, replies and use. Does not belong here: themes of feedback.
"""

from __future__ import annotations

import pandas as pd

from tests.truth.base import Truth, remembered
from tests.truth.cohorts import uses
from tests.truth.delivery import delivery_of, dim_deliveries
from tests.truth.support import ticket_accounts


@remembered
def mart_insight__loop_closure(truth: Truth) -> pd.DataFrame:
    deliveries = dim_deliveries(truth).set_index("delivery_id")
    governed = {entry["id"]: entry for entry in truth.yaml("deliveries.yml")["deliveries"]}
    tickets = ticket_accounts(truth).set_index("ticket_id")
    links = truth.visible("ticket_issue_links")
    of_issue = delivery_of(truth)
    asked: dict[tuple[str, int], set[int]] = {}
    for ticket, issue in zip(links.ticket_id, links.issue_id, strict=True):
        delivery = of_issue.get(int(issue))
        if delivery and ticket in tickets.index and pd.notna(account := tickets.account_id[ticket]):
            asked.setdefault((delivery, int(account)), set()).add(int(ticket))
    comments = truth.visible("ticket_comments")
    comments = comments[
        comments.is_public.astype(bool)
        & (comments.author_kind == "staff")
        & ~comments.is_auto_reply.astype(bool)
    ]
    events = uses(truth)
    rows = []
    for (delivery, account), mine in asked.items():
        released_at = deliveries.released_at.get(delivery)
        entry = governed.get(delivery, {})
        if pd.isna(released_at) or released_at > truth.now or entry.get("theme"):
            continue
        before = {ticket for ticket in mine if tickets.created_at[ticket] < released_at}
        if not before:
            continue
        after = [tickets.created_at[ticket] for ticket in mine - before]
        told = comments[comments.ticket_id.isin(before) & (comments.created_at > released_at)].created_at
        event, feature = (entry.get("adopter_event") or {}).get("event"), entry.get("feature")
        used = events[(events.account_id == account) & (events.date_on >= truth.local_day(released_at))]
        used = used[(used.name == event) if event else used.name.notna()]
        used = used[(used.feature == feature) if feature else used.name.notna()]
        used_on = min(used.date_on, default=None) if event or feature else None
        is_told = len(told) > 0
        rows.append(
            {
                "delivery_id": delivery,
                "account_id": f"hubspot:{account}",
                "ask_count": len(before),
                "first_asked_at": min(tickets.created_at[ticket] for ticket in before),
                "last_asked_at": max(tickets.created_at[ticket] for ticket in before),
                "delivered_at": released_at,
                "delivered_on": truth.local_day(released_at),
                "told_at": told.min() if is_told else None,
                "told_by": "public_reply" if is_told else None,
                "is_use_measured": bool(event or feature),
                "used_on": used_on,
                "later_ask_count": len(after),
                "last_asked_after_at": max(after, default=None),
                "is_still_asking": bool(after),
                "loop_state": (
                    "still_asking" if after else "used" if used_on else "told" if is_told else "not_told"
                ),
            }
        )
    return pd.DataFrame(rows)
