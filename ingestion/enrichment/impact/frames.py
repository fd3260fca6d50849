"""The input frames: where they come from, what is refused, and what is put in order.

Belongs here: names and columns of the frames, their validation, the removal of duplicates and of incomplete
trailing weeks, all in SQL on an in-memory DuckDB. Does not belong here: metrics (`panel.py`) or any estimate.
"""

# ruff: noqa: N818 (the name reads as what happened)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from ingestion.errors import SourceError

Frame: TypeAlias = pd.DataFrame | pa.Table | Path

REQUIRED_COLUMNS: dict[str, tuple[str, ...]] = {
    "accounts": ("account_id", "region", "signup_week", "churn_week"),
    "account_week": (
        "account_id",
        "week",
        "subscribed",
        "wau",
        "tickets",
        "mrr",
        "csat_sum",
        "csat_n",
    ),
    "deliveries": ("delivery_id", "released_at", "rollout", "assignment_unit", "has_adopter_list"),
    "exposures": ("delivery_id", "account_id", "first_exposed_week"),
    "assignments": ("delivery_id", "account_id", "arm"),
    "account_week_theme": ("account_id", "week", "theme_id", "tickets"),
}
OPTIONAL_FRAMES = ("exposures", "assignments", "account_week_theme")
# Of these the weekly value wins where present, so that one of the two frames must carry them.
WEEKLY_OR_FIXED = ("segment", "seats")
ROLLOUTS = ("general", "experiment", "phased")
ASSIGNMENT_UNITS = ("account", "segment_region")
WEEK_COLUMNS = {
    "accounts": ("signup_week", "churn_week"),
    "account_week": ("week",),
    "exposures": ("first_exposed_week",),
    "account_week_theme": ("week",),
}
NOT_NEGATIVE = {
    "accounts": ("seats",),
    "account_week": ("seats", "wau", "tickets", "csat_n"),
    "account_week_theme": ("tickets",),
}
MOST_WEEKS = 1_040
# A trailing week with fewer rows than this share of the week before is still being written.
COMPLETE_WEEK_SHARE = 0.5
NEVER = 1_000_000


class FramesInvalid(SourceError):
    """The input frames cannot be read as what they should be; nothing was estimated."""


@dataclass(frozen=True)
class Delivery:
    """One delivery, and who was exposed or assigned, by the accounts' index.

    Arguments:
        issue_key: what people call it; None when the frame has none.
        released: index of the release week; may lie after the data; None without a release date.
        exposed: week index of each account's first exposure, NEVER if none; None when no list came.
        arm: arm or wave of each account, -1 if none; None when no assignments came.
        problem: why no number can be trusted, whatever the rung; empty when nothing is wrong.
    """

    delivery_id: str
    issue_key: str | None
    theme_id: str | None
    released: int | None
    rollout: str
    assignment_unit: str
    has_adopter_list: bool
    exposed: np.ndarray | None = None
    arm: np.ndarray | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        """What sentences call it: its key, or its id without one."""
        return self.issue_key or self.delivery_id


@dataclass
class Inputs:
    """Clean inputs: the connection holds `clean_week` (account_at, week_at, values), one row per pair."""

    connection: duckdb.DuckDBPyConnection
    first_week: pd.Timestamp
    n_weeks: int
    n_accounts: int
    region: np.ndarray
    segment: np.ndarray
    seats: np.ndarray
    signup: np.ndarray
    churn: np.ndarray
    weekly_segment: bool
    weekly_seats: bool
    segments: list[str]
    extra_metrics: list[str]
    has_themes: bool
    deliveries: list[Delivery] = field(default_factory=list)

    def week(self, at: int) -> pd.Timestamp:
        """The Monday with this index."""
        return self.first_week + pd.Timedelta(weeks=at)


def frames_of_directory(directory: Path) -> dict[str, Frame]:
    """The Parquet files of a folder by the frames' names; optional ones may be missing."""
    if not directory.is_dir():
        raise FramesInvalid(
            "a folder with the input frames", f"{directory}", "give the folder that holds accounts.parquet"
        )
    found: dict[str, Frame] = {}
    for name in REQUIRED_COLUMNS:
        file = directory / f"{name}.parquet"
        if file.exists():
            found[name] = file
        elif name not in OPTIONAL_FRAMES:
            raise FramesInvalid(
                f"{name}.parquet in {directory}", "no such file", "write the frame, or give another folder"
            )
    return found


def read_inputs(frames: Mapping[str, Frame], *, threads: int = 2, memory_limit: str = "2GB") -> Inputs:
    """Validate the frames, put them in order and index accounts and weeks.

    Arguments:
        frames: pandas, Arrow or a Parquet path by the names of REQUIRED_COLUMNS.
        threads: of DuckDB.
        memory_limit: of DuckDB.

    Raises:
        FramesInvalid: a required frame or column is missing, or a value cannot be what it says.
    """
    connection = duckdb.connect(":memory:")
    connection.execute(f"set threads = {int(threads)}")
    connection.execute(f"set memory_limit = '{memory_limit}'")
    connection.execute("set timezone = 'UTC'")
    connection.execute("set preserve_insertion_order = false")
    columns = {name: _register(connection, name, frames) for name in REQUIRED_COLUMNS if name in frames}
    for name in REQUIRED_COLUMNS:
        if name not in frames and name not in OPTIONAL_FRAMES:
            raise FramesInvalid(f"a frame named {name}", "none", f"pass {name} with its columns")
    for column in WEEKLY_OR_FIXED:
        if column not in columns["accounts"] and column not in columns["account_week"]:
            raise FramesInvalid(
                f"a column {column} in accounts or account_week", "none", f"add {column} to accounts"
            )
    for name in columns:
        _check_values(connection, name, columns[name])
    inputs = _index(connection, columns)
    inputs.deliveries = _deliveries(connection, inputs, columns)
    return inputs


def _register(connection: duckdb.DuckDBPyConnection, name: str, frames: Mapping[str, Frame]) -> list[str]:
    frame = frames[name]
    if isinstance(frame, Path):
        try:
            escaped = str(frame).replace("'", "''")
            connection.execute(f"create view given_{name} as select * from read_parquet('{escaped}')")
        except duckdb.Error as error:
            raise FramesInvalid(
                f"{frame.name} as Parquet", str(error).splitlines()[0], "write it again"
            ) from error
    else:
        table = (
            pa.Table.from_pandas(frame, preserve_index=False) if isinstance(frame, pd.DataFrame) else frame
        )
        connection.register(f"given_{name}", table)
    types = {row[0]: str(row[1]) for row in connection.execute(f"describe given_{name}").fetchall()}
    columns = list(types)
    # A column in which nothing is known arrives without a type: nobody has left yet, nothing is released.
    untyped = [
        column
        for column in (*WEEK_COLUMNS.get(name, ()), "released_at")
        if types.get(column, "VARCHAR") not in ("VARCHAR", "DATE")
        and not types[column].startswith("TIMESTAMP")
        and not _one(connection, f"select count({column}) from given_{name}")
    ]
    typed = ", ".join(f"null::timestamp as {column}" for column in untyped)
    replaced = f"replace ({typed})" if untyped else ""
    connection.execute(f"create view raw_{name} as select * {replaced} from given_{name}")
    missing = [column for column in REQUIRED_COLUMNS[name] if column not in columns]
    if missing:
        raise FramesInvalid(
            f"the columns {', '.join(REQUIRED_COLUMNS[name])} in {name}",
            f"{', '.join(columns) or 'no columns'}: without {', '.join(missing)}",
            "add the missing columns under exactly these names",
        )
    return columns


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _check_values(connection: duckdb.DuckDBPyConnection, name: str, columns: list[str]) -> None:
    """Refuse what cannot be: keys that are null, weeks that are no Mondays, negative or infinite amounts."""
    try:
        for key in [column for column in ("account_id", "delivery_id") if column in columns]:
            if count := _one(connection, f"select count(*) from raw_{name} where {key} is null"):
                raise FramesInvalid(
                    f"a {key} on every row of {name}", f"{count} rows without", "fill or drop them"
                )
        for column in WEEK_COLUMNS.get(name, ()):
            nulls = "true" if column == "churn_week" else f"{column} is not null"
            query = f"""
                select min({column}::varchar) from raw_{name}
                where not ({nulls}) or {column}::timestamp <> date_trunc('week', {column}::timestamp)
            """
            bad = connection.execute(query).fetchone()
            count = _one(
                connection,
                f"select count(*) from raw_{name} where not ({nulls})"
                f" or {column}::timestamp <> date_trunc('week', {column}::timestamp)",
            )
            if count:
                raise FramesInvalid(
                    f"Mondays at midnight in {name}.{column}",
                    f"{count} other values, such as {bad[0] if bad else None}",
                    "truncate to the Monday of the week",
                )
        for column in [column for column in NOT_NEGATIVE.get(name, ()) if column in columns]:
            if count := _one(connection, f"select count(*) from raw_{name} where {column} < 0"):
                raise FramesInvalid(
                    f"{name}.{column} of zero or more",
                    f"{count} negative values",
                    "correct them at their source",
                )
        for column in ("wau", "tickets", "mrr", "csat_sum", "csat_n", "seats"):
            if column in columns and (
                count := _one(
                    connection,
                    f"select count(*) from raw_{name} where isinf({column}::double)",
                )
            ):
                raise FramesInvalid(
                    f"finite numbers in {name}.{column}", f"{count} infinite", "correct them at their source"
                )
        if name == "deliveries":
            for column, allowed in (("rollout", ROLLOUTS), ("assignment_unit", ASSIGNMENT_UNITS)):
                listed = ", ".join(f"'{value}'" for value in allowed)
                null_too = f" or {column} is null" if column == "rollout" else ""
                rows = connection.execute(
                    f"select distinct {column}::varchar from raw_deliveries"
                    f" where {column}::varchar not in ({listed}){null_too}"
                ).fetchall()
                if rows:
                    raise FramesInvalid(
                        f"{column} as one of {', '.join(allowed)}",
                        ", ".join(str(row[0]) for row in rows),
                        "correct deliveries",
                    )
            if count := _one(
                connection,
                "select count(*) from (select delivery_id from (select distinct delivery_id, released_at,"
                " rollout, assignment_unit, has_adopter_list from raw_deliveries)"
                " group by 1 having count(*) > 1)",
            ):
                raise FramesInvalid(
                    "one row per delivery", f"{count} deliveries with rows that differ", "keep the right one"
                )
    except duckdb.Error as error:
        raise FramesInvalid(
            f"values in {name} of the documented types",
            str(error).splitlines()[0],
            "cast the column before writing the frame",
        ) from error


def _index(connection: duckdb.DuckDBPyConnection, columns: dict[str, list[str]]) -> Inputs:
    """Give accounts and weeks their index and write one row per account and week."""
    has_segment, has_seats = "segment" in columns["accounts"], "seats" in columns["accounts"]
    connection.execute(f"""
        create table clean_account as
        select
            row_number() over (order by account_id::varchar) - 1 as account_at,
            account_id::varchar as account_id,
            {"max(segment::varchar)" if has_segment else "null"} as segment,
            coalesce(max(region::varchar), '') as region,
            {"max(seats)::double" if has_seats else "null::double"} as seats,
            min(signup_week::timestamp) as signup_week,
            max(churn_week::timestamp) as churn_week
        from raw_accounts
        group by account_id::varchar
    """)
    weekly_segment, weekly_seats = "segment" in columns["account_week"], "seats" in columns["account_week"]
    known = (*REQUIRED_COLUMNS["account_week"], *WEEKLY_OR_FIXED)
    types = {row[0]: row[1] for row in connection.execute("describe raw_account_week").fetchall()}
    numeric = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "BIGINT")
    extra = [
        name
        for name in columns["account_week"]
        if name not in known and any(word in types[name].upper() for word in numeric)
    ]
    # Of several rows for one account and week the fullest counts: a week that was sent early and again late
    # only grows. Whatever the order of the rows, the result is the same.
    amounts = ["wau", "tickets", "mrr", "csat_sum", "csat_n", *extra]
    segment_codes = "(select coalesce(segment, '') as segment from clean_account"
    if weekly_segment:
        segment_codes += " union select coalesce(segment::varchar, '') from raw_account_week"
    connection.execute(
        f"create table segment_code as select segment, dense_rank() over (order by segment) - 1 as code"
        f" from (select distinct segment from {segment_codes}))"
    )
    bounds = connection.execute(
        "select min(w.week::timestamp), max(w.week::timestamp) from raw_account_week as w"
    ).fetchone()
    if bounds is None or bounds[0] is None:
        raise FramesInvalid("weeks of accounts in account_week", "an empty frame", "load usage before impact")
    first = pd.Timestamp(bounds[0])
    n_weeks = int((pd.Timestamp(bounds[1]) - first).days // 7) + 1
    if n_weeks > MOST_WEEKS:
        raise FramesInvalid(
            f"at most {MOST_WEEKS} weeks in account_week",
            f"{n_weeks} weeks from {first.date()} to {pd.Timestamp(bounds[1]).date()}",
            "correct the week that is far from the others",
        )
    join_segment = "inner join segment_code as s on s.segment = coalesce(w.segment::varchar, '')"
    connection.execute(
        f"""
        create table clean_week as
        select
            a.account_at,
            (date_diff('day', timestamp '{first}', w.week::timestamp) // 7)::integer as week_at,
            max(coalesce(w.subscribed::integer, 0)) as subscribed,
            {", ".join(f'max(w."{name}")::double as "{name}"' for name in amounts)},
            {"max(w.seats)::double" if weekly_seats else "null::double"} as seats,
            {"max(s.code)" if weekly_segment else "null::integer"} as segment_code
        from raw_account_week as w
        inner join clean_account as a on a.account_id = w.account_id::varchar
        {join_segment if weekly_segment else ""}
        group by all
    """
    )
    n_weeks = _complete_weeks(connection, n_weeks)
    accounts = connection.execute(f"""
        select
            (date_diff('day', timestamp '{first}', a.signup_week) // 7)::integer as signup,
            coalesce(date_diff('day', timestamp '{first}', a.churn_week) // 7, {NEVER})::integer as churn,
            coalesce(a.seats, 0) as seats,
            s.code as segment,
            dense_rank() over (order by a.region) - 1 as region
        from clean_account as a
        inner join segment_code as s on s.segment = coalesce(a.segment, '')
        order by a.account_at
    """).fetchnumpy()
    segments = [
        row[0] for row in connection.execute("select segment from segment_code order by code").fetchall()
    ]
    return Inputs(
        connection=connection,
        first_week=first,
        n_weeks=n_weeks,
        n_accounts=len(accounts["signup"]),
        region=np.asarray(accounts["region"], dtype=np.int64),
        segment=np.asarray(accounts["segment"], dtype=np.int64),
        seats=np.asarray(accounts["seats"], dtype=float),
        signup=np.asarray(accounts["signup"], dtype=np.int64),
        churn=np.asarray(accounts["churn"], dtype=np.int64),
        weekly_segment=weekly_segment,
        weekly_seats=weekly_seats,
        segments=segments,
        extra_metrics=extra,
        has_themes="account_week_theme" in columns,
    )


def _complete_weeks(connection: duckdb.DuckDBPyConnection, n_weeks: int) -> int:
    """How many weeks remain without trailing ones that are still being written."""
    found = connection.execute("select week_at, count(*) as n from clean_week group by 1").fetchnumpy()
    rows = np.zeros(n_weeks)
    rows[np.asarray(found["week_at"], dtype=np.int64)] = found["n"]
    while n_weeks > 1 and rows[n_weeks - 1] < COMPLETE_WEEK_SHARE * rows[n_weeks - 2]:
        n_weeks -= 1
    return n_weeks


def _deliveries(
    connection: duckdb.DuckDBPyConnection, inputs: Inputs, columns: dict[str, list[str]]
) -> list[Delivery]:
    issue_key, theme = (
        f"max({name}::varchar)" if name in columns["deliveries"] else "null"
        for name in ("issue_key", "theme_id")
    )
    rows = connection.execute(f"""
        select
            delivery_id::varchar,
            {issue_key},
            {theme},
            max(
                date_diff(
                    'day', timestamp '{inputs.first_week}', date_trunc('week', released_at::timestamp)
                ) // 7
            ),
            max(rollout::varchar),
            coalesce(max(assignment_unit::varchar), 'account'),
            coalesce(max(has_adopter_list::integer), 0)
        from raw_deliveries
        group by 1
        order by 4, 1
    """).fetchall()
    exposed = _exposures(connection, inputs) if "exposures" in columns else None
    arms, conflicts = _arms(connection, inputs) if "assignments" in columns else (None, {})
    deliveries = []
    for delivery_id, issue_key, theme_id, released, rollout, unit, has_list in rows:
        arm = arms.get(delivery_id) if arms is not None else None
        problem = ""
        if delivery_id in conflicts:
            problem = f"{conflicts[delivery_id]} accounts are assigned to more than one arm"
        elif arm is not None:
            given = set(np.unique(arm[arm != -1]).tolist())
            if rollout == "experiment" and not given <= {0, 1}:
                problem = f"an experiment's arms must be 0 and 1; came {sorted(given)}"
            elif rollout == "phased" and min(given) < 1:
                problem = f"waves are numbered from 1; came {sorted(given)}"
        deliveries.append(
            Delivery(
                delivery_id=delivery_id,
                issue_key=issue_key,
                theme_id=theme_id,
                released=None if released is None else int(released),
                rollout=rollout,
                assignment_unit=unit,
                has_adopter_list=bool(has_list),
                exposed=None
                if exposed is None
                else exposed.get(delivery_id, np.full(inputs.n_accounts, NEVER, dtype=np.int32)),
                arm=arm,
                problem=problem,
            )
        )
    return deliveries


def _exposures(connection: duckdb.DuckDBPyConnection, inputs: Inputs) -> dict[str, np.ndarray]:
    """First exposure by delivery and account; the earliest of several rows counts."""
    return _by_delivery(
        connection,
        inputs,
        f"""
        select delivery_id::varchar as delivery_id, account_id::varchar as account_id,
            min(
                date_diff('day', timestamp '{inputs.first_week}', first_exposed_week::timestamp) // 7
            ) as value
        from raw_exposures group by 1, 2
        """,
        NEVER,
    )


def _arms(
    connection: duckdb.DuckDBPyConnection, inputs: Inputs
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Arm by delivery and account, and by delivery how many accounts are in more than one."""
    conflicts = connection.execute("""
        select delivery_id, count(*) from (
            select delivery_id::varchar as delivery_id, account_id::varchar as account_id
            from raw_assignments where arm is not null group by 1, 2 having min(arm) <> max(arm)
        ) group by 1
    """).fetchall()
    arms = _by_delivery(
        connection,
        inputs,
        """
        select delivery_id::varchar as delivery_id, account_id::varchar as account_id,
            max(arm)::integer as value
        from raw_assignments where arm is not null group by 1, 2
        """,
        -1,
    )
    return arms, dict(conflicts)


def _by_delivery(
    connection: duckdb.DuckDBPyConnection, inputs: Inputs, query: str, default: int
) -> dict[str, np.ndarray]:
    """A value by account for each delivery of a query on (delivery_id, account_id, value)."""
    connection.execute(f"create or replace temp table valued as {query}")
    names = [
        row[0] for row in connection.execute("select distinct delivery_id from valued order by 1").fetchall()
    ]
    found = connection.execute("""
        select
            dense_rank() over (order by v.delivery_id) - 1 as delivery_at,
            a.account_at,
            v.value::integer as value
        from valued as v left join clean_account as a on a.account_id = v.account_id
    """).fetchnumpy()
    accounts: Any = found["account_at"]
    known = ~np.ma.getmaskarray(accounts)
    delivery_at = np.asarray(found["delivery_at"], dtype=np.int64)
    account_at = np.ma.filled(accounts, 0).astype(np.int64)
    value = np.asarray(found["value"], dtype=np.int64)
    arrays = np.full((len(names), inputs.n_accounts), default, dtype=np.int32)
    arrays[delivery_at[known], account_at[known]] = value[known]
    return dict(zip(names, arrays, strict=True))
