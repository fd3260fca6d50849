"""Models and data tests are written in the SQL that all warehouses share; what differs lives in macros."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3] / "dbt_project"
SQL_FILES = sorted([*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "tests").rglob("*.sql")])

# What to write instead is in the project's README. After `dbt.` a function is dbt's own, and portable.
AVOIDED = {
    "interval arithmetic": r"\binterval\s*(['(\d]|\{\{)",
    "bare date functions": r"(?<!dbt\.)\b(date_trunc|datediff|date_diff|dateadd|date_add|date_part)\s*\("
    r"|\b(strftime|last_day)\s*\(",
    "days of the week or epochs by extract": r"\bextract\s*\(\s*(dow|isodow|doy|week|epoch)\b",
    "series": r"(?<!dbt\.)\bgenerate_series\s*\(|\bwith\s+recursive\b",
    "JSON operators and functions": r"->|\bjson_extract\w*\s*\(|\bget_json_object\s*\(",
    "arrays": r"\b(unnest|explode|array_agg|list|flatten|string_split)\s*\(",
    "qualify": r"\bqualify\b",
    "filter on an aggregate": r"\)\s*filter\s*\(",
    "aggregates that not all have": r"(?<!dbt\.)\b(bool_or|bool_and|boolor_agg|any_value|min_by|max_by"
    r"|arg_min|arg_max|median|mode|quantile\w*|percentile\w*|approx\w*)\s*\(\s*(?!')",
    "joined text": r"(?<!dbt\.)\b(string_agg|listagg|group_concat|concat_ws)\s*\(",
    "casts that may fail softly": r"\btry_cast\b|::",
    "regular expressions": r"\bregexp_(like|matches|full_match)\b|\bsimilar\s+to\b|\bilike\b",
    "greatest and least": r"\b(greatest|least)\s*\(",
    "group or order by all": r"\b(group|order)\s+by\s+all\b",
    "star with exceptions": r"\*\s*(exclude|except|replace)\b",
    "time zones": r"\bat\s+time\s+zone\b|\btimestamptz\b|\btimezone\s*\(",
    "types spelled for one warehouse": r"\bas\s+(varchar|string|text|double|float|real|decimal|numeric)\b"
    r"(?!\s*\()",
    "other text functions": r"(?<!dbt\.)\b(split_part|strpos|len|instr|printf|format)\s*\(",
    "joins that not all have": r"\b(asof|positional|lateral|semi|anti)\s+join\b|\bdistinct\s+on\b"
    r"|\busing\s*\(",
}
# The same words mean something else inside Jinja.
AVOIDED_OUTSIDE_JINJA = {
    "the clock": r"\b(now|getdate|today)\s*\(\s*\)|\bcurrent_(date|timestamp|time)\b",
    "regular expression operators": r"\s!?~\*?\s",
    "quoted identifiers": r'"',
}
COMMENTS = re.compile(r"\{#.*?#\}|--[^\n]*", re.DOTALL)
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def _violations(sql: str) -> list[str]:
    plain = COMMENTS.sub(" ", sql).lower()
    outside = JINJA.sub(" ", plain)
    return [
        *(name for name, pattern in AVOIDED.items() if re.search(pattern, plain)),
        *(name for name, pattern in AVOIDED_OUTSIDE_JINJA.items() if re.search(pattern, outside)),
    ]


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.stem)
def test_only_shared_sql_outside_macros(path: Path) -> None:
    found = _violations(path.read_text(encoding="utf-8"))
    assert not found, f"{path.relative_to(PROJECT)} uses {', '.join(found)}: put it in a dispatched macro"


@pytest.mark.parametrize(
    "sql",
    [
        "select a from t where b > c - interval 1 day",
        "select date_trunc('week', a) from t",
        "select extract(dow from a) from t",
        "select a ->> 'b' from t",
        "select a from t qualify row_number() over (order by a) = 1",
        "select count(*) filter (where a) from t",
        "select median(a) from t",
        "select bool_or(a) from t",
        "select a::int from t",
        "select greatest(a, b) from t",
        "select * exclude (a) from t",
        "select cast(a as varchar) from t",
        "select current_date",
        "select now()",
        "select a from t where b ~ 'c'",
        'select "a" from t',
        "select a from t group by all",
        "select string_agg(a, ',') from t",
    ],
)
def test_what_is_avoided_is_noticed(sql: str) -> None:
    assert _violations(sql)
