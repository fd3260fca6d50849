"""Whether a person can still be read anywhere, as bytes of files and as rows of tables.

Belongs here: choosing a person of a loaded company, and looking for them. Does not belong here: what is
asserted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from ingestion.warehouse import Session

Person = tuple[str, str, str]


def somebody(session: Session) -> Person:
    """Address, name and number of a person whom all vendors know, and whose name is nobody else's."""
    ((address, name, phone),) = session.rows(
        """
        select users.email, min(users.name), min(json_extract_string(users.payload, '$.phone'))
        from raw_zendesk.users as users
        inner join raw_zendesk.tickets as tickets on users.user_id = tickets.requester_id
        inner join raw_hubspot.contacts as contacts on users.email = contacts.email
        inner join raw_mixpanel.profiles as profiles on users.email = profiles.email
        where users.role = 'end-user' and users.name not in (
            select name from raw_zendesk.users group by name having count(distinct user_id) > 1
        )
        group by users.email
        order by count(distinct tickets._key) desc, users.email
        limit 1
        """
    )
    return str(address), str(name), str(phone)


def files_with(person: Person, paths: Iterable[Path]) -> list[str]:
    """Files in which one of the values stands, in whatever case and as whatever library writes it."""
    needles = {one.lower().encode() for word in person for one in (word, json.dumps(word)[1:-1], quote(word))}
    return [
        str(path)
        for path in paths
        if path.is_file() and any(needle in path.read_bytes().lower() for needle in needles)
    ]


def tables_with(person: Person, session: Session) -> list[str]:
    """Tables with such a row: a file of a database may hold its texts packed."""
    found = []
    for schema in session.schemas(""):
        if schema in ("information_schema", "main") or schema.startswith("pg_"):
            continue
        for table, columns in session.columns(schema).items():
            whole = f"lower(concat_ws(' ', {', '.join(sorted(columns))}))"
            says = " or ".join(f"strpos({whole}, '{word.lower()}') > 0" for word in person)
            if session.rows(f"select 1 from {schema}.{table} where {says} limit 1"):
                found.append(f"{schema}.{table}")
    return found
