"""What becomes of values, texts and raw rows of people on the list.

Belongs here: recognising people in values and rows, and the row without them. Does not belong here: reading
and writing rows (`purging.py`, `ingestion/envelope.py`), the list (`register.py`).

One function for what lies in the warehouse and for what a load brings: an erased row that a vendor delivers
again is the row that is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.erasure.register import (
    PHONE_DIGITS,
    Register,
    normal_address,
    normal_word,
    phone_digits,
    record_name,
)
from ingestion.source import Resource

# dbt's models know these words: what was said is no longer there, that it was said is.
WORDS_ERASED = "[words erased]"
MENTION_ERASED = "[erased]"
PAYLOAD_ERASED = '{"erased":true}'
_ADDRESS = re.compile(r"([\w.+'’-]+)(@|%40)([^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)+)")
_WORD = re.compile(r"[^\W_]+")
_BETWEEN_WORDS = re.compile(r"[\s.,_+'’-]{1,3}")
_PHONE = re.compile(r"\+?\(?\d[\d\s().\-/]{6,}\d")
_JSON_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


class Redactor:
    """Takes the people of a list out of values and rows.

    Arguments:
        register: the list; what it learns later does not count.
        person_key: address to personal key, as loads make it.
    """

    def __init__(self, register: Register, person_key: Callable[[str], str | None]) -> None:
        self._register = register
        self._person_key = person_key
        self._by_address = {mark: one.token for one in register.people for mark in one.marks.addresses}
        self._by_id = {mark: one.token for one in register.people for mark in one.marks.ids}
        self._names = frozenset[str]().union(*(one.marks.names for one in register.people))
        self._phones = frozenset[str]().union(*(one.marks.phones for one in register.people))
        self._first_words = frozenset[str]().union(*(one.marks.first_words for one in register.people))
        lengths = frozenset[int]().union(*(one.marks.name_lengths for one in register.people))
        self._name_lengths = sorted(lengths, reverse=True)
        self._pseudonyms = {
            register.pseudonym(token, mark): token for mark, token in self._by_address.items()
        }
        # Words and ids come again and again.
        self._words: dict[str, tuple[str, bool]] = {}
        self._found: dict[str, str | None] = {}
        self._ids: dict[tuple[str, str, str], str | None] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nobody is on the list."""
        return not self._by_address and not self._by_id

    def whose_address(self, address: str) -> str | None:
        """The token of the person whose address it is, or whose address it took the place of."""
        if address not in self._found:
            local = address.partition("@")[0]
            mark = self._register.mark("address", normal_address(address))
            self._found[address] = self._pseudonyms.get(local) or self._by_address.get(mark)
        return self._found[address]

    def whose_id(self, instance: str, resource: str, vendor_id: str) -> str | None:
        """The token of the person whose record it is."""
        key = (instance, resource, vendor_id)
        if key not in self._ids:
            self._ids[key] = self._by_id.get(self._register.mark("id", record_name(*key)))
        return self._ids[key]

    def whose_value(self, instance: str, resources: tuple[str, ...], value: Any) -> str | None:
        """The token of the person whom a value of a column names, by a record's id or by an address."""
        text = "" if value is None else str(value)
        if not text:
            return None
        for resource in resources:
            if (token := self.whose_id(instance, resource, text)) is not None:
                return token
        return self.whose_address(text) if "@" in text else None

    def whose_row(self, instance: str, resource: Resource, row: Mapping[str, Any]) -> str | None:
        """The token of the person whose the row is, or who wrote or did what it tells."""
        for column, resources in people_columns(resource).items():
            if (token := self.whose_value(instance, resources, row.get(column))) is not None:
                return token
        return None

    def pseudonym(self, address: str, token: str) -> str:
        """The address that takes the place of a person's; its domain stays, which tells the account."""
        local, _, domain = address.strip().partition("@")
        if local in self._pseudonyms:
            return address
        mark = self._register.mark("address", normal_address(address))
        return f"{self._register.pseudonym(token, mark)}@{domain.lower()}" if domain else MENTION_ERASED

    def text(self, text: str) -> str:
        """The text without addresses, full names and telephone numbers of people on the list."""
        return self._without_phones(self._without_names(_ADDRESS.sub(self._readdressed, text)))

    def is_mentioned(self, text: str) -> bool:
        """Whether `text` or `json` would change it, or may; soon said of most."""
        return (
            ("@" in text or "%40" in text)
            and any(self._readdressed(match) != match[0] for match in _ADDRESS.finditer(text))
        ) or self._may_name(text)

    def json(self, payload: str) -> str:
        """JSON without the same; what is no JSON is taken for text."""
        try:
            content = orjson.loads(payload)
        except ValueError:
            return self.text(payload)
        redacted = self._walked(content)
        return payload if redacted == content else orjson.dumps(redacted, option=_JSON_OPTIONS).decode()

    def rejected_payload(self, instance: str, resource: Resource, payload: str) -> str:
        """The payload of a row that could not be read; nothing of it if it names a person by their id."""
        kinds = tuple({kind for kinds in people_columns(resource).values() for kind in kinds})
        try:
            leaves = _leaves(orjson.loads(payload))
        except ValueError:
            return self.text(payload)
        if any(self.whose_value(instance, kinds, leaf) for leaf in leaves):
            return PAYLOAD_ERASED
        return self.json(payload)

    def changes(self, instance: str, resource: Resource, row: Mapping[str, Any]) -> dict[str, str | None]:
        """The columns of a raw row that an erasure changes, with their new values.

        Arguments:
            row: its text columns, the payload's and the envelope's included.
        """
        token = self.whose_row(instance, resource, row)
        changed: dict[str, str | None] = {}
        for column, value in row.items():
            if not isinstance(value, str) or not value:
                continue
            if column == "payload":
                new: str | None = self._payload(value, token)
            elif token is not None and column in resource.keyed and is_of_a_person(resource):
                # Also an address that came after the erasure.
                new = self.pseudonym(value, token)
            elif column in resource.keyed:
                new = self.text(value)
            elif token is not None and column in resource.personal:
                new = None if is_of_a_person(resource) or column.endswith("name") else WORDS_ERASED
            else:
                new = self.text(value)
            if new != value:
                changed[column] = new
        for column in resource.keyed:
            if column in changed:
                changed[f"{column}_key"] = self._person_key(changed[column] or "")
        return changed

    def redacted(self, instance: str, resource: Resource, rows: pa.Table) -> pa.Table:
        """Rows that a load brings, without personal keys yet, as the warehouse may have them."""
        texts = [field.name for field in rows.schema if _is_text(field.type)]
        concerned = self._concerned(instance, resource, rows, texts)
        if not concerned:
            return rows
        found = rows.select(texts).take(pa.array(concerned, pa.int64())).to_pylist()
        changes = [self.changes(instance, resource, row) for row in found]
        for column in texts:
            if not any(column in changed for changed in changes):
                continue
            values = rows.column(column).to_pylist()
            for position, changed in zip(concerned, changes, strict=True):
                values[position] = changed.get(column, values[position])
            place = rows.schema.get_field_index(column)
            rows = rows.set_column(place, column, pa.array(values, rows.schema.field(column).type))
        return rows

    def identified(self, resource: Resource, incoming: pa.Table) -> pa.Table:
        """Rows as a connector tells them, with another id for people whose id is their address."""
        for column in (*resource.key, "_given_key"):
            if column not in incoming.column_names or not _is_text(incoming.schema.field(column).type):
                continue
            values = incoming.column(column)
            if pc.any(pc.match_substring(values, "@")).as_py():
                told = [value if value is None else self.text(value) for value in values.to_pylist()]
                place = incoming.schema.get_field_index(column)
                incoming = incoming.set_column(place, column, pa.array(told, pa.string()))
        return incoming

    def _concerned(self, instance: str, resource: Resource, rows: pa.Table, texts: list[str]) -> list[int]:
        """Positions of rows that may change."""
        people = people_columns(resource)
        # A stream of events is many rows and few words: of others than the person only addresses are sought.
        reads_words = not resource.is_append_only or bool(resource.personal)
        concerned: set[int] = set()
        for column in texts:
            kinds = people.get(column)
            seen: dict[str, bool] = {}
            for position, value in enumerate(rows.column(column).to_pylist()):
                if value is None:
                    continue
                if value not in seen:
                    seen[value] = (
                        kinds is not None and self.whose_value(instance, kinds, value) is not None
                    ) or ((reads_words or "@" in value) and self.is_mentioned(value))
                if seen[value]:
                    concerned.add(position)
        return sorted(concerned)

    def _payload(self, payload: str, token: str | None) -> str:
        if token is not None:
            # A tombstone says nothing but that something is gone.
            return payload if payload == "{}" else PAYLOAD_ERASED
        return self.json(payload)

    def _walked(self, content: Any) -> Any:
        if isinstance(content, str):
            return self.text(content)
        if isinstance(content, dict):
            return {self.text(name): self._walked(value) for name, value in content.items()}
        if isinstance(content, list):
            return [self._walked(value) for value in content]
        return content

    def _readdressed(self, match: re.Match[str]) -> str:
        address = f"{match[1]}@{match[3]}"
        token = self.whose_address(address)
        if token is None:
            return match[0]
        return self.pseudonym(address, token).replace("@", match[2])

    def _may_name(self, text: str) -> bool:
        if "\\" in text:
            if "\\u" in text:
                return True
            # An escape's letter is no part of the next word.
            text = re.sub(r"\\[nrt]", " ", text)
        if self._names and any(self._word(match[0])[1] for match in _WORD.finditer(text)):
            return True
        return bool(self._phones) and self._without_phones(text) != text

    def _word(self, word: str) -> tuple[str, bool]:
        if word not in self._words:
            plain = normal_word(word)
            self._words[word] = (plain, self._register.mark("first_word", plain) in self._first_words)
        return self._words[word]

    def _without_names(self, text: str) -> str:
        if not self._names:
            return text
        words = list(_WORD.finditer(text))
        pieces: list[str] = []
        done = position = 0
        while position < len(words):
            length = self._name_at(text, words, position)
            if length:
                pieces += [text[done : words[position].start()], MENTION_ERASED]
                done = words[position + length - 1].end()
            position += length or 1
        return "".join([*pieces, text[done:]]) if pieces else text

    def _name_at(self, text: str, words: list[re.Match[str]], position: int) -> int:
        """How many words from there on are a name; 0 if none."""
        if not self._word(words[position][0])[1]:
            return 0
        for length in self._name_lengths:
            part = words[position : position + length]
            gaps = pairwise(part)
            if len(part) == length and all(
                _BETWEEN_WORDS.fullmatch(text, one.end(), other.start()) for one, other in gaps
            ):
                name = " ".join(self._word(word[0])[0] for word in part)
                if self._register.mark("name", name) in self._names:
                    return length
        return 0

    def _without_phones(self, text: str) -> str:
        return _PHONE.sub(self._unphoned, text) if self._phones else text

    def _unphoned(self, match: re.Match[str]) -> str:
        digits = phone_digits(match[0])
        is_theirs = len(digits) == PHONE_DIGITS and self._register.mark("phone", digits) in self._phones
        return MENTION_ERASED if is_theirs else match[0]


def people_columns(resource: Resource) -> dict[str, tuple[str, ...]]:
    """Columns that name the person whose a row is, and the resources that an id in them is of."""
    return {**dict.fromkeys(resource.keyed, ()), **resource.whose}


def is_of_a_person(resource: Resource) -> bool:
    """Whether each row is one person."""
    return any(resource.name in kinds for kinds in resource.whose.values())


def _leaves(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        for value in content.values():
            yield from _leaves(value)
    elif isinstance(content, list):
        for value in content:
            yield from _leaves(value)
    elif isinstance(content, str | int):
        yield content


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
