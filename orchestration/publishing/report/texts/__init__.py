"""All words of the pages, one YAML file per language.

Belongs here: texts by key, and what a language calls the things that the published file names in English
(`published/<language>.yml`). Does not belong here: numbers and their formatting. To add a language,
translate `en.yml` into `<language>.yml`; a key that is missing there is an error, so that no page mixes
languages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.publishing.report.formats import Conventions

_FOLDER = Path(__file__).parent


def languages() -> list[str]:
    """Those that there is a catalogue of."""
    return sorted(file.stem for file in _FOLDER.glob("*.yml"))


class Texts:
    """The texts of one language: `texts("review.title")`, `texts("review.rose", amount="$3k")`."""

    def __init__(self, language: str) -> None:
        if language not in languages():
            raise ValueError(
                f"Expected a language out of {', '.join(languages())}, got {language}."
                f" Add texts/{language}.yml."
            )
        self.language = language
        self._tree = _read(_FOLDER / f"{language}.yml")
        self._published = _read(_FOLDER / "published" / f"{language}.yml")

    def __call__(self, key: str, **values: Any) -> str:
        found = self._find(key)
        if not isinstance(found, str):
            raise KeyError(f"texts/{self.language}.yml has no text {key}.")
        return found.format(**values) if values else found

    def plural(self, key: str, count: int, **values: Any) -> str:
        """The form `one` or `other` of a text; `{n}` is the count."""
        return self(f"{key}.{'one' if count == 1 else 'other'}", n=values.pop("n", count), **values)

    def has(self, key: str) -> bool:
        return isinstance(self._find(key), str)

    def label(self, group: str, name: Any) -> str:
        """The word for a value of a fixed list (`segments`, `kinds`, ...); an unknown value is
        shown as it is."""
        if name is None:
            return self(f"{group}.none") if self.has(f"{group}.none") else "–"
        key = f"{group}.{name}"
        if self.has(key):
            return self(key)
        words = str(name).replace("_", " ")
        return words[:1].upper() + words[1:]

    def published(self, group: str, name: str, part: str, default: Any) -> Any:
        """What this language says instead of a text of the published file, which is in English; else that."""
        return self._published.get(group, {}).get(name, {}).get(part, default)

    def reason(self, said: str | None) -> str:
        """What this language says instead of a reason of the published file, which is in English; else that.

        Reasons carry numbers and names: `published/<language>.yml` lists them as pattern and sentence, with
        the pattern's groups as `{0}`, `{1}`.
        """
        for pattern, sentence in self._published.get("reasons", {}).items():
            if match := re.fullmatch(pattern, said or ""):
                return str(sentence).format(*match.groups())
        return said or ""

    def conventions(self) -> Conventions:
        """How numbers and dates are written."""
        formats = self._tree["formats"]
        return Conventions(
            months=tuple(formats["months"]),
            thousands=formats["thousands"],
            decimal=formats["decimal"],
            day=formats["day"],
            month=formats["month"],
            axis_month=formats["axis_month"],
            axis_day=formats["axis_day"],
            money=formats["money"],
            symbols=formats["symbols"],
            sizes=(
                formats["sizes"]["thousand"],
                formats["sizes"]["million"],
                formats["sizes"]["billion"],
            ),
        )

    def _find(self, key: str) -> Any:
        found: Any = self._tree
        for part in key.split("."):
            if not isinstance(found, dict) or part not in found:
                return None
            found = found[part]
        return found


@lru_cache(maxsize=16)
def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
