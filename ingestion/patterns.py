"""Regular expressions that people write in governance files: compiled once, refused where they could hang.

Belongs here: what such a pattern may be, and the search for it. Does not belong here: what a match means.

Python's engine tries alternatives one after the other, so that `(a+)+b` takes longer than anybody waits on
thirty letters. Repetitions that can split one and the same text among themselves in many ways are refused
when the pattern is read; what is left takes a time that the length of the text bounds, and texts are cut.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

# What a pattern looks at: a longer text is a pasted log, and the time of a search grows with its square.
SEARCHED_CHARACTERS = 10_000
_LONGEST_PATTERN = 2_000
# From this count on a repetition can be split in too many ways.
_MANY = 20
# Letters that match an ASCII letter when case is ignored, but do not become it in lower case.
_FOLDED = ("ſ", "İ", "ı")
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern.

    Arguments:
        text: as it is written.
        compiled: the expression; case is ignored.
        literals: the text in lower case contains one of these wherever the pattern matches; empty when
            nothing is known.
    """

    text: str
    compiled: re.Pattern[str]
    literals: tuple[str, ...]

    def matches(self, text: str, lowered: str) -> bool:
        """Whether it occurs.

        Arguments:
            text: from `searchable`.
            lowered: the same in lower case, or empty when letters in it do not become their ASCII twin.
        """
        if lowered and self.literals and not any(literal in lowered for literal in self.literals):
            return False
        return self.compiled.search(text) is not None


def searchable(text: str) -> tuple[str, str]:
    """The text that patterns look at and the same in lower case, as `Pattern.matches` takes them."""
    cut = unicodedata.normalize("NFC", text[:SEARCHED_CHARACTERS])
    return cut, "" if any(letter in cut for letter in _FOLDED) else cut.lower()


def compile_pattern(text: str) -> Pattern:
    """The pattern; ValueError with what was expected where it is none or could hang."""
    composed = unicodedata.normalize("NFC", text)
    if len(composed) > _LONGEST_PATTERN:
        raise ValueError(f"a regular expression of at most {_LONGEST_PATTERN} characters")
    try:
        compiled = re.compile(composed, re.IGNORECASE)
        tree = parser.parse(composed, re.IGNORECASE)
    except re.error as error:
        place = "" if error.pos is None else f" at position {error.pos}"
        raise ValueError(f"a regular expression ({error.msg}{place})") from None
    except (OverflowError, RecursionError):
        raise ValueError("a regular expression that is less deeply nested") from None
    if compiled.search("") is not None:
        raise ValueError("a regular expression that does not match an empty text")
    if _can_hang(tree):
        raise ValueError(
            "a regular expression without a repetition inside a repetition, like '(a+)+' or '(a|ab)*'"
        )
    return Pattern(text, compiled, tuple(sorted(_literals(tree))))


def _can_hang(tree: Any) -> bool:
    """Whether a repetition holds something whose own length varies, so that its rounds can be cut anew."""
    for operation, argument in tree:
        if operation in _REPEATS:
            _, most, inner = argument
            if most > _MANY and _varies(inner):
                return True
        if any(_can_hang(inner) for inner in _inner(operation, argument)):
            return True
    return False


def _varies(tree: Any) -> bool:
    """Whether what repeats can match texts of different lengths without a mark that says where it ends."""
    low, high = tree.getwidth()
    if low == high and not _branches(tree):
        return low == 0
    items = list(tree)
    while len(items) == 1 and items[0][0] is codes.SUBPATTERN:
        items = list(items[0][1][3])
    # `(?:word\s)*` and `(?:,\s*\w{1,9})*` are safe: a fixed first letter that the rest cannot produce.
    first = _set_of(items[0]) if items else None
    if first is None:
        return True
    return any(_may_hold(item, first) for item in items[1:])


def _branches(tree: Any) -> bool:
    return any(
        operation is codes.BRANCH or any(_branches(inner) for inner in _inner(operation, argument))
        for operation, argument in tree
    )


def _set_of(item: tuple[Any, Any]) -> str | None:
    """The one character that an item stands for."""
    operation, argument = item
    return chr(argument) if operation is codes.LITERAL else None


def _may_hold(item: tuple[Any, Any], letter: str) -> bool:
    """Whether the letter can be part of what the item matches; nested repetitions count as if it could."""
    operation, argument = item
    if operation is codes.LITERAL:
        return chr(argument).lower() == letter.lower()
    if operation is codes.AT:
        return False
    if operation is codes.IN:
        return _class_holds(argument, letter)
    if operation in _REPEATS:
        inner = argument[2]
        return len(inner) != 1 or inner[0][0] in _REPEATS or _may_hold(inner[0], letter)
    return True


def _class_holds(members: Any, letter: str) -> bool:
    found = False
    negated = False
    for operation, argument in members:
        if operation is codes.NEGATE:
            negated = True
        elif operation is codes.LITERAL:
            found = found or chr(argument).lower() == letter.lower()
        elif operation is codes.RANGE:
            low, high = argument
            found = found or any(low <= ord(form) <= high for form in (letter.lower(), letter.upper()))
        elif operation is codes.CATEGORY:
            expression = {
                codes.CATEGORY_DIGIT: r"\d",
                codes.CATEGORY_NOT_DIGIT: r"\D",
                codes.CATEGORY_SPACE: r"\s",
                codes.CATEGORY_NOT_SPACE: r"\S",
                codes.CATEGORY_WORD: r"\w",
                codes.CATEGORY_NOT_WORD: r"\W",
            }.get(argument)
            found = found or expression is None or re.fullmatch(expression, letter) is not None
    return found != negated


def _inner(operation: Any, argument: Any) -> Iterable[Any]:
    """The trees inside an item."""
    if operation in _REPEATS or operation is codes.POSSESSIVE_REPEAT:
        return [argument[2]]
    if operation is codes.SUBPATTERN:
        return [argument[3]]
    if operation is codes.BRANCH:
        return list(argument[1])
    if operation in (codes.ASSERT, codes.ASSERT_NOT):
        return [argument[1]]
    if operation is codes.ATOMIC_GROUP:
        return [argument]
    if operation is codes.GROUPREF_EXISTS:
        return [tree for tree in argument[1:] if tree is not None]
    return []


def _literals(tree: Any) -> frozenset[str]:
    """Texts of which one must occur; empty when none is known."""
    best: frozenset[str] = frozenset()
    run = ""
    for operation, argument in [*tree, (None, None)]:
        if operation is codes.LITERAL:
            run += chr(argument)
            continue
        if run:
            best = _better(best, frozenset({run.lower()}))
            run = ""
        if operation is codes.SUBPATTERN:
            best = _better(best, _literals(argument[3]))
        elif operation in _REPEATS and argument[0] >= 1:
            best = _better(best, _literals(argument[2]))
        elif operation is codes.BRANCH:
            branches = [_literals(branch) for branch in argument[1]]
            if all(branches):
                best = _better(best, frozenset().union(*branches))
    return best


def _better(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """The set whose shortest text is longer: it is found by chance more rarely."""
    if not one or not other:
        return one or other
    return other if min(map(len, other)) > min(map(len, one)) else one
