"""Finding erased people in a warehouse, and amending the rows that tell of them.

Belongs here: which records are theirs, which rows change, changing them in one step. Does not belong here:
what a row becomes (`redaction.py`), locks, files and publications.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from ingestion.enrichment.registry import ENGINES
from ingestion.envelope import person_key
from ingestion.erasure.redaction import (
    PAYLOAD_ERASED,
    WORDS_ERASED,
    Redactor,
    is_of_a_person,
    people_columns,
)
from ingestion.erasure.register import PHONE_DIGITS, Register, normal_word, phone_digits
from ingestion.errors import ConfigurationInvalid
from ingestion.source import Resource, Source
from ingestion.tables import dataset_name, rejected_table
from ingestion.warehouse import Session

# More records than that in the vendors' systems are a shared mailbox, not a person.
MOST_RECORDS = 40
FEEDBACK_ITEMS = ("intermediate", "int_insight__feedback_items")
_PHONE_NAMES = re.compile(r"(mobile|cell|home|work)?_?(phone|mobile|fax|whatsapp)(_?number)?", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_FIRST_NAMES = {"firstname", "first_name"}
_LAST_NAMES = {"lastname", "last_name"}

OnTable = Callable[[str, int, int], None]


@dataclass
class Known:
    """A person as the warehouse knows them, in plain text: never printed, never kept.

    Arguments:
        addresses, names, phones: as the vendors wrote them.
        records: connection, resource, vendor's id.
    """

    addresses: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    records: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass
class Findings:
    """What an erasure would change.

    Arguments:
        rows: how many by table and in which way: `theirs` or `mention`.
        amended: by table the changed columns of the rows, with `_row`.
        objects: connection and key of the things whose words are theirs.
        keys: personal key to the one that takes its place.
        feedback_ids: items of feedback with words of theirs; None where nothing tells which these are.
        words: of those, as they are published.
    """

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    amended: dict[str, pa.Table] = field(default_factory=dict)
    objects: set[tuple[str, str]] = field(default_factory=set)
    keys: dict[str, str] = field(default_factory=dict)
    feedback_ids: set[str] | None = field(default_factory=set)
    words: set[str] = field(default_factory=set)


def identify(
    session: Session, sources: Sequence[Source], register: Register, secret: str
) -> dict[str, Known]:
    """Everybody on the list as the warehouse knows them; the list learns what they are recognised by.

    A record that has, or ever had, one of their addresses is theirs, and so are its other addresses.

    Returns: by token.

    Raises ConfigurationInvalid when one of them has more records than a person has.
    """
    known: dict[str, Known] = {person.token: Known() for person in register.people}
    while True:
        redactor = Redactor(register, lambda address: person_key(address, secret.encode()))
        before = {token: (len(one.addresses), len(one.records)) for token, one in known.items()}
        for source in sources:
            for resource in source.resources:
                for token, instance, vendor_id, addresses in _records(session, source, resource, redactor):
                    known[token].records.add((instance, resource.name, vendor_id))
                    known[token].addresses |= addresses
        for token, one in known.items():
            if len(one.records) > MOST_RECORDS:
                raise ConfigurationInvalid(
                    f"at most {MOST_RECORDS} records of one person",
                    f"{len(one.records)}, which share addresses with one another",
                    "erase a shared mailbox at the vendor; name a person's own records by --id "
                    "<connection>:<table>:<id> instead",
                )
            register.learn(token, register.marks_of(addresses=one.addresses, records=one.records))
        if before == {token: (len(one.addresses), len(one.records)) for token, one in known.items()}:
            break
    for source in sources:
        for resource in source.resources:
            if is_of_a_person(resource):
                _learn_names(session, source, resource, known)
    for token, one in known.items():
        register.learn(token, register.marks_of(names=one.names, phones=one.phones))
    return known


def trace(
    session: Session,
    sources: Sequence[Source],
    redactor: Redactor,
    known: Mapping[str, Known],
    on_table: OnTable = lambda table, done, total: None,
) -> Findings:
    """Which rows of raw and of the engines' results tell of them, and how they are to be amended.

    Arguments:
        known: from `identify`.
        on_table: called with a table's name, how many were read, how many there are.
    """
    findings = Findings()
    people = list(known.values())
    tables = list(_tables(session, sources))
    for number, (name, resource, is_rejected) in enumerate(tables, start=1):
        on_table(name, number, len(tables))
        _trace_table(session, name, resource, is_rejected, redactor, people, findings)
    _trace_feedback(session, findings)
    return findings


def purge(session: Session, findings: Findings) -> None:
    """Amend all rows, forget the engines' memory of their words, drop what is built; all of it or nothing."""
    with session.transaction():
        for table, rows in findings.amended.items():
            session.amend(table, rows)
        for engine in ENGINES:
            if engine.forget is not None:
                engine.forget(session, engine.dataset, findings.feedback_ids)
        session.drop_built()


def _records(
    session: Session, source: Source, resource: Resource, redactor: Redactor
) -> Iterator[tuple[str, str, str, set[str]]]:
    """Records of people on the list: token, connection, id, addresses of theirs."""
    dataset = dataset_name(source)
    present = session.columns(dataset).get(resource.name, set())
    if not is_of_a_person(resource) or not {"_instance", *resource.key} <= present:
        return
    (key,) = resource.key
    keyed = [name for name in resource.keyed if name in present]
    found = session.rows(
        f"select distinct {', '.join(['_instance', key, *keyed])} from {dataset}.{resource.name}"
        f" where {key} is not null"
    )
    theirs: dict[tuple[str, str], str] = {}
    for instance, vendor_id, *addresses in found:
        row = dict(zip([key, *keyed], [vendor_id, *addresses], strict=True))
        if (token := redactor.whose_row(instance, resource, row)) is not None:
            theirs.setdefault((instance, vendor_id), token)
    for instance, vendor_id, *addresses in found:
        token = theirs.get((instance, vendor_id))
        if token is not None:
            own = {one for one in addresses if one and not one.startswith("erased-")}
            yield token, instance, vendor_id, own | ({vendor_id} if "@" in vendor_id else set())


def _learn_names(session: Session, source: Source, resource: Resource, known: Mapping[str, Known]) -> None:
    dataset = dataset_name(source)
    present = session.columns(dataset).get(resource.name, set())
    (key,) = resource.key
    for one in known.values():
        ids = sorted(vendor_id for _, kind, vendor_id in one.records if kind == resource.name)
        columns = [name for name in (*resource.personal, "payload") if name in present]
        if not ids or not columns:
            continue
        found = session.rows(
            f"select _instance, {key}, {', '.join(columns)} from {dataset}.{resource.name}"
            f" where {key} in ({_listed(ids)})"
        )
        for instance, vendor_id, *values in found:
            if (instance, resource.name, vendor_id) in one.records:
                row = {name: value for name, value in zip(columns, values, strict=True) if value}
                one.names |= set(_names(row))
                one.phones |= set(_phones(row))


def _names(row: Mapping[str, str]) -> Iterator[str]:
    first = next((row[name] for name in row if name in _FIRST_NAMES), None)
    last = next((row[name] for name in row if name in _LAST_NAMES), None)
    if first and last:
        yield f"{first} {last}"
    for name, value in row.items():
        if name.endswith("name") and name not in _FIRST_NAMES | _LAST_NAMES and "@" not in value:
            yield value


def _phones(row: Mapping[str, str]) -> Iterator[str]:
    yield from (value for name, value in row.items() if _PHONE_NAMES.fullmatch(name))
    try:
        payload = json.loads(row.get("payload", "{}"))
    except ValueError:
        return
    pending = [payload]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            pending += one.values()
            for name, value in one.items():
                if isinstance(value, str) and _PHONE_NAMES.fullmatch(name.strip("$")):
                    yield value


def _tables(session: Session, sources: Sequence[Source]) -> Iterator[tuple[str, Resource | None, bool]]:
    """Every table that can hold a person: its name, what its rows are, whether they could not be read."""
    resources = {
        f"{dataset_name(source)}.{resource.name}": resource
        for source in sources
        for resource in source.resources
    }
    rejected = {
        f"{dataset_name(source)}.{rejected_table(resource.name)}": resource
        for source in sources
        for resource in source.resources
    }
    for schema in [*session.schemas("raw_"), *session.schemas("enrichment_")]:
        for table in sorted(session.columns(schema)):
            name = f"{schema}.{table}"
            if not table.startswith("_dlt_"):
                yield name, resources.get(name) or rejected.get(name), name in rejected


def _trace_table(
    session: Session,
    name: str,
    resource: Resource | None,
    is_rejected: bool,
    redactor: Redactor,
    people: Sequence[Known],
    findings: Findings,
) -> None:
    shape = session.arrow(f"select * from {name} limit 0").schema
    texts = [column.name for column in shape if pa.types.is_string(column.type)]
    if not texts:
        return
    conditions = _mentions(texts, people, reads_digits=bool(resource and resource.personal))
    if resource is not None and not is_rejected:
        conditions += _references(resource, texts, people)
    if not conditions:
        return
    address = session.row_address
    found = session.arrow(
        f"select {address} as _row, {', '.join(texts)} from {name} where {' or '.join(conditions)}"
    )
    changes: list[dict[str, Any]] = []
    for row in found.to_pylist():
        if resource is None:
            changed = _without_mentions(redactor, row, texts)
        elif is_rejected:
            changed = _without_mentions(redactor, row, ["_key"])
            payload = redactor.rejected_payload(row["_instance"], resource, row["payload"])
            changed |= {"payload": payload} if payload != row["payload"] else {}
        else:
            own = {column: row[column] for column in texts if not column.startswith("_") or column == "_key"}
            changed = redactor.changes(row["_instance"], resource, own)
            _note(resource, row, changed, redactor, findings)
        if not changed:
            continue
        is_theirs = bool(
            resource and not is_rejected and redactor.whose_row(row["_instance"], resource, row) is not None
        )
        findings.rows[name, "theirs" if is_theirs else "mention"] += 1
        changes.append({**row, **changed, "": set(changed)})
    if changes:
        columns = sorted(set().union(*(change[""] for change in changes)))
        findings.amended[name] = pa.table(
            {
                column: pa.array([change[column] for change in changes], pa.string())
                for column in ("_row", *columns)
            }
        )


def _note(
    resource: Resource,
    row: Mapping[str, Any],
    changed: Mapping[str, str | None],
    redactor: Redactor,
    findings: Findings,
) -> None:
    """What the engines and the publication know the row by."""
    for column in resource.keyed:
        key = f"{column}_key"
        if changed.get(key) and row.get(key):
            findings.keys[row[key]] = str(changed[key])
    if WORDS_ERASED in changed.values() or (set(changed) & set(resource.personal)):
        findings.objects.add((row["_instance"], row["_key"]))


def _without_mentions(redactor: Redactor, row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    changed = {}
    for column in columns:
        value = row[column]
        if isinstance(value, str) and value:
            new = redactor.json(value) if value[:1] in "{[" else redactor.text(value)
            if new != value:
                changed[column] = new
    return changed


def _mentions(texts: Sequence[str], people: Sequence[Known], *, reads_digits: bool) -> list[str]:
    """Conditions that every row meets that says an address, a name or a number of theirs; some others too."""
    text = f"lower(concat_ws(' ', {', '.join(texts)}))"
    found = []
    for one in people:
        for address in one.addresses:
            found.append(_says(text, {address, quote(address)}))
        for name in one.names:
            words = _WORD.findall(name)
            if len(words) > 1:
                # Every spelling of a name has its first word and its last.
                found.append(f"({_says(text, {words[0]})} and {_says(text, {words[-1]})})")
        for phone in one.phones:
            digits = phone_digits(phone)
            if digits and reads_digits:
                only = f"regexp_replace({text}, '[^0-9]', '', 'g')"
                found.append(f"strpos({only}, '{digits}') > 0")
            elif digits:
                found.append(_says(text, {phone, digits[-PHONE_DIGITS:]}))
    return found


def _references(resource: Resource, texts: Sequence[str], people: Sequence[Known]) -> list[str]:
    """Conditions of the rows that name one of their records."""
    found = []
    for column, kinds in people_columns(resource).items():
        named = sorted({vendor_id for one in people for _, kind, vendor_id in one.records if kind in kinds})
        if named and column in texts:
            # Those who were erased long ago need not be read again and again.
            found.append(
                f"({column} in ({_listed(named)}) and coalesce(payload, '') <> {_literal(PAYLOAD_ERASED)})"
            )
    return found


def _says(text: str, words: set[str]) -> str:
    spelled = set()
    for word in words:
        lower = word.lower()
        spelled |= {lower, normal_word(word), json.dumps(lower)[1:-1], json.dumps(word)[1:-1].lower()}
    return "(" + " or ".join(f"strpos({text}, {_literal(one)}) > 0" for one in sorted(spelled)) + ")"


def _trace_feedback(session: Session, findings: Findings) -> None:
    """The items of feedback that are made of their words, and these words as they are published."""
    schema, table = FEEDBACK_ITEMS
    results = {
        name: columns
        for name, columns in session.columns("enrichment_insight").items()
        if {"feedback_id", "text_redacted"} <= columns
    }
    if not results or not findings.objects:
        return
    if table not in session.columns(schema):
        # Nothing is built: which item is whose cannot be told, so the engine reads all of them again.
        findings.feedback_ids = None
        return
    built = session.rows(f"select distinct instance, object_id, feedback_id from {schema}.{table}")
    ids = {
        feedback_id for instance, object_id, feedback_id in built if (instance, object_id) in findings.objects
    }
    findings.feedback_ids = ids
    if not ids:
        return
    for name in results:
        said = session.rows(
            f"select distinct text_redacted from enrichment_insight.{name}"
            f" where text_redacted is not null and feedback_id in ({_listed(sorted(ids))})"
        )
        findings.words |= {text for (text,) in said}


def _listed(values: Sequence[str]) -> str:
    return ", ".join(_literal(value) for value in values)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
