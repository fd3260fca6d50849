"""Arrival contracts: from `suites/raw/contracts/<source>.yml` to checks.

Belongs here: the meaning of a contract's words (columns, required, in, between, volume, freshness) as SQL
over the raw envelope. Does not belong here: what a vendor must send (the YAML files) and running the checks.

Values are looked at on the rows that staging reads: the latest version of each living key, of completed
loads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from expectations.check import Check, Expectation, Severity

CONTRACTS = Path(__file__).parent / "suites" / "raw" / "contracts"

ENVELOPE = {
    "_instance": "text",
    "_key": "text",
    "_version_id": "text",
    "_source_updated_at": "timestamp",
    "_extracted_at": "timestamp",
    "_dlt_load_id": "text",
    "_is_deleted": "boolean",
    "payload": "text",
}
# What the catalogues of the warehouses call the six types of a contract (all lower case).
TYPE_NAMES = {
    "text": ("varchar", "text", "character varying", "string"),
    "bigint": ("bigint",),
    "double": ("double", "double precision"),
    "boolean": ("boolean",),
    "date": ("date",),
    "timestamp": ("timestamp", "timestamp without time zone", "timestamp_ntz"),
}
SAMPLE_SIZE = 300
SAMPLED_DAYS, SAMPLED_DAYS_OF_EVENTS = 30, 7
REMEDIES = {
    "columns": "See whether staging still reads the column; change contract and staging together.",
    "keys": "Look at the load that brought these rows (load_audit), then `norte compact` and `norte run`.",
    "values": "Look these rows up in the vendor's own screens by their keys; correct them there, or the "
    "contract if the value is right, then `norte run`.",
    "volume": "Look at the vendor's export and the token's permissions (`norte doctor`) first; a real change "
    "passes with the next load.",
    "freshness": "Its last loads failed or did not start: `norte doctor`, then `norte run`.",
    "readable": "`reason` in the table of rejected rows names the column; a field of another type needs a "
    "change of the connector or the mapping, then the rows are read again.",
    "fields": "Ask the vendor's administrator, or read the vendor's changelog; then change connector, "
    "contract and staging of the columns named, before numbers drift. It ends by itself within weeks.",
    "other_fields": "If a new one is worth having: a column in the connector and a line in the contract; the "
    "payload keeps it meanwhile. What is gone or changed is read by nobody here.",
}
_WORDS_OF_A_COLUMN = {"type", "required", "in", "between", "severity"}
_WORDS_OF_A_TABLE = {"why", "severity", "columns", "fields", "volume", "is_append_only", "parent", "sender"}


class ContractError(ValueError):
    """A contract or suite file says something that has no meaning."""


def current_rows(table: str) -> str:
    """SQL of the latest version of each living key of a raw table, from completed loads only."""
    schema = table.partition(".")[0]
    return (
        f"select * from (select r.*, row_number() over (partition by r._instance, r._key"
        f" order by r._source_updated_at desc nulls last, r._extracted_at desc, r._dlt_load_id desc) as _row"
        f" from {table} as r"
        f" where r._dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)"
        f") as versions where _row = 1 and not coalesce(_is_deleted, false)"
    )


def timestamp_literal(moment: datetime) -> str:
    """A naive UTC timestamp as every warehouse reads it."""
    return f"cast('{moment:%Y-%m-%d %H:%M:%S}' as timestamp)"


def read_contracts(
    now: datetime,
    names: list[str] | None = None,
    instances: Mapping[str, Sequence[str]] | None = None,
) -> list[Check]:
    """The checks of the arrival contracts.

    Arguments:
        now: the run's now, naive or aware UTC; freshness and volume are judged by it.
        names: sources to read; None reads all of them.
        instances: by source, the connections that are on; None: those that ever loaded.
    """
    paths = sorted(CONTRACTS.glob("*.yml"))
    known = {path.stem: path for path in paths}
    missing = sorted(set(names or ()) - set(known))
    if missing:
        raise ContractError(
            f"Expected an arrival contract for {', '.join(missing)}, found those of {', '.join(known)}. "
            f"Write expectations/suites/raw/contracts/{missing[0]}.yml, or leave the source out."
        )
    wanted = [known[name] for name in names] if names is not None else paths
    return [check for path in wanted for check in read_contract(path, now, instances)]


def event_senders(sources: Sequence[str] | None = None) -> list[tuple[str, str]]:
    """Each raw table of events, and SQL over one of its rows that says who sent it.

    Arguments:
        sources: the sources that are on; None: all.
    """
    found = []
    for path in sorted(CONTRACTS.glob("*.yml")):
        contract = yaml.safe_load(path.read_text(encoding="utf-8"))
        if sources is None or contract["source"] in sources:
            tables = contract["tables"].items()
            found += [
                (f"raw_{contract['source']}.{table}", one["sender"])
                for table, one in tables
                if "sender" in one
            ]
    return found


def read_contract(
    path: Path, now: datetime, instances: Mapping[str, Sequence[str]] | None = None
) -> list[Check]:
    """The checks of one contract file."""
    contract = yaml.safe_load(path.read_text(encoding="utf-8"))
    source = contract["source"]
    checks = [_freshness(source, contract, now, (instances or {}).get(source))]
    for table, promise in contract["tables"].items():
        unknown = set(promise) - _WORDS_OF_A_TABLE
        if unknown:
            raise ContractError(
                f"{path.name}, table {table}: {', '.join(sorted(unknown))} has no meaning in a contract; "
                f"known are {', '.join(sorted(_WORDS_OF_A_TABLE))}."
            )
        children = [name for name, one in contract["tables"].items() if one.get("parent") == table]
        checks += _table_checks(path, source, contract["owner"], table, promise, now, children)
    return checks


def _table_checks(
    path: Path,
    source: str,
    owner: str,
    table: str,
    promise: Mapping[str, Any],
    now: datetime,
    children: Sequence[str],
) -> list[Check]:
    full_name = f"raw_{source}.{table}"
    severity: Severity = promise.get("severity", "block")
    columns = {
        name: {"type": spec} if isinstance(spec, str) else spec for name, spec in promise["columns"].items()
    }
    for name, spec in columns.items():
        if set(spec) - _WORDS_OF_A_COLUMN or spec.get("type") not in TYPE_NAMES:
            raise ContractError(
                f"{path.name}, {table}.{name}: expected a type out of {', '.join(TYPE_NAMES)} and the words "
                f"{', '.join(sorted(_WORDS_OF_A_COLUMN))}, found {spec}."
            )

    def check(
        name: str, level: Severity, why: str, query: str, keys: tuple[str, ...], *rules: Expectation
    ) -> Check:
        remedy = REMEDIES[name.removesuffix(f"_{level}")]
        return Check(
            "raw", source, f"{table}__{name}", full_name, level, owner, why, query, keys, rules, remedy
        )

    envelope = {**ENVELOPE, **({"_parent_version_id": "text"} if promise.get("parent") else {})}
    types = {**envelope, **{name: spec["type"] for name, spec in columns.items()}}
    checks = [
        check(
            "columns",
            severity,
            f"{promise['why']} A column that is missing or has changed its type cannot be read as before.",
            _columns_query(f"raw_{source}", table, types),
            ("column_name",),
            Expectation("no_rows"),
        ),
        check(
            "keys",
            severity,
            "A row without a key cannot be followed, and a version that is loaded twice counts twice.",
            _keys_query(full_name, bool(promise.get("is_append_only"))),
            ("_instance", "_key"),
            Expectation("no_rows"),
        ),
    ]
    checks.append(
        check(
            "readable",
            "warn",
            "A row that cannot be read is left out of every number until it can.",
            _rejected_query(full_name, now),
            ("_instance", "_key"),
            Expectation("no_rows"),
        )
    )
    if not promise.get("parent"):
        named = promise.get("fields", {})
        if set(named) - set(columns) - set(children):
            raise ContractError(
                f"{path.name}, table {table}, fields: expected columns of the contract, or tables made of "
                f"its lists, came {', '.join(sorted(set(named) - set(columns) - set(children)))}. "
                "Correct the name or add the column."
            )
        fields = {column: column for column in columns} | named
        samples = _samples_query(
            full_name,
            SAMPLED_DAYS_OF_EVENTS if promise.get("is_append_only") else SAMPLED_DAYS,
            [column for column in columns if "*" in (fields[column] or "")],
        )
        checks += [
            check(
                "fields",
                "warn",
                "A field that the vendor dropped or sends as another type goes missing without an error.",
                samples,
                ("field",),
                Expectation("read_fields_stay", {"columns": fields}),
            ),
            check(
                "other_fields",
                "notice",
                "The vendor's objects changed where nothing here is read.",
                samples,
                ("field",),
                Expectation("other_fields_stay", {"columns": fields}),
            ),
        ]
    for level in ("block", "warn"):
        rules = [
            rule
            for name, spec in columns.items()
            if spec.get("severity", severity) == level
            for rule in _value_rules(name, spec)
        ]
        if rules:
            rows = f"select * from {full_name}" if promise.get("is_append_only") else current_rows(full_name)
            used = sorted({rule.arguments["column"] for rule in rules})
            query = f"select _instance, _key, {', '.join(used)} from ({rows}) as living"
            name = "values" if level == severity else f"values_{level}"
            checks.append(check(name, level, promise["why"], query, ("_instance", "_key"), *rules))
    if "volume" in promise:
        volume = promise["volume"]
        checks.append(
            check(
                "volume",
                volume.get("severity", "warn"),
                "A sudden fall or jump is more often a broken export or a lost permission than business.",
                _volume_query(full_name, volume, now),
                ("what",),
                Expectation("no_rows"),
            )
        )
    return checks


def _value_rules(column: str, spec: Mapping[str, Any]) -> list[Expectation]:
    rules = []
    if spec.get("required"):
        rules.append(Expectation("not_null", {"column": column}))
    if "in" in spec:
        rules.append(Expectation("in_set", {"column": column, "values": list(spec["in"])}))
    if "between" in spec:
        low, high = spec["between"]
        rules.append(Expectation("between", {"column": column, "low": low, "high": high}))
    return rules


def _columns_query(schema: str, table: str, types: Mapping[str, str]) -> str:
    """Rows: promised columns that are not there or have another type."""
    promised = " union all ".join(
        f"select '{name}' as column_name, '{spelling}' as data_type"
        for name, kind in types.items()
        for spelling in TYPE_NAMES[kind]
    )
    return (
        f"select promised.column_name from ({promised}) as promised"
        " left join information_schema.columns as found"
        f" on found.table_schema = '{schema}' and found.table_name = '{table}'"
        " and found.column_name = promised.column_name and lower(found.data_type) = promised.data_type"
        " group by promised.column_name having count(found.column_name) = 0"
    )


def _rejected_query(table: str, now: datetime) -> str:
    """Rows: those that loads of the last day could not read."""
    schema = table.partition(".")[0]
    return (
        f"select _instance, coalesce(_key, 'no key') as _key from {table}_rejected"
        f" where _dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)"
        f" and _extracted_at > {timestamp_literal(now - timedelta(days=1))}"
    )


def _samples_query(table: str, days: int, columns: Sequence[str]) -> str:
    """Payloads of the last day that brought any, and of the days before, some of each connection.

    A version's id is a hash: in its order a sample is random, and the same every time.
    """
    schema = table.partition(".")[0]
    complete = f"_dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)"
    also = "".join(f", {column}" for column in columns)
    newest = f"(select max(_extracted_at) as newest_at from {table} where {complete}) as newest"
    return (
        f"select part, payload{also} from (select part, payload{also}, row_number() over"
        f" (partition by _instance, part order by _version_id) as _row"
        f" from (select r._instance, r._version_id, r.payload{also},"
        " case when r._extracted_at > newest.newest_at - interval '1' day then 'latest' else 'before' end"
        " as part"
        f" from {table} as r cross join {newest} where {complete} and r.payload is not null"
        " and not coalesce(r._is_deleted, false)"
        f" and r._extracted_at > newest.newest_at - interval '{days}' day) as recent) as numbered"
        f" where _row <= {SAMPLE_SIZE}"
    )


def _keys_query(table: str, is_append_only: bool) -> str:
    """Rows: keys that are empty, or versions that one load (an event: any load) brought twice."""
    schema = table.partition(".")[0]
    grain = "_instance, _key" if is_append_only else "_instance, _key, _version_id, _dlt_load_id"
    return (
        f"select {grain} from {table}"
        f" where _dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)"
        f" group by {grain} having count(*) > 1 or _instance is null or _key is null"
    )


def _volume_query(table: str, volume: Mapping[str, Any], now: datetime) -> str:
    """One row where the volume is out of its band; none where there is too little history to judge."""
    schema = table.partition(".")[0]
    complete = f"_dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)"
    if "per_day" in volume:
        day = datetime(now.year, now.month, now.day) - timedelta(days=1)
        weeks_before = [day - timedelta(days=7 * n) for n in (1, 2, 3, 4)]

        def count(start: datetime) -> str:
            end = start + timedelta(days=1)
            moment = volume["per_day"]
            return (
                f"(select count(*) from {table} where {complete} and {moment} >= {timestamp_literal(start)}"
                f" and {moment} < {timestamp_literal(end)})"
            )

        usual = " + ".join(count(start) for start in weeks_before)
        return (
            f"select 'rows_of_{day:%Y-%m-%d}' as what"
            f" from (select {count(day)} * 4.0 as found, {usual} as usual)"
            f" as volumes where usual >= 400 and (found < usual * {volume['low_ratio']}"
            f" or found > usual * {volume['high_ratio']})"
        )

    def living(condition: str) -> str:
        return (
            "select count(*) from (select _is_deleted, row_number() over (partition by _instance, _key"
            " order by _source_updated_at desc nulls last, _extracted_at desc, _dlt_load_id desc) as _row"
            f" from {table} where {complete}{condition}) as versions where _row = 1 and not _is_deleted"
        )

    before = living(f" and _extracted_at < (select max(_extracted_at) from {table} where {complete})")
    share_left = 1 - volume["max_fall_pct"] / 100
    return (
        f"select 'living_keys' as what from (select ({living('')}) as now_alive, ({before}) as alive_before)"
        f" as volumes where alive_before >= 20 and now_alive < alive_before * {share_left}"
    )


def _freshness(
    source: str, contract: Mapping[str, Any], now: datetime, instances: Sequence[str] | None
) -> Check:
    promise = contract["freshness"]
    oldest = now - timedelta(hours=promise["promise_hours"])
    loads = (
        f"select _instance, max(completed_at) as last_completed_at from raw_{source}.load_audit"
        f" where load_id in (select load_id from raw_{source}._dlt_loads where status = 0) group by _instance"
    )
    expected = " union all ".join(f"select '{name}' as instance" for name in instances or ())
    expected = expected or f"select _instance as instance from ({loads}) as known"
    query = (
        f"select expected.instance from ({expected}) as expected"
        f" left join ({loads}) as loads on loads._instance = expected.instance"
        f" where last_completed_at is null or last_completed_at < {timestamp_literal(oldest)}"
    )
    return Check(
        "raw",
        source,
        "freshness",
        f"raw_{source}.load_audit",
        promise.get("severity", "warn"),
        contract["owner"],
        f"The last load is promised to be at most {promise['promise_hours']} hours old;"
        " numbers built on it are older.",
        query,
        ("instance",),
        (Expectation("no_rows"),),
        REMEDIES["freshness"],
    )


def freshness_promise_hours() -> dict[str, float]:
    """Source -> hours after which its data counts as old, as the contracts promise."""
    promises = {}
    for path in sorted(CONTRACTS.glob("*.yml")):
        contract = yaml.safe_load(path.read_text(encoding="utf-8"))
        promises[contract["source"]] = float(contract["freshness"]["promise_hours"])
    return promises
