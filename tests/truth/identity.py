"""The truth of identity: which account each system's records belong to, by what, and what is to be reviewed.

Belongs here: organisations, groups, people and tickets as the sandbox's systems know them, and the ladder.
Does not belong here: what is counted per account.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from tests.truth.base import FREE_MAIL, Truth, remembered
from tests.truth.revenue import fct_mrr_daily

LEGAL_FORM = re.compile(
    r" (ltda|me|eireli|epp|inc|incorporated|llc|ltd|limited|plc|corp|corporation|co|company|sa|lda|gmbh|ag|bv"
    r"|nv|sarl|sas|srl|spa)$"
)
RUNGS = {
    "governed": (1, "certain"),
    "explicit_id": (2, "certain"),
    "record": (2, "certain"),
    "domain": (3, "high"),
    "same_person": (3, "high"),
    "name_in_country": (4, "medium"),
}


def name_key(name: str) -> str:
    """A name without accents, punctuation, case, spaces and legal form."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).lower()
    words = re.sub(r"[-/&+_]", " ", re.sub(r"""[.,;:!()"]""", "", plain)).strip()
    for _ in range(2):
        words = LEGAL_FORM.sub("", words).strip()
    return words.replace(" ", "")


@dataclass(frozen=True)
class Match:
    """The account that a record belongs to, and by what; neither when unmatched."""

    account: int | None = None
    method: str | None = None


class Ladder:
    """Every organisation that the help desk holds, matched; and people and tickets on top of them."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        accounts = truth.accounts.set_index("account_id")
        self.alive = set(accounts.index.astype(int))
        self.by_domain: dict[str, list[int]] = defaultdict(list)
        self.keys: dict[int, tuple[str, str]] = {}
        for account in accounts.itertuples():
            domain = account.domain.lower() if pd.notna(account.domain) else truth.world.meta.own_domain
            if domain not in FREE_MAIL and domain != truth.world.meta.own_domain:
                self.by_domain[domain].append(int(account.Index))
            self.keys[int(account.Index)] = (name_key(account.name), account.country)
        self.created = {int(account.Index): account.created_at for account in accounts.itertuples()}
        self.people = truth.state("people").set_index("person_id")
        known: dict[str, set[int]] = defaultdict(set)
        for person in self.people.itertuples():
            account = self.survivor(person.account_id)
            if pd.notna(person.email) and account is not None:
                known[person.email.strip().lower()].add(account)
        self.by_address = {email: found.copy().pop() for email, found in known.items() if len(found) == 1}
        named = {
            int(row["external_id"]): int(row["account_id"].split(":")[-1])
            for row in truth.csv("accounts.csv")
            if row["source"] == "zendesk" and row.get("account_id")
        }
        self.written = {int(row.Index): self.write_down(int(row.Index), row) for row in accounts.itertuples()}
        self.organizations = {
            number: self.match_organization(number, named.get(900_000_000 + number))
            for number in self.written
        }

    def copy(self) -> Ladder:
        """Nobody changes it, so that it is its own copy."""
        return self

    def survivor(self, account: Any) -> int | None:
        """The account that stands for it now; None when there is none."""
        found = self.truth.survivor.get(int(account)) if pd.notna(account) else None
        return found if found in self.alive else None

    @staticmethod
    def write_down(number: int, row: Any) -> tuple[str, str | None, str | None]:
        """Name, domain and country as the help desk knows them of an organisation."""
        domain = row.domain.lower() if pd.notna(row.domain) else None
        turn = number // 10 % 4
        if number % 10 or turn in (1, 3):
            return row.name, domain, None
        ending = " LTDA." if row.language == "pt" else ", Inc."
        return row.name.upper() + ending, None, row.country if turn == 0 else None

    def match_organization(self, number: int, governed: int | None) -> Match:
        if governed is not None:
            return Match(self.survivor(governed), "governed")
        if number % 10:
            return Match(number, "explicit_id")
        name, domain, country = self.written[number]
        if domain and len(self.by_domain.get(domain, [])) == 1:
            return Match(self.by_domain[domain][0], "domain")
        namesakes = [one for one, key in self.keys.items() if key == (name_key(name), country)]
        if len(namesakes) == 1:
            return Match(namesakes[0], "name_in_country")
        return Match()

    def by_mail(self, email: Any) -> Match:
        """What an address tells: whose company it is in the CRM, else whose domain."""
        if pd.isna(email):
            return Match()
        email = str(email).strip().lower()
        if email in self.by_address:
            return Match(self.by_address[email], "same_person")
        found = self.by_domain.get(email.split("@")[-1], [])
        return Match(found[0], "domain") if len(found) == 1 else Match()

    def user(self, person: Any) -> Match:
        """An end user of the help desk: by the organisation, else by the address."""
        if pd.isna(person) or int(person) not in self.people.index:
            return Match()
        row = self.people.loc[int(person)]
        organization = self.organizations.get(self.survivor(row.account_id) or 0, Match())
        return organization if organization.account is not None else self.by_mail(row.email)

    def ticket(self, account: Any, person: Any) -> Match:
        organization = self.organizations.get(self.survivor(account) or 0, Match())
        return organization if organization.method else self.user(person)


@remembered
def ladder(truth: Truth) -> Ladder:
    return Ladder(truth)


def _excluded(truth: Truth) -> set[int]:
    return set(truth.accounts.account_id.astype(int)) - truth.counted_accounts


def _objects(truth: Truth) -> pd.DataFrame:
    """source_name, object_kind, account, method, first_seen_at: one row per record."""
    found = ladder(truth)
    rows: list[tuple[str, str, int | None, str | None, pd.Timestamp]] = [
        ("zendesk", "organization", match.account, match.method, found.created[number])
        for number, match in found.organizations.items()
    ]
    people = found.people[~found.people.is_deleted.astype(bool) & found.people.merged_into.isna()]
    events = truth.visible("events")
    events = events[~events.is_staff.astype(bool)]
    first_use = events.groupby("person_id").occurred_at.min()
    for person in people.itertuples():
        account = found.survivor(person.account_id)
        crm = Match(account, "record") if account is not None else found.by_mail(person.email)
        rows.append(("hubspot", "person", crm.account, crm.method, person.created_at))
        user = found.user(person.Index)
        rows.append(("zendesk", "person", user.account, user.method, person.created_at))
    for person, moment in first_use.items():
        row = found.people.loc[int(person)]
        account = found.survivor(row.account_id)
        match = Match(account, "explicit_id") if account is not None else found.by_mail(row.email)
        rows.append(("mixpanel", "person", match.account, match.method, moment))
    for account, moment in events.groupby("account_id").occurred_at.min().items():
        rows.append(("mixpanel", "group", found.survivor(account), "explicit_id", moment))
    tickets = truth.state("tickets")
    for ticket in tickets[~tickets.is_deleted.astype(bool)].itertuples():
        match = found.ticket(ticket.account_id, ticket.requester_person_id)
        rows.append(("zendesk", "ticket", match.account, match.method, ticket.created_at))
    frame = pd.DataFrame(rows, columns=["source_name", "object_kind", "account", "method", "first_seen_at"])
    frame["account"] = frame.account.astype("Int64")
    frame = frame[~frame.account.isin(_excluded(truth))].copy()
    frame["match_method"] = [
        method if pd.notna(account) else "account_gone" if pd.notna(method) else "unmatched"
        for account, method in zip(frame.account, frame.method, strict=True)
    ]
    return frame


def _arr(truth: Truth) -> dict[int, float]:
    daily = fct_mrr_daily(truth)
    today = daily[daily.date_on == truth.today]
    return {
        int(account.split(":")[1]): 12 * mrr
        for account, mrr in zip(today.account_id, today.mrr_amount, strict=True)
    }


@remembered
def mart_insight__identity_audit(truth: Truth) -> pd.DataFrame:
    objects = _objects(truth)
    objects["is_recent"] = pd.to_datetime(objects.first_seen_at) > truth.now - timedelta(days=28)
    arr = _arr(truth)
    total = sum(arr.values())
    rows = []
    for (source, kind), mine in objects.groupby(["source_name", "object_kind"]):
        best: dict[int, str] = {}
        for account, method in zip(mine.account, mine.match_method, strict=True):
            if pd.notna(account):
                now = best.get(int(account))
                if now is None or (RUNGS[method][0], method) < (RUNGS[now][0], now):
                    best[int(account)] = method
        reached: dict[str, list[int]] = defaultdict(list)
        for account in arr:
            reached[best.get(account, "unmatched")].append(account)
        for method in sorted(set(mine.match_method) | set(reached) | {"unmatched"}):
            of_method = mine[mine.match_method == method]
            recent = int(mine.is_recent.sum())
            worth = sum(arr[account] for account in reached[method])
            rung, confidence = RUNGS.get(method, (None, None))
            rows.append(
                {
                    "source_name": source,
                    "object_kind": kind,
                    "match_method": method,
                    "match_rung": rung,
                    "match_confidence": confidence,
                    "object_count": len(of_method),
                    "object_ratio": len(of_method) / len(mine),
                    "recent_object_count": int(of_method.is_recent.sum()),
                    "recent_object_ratio": of_method.is_recent.sum() / recent if recent else None,
                    "account_count": of_method.account.nunique(),
                    "paying_account_count": len(reached[method]),
                    "arr_amount": worth,
                    "arr_ratio": worth / total,
                }
            )
    return pd.DataFrame(rows)


@remembered
def mart_insight__identity_review(truth: Truth) -> pd.DataFrame:
    found = ladder(truth)
    arr = _arr(truth)
    tickets = truth.state("tickets")
    tickets = tickets[~tickets.is_deleted.astype(bool)].copy()
    tickets["organization"] = [found.survivor(account) for account in tickets.account_id]
    matches = [
        found.ticket(account, person).account
        for account, person in zip(tickets.account_id, tickets.requester_person_id, strict=True)
    ]
    tickets = tickets[~pd.Series(matches, index=tickets.index).isin(_excluded(truth))]
    affected = tickets.groupby("organization").size()
    rows: list[dict[str, Any]] = []

    def add(
        kind: str,
        record: str,
        reason: str,
        proposed: int | None,
        *,
        rank: int = 1,
        count: int = 0,
        people: int | None = None,
    ) -> None:
        rows.append(
            {
                "object_kind": kind,
                "object_id": record,
                "reason": reason,
                "candidate_rank": rank,
                "proposed_account_id": None if proposed is None else f"hubspot:{proposed}",
                "person_count": people,
                "affected_count": count,
                "arr_amount": None if proposed is None else arr.get(proposed, 0.0),
            }
        )

    for number, match in found.organizations.items():
        if match.method is not None:
            continue
        ranked = _candidates(found, number)
        record, count = f"zendesk:{900_000_000 + number}", int(affected.get(number, 0))
        if not ranked:
            add("organization", record, "no_candidate", None, count=count)
        for rank, (account, reason, people) in enumerate(ranked, 1):
            add("organization", record, reason, account, rank=rank, count=count, people=people)
    bearers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for account, key in found.keys.items():
        bearers[key].append(account)
    for accounts in bearers.values():
        oldest, *others = sorted(accounts, key=lambda one: (found.created[one], f"hubspot:{one}"))
        for other in others:
            if other in truth.counted_accounts:
                add("account", f"hubspot:{other}", "namesake_in_country", oldest)
    return pd.DataFrame(rows)


ORDER = (
    "same_name_in_country_shared",
    "same_domain_shared",
    "domain_of_its_people",
    "same_name_country_unknown",
    "same_name_other_country",
    "similar_name",
)


def _candidates(found: Ladder, number: int) -> list[tuple[int, str, int | None]]:
    """(account, its strongest reason, people who speak for it), the best first."""
    name, domain, country = found.written[number]
    key = name_key(name)
    reasons: dict[int, set[str]] = defaultdict(set)
    similar = [one for one, (theirs, _) in found.keys.items() if theirs[:10] == key[:10]]
    for account, (theirs, where) in found.keys.items():
        if theirs == key:
            told = (
                "same_name_country_unknown"
                if country is None
                else "same_name_in_country_shared"
                if where == country
                else "same_name_other_country"
            )
            reasons[account].add(told)
        elif account in similar and len(similar) <= 5 and len(key) >= 10:
            reasons[account].add("similar_name")
    for account in found.by_domain.get(domain or "", []):
        reasons[account].add("same_domain_shared")
    people: dict[int, set[str]] = defaultdict(set)
    active = found.people[~found.people.is_deleted.astype(bool) & found.people.merged_into.isna()]
    for person in active.itertuples():
        if found.survivor(person.account_id) == number and pd.notna(person.email):
            owners = found.by_domain.get(person.email.lower().split("@")[-1], [])
            if len(owners) == 1:
                people[owners[0]].add(person.email.lower())
                reasons[owners[0]].add("domain_of_its_people")
    ranked = [
        (
            -len(told),
            min(ORDER.index(reason) for reason in told),
            -len(people.get(account, ())),
            f"hubspot:{account}",
            account,
        )
        for account, told in reasons.items()
    ]
    return [
        (account, ORDER[best], len(people[account]) if account in people else None)
        for _, best, _, _, account in sorted(ranked)[:5]
    ]
