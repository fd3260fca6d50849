"""From a chart's specification to its picture: an SVG in the house's look, drawn without a browser.

Belongs here: drawing (Vega-Lite through vl-convert), colours and letters, axes in each language. Does not
belong here: which marks a chart is made of (`charts.py`).

A chart over time holds no words, so that it is drawn once for all languages: months and numbers on its axes
are written for each language afterwards. Drawing goes on in a thread of its own while pages are put together.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from orchestration.publishing.report.formats import Conventions

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
INK = "#1f2933"
MUTED = "#616e7c"
GRID = "#e4e7eb"
BLUE = "#1d5b8f"
LIGHT_BLUE = "#8fb8d8"
TEAL = "#1f7a6d"
GREEN = "#3c8f5a"
RED = "#b5483a"
AMBER = "#d29a3a"
GREY = "#9aa5b1"
# For groups without a meaning of their own; told apart in greyscale too.
PALETTE = (BLUE, "#d29a3a", "#1f7a6d", "#8a5a9e", "#9aa5b1", "#b5483a")
LIGHT = frozenset({LIGHT_BLUE, AMBER, GREY, "#8cc3a0", "#dba29a"})

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Svg:
    """A chart in the making: the picture for wide screens and paper, and the one for phones.

    Arguments:
        legend: (words, colour), in order; empty where the title names the only group.
    """

    describe: str
    legend: tuple[tuple[str, str], ...]
    _wide: Future[str]
    _narrow: Future[str]
    _conventions: Conventions | None

    @property
    def is_one_for_all(self) -> bool:
        """Whether one picture serves every width."""
        return self._wide is self._narrow

    def wide(self) -> str:
        return self._dressed(self._wide.result())

    def narrow(self) -> str:
        return self._dressed(self._narrow.result())

    def _dressed(self, svg: str) -> str:
        text = svg if self._conventions is None else localised(svg, self._conventions)
        return _responsive(text, self.describe, 1.18 if self.is_one_for_all else 1.0)


class Drawings:
    """Draws specifications, each once, one after the other beside the caller; use as a context manager."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="charts")
        self._drawn: dict[str, Future[str]] = {}

    def __enter__(self) -> Drawings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def draw(self, spec: dict[str, Any]) -> Future[str]:
        """The picture of a Vega-Lite specification, now or soon."""
        key = json.dumps(spec, sort_keys=True, default=str)
        if key not in self._drawn:
            self._drawn[key] = self._thread.submit(_draw, key)
        return self._drawn[key]


def _draw(spec: str) -> str:
    import vl_convert

    return str(vl_convert.vegalite_to_svg(spec, vl_version=_vl_version()))


def sparkline(values: Sequence[float], label: str) -> str:
    """A small line without axes; drawn by hand, since it has nothing to lay out."""
    numbers = [float(value) for value in values if value == value and value is not None]
    if len(numbers) < 2:
        return ""
    low, high = min(numbers), max(numbers)
    scale = (high - low) or 1.0
    step = 190 / (len(numbers) - 1)
    points = [
        (round(n * step, 1), round(29 - (value - low) / scale * 24, 1)) for n, value in enumerate(numbers)
    ]
    line = " ".join(f"{x},{y}" for x, y in points)
    x, y = points[-1]
    return (
        f'<svg class="spark" viewBox="-3 0 196 34" role="img" aria-label="{html.escape(label)}">'
        f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="1.6" stroke-linejoin="round"/>'
        f'<circle cx="{x}" cy="{y}" r="2.6" fill="{BLUE}"/></svg>'
    )


def specification(chart: Any, width: int, height: int, top: int) -> dict[str, Any]:
    import altair as alt

    chart = chart.properties(
        width=width,
        height=height,
        background="transparent",
        padding={"left": 2, "top": top, "right": 8, "bottom": 2},
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
    )
    spec: dict[str, Any] = chart.to_dict(validate=False)
    spec["config"] = {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": MUTED,
            "labelFontSize": 12,
            "domainColor": GRID,
            "tickColor": GRID,
            "gridColor": GRID,
            "labelPadding": 6,
            "titleFontSize": 12,
        },
        "axisY": {"domain": False, "ticks": False},
    }
    return spec


def _vl_version() -> str:
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def localised(svg: str, conventions: Conventions) -> str:
    """Months and numbers on the axes as the language writes them; the drawing has them in English."""

    def label(found: re.Match[str]) -> str:
        text = found[1]
        if re.fullmatch(r"[+\u2212-]?0[kMG]?", text):
            return ">0<"
        if month := re.fullmatch(r"([A-Z][a-z]{2}) (\d\d)", text):
            name = conventions.months[_MONTHS.index(month[1])]
            return f">{conventions.axis_month.format(month=name, year=month[2])}<"
        if day := re.fullmatch(r"(\d{1,2}) ([A-Z][a-z]{2})", text):
            name = conventions.months[_MONTHS.index(day[2])]
            return f">{conventions.axis_day.format(day=day[1], month=name)}<"
        return ">" + text.translate({ord(","): conventions.thousands, ord("."): conventions.decimal}) + "<"

    def axis(found: re.Match[str]) -> str:
        return found[1] + re.sub(r">([^<]+)<", label, found[2])

    return re.sub(r'(<g class="mark-text role-axis-label"[^>]*>)(.*?</g>)', axis, svg, flags=re.S)


def _responsive(svg: str, describe: str, growth: float) -> str:
    """As wide as its place up to its own size, with a description for those who cannot see it."""
    head, tail = svg.split(">", 1)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    width, height = size.groups() if size else ("0", "0")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}"'
        f' style="max-width:{float(width) * growth:.0f}px" role="img" aria-label="{html.escape(describe)}">'
        + tail
    )
