"""Personal data and secrets out of free text, before anybody else reads it.

Belongs here: finding and replacing. Does not belong here: which columns are published.

When in doubt it hides: a number that only looks like a phone is a smaller loss than a phone in a report.
Names are best effort; the README has the measured share.
"""

# ruff: noqa: E501 (a branch of an expression stays on one line)

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

# Another one means that everything is read anew.
METHOD = "redact-1"
KINDS = ("email", "url_query", "token", "cnpj", "card", "cpf", "phone", "name")
REDACTED_COLUMNS = ("feedback_id", "text_redacted", *(f"{kind}_count" for kind in KINDS))
_READ_CHARACTERS = 200_000
_SEPARATOR = r"[\s.\-‐-―/()]"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_URL = re.compile(r"\b(?:https?|ftp|wss?)://[^\s<>\"']+|\bwww\.[^\s<>\"']+", re.I)
_URL_TAIL = re.compile(r"[?#].*", re.S)
_URL_USER = re.compile(r"(?<=://)[^/@\s]+@")
_EMAIL = re.compile(
    r"(?:mailto:)?[\w.!#$%&'*+/=?^`{|}~-]{1,64}\s?(?:@|＠|\[at\]|\(at\)|\[arroba\]|\(arroba\))\s?"
    r"(?:[\w-]{1,63}(?:\.|\s?(?:\[dot\]|\(dot\)|\[ponto\]|\(ponto\))\s?)){1,8}[^\W\d_]{2,24}",
    re.I,
)
# Every address has one of these; a bracket stands for `[at]` in whatever case.
_AT_MARKS = ("@", "＠", "[", "(")
_KEYED_SECRET = re.compile(
    r"(?P<key>\b(?:password|passwd|pwd|senha|secret|segredo|token|api[_ -]?key|chave(?: de)? api|access[_ -]?key"
    r"|authorization|bearer|client[_ -]?secret|pin|otp|c[óo]digo de acesso)\b[\"']?\s*(?:is|é|=|:|=>|->)?\s*[\"']?"
    r"(?:bearer\s+|basic\s+)?)(?P<value>[^\s\"',;<>]{4,})",
    re.I,
)
_BARE_SECRET = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[\w-]{12,}|\bgh[pousr]_\w{16,}|\bgithub_pat_\w{20,}"
    r"|\bglpat-[\w-]{16,}|\bxox[abeoprs]-[\w-]{8,}|\b(?:AKIA|ASIA)[0-9A-Z]{12,}|\bAIza[\w-]{20,}|\bya29\.[\w-]{16,}"
    r"|\bSG\.[\w-]{8,}\.[\w-]{8,}|\bnpm_\w{20,}|\bpypi-[\w-]{20,}|\bdop_v1_\w{20,}|\bshp(?:at|ss)_\w{16,}"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\s\S]{0,4000}?(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|\Z)"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{24,}\b",
    re.I,
)
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_CNPJ = re.compile(
    r"(?<![\w])[0-9A-Z]{2}[.\s]?[0-9A-Z]{3}[.\s]?[0-9A-Z]{3}\s?[/\s-]?\s?[0-9A-Z]{4}\s?[-–.\s]?\s?\d{2}(?![\w])",
    re.I,
)
_CNPJ_WRITTEN = re.compile(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2}", re.I)
_CPF = re.compile(r"(?<![\w])\d{3}[.\s]?\d{3}[.\s]?\d{3}\s?[-–.\s/]?\s?\d{2}(?![\w])")
_CPF_WRITTEN = re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}")
_KEYED_NUMBER = re.compile(
    r"(?P<key>\b(?P<what>cpf|cnpj)\b\D{0,12})(?P<value>[0-9A-Z][0-9A-Z.\s/–-]{8,22}\d)", re.I
)
_CARD = re.compile(r"(?<![\w])(?:\d[\s.-]?){12,18}\d(?![\w])")
_PHONE = re.compile(
    rf"(?<![\w.,/-])(?:\+|00)\s?\d{{1,3}}(?:{_SEPARATOR}{{0,3}}\d){{6,13}}(?!\w)"
    # Brazil: area code with or without brackets and zero, nine or eight digits.
    rf"|(?<![\w.,/-])(?:\(\s?0?[1-9]\d\s?\)|0?[1-9]\d){_SEPARATOR}{{0,3}}(?:9{_SEPARATOR}?\d{{4}}|[2-9]\d{{3}}){_SEPARATOR}?\d{{4}}(?!\w)"
    r"|(?<![\w.,/-])9\s?\d{4}[\s.‐-―-]?\d{4}(?!\w)|(?<![\w.,/-])[2-9]\d{3}[‐-―-]\d{4}(?!\w)"
    r"|(?<![\w.,/-])0[3589]00[\s.-]?\d{3}[\s.-]?\d{3,4}(?!\w)|(?<![\w.,/-])(?:4003|4004|3003)[\s.-]?\d{4}(?!\w)"
    # North America and the rest of the world with a leading zero or in groups.
    r"|(?<![\w.,/-])(?:1[\s.-])?\(?[2-9]\d{2}\)?[\s.‐-―-]{1,2}\d{3}[\s.‐-―-]\d{4}(?!\w)"
    r"|(?<![\w.,/-])\(?0\d{1,4}\)?(?:[\s.‐-―/-]{1,2}\d{2,5}){2,4}(?!\w)"
    r"|(?<![\w.,/-])[2-9]\d{2}[\s-]\d{3}[\s-]\d{3}(?!\w)|(?<![\w.,/-])0?[1-9]\d(?:9\d{8}|[2-9]\d{7})(?!\w)"
)
_KEYED_PHONE = re.compile(
    rf"(?P<key>\b(?:tel|telefone|phone|fone|cel|celular|mobile|whats ?app|zap|call(?: me)?(?: at| on)?|ligu?e(?: para)?"
    rf"|ramal|contato|contact)\b[^\d+\n]{{0,20}})(?P<value>[+(]{{0,2}}\d(?:{_SEPARATOR}{{0,3}}\d){{6,14}})",
    re.I,
)
_YEARS = re.compile(r"(?:19|20)\d\d\D(?:19|20)\d\d")
_NAME = r"[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'’]+(?:[ \t](?:d[aeo]s?|e|von|van|de la|[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'’]+|[A-ZÀ-ÖØ-Þ]\.?)){0,4}"
_INTRODUCED = re.compile(
    r"(?P<key>\b(?:(?i:my name is|this is|i am|i'm|meu nome é|me chamo|aqui é [oa]?|(?:eu )?sou [oa]|fal(?:ei|o) com [oa]?"
    r"|spoke (?:to|with)|talked to|ask for|dear|hi|hello|hey|ol[áa]|oi|prezad[oa]|car[oa]|sr\.?|sra\.?|mr\.?|mrs\.?|ms\.?"
    r"|dr\.?|dra\.?|atendente|cc|att?n?[.:]?))[ \t]+)(?P<name>" + _NAME + ")"
)
_SIGNED = re.compile(
    r"(?P<key>(?i:regards|cheers|thanks|thank you|sincerely|yours|best|atenciosamente|att|abra[çc]os?|abs|obrigad[oa]"
    r"|grat[oa])[ \t]*[,.!]?[ \t]*(?:\r?\n[ \t]*){1,2}[-–—]{0,2}[ \t]*)(?P<name>"
    + _NAME
    + r")(?=[ \t]*(?:$|[\r\n,]))",
    re.M,
)
# Words that stand after a greeting without being somebody's name.
_NO_NAMES = frozenset(
    [
        "All",
        "Team",
        "Everyone",
        "Everybody",
        "There",
        "Support",
        "Sir",
        "Madam",
        "Folks",
        "Guys",
        "Friends",
        "Todos",
        "Todas",
        "Equipe",
        "Time",
        "Pessoal",
        "Senhores",
        "Suporte",
        "Gente",
        "Bom",
        "Boa",
        "Good",
        "I",
        "We",
        "The",
        "Our",
        "My",
        "It",
        "This",
        "That",
        "Not",
        "Very",
        "Happy",
        "Using",
        "Trying",
        "Nossa",
        "Nosso",
        "Um",
        "Uma",
        "Os",
        "As",
        "Eu",
        "Estamos",
        "Está",
        "Cliente",
        "Customer",
        "Gostaria",
        "Preciso",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "January",
        "March",
    ]
)


@dataclass(frozen=True)
class Redaction:
    """A text without personal data.

    Arguments:
        text: with `[email]`, `[phone]` and so on in the places.
        counts: how many of each kind were replaced.
    """

    text: str
    counts: dict[str, int]


def redact(text: str, names: Collection[str] = ()) -> Redaction:
    """Replace what identifies a person or opens a door.

    Arguments:
        text: a longer one than 200,000 characters is cut, with a mark.
        names: full names that are known to occur, for instance of the account's contacts; found as a whole
            and by their first part before another capitalised word.
    """
    counts: Counter[str] = Counter()
    cut = text if len(text) <= _READ_CHARACTERS else text[:_READ_CHARACTERS] + " […]"

    def replace(
        kind: str, accepts: Callable[[re.Match[str]], bool] = lambda _: True
    ) -> Callable[[re.Match[str]], str]:
        def replaced(match: re.Match[str]) -> str:
            if not accepts(match):
                return match.group()
            counts[kind] += 1
            groups = match.groupdict()
            return (groups.get("key") or "") + f"[{kind}]"

        return replaced

    def url(match: re.Match[str]) -> str:
        address = match.group()
        tail = address[len(address.rstrip(").,;:!]")) :]
        address = address[: len(address) - len(tail)]
        cleaned = _URL_TAIL.sub("?[url_query]", _URL_USER.sub("[token]@", address))
        counts["url_query"] += cleaned.count("[url_query]")
        counts["token"] += cleaned.count("[token]")
        return cleaned + tail

    cut = _URL.sub(url, cut)
    if any(mark in cut for mark in _AT_MARKS):
        cut = _EMAIL.sub(replace("email"), cut)
    cut = _KEYED_NUMBER.sub(lambda match: _keyed_number(match, counts), cut)
    if any(mark in cut for mark in "0123456789"):
        cut = _CNPJ.sub(replace("cnpj", _is_cnpj), cut)
        cut = _CARD.sub(replace("card", lambda match: _has_luhn(_digits(match.group()))), cut)
        cut = _CPF.sub(replace("cpf", _is_cpf), cut)
    cut = _BARE_SECRET.sub(replace("token"), cut)
    cut = _KEYED_SECRET.sub(replace("token", _is_secret), cut)
    cut = _LONG_WORD.sub(replace("token", lambda match: _looks_random(match.group())), cut)
    if any(mark in cut for mark in "0123456789"):
        cut = _KEYED_PHONE.sub(replace("phone"), cut)
        cut = _PHONE.sub(replace("phone", _is_phone), cut)
    cut = _without_known(cut, names, counts)
    cut = _SIGNED.sub(replace("name", _is_name), cut)
    cut = _INTRODUCED.sub(replace("name", _is_name), cut)
    return Redaction(cut, {kind: counts[kind] for kind in KINDS})


def redact_frame(feedback: pd.DataFrame, names: Collection[str] = ()) -> pd.DataFrame:
    """Redact every item.

    Arguments:
        feedback: feedback_id, text.
        names: see `redact`.

    Returns:
        feedback_id, text_redacted (null where the text was) and a count per kind, in the order of the rows.
    """
    texts: list[str | None] = []
    counts = np.zeros((len(feedback), len(KINDS)), dtype=np.int64)
    for row, text in enumerate(feedback["text"]):
        found = redact(text, names) if isinstance(text, str) else None
        texts.append(found.text if found else None)
        if found:
            counts[row] = [found.counts[kind] for kind in KINDS]
    frame = pd.DataFrame({"feedback_id": feedback["feedback_id"].astype("str").to_numpy()})
    frame["text_redacted"] = pd.Series(texts, dtype="str")
    for at, kind in enumerate(KINDS):
        frame[f"{kind}_count"] = counts[:, at]
    return frame


def has_cpf_digits(text: str) -> bool:
    """Whether eleven digits are a CPF: both check digits fit and not all are equal."""
    digits = [int(letter) for letter in text]
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    for length in (9, 10):
        total = sum(digit * weight for digit, weight in zip(digits, range(length + 1, 1, -1), strict=False))
        if digits[length] != total * 10 % 11 % 10:
            return False
    return True


def has_cnpj_digits(text: str) -> bool:
    """Whether fourteen signs are a CNPJ: two check digits after twelve digits or, since 2026, capital letters.

    A sign counts as its ASCII code less 48, which is the digit itself for digits.
    """
    signs = text.upper()
    if len(signs) != 14 or not signs[12:].isdigit() or any(sign not in _ALPHABET for sign in signs):
        return False
    if len(set(signs)) == 1:
        return False
    values = [ord(sign) - 48 for sign in signs]
    for length in (12, 13):
        weights = [2 + at % 8 for at in range(length)][::-1]
        rest = sum(value * weight for value, weight in zip(values, weights, strict=False)) % 11
        if values[length] != (0 if rest < 2 else 11 - rest):
            return False
    return True


def _has_luhn(digits: str) -> bool:
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    total = 0
    for at, letter in enumerate(reversed(digits)):
        value = int(letter) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter in _ALPHABET[:10])


def _is_cnpj(match: re.Match[str]) -> bool:
    signs = "".join(letter for letter in match.group().upper() if letter in _ALPHABET)
    return has_cnpj_digits(signs) or _CNPJ_WRITTEN.fullmatch(match.group()) is not None


def _is_cpf(match: re.Match[str]) -> bool:
    return has_cpf_digits(_digits(match.group())) or _CPF_WRITTEN.fullmatch(match.group()) is not None


def _keyed_number(match: re.Match[str], counts: Counter[str]) -> str:
    """A number after the word CPF or CNPJ is one, whatever its check digits: people mistype."""
    kind = match.group("what").lower()
    if len([letter for letter in match.group("value") if letter.isalnum()]) not in range(9, 17):
        return match.group()
    counts[kind] += 1
    return match.group("key") + f"[{kind}]"


def _is_secret(match: re.Match[str]) -> bool:
    """After a key word with a sign, or something no language has as a word."""
    key, value = match.group("key"), match.group("value")
    if value.startswith("["):
        return False
    has_sign = re.search(r"[=:>]\s*[\"']?(?:bearer\s+|basic\s+)?$|bearer\s+$", key, re.I) is not None
    has_digit = any(letter.isdigit() for letter in value)
    return has_sign or has_digit


def _looks_random(word: str) -> bool:
    """A long run with digits and both cases is a key; a path or a compound word is not."""
    has = [any(test(letter) for letter in word) for test in (str.isdigit, str.isupper, str.islower)]
    return all(has) and word.count("/") < 3 and word.count("-") < 5


def _is_phone(match: re.Match[str]) -> bool:
    text = match.group()
    return _YEARS.fullmatch(text.strip()) is None and 7 <= len(_digits(text)) <= 17


def _is_name(match: re.Match[str]) -> bool:
    return match.group("name").split()[0].strip("'’") not in _NO_NAMES


def _without_known(text: str, names: Collection[str], counts: Counter[str]) -> str:
    known = sorted(
        {" ".join(name.split()) for name in names if len(name.strip()) > 2}, key=lambda n: (-len(n), n)
    )
    if not known:
        return text
    found = set()
    lowered = text.lower()
    for name in known:
        if name.lower() in lowered:
            found.add(name)
        first = name.split()[0]
        if len(first) > 2 and first in text:
            found.add(first)
    for name in sorted(found, key=lambda n: (-len(n), n)):
        pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.I if " " in name else 0)
        text, count = pattern.subn("[name]", text)
        counts["name"] += count
    return text
