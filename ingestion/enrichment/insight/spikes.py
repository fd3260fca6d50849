"""Spikes: themes that come up more than their own history explains.

Belongs here: one set-based query over daily counts on an in-memory DuckDB. Does not belong here: counting
(the warehouse), who is told.

A week (7 days up to the day) is compared with the 8 weeks before it, each rescaled to the same volume
by all other items, so that a busy week is no spike of every theme. Counts of one theme vary more than chance
alone; by how much is taken from all themes together (negative binomial, k between .02 and .5; the tenth of
them that varies most is left out, it may have had a burst). The variance-stabilised
distance z = 2/sqrt(k) (asinh(sqrt(k n)) - asinh(sqrt(k m))), divided by sqrt(1 + 1/weeks) because m is known
from so many weeks only, is compared with fixed limits.
"""

from __future__ import annotations

import duckdb
import pandas as pd

SPIKE_COLUMNS = ("theme_id", "day", "item_count_7d", "expected_count_7d", "z", "state")
WATCH = 2.3
ALERT = 2.8
LEAST_ITEMS = 4

_QUERY = """
with
bounds as (select min(day) as first_day, max(day) as last_day from counts),
days as (
    select unnest(generate_series(first_day, last_day, interval 1 day))::date as day from bounds
),
themes as (select distinct theme_id from counts),
dense as (
    select t.theme_id, d.day, coalesce(sum(c.items), 0) as items
    from themes t cross join days d left join counts c on c.theme_id = t.theme_id and c.day = d.day
    group by all
),
weekly as (
    select
        theme_id, day,
        sum(items) over (partition by theme_id order by day rows between 6 preceding and current row) as n,
        row_number() over (partition by theme_id order by day) as age
    from dense
),
volume as (
    select w.day, coalesce(t.total, sum(w.n)) as total
    from weekly w left join totals_7d t on t.day = w.day
    group by w.day, t.total
),
shared as (
    -- Without the theme itself: its own burst must not explain itself. The 1 keeps a lone theme comparable.
    select w.theme_id, w.day, w.n, w.age, greatest(v.total - w.n, 0) + 1 as total
    from weekly w join volume v using (day)
),
earlier as (
    select
        s.theme_id, s.day, s.n, s.total,
        h.n * s.total / nullif(h.total, 0) as past,
        h.n as past_n
    from shared s
    join generate_series(1, 8) as g(back) on true
    join shared h on h.theme_id = s.theme_id and h.day = s.day - 7 * g.back::integer and h.age >= 7
),
history as (
    select theme_id, day, n, avg(past) as m, var_samp(past) as v, count(past) as weeks
    from earlier
    group by theme_id, day, n
    having count(past) >= 4
),
ranked as (
    select *, percent_rank() over (partition by day order by v / nullif(m + 0.1 * m * m, 0) desc) as position
    from history
),
dispersion as (
    -- Pooled over themes: excess of variance over chance, weighted by the square of the mean.
    select
        day,
        least(0.5, greatest(0.02, sum(v - m) / nullif(sum(m * m), 0))) as k
    from ranked
    where position > 0.1
    group by day
),
scored as (
    select
        h.theme_id, h.day, h.n, h.m,
        2 / sqrt(d.k) * (asinh(sqrt(d.k * h.n)) - asinh(sqrt(d.k * h.m))) / sqrt(1 + 1.0 / h.weeks) as z
    from history h join dispersion d using (day)
)
select
    theme_id, day,
    n::bigint as item_count_7d,
    round(m, 6) as expected_count_7d,
    round(z, 6) as z,
    case
        when n < $least then 'normal'
        when z > $alert then 'alert'
        when z > $watch then 'watch'
        else 'normal'
    end as state
from scored
order by theme_id, day
"""


def find_spikes(daily: pd.DataFrame, totals: pd.DataFrame | None = None) -> pd.DataFrame:
    """The state of each theme on each day that has enough history.

    Arguments:
        daily: theme_id, day, item_count; days without items may be missing.
        totals: day, item_count of all items, themed or not; default: the sum over the themes.

    Returns:
        theme_id, day, item_count_7d, expected_count_7d, z, state (`normal`, `watch`, `alert`), by theme and
        day; nothing for a theme's first five weeks, where history says too little.
    """
    counts = pd.DataFrame(
        {
            "theme_id": daily["theme_id"].astype("str"),
            "day": pd.to_datetime(daily["day"]).dt.date,
            "items": daily["item_count"].astype("float64"),
        }
    )
    if counts.empty:
        return pd.DataFrame(columns=list(SPIKE_COLUMNS))
    if totals is None:
        sums = pd.DataFrame({"day": [], "total": []}).astype({"day": "datetime64[us]", "total": "float64"})
    else:
        days = pd.Series(totals["item_count"].to_numpy("float64"), index=pd.to_datetime(totals["day"]))
        full = days.groupby(level=0).sum().asfreq("D", fill_value=0.0).rolling(7, min_periods=1).sum()
        sums = full.rename("total").rename_axis("day").reset_index()
    sums["day"] = pd.to_datetime(sums["day"]).dt.date
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.register("counts_given", counts)
        connection.register("totals_given", sums)
        connection.execute(
            "create table counts as select theme_id, day::date as day, items from counts_given"
        )
        connection.execute(
            "create table totals_7d as select day::date as day, total::double as total from totals_given"
        )
        found = connection.execute(_QUERY, {"least": LEAST_ITEMS, "alert": ALERT, "watch": WATCH}).df()
    return found[list(SPIKE_COLUMNS)]
