"""Numbers as people read them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from orchestration.publishing.report.drawing import sparkline
from orchestration.publishing.report.formats import Formats
from orchestration.publishing.report.standing import nps_half_width, wilson
from orchestration.publishing.report.texts import Texts

FORMATS = Formats(Texts("en").conventions(), currency="USD")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0"),
        (-0.2, "$0"),
        (9_999, "$9,999"),
        (9_999.6, "$10.0k"),
        (158_234, "$158.2k"),
        (999_960, "$1.00M"),
        (Decimal("1240000.000000"), "$1.24M"),
        (-4_200, "−$4,200"),
        (-158_234, "−$158.2k"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_money_is_short_and_says_its_currency(value: object, text: str) -> None:
    assert FORMATS.money(value) == text


def test_currencies_without_a_symbol_are_named() -> None:
    assert Formats(Texts("en").conventions(), currency="CHF").money(10) == "CHF\u00a010"
    assert Formats(Texts("en").conventions()).money(10) == "10"


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (89.4, "89 min"), (100, "1 h 40 min"), (120, "2 h"), (3_312, "2.3 d")]
)
def test_durations_are_told_in_the_unit_that_fits(minutes: float, text: str) -> None:
    assert FORMATS.minutes(minutes) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.8934, "ratio", "89.3%"),
        (31.4, "points", "+31"),
        (-0.4, "points", "0"),
        (1200.5, "currency per month", "$1,200"),
        (42, "minutes", "42 min"),
        (12, "tickets", "12"),
        (3.25, "work items", "3.2"),
        (3.0, "days", "3.0 d"),
        (None, "ratio", "–"),
    ],
)
def test_a_metric_is_shown_in_its_own_unit(value: object, unit: str, text: str) -> None:
    assert FORMATS.of_unit(value, unit) == text


def test_days_and_moments() -> None:
    assert FORMATS.day(date(2026, 10, 5)) == "5 Oct 2026"
    assert FORMATS.moment(datetime(2026, 10, 5, 6, 0)) == "5 Oct 2026, 06:00 UTC"
    assert FORMATS.day(None) == "–"


def test_a_shares_interval_is_wilsons() -> None:
    low, high = wilson(48, 56)
    assert (round(low, 3), round(high, 3)) == (0.743, 0.926)
    assert wilson(10, 10)[1] <= 1.0


def test_an_nps_interval_is_never_narrower_than_the_true_one() -> None:
    # 50 promoters, 20 detractors of 100: variance p + d - (p - d)^2 = 0.61.
    exact = 1.959964 * (0.61 / 100) ** 0.5 * 100
    assert exact <= nps_half_width(30, 100) <= exact * 1.3


def test_a_flat_or_short_series_draws_no_error() -> None:
    assert "<polyline" in sparkline([5.0, 5.0, 5.0], "flat")
    assert sparkline([5.0], "short") == ""


def test_an_unknown_language_or_text_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"texts/xx\.yml"):
        Texts("xx")
    with pytest.raises(KeyError):
        Texts("en")("no.such.text")
