"""All words of the pages, one YAML file per language.

Belongs here: texts by key. Does not belong here: numbers and their formatting. To add a language,
translate `en.yml` into `<language>.yml`; a key that is missing there is an error, so that no page mixes
languages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent


class Texts:
    """The texts of one language: `texts("review.title")`, `texts("review.rose", amount="$3k")`."""

    def __init__(self, language: str) -> None:
        path = _FOLDER / f"{language}.yml"
        if not path.exists():
            known = ", ".join(sorted(file.stem for file in _FOLDER.glob("*.yml")))
            raise ValueError(f"Expected a language out of {known}, got {language}. Add texts/{language}.yml.")
        self.language = language
        self._tree: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))

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
        """The word for a value of a fixed list (`segments`, `kinds`, ...); an unknown value is"
        " shown as it is."""
        if name is None:
            return self(f"{group}.none") if self.has(f"{group}.none") else "–"
        key = f"{group}.{name}"
        if self.has(key):
            return self(key)
        words = str(name).replace("_", " ")
        return words[:1].upper() + words[1:]

    def months(self) -> tuple[str, ...]:
        return tuple(self._tree["months"])

    def separators(self) -> tuple[str, str]:
        """Of thousands and of decimals."""
        return self._tree["separators"]["thousands"], self._tree["separators"]["decimal"]

    def _find(self, key: str) -> Any:
        found: Any = self._tree
        for part in key.split("."):
            if not isinstance(found, dict) or part not in found:
                return None
            found = found[part]
        return found
