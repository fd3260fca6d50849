"""Charts as SVG: drawn by Vega-Lite through altair and vl-convert, without a browser.

Belongs here: the few kinds of charts that the pages use, in the house's look. Does not belong here: data
and words. Each chart comes in two widths, so that its letters keep their size on a phone. altair is
imported when the first chart is drawn.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import altair as alt

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

WIDE = 940
HALF = 452
NARROW = 344


@dataclass(frozen=True)
class Svg:
    """A drawn chart: the picture for wide screens and paper, and the one for phones."""

    wide: str
    narrow: str
    width: int


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


class Charts:
    """Draws; all words come in with the data.

    Arguments:
        months: short month names of the language, for axes.
    """

    def __init__(self, months: Sequence[str]) -> None:
        self._months = list(months)

    def stacked_bars(
        self,
        data: pd.DataFrame,
        *,
        x: str,
        y: str,
        colour: str,
        colours: Mapping[str, str],
        describe: str,
        width: int = WIDE,
        height: int = 260,
        y_format: str = "~s",
        net: str | None = None,
    ) -> Svg:
        """Bars over time, stacked by group; values below zero stack downwards.

        Arguments:
            data: long: one row per (x: date, colour: group), y: number.
            colours: group -> colour, in the order of the legend.
            net: a column, the same for all rows of an x, drawn as a dot.
        """
        import altair as alt

        def draw(total: int) -> Any:
            bars = (
                alt.Chart(data)
                .mark_bar(width=self._bar_width(data[x].nunique(), total))
                .encode(
                    x=self._time(data, x, total, is_bar=True),
                    y=alt.Y(
                        f"{y}:Q",
                        title=None,
                        axis=alt.Axis(format=y_format, tickCount=5, tickMinStep=1),
                        stack="zero",
                    ),
                    color=self._colour(colour, colours, total),
                    order=alt.Order("order:Q"),
                )
            )
            zero = (
                alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=GREY, strokeWidth=1).encode(y="zero:Q")
            )
            if net is None:
                return alt.layer(bars, zero)
            dots = data.groupby(x, as_index=False)[net].first()
            return alt.layer(
                bars,
                zero,
                alt.Chart(dots)
                .mark_point(filled=True, size=42, color=INK, opacity=1)
                .encode(x=self._time(data, x, total, is_bar=True), y=alt.Y(f"{net}:Q")),
            )

        ordered = {group: number for number, group in enumerate(colours)}
        data = data.assign(order=data[colour].map(ordered))
        return self._draw(draw, width, height, describe)

    def lines(
        self,
        data: pd.DataFrame,
        *,
        x: str,
        y: str,
        colour: str,
        colours: Mapping[str, str],
        describe: str,
        width: int = WIDE,
        height: int = 240,
        y_format: str = "~s",
        from_zero: bool = True,
        rule: float | None = None,
        target: float | None = None,
    ) -> Svg:
        """Lines over time, one per group.

        Arguments:
            rule: a horizontal line to read against (100 %).
            target: a dashed horizontal line.
        """
        import altair as alt

        def draw(total: int) -> Any:
            base = alt.Chart(data).encode(
                x=self._time(data, x, total),
                y=alt.Y(
                    f"{y}:Q",
                    title=None,
                    axis=alt.Axis(format=y_format, tickCount=5),
                    scale=alt.Scale(zero=from_zero, nice=True),
                ),
                color=self._colour(colour, colours, total, symbol="stroke"),
            )
            layers: list[Any] = []
            for value, dash in ((rule, [1, 0]), (target, [5, 4])):
                if value is not None:
                    layers.append(
                        alt.Chart(pd.DataFrame({"value": [value]}))
                        .mark_rule(color=MUTED, strokeDash=dash, strokeWidth=1)
                        .encode(y="value:Q")
                    )
            layers.append(base.mark_line(strokeWidth=2.2))
            return alt.layer(*layers)

        return self._draw(draw, width, height, describe)

    def waterfall(
        self, steps: pd.DataFrame, *, describe: str, width: int = WIDE, height: int = 290
    ) -> tuple[Svg, bool]:
        """From an opening value through steps to a closing one; and whether the totals were cut at the foot.

        Arguments:
            steps: label, low, high, kind (`total`, `up`, `down`), text (written above the bar), in order.
        """
        import altair as alt

        lowest = (
            float(steps.loc[steps["kind"] != "total", ["low", "high"]].min().min()) if len(steps) > 2 else 0.0
        )
        highest = float(steps[["low", "high"]].max().max())
        totals = float(steps.loc[steps["kind"] == "total", "high"].min())
        # A cut axis makes small movements visible; the totals are not to scale then, and the page says so.
        floor = max(0.0, min(lowest, totals) - (highest - min(lowest, totals)) * 0.35)
        data = steps.assign(
            base=[
                max(low, floor) if kind != "total" else floor
                for low, kind in zip(steps["low"], steps["kind"], strict=True)
            ],
            top=steps["high"],
        )

        def draw(total: int) -> Any:
            is_narrow = total < HALF
            order = list(data["label"])
            colours = alt.Scale(domain=["total", "up", "down"], range=[BLUE, GREEN, RED])
            scale = alt.Scale(domain=[floor, highest + (highest - floor) * 0.12], nice=False, zero=False)
            if is_narrow:
                category: Any = alt.Y(
                    "label:N", sort=order, title=None, axis=alt.Axis(labelLimit=120, ticks=False)
                )
                return alt.layer(
                    alt.Chart(data)
                    .mark_bar(height=18)
                    .encode(
                        y=category,
                        x=alt.X("base:Q", scale=scale, axis=None),
                        x2="top:Q",
                        color=alt.Color("kind:N", scale=colours, legend=None),
                    ),
                    alt.Chart(data)
                    .mark_text(align="left", dx=5, fontSize=12, color=INK)
                    .encode(y=category, x=alt.X("top:Q", scale=scale), text="text:N"),
                )
            category = alt.X(
                "label:N", sort=order, title=None, axis=alt.Axis(labelAngle=0, ticks=False, labelLimit=110)
            )
            return alt.layer(
                alt.Chart(data)
                .mark_bar(width=54)
                .encode(
                    x=category,
                    y=alt.Y("base:Q", scale=scale, axis=None),
                    y2="top:Q",
                    color=alt.Color("kind:N", scale=colours, legend=None),
                ),
                alt.Chart(data)
                .mark_text(dy=-8, fontSize=12, color=INK)
                .encode(x=category, y=alt.Y("top:Q", scale=scale), text="text:N"),
            )

        return self._draw(draw, width, height, describe), floor > 0

    def shares(
        self,
        data: pd.DataFrame,
        *,
        row: str,
        share: str,
        colour: str,
        colours: Mapping[str, str],
        describe: str,
        width: int = WIDE,
    ) -> Svg:
        """Horizontal bars of 100 %, split by group, with the share written into each part that has room.

        Arguments:
            data: long: row label, group, share of 0 to 1.
        """
        import altair as alt

        ordered = {group: number for number, group in enumerate(colours)}
        data = data.assign(order=data[colour].map(ordered)).sort_values([row, "order"], kind="stable")
        data["end"] = data.groupby(row, sort=False)[share].cumsum()
        data["start"] = data["end"] - data[share]
        data["middle"] = (data["start"] + data["end"]) / 2
        rows = list(dict.fromkeys(data[row]))

        def draw(total: int) -> Any:
            is_narrow = total < HALF
            data["text"] = [
                f"{value:.0%}" if value >= (0.13 if is_narrow else 0.055) else "" for value in data[share]
            ]
            category = alt.Y(f"{row}:N", sort=rows, title=None, axis=alt.Axis(ticks=False, labelLimit=110))
            scale = alt.Scale(domain=[0, 1], nice=False)
            return alt.layer(
                alt.Chart(data)
                .mark_bar(height=24)
                .encode(
                    y=category,
                    x=alt.X("start:Q", scale=scale, axis=None),
                    x2="end:Q",
                    color=self._colour(colour, colours, total),
                ),
                alt.Chart(data)
                .mark_text(fontSize=12, color="white", fontWeight="bold")
                .encode(y=category, x=alt.X("middle:Q", scale=scale), text="text:N"),
            )

        return self._draw(draw, width, 52 + 36 * len(rows), describe)

    def bars(
        self,
        data: pd.DataFrame,
        *,
        label: str,
        value: str,
        text: str,
        describe: str,
        width: int = HALF,
        colour: str = BLUE,
    ) -> Svg:
        """Horizontal bars with their value written beside; `data` in the order shown."""
        import altair as alt

        order = list(data[label])
        top = float(data[value].max()) or 1.0

        def draw(total: int) -> Any:
            category = alt.Y(f"{label}:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=150))
            scale = alt.Scale(domain=[0, top * 1.28], nice=False)
            return alt.layer(
                alt.Chart(data)
                .mark_bar(height=16, color=colour)
                .encode(y=category, x=alt.X(f"{value}:Q", scale=scale, axis=None)),
                alt.Chart(data)
                .mark_text(align="left", dx=5, fontSize=12, color=INK)
                .encode(y=category, x=alt.X(f"{value}:Q", scale=scale), text=f"{text}:N"),
            )

        return self._draw(draw, width, 16 + 27 * len(order), describe)

    @staticmethod
    def _time(data: pd.DataFrame, column: str, total: int, *, is_bar: bool = False) -> alt.X:
        import altair as alt

        moments = pd.to_datetime(data[column])
        days = (moments.max() - moments.min()).days
        most = 4 if total < HALF else 5 if total < WIDE else 12
        if days > 75:
            unit, step, words = "month", -(-days // (30 * most)), "%b %y"
        else:
            unit, step, words = "week", max(1, -(-days // (7 * most))), "%-d %b"
        axis = alt.Axis(format=words, tickCount={"interval": unit, "step": step}, grid=False)
        return alt.X(f"{column}:T", title=None, axis=axis, scale=alt.Scale(padding=20 if is_bar else 6))

    @staticmethod
    def _bar_width(count: int, total: int) -> float:
        return max(3.0, min(34.0, (total - 60) / max(count, 1) * 0.68))

    @staticmethod
    def _colour(column: str, colours: Mapping[str, str], total: int, *, symbol: str = "square") -> alt.Color:
        import altair as alt

        columns = 2 if total < HALF else 3 if total < WIDE else len(colours)
        legend = alt.Legend(
            orient="top",
            title=None,
            columns=columns,
            symbolType=symbol,
            symbolStrokeWidth=0 if symbol == "square" else 3,
        )
        return alt.Color(
            f"{column}:N",
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            # The figure's title names a single group.
            legend=legend if len(colours) > 1 else None,
        )

    def _draw(self, draw: Any, width: int, height: int, describe: str) -> Svg:
        return Svg(
            wide=self._svg(draw(width), width, height, describe),
            narrow=self._svg(draw(NARROW), NARROW, height, describe),
            width=width,
        )

    def _svg(self, chart: Any, width: int, height: int, describe: str) -> str:
        import altair as alt
        import vl_convert

        chart = chart.properties(
            width=width,
            height=height,
            background="transparent",
            padding={"left": 2, "top": 2, "right": 8, "bottom": 2},
            autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        )
        spec = chart.to_dict(validate=False)
        spec["config"] = _config()
        locale = {
            "dateTime": "%x, %X",
            "date": "%x",
            "time": "%X",
            "periods": ["AM", "PM"],
            "days": ["Su", "Mo", "Tu", "We", "Th", "Fr", "Sa"],
            "shortDays": ["Su", "Mo", "Tu", "We", "Th", "Fr", "Sa"],
            "months": self._months,
            "shortMonths": self._months,
        }
        drawn = vl_convert.vegalite_to_svg(spec, vl_version=_vl_version(), time_format_locale=locale)
        return _responsive(drawn, describe)


def _config() -> dict[str, Any]:
    return {
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
        "legend": {"labelColor": INK, "labelFontSize": 12, "symbolSize": 110, "offset": 8, "rowPadding": 4},
    }


def _vl_version() -> str:
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _responsive(svg: str, describe: str) -> str:
    """As wide as its place up to its own size, with a description for those who cannot see it."""
    head, tail = svg.split(">", 1)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    width, height = size.groups() if size else ("0", "0")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}"'
        f' style="max-width:{width}px" role="img" aria-label="{html.escape(describe)}">' + tail
    )
