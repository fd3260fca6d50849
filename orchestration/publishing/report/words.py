"""Metrics and shares in words, the same on every page.

Belongs here: a metric's standing as a tile and as a sentence, a share as a person would say it. Does not
belong here: choosing the value (`standing.py`) and writing a single number (`formats.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from orchestration.publishing.report.drawing import sparkline
from orchestration.publishing.report.page import Page, Tile
from orchestration.publishing.report.standing import OPINIONS, Standing
from orchestration.publishing.report.tables import badge, link

# A share of fewer is told as counts, without a percentage.
TOO_FEW_PEOPLE = 30


def tile(page: Page, standing: Standing) -> Tile:
    """A metric as a tile: value, change against four weeks before, the last half year as a line."""
    anchor = page.metric(standing.metric_id)
    value = page.formats.of_unit(standing.value, standing.unit)
    tone, detail = "plain", page.t(".no_comparison")
    if standing.is_too_few:
        value = page.t(".too_few")
        detail = page.t(".too_few_detail", n=page.formats.number(standing.count or 0))
    elif standing.change is not None:
        detail, tone = change_in_words(page, standing)
        if standing.metric_id in OPINIONS and standing.count:
            detail = page.t(".on_answers", change=detail, n=page.formats.number(standing.count))
    name = page.metric_name(standing.metric_id, standing.name)
    series = () if standing.is_too_few else standing.series
    spark = Markup(sparkline(series, page.t(".spark", name=name)))
    return Tile(name, value, detail, tone, spark, anchor)


def change_in_words(page: Page, standing: Standing) -> tuple[str, str]:
    """The change against four weeks before, and its tone."""
    change = standing.change or 0.0
    formats = page.formats
    if standing.unit == "ratio":
        amount = page.t(".points", n=formats.number(abs(change) * 100, 1))
        is_flat = abs(change) < 0.0005
    elif standing.unit == "points":
        amount = page.t(".points", n=formats.number(abs(change), 1))
        is_flat = abs(change) < 0.05
    elif standing.relative_change is None:
        amount = formats.of_unit(abs(change), standing.unit)
        is_flat = change == 0
    else:
        amount = formats.percent(abs(standing.relative_change))
        is_flat = abs(standing.relative_change) < 0.0005
    if is_flat:
        return page.t(".unchanged"), "plain"
    if standing.is_within_chance:
        return page.t(".within_chance", amount=amount, sign="+" if change > 0 else "−"), "plain"
    direction = "up" if change > 0 else "down"
    kind = "window" if standing.reading.endswith("_28_days") else "level"
    return page.t(f".{direction}_{kind}", amount=amount), "good" if standing.is_good else "bad"


def share_in_words(page: Page, part: float, whole: float, *, in_table: bool = False) -> str:
    """A share as a percentage where there are enough to give one, else as a count.

    Arguments:
        in_table: the column says why there are counts in it.
    """
    t, formats = page.texts, page.formats
    if whole < TOO_FEW_PEOPLE:
        key = "share_as_count" if in_table else "share_too_few"
        return t(key, part=formats.number(part), whole=formats.number(whole))
    return formats.percent(part / whole, 0)


def change_cell(page: Page, standing: Standing) -> str | Markup:
    """The change in a table, coloured by its tone."""
    if standing.change is None or standing.is_too_few:
        return "–"
    words, tone = change_in_words(page, standing)
    return Markup('<span class="tone-{}">{}</span>').format(tone, words)


def metric_cell(page: Page, standing: Standing) -> Markup:
    """A metric's name in a table, linked to its definition."""
    name = page.metric_name(standing.metric_id, standing.name)
    return Markup('<a href="{}">{}</a>').format(page.metric(standing.metric_id), name)


def owner_cell(page: Page, owner: str | None) -> str | Markup:
    """Whose something is; that it is nobody's stands out."""
    return owner or badge(page.t(".nobody"), "warn")


def account_cell(row: Mapping[str, Any]) -> str | Markup:
    """An account by its name, linked to where the CRM has it."""
    return link(row["crm_url"], row["account_name"] or row["account_id"])
