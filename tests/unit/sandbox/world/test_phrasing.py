"""Messages: personal data that looks real, and the words of both languages."""

from __future__ import annotations

import numpy as np
import pytest

from ingestion.sandbox.world import phrasing
from ingestion.sandbox.world.themes import THEMES


def test_tax_numbers_have_valid_check_digits() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        digits = [int(letter) for letter in phrasing.cpf(rng) if letter.isdigit()]
        assert len(digits) == 11
        for length in (9, 10):
            total = sum(digit * (length + 1 - place) for place, digit in enumerate(digits[:length]))
            assert digits[length] == total * 10 % 11 % 10


@pytest.mark.parametrize("language", ["pt", "en"])
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.theme_id)
def test_every_theme_can_be_written_about_in_both_languages(theme: phrasing.Theme, language: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        text = phrasing.message(rng, theme, language, "Ana Souza", "ana@x.example")
        assert text and "{thing}" not in text and "{tool}" not in text
        assert phrasing.subject_of(rng, theme, language)
