"""What people do in the product: analytics events, with late, repeated and anonymous ones.

Belongs here: events. All of it is vectorised; nothing here loops over events. Does not belong here: why
accounts are engaged (engagement.py) or exposed to a delivery (rollouts.py).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingestion.sandbox.world.customers import Customers, Person
from ingestion.sandbox.world.engagement import Engagement
from ingestion.sandbox.world.ledger import Ledger
from ingestion.sandbox.world.lifecycle import Life
from ingestion.sandbox.world.organisation import BASE_FEATURES, Organisation
from ingestion.sandbox.world.rollouts import Rollout, Rollouts
from ingestion.sandbox.world.setting import Setting, to_local

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EVENT_SHARES: tuple[tuple[str, float], ...] = (
    ("Report Viewed", 0.42),
    ("Feature Used", 0.16),
    ("Report Created", 0.12),
    ("Automation Run", 0.12),
    ("Dashboard Shared", 0.07),
    ("Export Downloaded", 0.07),
    ("Teammate Invited", 0.02),
    ("Integration Connected", 0.02),
)
VALUE_EVENTS = ("Report Viewed", "Report Created", "Dashboard Shared", "Automation Run", "Export Downloaded")

_PLATFORMS = ("web", "ios", "android")
_PROPERTIES = tuple(
    f'{{"platform":"{platform}","app_version":"{version}"}}'
    for platform in _PLATFORMS
    for version in ("5.1.0", "5.2.0", "5.3.1", "6.0.0")
)
_DAY_WEIGHT = np.array([1.0, 1.08, 1.1, 1.05, 0.85, 0.12, 0.08])
_SECONDS_PER_DAY = 86_400
_TRIAL_DAYS = 21


def make_usage(
    setting: Setting,
    organisation: Organisation,
    customers: Customers,
    lives: dict[int, Life],
    engagement: Engagement,
    rollouts: Rollouts,
    ledger: Ledger,
) -> None:
    """Events, duplicate events, and the exposures of deliveries that people adopt by themselves."""
    rng = setting.stream("usage")
    users = [person for person in customers.people if person.user_from is not None and person.account]
    days = _active_days(setting, rng, users, customers, lives, engagement, rollouts)
    parts = [
        _daily_events(rng, setting, users, days),
        _sign_ups(setting, users, lives),
        _anonymous(setting, rng, len(users)),
        _staff_events(setting, rng, organisation),
    ]
    adoptions = _adoption_events(setting, setting.stream("adoption"), users, days, rollouts, ledger)
    events = pd.concat([*parts, *adoptions], ignore_index=True)
    events = events[
        (events["occurred_at"] >= np.datetime64(setting.starts_at))
        & (events["occurred_at"] <= np.datetime64(setting.ends_at))
    ]
    _deliver(setting.stream("delivery of events"), events, ledger)


def _local_offset_seconds(setting: Setting, users: list[Person]) -> Ints:
    """(users, days) seconds from UTC to local time at noon of each day of the world."""
    first = setting.first_monday
    count = setting.week_count * 7
    noons = pd.date_range(first, periods=count, freq="D") + pd.Timedelta(hours=12)
    zones = sorted({person.account.time_zone for person in users if person.account})
    by_zone = {}
    for name in zones:
        local = noons.tz_localize(name)
        utc = local.tz_convert("UTC").tz_localize(None)
        by_zone[name] = ((noons - utc).total_seconds()).to_numpy().astype("int64")
    order = {name: place for place, name in enumerate(zones)}
    table = np.stack([by_zone[name] for name in zones])
    return table[[order[person.account.time_zone] for person in users if person.account]]


def _subscribed_days(setting: Setting, users: list[Person], lives: dict[int, Life]) -> NDArray[np.bool_]:
    """(users, days) whether the person may use the product on a day: paid for or in a trial, and still
    there."""
    count = setting.week_count * 7
    first = setting.first_monday
    allowed = np.zeros((len(users), count), dtype=bool)

    def place(day: Any) -> int:
        return max(0, min(count, (day - first).days))

    for row, person in enumerate(users):
        account = person.account
        assert account is not None and person.user_from is not None
        stretches = [(term.starts_on, term.ends_on) for term in lives[account.account_id].terms]
        begins = stretches[0][0] if stretches else to_local(account.created_at).date() + timedelta(days=2)
        stretches.append((begins - timedelta(days=_TRIAL_DAYS if not stretches else 14), begins))
        if len(stretches) == 1:
            stretches.append((begins, begins + timedelta(days=_TRIAL_DAYS)))
        for start, end in stretches:
            allowed[row, place(start) : place(end)] = True
        allowed[row, : place(to_local(person.user_from).date() + timedelta(days=1))] = False
        if person.left_at is not None:
            allowed[row, place(to_local(person.left_at).date()) :] = False
    return allowed


def _active_days(
    setting: Setting,
    rng: np.random.Generator,
    users: list[Person],
    customers: Customers,
    lives: dict[int, Life],
    engagement: Engagement,
    rollouts: Rollouts,
) -> pd.DataFrame:
    """One row per person and day of use: user (index), day (index from first Monday), offset seconds."""
    row_of = {account.account_id: row for row, account in enumerate(customers.accounts)}
    account_rows = np.array([row_of[person.account.account_id] for person in users if person.account])
    devotion = np.array([person.devotion for person in users])
    weeks = setting.week_count
    chance = (0.25 + 0.5 * devotion)[:, None] * np.exp(0.55 * engagement.level[account_rows])
    # The planted effect multiplies the chance to be active in a week. Who is nearly always there cannot be
    # there more: of the last effect on engaged adopters a third is lost at the cap.
    chance = np.clip(chance, 0, 0.78) * rollouts.usage_factor[account_rows]
    active_week = rng.random((len(users), weeks)) < np.clip(chance, 0, 0.97)
    daily = 0.18 + 0.6 * rng.random((len(users), 1)) * (0.4 + devotion[:, None])
    draw = rng.random((len(users), weeks, 7))
    active = draw < daily[:, :, None] * _DAY_WEIGHT[None, None, :]
    allowed = _subscribed_days(setting, users, lives).reshape(len(users), weeks, 7)
    # A person active in a week is so on one day at least: the allowed working day with the lowest draw.
    ranked = np.where(allowed, draw / np.maximum(_DAY_WEIGHT, 0.01)[None, None, :], np.inf)
    first_choice = ranked.argmin(axis=2)
    np.put_along_axis(active, first_choice[:, :, None], True, axis=2)
    active &= allowed & active_week[:, :, None]
    user, day = np.nonzero(active.reshape(len(users), weeks * 7))
    offsets = _local_offset_seconds(setting, users)[user, day]
    return pd.DataFrame({"user": user, "day": day, "offset": offsets})


def _moments(setting: Setting, rng: np.random.Generator, day: Ints, offset: Ints) -> NDArray[Any]:
    """Whole seconds in the daytime of local days, as UTC."""
    hour = np.clip(
        np.where(
            rng.random(len(day)) < 0.5, rng.normal(10.6, 1.5, len(day)), rng.normal(15.2, 1.9, len(day))
        ),
        0.2,
        23.7,
    )
    seconds = (hour * 3600).astype("int64")
    start = np.datetime64(setting.first_monday, "s")
    return (start + (day * _SECONDS_PER_DAY + seconds - offset).astype("timedelta64[s]")).astype(
        "datetime64[us]"
    )


def _frame(
    *,
    person_id: Any,
    account_id: Any,
    device: Any,
    name: Any,
    occurred_at: Any,
    properties: Any,
    feature: Any = None,
    staff_id: Any = None,
) -> pd.DataFrame:
    count = len(occurred_at)
    return pd.DataFrame(
        {
            "person_id": pd.array(person_id if person_id is not None else [None] * count, dtype="Int64"),
            "account_id": pd.array(account_id if account_id is not None else [None] * count, dtype="Int64"),
            "device_id": pd.array(device, dtype="str"),
            "name": pd.Categorical(name) if not np.isscalar(name) else pd.Categorical([name] * count),
            "feature": pd.Categorical(feature if feature is not None else [None] * count),
            "occurred_at": occurred_at,
            "properties": properties,
            "is_staff": np.full(count, staff_id is not None),
            "staff_id": pd.array(staff_id if staff_id is not None else [None] * count, dtype="Int64"),
        }
    ).astype({"name": "str", "feature": "object", "properties": "str"})


def _properties(
    rng: np.random.Generator, count: int, mobile_share: float
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Properties texts, and which events come from a mobile device."""
    mobile = rng.random(count) < mobile_share
    platform = np.where(mobile, 1 + (rng.random(count) < 0.5), 0)
    version = rng.integers(0, 4, count)
    return np.array(_PROPERTIES, dtype=object)[platform * 4 + version], mobile


def _identity(users: list[Person]) -> tuple[Ints, Ints]:
    people = np.array([person.person_id for person in users], dtype="int64")
    accounts = np.array([person.account.account_id for person in users if person.account], dtype="int64")
    return people, accounts


def _devices(person_ids: Ints, mobile: NDArray[np.bool_]) -> NDArray[Any]:
    """One web and one mobile device per person."""
    web = np.char.add("d-", person_ids.astype("str"))
    return np.where(mobile, np.char.add(web, "-m"), web)


def _daily_events(
    rng: np.random.Generator, setting: Setting, users: list[Person], days: pd.DataFrame
) -> pd.DataFrame:
    people, accounts = _identity(users)
    user, day, offset = (days[column].to_numpy() for column in ("user", "day", "offset"))
    heavy = np.array([person.devotion for person in users])[user]
    counts = 1 + rng.poisson(0.5 + 1.9 * heavy)
    logs_in = rng.random(len(user)) < 0.45
    repeat = np.repeat(np.arange(len(user)), counts)
    names = np.array([name for name, _ in EVENT_SHARES], dtype=object)
    shares = np.array([share for _, share in EVENT_SHARES])
    kind = rng.choice(len(names), size=len(repeat), p=shares / shares.sum())
    # The first event of a day is a value event, so that a day of use counts as one.
    first = np.r_[True, repeat[1:] != repeat[:-1]] if len(repeat) else np.zeros(0, dtype=bool)
    value = np.array([name in VALUE_EVENTS for name in names])
    kind = np.where(first & ~value[kind], 0, kind)
    moment = _moments(setting, rng, day[repeat], offset[repeat])
    features = np.array(BASE_FEATURES, dtype=object)[rng.integers(0, len(BASE_FEATURES), len(repeat))]
    features[names[kind] != "Feature Used"] = None
    properties, mobile = _properties(rng, len(repeat), 0.12)
    person_ids = people[user[repeat]]
    events = _frame(
        person_id=person_ids,
        account_id=accounts[user[repeat]],
        device=_devices(person_ids, mobile),
        name=names[kind],
        feature=features,
        occurred_at=moment,
        properties=properties,
    )
    # Logging in comes a little before the day's first event.
    firsts = np.nonzero(first)[0]
    earliest = pd.Series(moment).groupby(repeat).min().to_numpy() if len(repeat) else moment
    chosen = np.nonzero(logs_in)[0]
    entered = earliest[chosen] - rng.integers(5, 240, len(chosen)).astype("timedelta64[s]")
    login_people = people[user[chosen]]
    logins = _frame(
        person_id=login_people,
        account_id=accounts[user[chosen]],
        device=_devices(login_people, mobile[firsts[chosen]]),
        name="Logged In",
        occurred_at=entered,
        properties=properties[firsts[chosen]],
    )
    return pd.concat([events, logins], ignore_index=True)


def _sign_ups(setting: Setting, users: list[Person], lives: dict[int, Life]) -> pd.DataFrame:
    new = [
        p for p in users if p.user_from is not None and setting.starts_at <= p.user_from <= setting.ends_at
    ]
    people, accounts = _identity(new)
    return _frame(
        person_id=people,
        account_id=accounts,
        device=_devices(people, np.zeros(len(new), dtype=bool)),
        name="Signed Up",
        occurred_at=np.array([p.user_from for p in new], dtype="datetime64[us]"),
        properties=np.full(len(new), _PROPERTIES[3], dtype=object),
    )


def _anonymous(setting: Setting, rng: np.random.Generator, user_count: int) -> pd.DataFrame:
    """Visitors of shared reports who are not known by name."""
    days = setting.week_count * 7
    count = int(user_count * days * 0.006)
    day = np.sort(rng.integers(0, days, count))
    moment = _moments(setting, rng, day, np.full(count, -3 * 3600))
    device = np.char.add("a-", rng.integers(1, max(2, count // 3), count).astype("str"))
    properties, _ = _properties(rng, count, 0.3)
    return _frame(
        person_id=None,
        account_id=None,
        device=device,
        name="Report Viewed",
        occurred_at=moment,
        properties=properties,
    )


def _staff_events(setting: Setting, rng: np.random.Generator, organisation: Organisation) -> pd.DataFrame:
    """The company's own people use the product too; their events must not count as customers'."""
    members = [
        m for m in organisation.staff if m.role in ("csm", "engineer", "product_manager", "support_agent")
    ]
    days = setting.week_count * 7
    count = len(members) * days // 6
    who = rng.integers(0, len(members), count)
    day = np.sort(rng.integers(0, days, count))
    moment = _moments(setting, rng, day, np.full(count, -3 * 3600))
    staff_ids = np.array([m.staff_id for m in members])[who]
    begins = np.array([m.active_from for m in members], dtype="datetime64[us]")[who]
    ends = np.array([m.active_to or setting.ends_at for m in members], dtype="datetime64[us]")[who]
    names = np.array([name for name, _ in EVENT_SHARES], dtype=object)[rng.integers(0, 4, count)]
    features = np.full(count, "reports", dtype=object)
    features[names != "Feature Used"] = None
    properties, _ = _properties(rng, count, 0.1)
    events = _frame(
        person_id=None,
        account_id=None,
        device=np.char.add("s-", staff_ids.astype("str")),
        name=names,
        feature=features,
        occurred_at=moment,
        properties=properties,
        staff_id=staff_ids,
    )
    return events[(moment >= begins) & (moment < ends)]


def _adoption_events(
    setting: Setting,
    rng: np.random.Generator,
    users: list[Person],
    days: pd.DataFrame,
    rollouts: Rollouts,
    ledger: Ledger,
) -> list[pd.DataFrame]:
    """`Feature Used` of each delivered feature, by the people of accounts that have it, on days when they
    are there."""
    people, accounts = _identity(users)
    user, day, offset = (days[column].to_numpy() for column in ("user", "day", "offset"))
    frames = []
    for rollout in rollouts.all:
        if not rollout.plan.feature:
            continue
        limit = {
            account_id: (to_local(at).date() - setting.first_monday).days
            for account_id, at in rollout.exposed_at.items()
        }
        since = np.array([limit.get(int(account_id), 1_000_000) for account_id in accounts])[user]
        eager = day - since
        chance = np.where(eager < 0, 0.0, np.where(eager < 21, 0.30, 0.16))
        uses = rng.random(len(user)) < chance
        moment = _moments(setting, rng, day, offset)
        frames.append(_uses(setting, rng, rollout, uses, moment, user, people, accounts, ledger))
    return frames


def _uses(
    setting: Setting,
    rng: np.random.Generator,
    rollout: Rollout,
    uses: NDArray[np.bool_],
    moment: NDArray[Any],
    user: Ints,
    people: Ints,
    accounts: Ints,
    ledger: Ledger,
) -> pd.DataFrame:
    """Events of one feature; for a self-selected delivery the adopter's first use happens at its exposure."""
    plan = rollout.plan
    uses = uses & (moment > np.datetime64(rollout.released_at))
    person_ids, account_ids, at = people[user[uses]], accounts[user[uses]], moment[uses]
    if plan.self_selected:
        exposed = {account_id: np.datetime64(when, "us") for account_id, when in rollout.exposed_at.items()}
        late_enough = at > np.array(
            [exposed.get(int(a), np.datetime64("2200-01-01")) for a in account_ids], "M8[us]"
        )
        person_ids, account_ids, at = person_ids[late_enough], account_ids[late_enough], at[late_enough]
        first_of = {
            int(account): int(person) for person, account in zip(people[::-1], accounts[::-1], strict=True)
        }
        adopters = [a for a in sorted(exposed) if a in first_of]
        person_ids = np.r_[np.array([first_of[a] for a in adopters], dtype="int64"), person_ids]
        account_ids = np.r_[np.array(adopters, dtype="int64"), account_ids]
        at = np.r_[np.array([exposed[a] for a in adopters], dtype="datetime64[us]"), at]
        for account_id in adopters:
            when = rollout.exposed_at[account_id]
            ledger.add(
                "exposures",
                delivery_id=plan.delivery_id,
                account_id=account_id,
                first_exposed_at=when,
                visible_at=when,
            )
    properties, mobile = _properties(rng, len(at), 0.9 if plan.feature == "mobile_dashboards" else 0.1)
    return _frame(
        person_id=person_ids,
        account_id=account_ids,
        device=_devices(person_ids, mobile),
        name="Feature Used",
        feature=np.full(len(at), plan.feature, dtype=object),
        occurred_at=at,
        properties=properties,
    )


def _deliver(rng: np.random.Generator, events: pd.DataFrame, ledger: Ledger) -> None:
    """Give ids in the order of events, and the time at which each arrives; a few arrive twice."""
    events = events.sort_values(["occurred_at", "device_id", "name"], kind="stable").reset_index(drop=True)
    count = len(events)
    events.insert(0, "event_id", np.arange(1, count + 1, dtype="int64"))
    mobile = events["properties"].str.contains("ios|android").to_numpy()
    delay = rng.integers(2, 95, count)
    offline = mobile & (rng.random(count) < 0.25)
    delay = np.where(offline, rng.integers(3600, 4 * _SECONDS_PER_DAY, count), delay)
    occurred = events["occurred_at"].to_numpy().astype("datetime64[us]")
    events["visible_at"] = occurred + delay.astype("timedelta64[s]")
    ledger.frames["events"] = events
    twice = np.nonzero(rng.random(count) < 0.004)[0]
    again = events["visible_at"].to_numpy()[twice] + rng.integers(1, 2 * _SECONDS_PER_DAY, len(twice)).astype(
        "timedelta64[s]"
    )
    ledger.frames["duplicate_events"] = pd.DataFrame(
        {"event_id": events["event_id"].to_numpy()[twice], "visible_at": again}
    )
