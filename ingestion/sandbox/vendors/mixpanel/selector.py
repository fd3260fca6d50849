"""Mixpanel's `where` expressions over a profile's or event's properties: the subset that connectors use.

    properties["$last_seen"] >= "2026-11-18T00:00:00" and "pro" in properties["plan"]

Belongs here: reading and testing expressions. Does not belong here: what they are applied to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Mapping[str, Any]], Any]

_TOKENS = re.compile(
    r"""\s*(?:(?P<property>(?:properties|user|event)\s*\[\s*(?:"[^"]*"|'[^']*')\s*\])
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>-?\d+(?:\.\d+)?)
    |(?P<word>and|or|not|in|defined|true|false|null)\b
    |(?P<sign>==|!=|>=|<=|>|<|\(|\)))""",
    re.VERBOSE | re.IGNORECASE,
)


class SelectorError(ValueError):
    """An expression that cannot be read."""


def compile_selector(text: str) -> Test:
    """The test that an expression puts to properties. Raises SelectorError."""
    reader = _Reader(text)
    test = reader.disjunction()
    if reader.tokens:
        raise SelectorError(f"unexpected {reader.tokens[0][1]!r} in selector {text!r}")
    return test


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.text, at = text, 0
        while text[at:].strip():
            match = _TOKENS.match(text, at)
            if match is None or match.lastgroup is None:
                raise SelectorError(f"cannot read selector {text!r} from {text[at:]!r}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()

    def take(self, *wanted: str) -> str | None:
        if self.tokens and self.tokens[0][1].lower() in wanted:
            return self.tokens.pop(0)[1].lower()
        return None

    def disjunction(self) -> Test:
        left = self.conjunction()
        while self.take("or"):
            left = _either(left, self.conjunction())
        return left

    def conjunction(self) -> Test:
        left = self.comparison()
        while self.take("and"):
            left = _both(left, self.comparison())
        return left

    def comparison(self) -> Test:
        if self.take("not"):
            inner = self.comparison()
            return lambda properties: not inner(properties)
        if self.take("defined"):
            if not self.take("("):
                raise SelectorError(f"expected ( after defined in {self.text!r}")
            inner = self.operand()
            self.take(")")
            return lambda properties: inner(properties) is not None
        if self.take("("):
            inner = self.disjunction()
            if not self.take(")"):
                raise SelectorError(f"expected ) in {self.text!r}")
            return inner
        left = self.operand()
        sign = self.take("==", "!=", ">=", "<=", ">", "<", "in")
        if sign is None:
            return left
        right = self.operand()
        return lambda properties: _compare(sign, left(properties), right(properties))

    def operand(self) -> Test:
        if not self.tokens:
            raise SelectorError(f"selector {self.text!r} ends too early")
        kind, token = self.tokens.pop(0)
        if kind == "property":
            name = token[token.index("[") + 1 : -1].strip()[1:-1]
            return lambda properties: properties.get(name)
        value: Any
        if kind == "text":
            value = re.sub(r"\\(.)", r"\1", token[1:-1])
        elif kind == "number":
            value = float(token)
        elif token.lower() in ("true", "false", "null"):
            value = {"true": True, "false": False, "null": None}[token.lower()]
        else:
            raise SelectorError(f"unexpected {token!r} in selector {self.text!r}")
        return lambda properties: value


def _either(left: Test, right: Test) -> Test:
    return lambda properties: left(properties) or right(properties)


def _both(left: Test, right: Test) -> Test:
    return lambda properties: left(properties) and right(properties)


def _compare(sign: str, left: Any, right: Any) -> bool:
    if sign == "in":
        return right is not None and left in right
    if sign == "==":
        return bool(left == right)
    if sign == "!=":
        return bool(left != right)
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return False
    return bool({">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[sign])
