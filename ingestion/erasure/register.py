"""The list of erased people: keyed hashes, from which nobody can be told but who is looked for.

Belongs here: the list and its file. Does not belong here: what is done to those who are on it.

The file holds no personal value: an address, an id, a name or a telephone number is there as an HMAC under a
key that is derived from the secret of the personal keys. It has to outlive the data, or the next load would
bring everybody back: it lies beside the warehouse, not in it, and comes along in backups.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ingestion.errors import ConfigurationInvalid

FORMAT = 1
Kind = Literal["address", "id", "name", "first_word", "phone"]
# Of a telephone number the last digits count: it is written with and without the country's.
PHONE_DIGITS = 9
_WORDS = re.compile(r"[^\W_]+")
_PURPOSE = b"norte: the list of erased people"
_MARK_CHARACTERS = 32
_TOKEN_CHARACTERS = 16


@dataclass(frozen=True)
class Marks:
    """Keyed hashes of what a person is known by.

    Arguments:
        addresses, ids, names, phones: of the whole value; names of two words and more.
        first_words: of the names' first words, so that a text without any is soon read.
        name_lengths: how many words the names have.
    """

    addresses: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    first_words: frozenset[str] = frozenset()
    name_lengths: frozenset[int] = frozenset()

    def __or__(self, other: Marks) -> Marks:
        return Marks(
            addresses=self.addresses | other.addresses,
            ids=self.ids | other.ids,
            names=self.names | other.names,
            phones=self.phones | other.phones,
            first_words=self.first_words | other.first_words,
            name_lengths=self.name_lengths | other.name_lengths,
        )


@dataclass(frozen=True)
class ErasedPerson:
    """One person on the list.

    Arguments:
        token: names them among the others; random, made from nothing.
        asked_at: when the erasure was asked for, ISO in UTC.
        is_done: whether it came to its end.
        marks: what they are recognised by.
    """

    token: str
    asked_at: str
    is_done: bool = False
    marks: Marks = field(default_factory=Marks)


class Register:
    """The list, and the key of its hashes.

    Arguments:
        secret: of the personal keys; the list's own key is derived from it.
        people: who is on it.
    """

    def __init__(self, secret: str, people: Iterable[ErasedPerson] = ()) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, "sha256")
        self.people = list(people)

    def __repr__(self) -> str:
        return f"Register({len(self.people)} people)"

    @property
    def fingerprint(self) -> str:
        """Recognises the secret without telling it."""
        return self.mark("address", "")[:16]

    def mark(self, kind: Kind, value: str) -> str:
        """The keyed hash of a value, which must be normalised."""
        return hmac.digest(self._key, f"{kind}:{value}".encode(), "sha256").hex()[:_MARK_CHARACTERS]

    def pseudonym(self, token: str, address_mark: str) -> str:
        """What takes the place of an address before its domain; the same on every load."""
        digest = hmac.digest(self._key, f"pseudonym:{token}:{address_mark}".encode(), "sha256")
        return f"erased-{digest.hex()[:12]}"

    def marks_of(
        self,
        *,
        addresses: Iterable[str] = (),
        records: Iterable[tuple[str, str, str]] = (),
        names: Iterable[str] = (),
        phones: Iterable[str] = (),
    ) -> Marks:
        """The marks of values in plain text.

        Arguments:
            records: connection, resource, vendor's id.
        """
        spelled = [words for name in names for words in spellings(name)]
        numbers = [digits for phone in phones if (digits := phone_digits(phone))]
        return Marks(
            addresses=frozenset(self.mark("address", normal_address(one)) for one in addresses),
            ids=frozenset(self.mark("id", record_name(*record)) for record in records),
            names=frozenset(self.mark("name", " ".join(words)) for words in spelled),
            phones=frozenset(self.mark("phone", digits) for digits in numbers),
            first_words=frozenset(self.mark("first_word", words[0]) for words in spelled),
            name_lengths=frozenset(len(words) for words in spelled),
        )

    def add(self, marks: Marks, asked_at: str) -> ErasedPerson:
        """Put somebody on the list; whoever shares an address or an id with them is the same person."""
        same = [
            one for one in self.people if one.marks.addresses & marks.addresses or one.marks.ids & marks.ids
        ]
        if same:
            person = replace(same[0], marks=same[0].marks | marks, is_done=False)
            self.people[self.people.index(same[0])] = person
            return person
        person = ErasedPerson(os.urandom(_TOKEN_CHARACTERS // 2).hex(), asked_at, marks=marks)
        self.people.append(person)
        return person

    def learn(self, token: str, marks: Marks) -> None:
        """Add marks to somebody who is on the list."""
        self.people = [
            replace(one, marks=one.marks | marks) if one.token == token else one for one in self.people
        ]

    def have_been_erased(self) -> None:
        """Everybody's erasure has come to its end."""
        self.people = [replace(one, is_done=True) for one in self.people]

    def merge(self, other: Register) -> None:
        """Take over whom another list names; that of a backup knows people, this one what became of them."""
        known = {one.token for one in self.people}
        for one in other.people:
            if one.token in known:
                self.learn(one.token, one.marks)
            else:
                self.people.append(one)

    def save(self, path: Path) -> None:
        """Write the file in one step, readable by its owner only."""
        people = [
            {
                "token": one.token,
                "asked_at": one.asked_at,
                "is_done": one.is_done,
                **{name: sorted(values) for name, values in vars(one.marks).items()},
            }
            for one in self.people
        ]
        content = {"format": FORMAT, "key_fingerprint": self.fingerprint, "people": people}
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.tmp")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(content, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)


def read_register(path: Path, secret: str) -> Register:
    """The list in a file; an empty one where there is none.

    Raises ConfigurationInvalid for a file that cannot be read, or was made with another secret: nobody on it
    would be recognised.
    """
    register = Register(secret)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return register
    except ValueError:
        raise _unreadable(path, "one that is no JSON") from None
    try:
        if content["format"] != FORMAT:
            raise _unreadable(path, f"format {content['format']}")
        if content["key_fingerprint"] != register.fingerprint:
            raise ConfigurationInvalid(
                f"the secret that {path} was made with",
                "another NORTE_PERSON_KEY_SECRET",
                "set it to the one of that time: nobody on the list would be recognised otherwise",
            )
        register.people = [_person(entry) for entry in content["people"]]
    except (KeyError, TypeError):
        raise _unreadable(path, "one that lacks something") from None
    return register


def normal_address(address: str) -> str:
    """As addresses are compared: like a personal key's, lower case and trimmed."""
    return unicodedata.normalize("NFKC", address).strip().lower()


def normal_words(text: str) -> list[str]:
    """The words of a name as they are compared: without accents and case."""
    return [normal_word(word) for word in _WORDS.findall(text)]


def normal_word(word: str) -> str:
    """One word of `normal_words`."""
    apart = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).casefold()


def spellings(name: str) -> list[list[str]]:
    """How a full name is written: whole, its first and last word, the last before the first.

    None of a name of one word, which is no one's alone.
    """
    words = normal_words(name)
    if len(words) < 2 or len("".join(words)) < 5:
        return []
    short = [words[0], words[-1]]
    return [words, short, short[::-1]] if len(words) > 2 else [short, short[::-1]]


def phone_digits(phone: str) -> str:
    """The digits that a telephone number is recognised by; empty if there are too few."""
    digits = "".join(filter(str.isdecimal, phone))
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS else ""


def record_name(instance: str, resource: str, vendor_id: str) -> str:
    """A vendor's record of a person: `<connection>:<resource>:<id>`."""
    return f"{instance}:{resource}:{vendor_id}"


def _person(entry: dict[str, Any]) -> ErasedPerson:
    marks = Marks(**{name: frozenset(entry[name]) for name in vars(Marks())})
    return ErasedPerson(entry["token"], entry["asked_at"], entry["is_done"], marks)


def _unreadable(path: Path, came: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(
        f"the list of erased people in {path}, of format {FORMAT}",
        came,
        "put back the one of the last backup, or use the version of norte that wrote it; without the list "
        "the next load brings erased people back",
    )
