"""The few kinds of charts that the pages use.

Belongs here: what each is made of. Does not belong here: data and words, and how a picture is drawn
(`drawing.py`). A chart that stands alone comes in two widths, so that its letters keep their size on a phone;
one of a pair is drawn once, at a width that suits both. Legends are HTML, for they wrap and are read aloud
there. altair is imported when the first chart is drawn.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from orchestration.publishing.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT,
    MUTED,
    RED,
    Drawings,
    Svg,
    specification,
)
from orchestration.publishing.report.formats import Conventions

if TYPE_CHECKING:
    import altair as alt

WIDE = 940
HALF = 400
NARROW = 344
# A letter of twelve pixels' height is about this wide.
_LETTER = 6.4


@dataclass(frozen=True)
class Mark:
    """A moment to mark on a series.

    Arguments:
        number: by which the text beside the chart names it; a letter for what is no release.
        is_strong: drawn with its number; else as a faint line.
    """

    on: date
    number: int | str
    is_strong: bool


class Charts:
    """Draws; all words come in with the data.

    Arguments:
        conventions: of the language, for axes.
        drawings: where specifications become pictures; shared by all languages of a publication.
    """

    def __init__(self, conventions: Conventions, drawings: Drawings) -> None:
        self._conventions = conventions
        self._drawings = drawings

    def stacked_bars(
        self,
        data: pd.DataFrame,
        *,
        x: str,
        y: str,
        colour: str,
        colours: Mapping[str, str],
        describe: str,
        names: Mapping[str, str] | None = None,
        marks: Sequence[Mark] = (),
        width: int = WIDE,
        height: int = 260,
        y_format: str = "~s",
        net: str | None = None,
        is_share: bool = False,
    ) -> Svg:
        """Bars over time, stacked by group; values below zero stack downwards.

        Arguments:
            data: long: one row per (x: date, colour: group), y: number.
            colours: group -> colour, in the order of the legend.
            names: group -> words for the legend.
            marks: moments to mark, within the data's time.
            net: a column, the same for all rows of an x, drawn as a dot.
            is_share: the bars fill the height; the values are shares of 0 to 1.
        """
        import altair as alt

        ordered = {group: number for number, group in enumerate(colours)}
        rows = _rows(data.assign(order=data[colour].map(ordered)))
        dots = _rows(data[[x, net]].drop_duplicates(x)) if net is not None else None

        def draw(total: int) -> Any:
            axis = self._time(data, x, total, is_bar=True)
            layers = [
                alt.Chart(rows)
                .mark_bar(width=self._bar_width(data[x].nunique(), total))
                .encode(
                    x=axis,
                    y=alt.Y(
                        f"{y}:Q",
                        title=None,
                        axis=alt.Axis(format=y_format, tickCount=5, tickMinStep=0.25 if is_share else 1),
                        scale=alt.Scale(domain=[0, 1]) if is_share else alt.Scale(),
                        stack="zero",
                    ),
                    color=self._colour(colour, colours),
                    order=alt.Order("order:Q"),
                ),
                alt.Chart(alt.Data(values=[{"zero": 0}]))
                .mark_rule(color=GREY, strokeWidth=1)
                .encode(y="zero:Q"),
            ]
            if dots is not None:
                layers.append(
                    alt.Chart(dots)
                    .mark_point(filled=True, size=42, color=INK, opacity=1)
                    .encode(x=axis, y=alt.Y(f"{net}:Q"))
                )
            return alt.layer(*layers, *self._marks(marks, data[x], x, axis))

        return self._finish(draw, width, height, describe, _legend(colours, names))

    def areas(
        self,
        data: pd.DataFrame,
        *,
        x: str,
        y: str,
        colour: str,
        colours: Mapping[str, str],
        describe: str,
        names: Mapping[str, str] | None = None,
        marks: Sequence[Mark] = (),
        width: int = WIDE,
        height: int = 260,
    ) -> Svg:
        """Stacked areas over time, the first group of `colours` at the foot: a cumulative flow diagram."""
        import altair as alt

        ordered = {group: number for number, group in enumerate(colours)}
        rows = _rows(data.assign(order=data[colour].map(ordered)))

        def draw(total: int) -> Any:
            axis = self._time(data, x, total)
            bands = (
                alt.Chart(rows)
                .mark_area(opacity=0.92)
                .encode(
                    x=axis,
                    y=alt.Y(f"{y}:Q", title=None, axis=alt.Axis(format=",d", tickCount=5), stack="zero"),
                    color=self._colour(colour, colours),
                    order=alt.Order("order:Q"),
                )
            )
            return alt.layer(bands, *self._marks(marks, data[x], x, axis))

        return self._finish(draw, width, height, describe, _legend(colours, names))

    def lines(
        self,
        data: pd.DataFrame,
        *,
        x: str,
        y: str,
        colour: str,
        colours: Mapping[str, str],
        describe: str,
        names: Mapping[str, str] | None = None,
        marks: Sequence[Mark] = (),
        width: int = WIDE,
        height: int = 240,
        y_format: str = "~s",
        from_zero: bool = True,
        rule: float | None = None,
        target: float | None = None,
        band: tuple[str, str] | None = None,
    ) -> Svg:
        """Lines over time, one per group; a row without a value is a gap.

        Arguments:
            band: columns of the lower and the upper end of what the value may be, drawn as a shade.
            rule: a horizontal line to read against (100 %).
            target: a dashed horizontal line.
        """
        import altair as alt

        rows = _rows(data)

        def draw(total: int) -> Any:
            axis = self._time(data, x, total)
            layers: list[Any] = []
            for value, dash in ((rule, [1, 0]), (target, [5, 4])):
                if value is not None:
                    layers.append(
                        alt.Chart(alt.Data(values=[{"value": value}]))
                        .mark_rule(color=MUTED, strokeDash=dash, strokeWidth=1)
                        .encode(y="value:Q")
                    )
            if band is not None:
                layers.append(
                    alt.Chart(rows)
                    .mark_area(opacity=0.16)
                    .encode(
                        x=axis,
                        y=alt.Y(f"{band[0]}:Q", title=None),
                        y2=f"{band[1]}:Q",
                        color=self._colour(colour, colours),
                    )
                )
            layers.append(
                alt.Chart(rows)
                .mark_line(strokeWidth=2.2)
                .encode(
                    x=axis,
                    y=alt.Y(
                        f"{y}:Q",
                        title=None,
                        axis=alt.Axis(format=y_format, tickCount=5),
                        scale=alt.Scale(zero=from_zero, nice=True),
                    ),
                    color=self._colour(colour, colours),
                )
            )
            return alt.layer(*layers, *self._marks(marks, data[x], x, axis))

        return self._finish(draw, width, height, describe, _legend(colours, names))

    def waterfall(
        self, steps: pd.DataFrame, *, describe: str, width: int = WIDE, height: int = 290
    ) -> tuple[Svg, bool]:
        """From an opening value through steps to a closing one; and whether the totals were cut at the foot.

        Arguments:
            steps: label, low, high, kind (`total`, `up`, `down`), text (written above the bar), in order.
        """
        import altair as alt

        moves = steps[steps["kind"] != "total"]
        lowest = float(moves[["low", "high"]].min().min()) if len(moves) else 0.0
        highest = float(steps[["low", "high"]].max().max())
        totals = float(steps.loc[steps["kind"] == "total", "high"].min())
        # An axis is cut only where the movements would not be seen otherwise; the page says so then.
        least = min(lowest, totals)
        is_cut = len(moves) > 0 and highest - least < highest * 0.4
        floor = max(0.0, least - (highest - least) * 0.35) if is_cut else 0.0
        rows = _rows(
            steps.assign(
                base=[
                    max(low, floor) if kind != "total" else floor
                    for low, kind in zip(steps["low"], steps["kind"], strict=True)
                ],
                top=steps["high"],
            )
        )

        def draw(total: int) -> Any:
            is_narrow = total < HALF
            order = list(steps["label"])
            colours = alt.Scale(domain=["total", "up", "down"], range=[BLUE, GREEN, RED])
            scale = alt.Scale(
                domain=[floor, highest + (highest - floor) * (0.55 if is_narrow else 0.12)],
                nice=False,
                zero=False,
            )
            if is_narrow:
                category: Any = alt.Y(
                    "label:N", sort=order, title=None, axis=alt.Axis(labelLimit=0, ticks=False)
                )
                return alt.layer(
                    alt.Chart(rows)
                    .mark_bar(height=18)
                    .encode(
                        y=category,
                        x=alt.X("base:Q", scale=scale, axis=None),
                        x2="top:Q",
                        color=alt.Color("kind:N", scale=colours, legend=None),
                    ),
                    alt.Chart(rows)
                    .mark_text(align="left", dx=5, fontSize=12, color=INK)
                    .encode(y=category, x=alt.X("top:Q", scale=scale), text="text:N"),
                )
            category = alt.X(
                "label:N", sort=order, title=None, axis=alt.Axis(labelAngle=0, ticks=False, labelLimit=0)
            )
            return alt.layer(
                alt.Chart(rows)
                .mark_bar(width=54)
                .encode(
                    x=category,
                    y=alt.Y("base:Q", scale=scale, axis=None),
                    y2="top:Q",
                    color=alt.Color("kind:N", scale=colours, legend=None),
                ),
                alt.Chart(rows)
                .mark_text(dy=-8, fontSize=12, color=INK)
                .encode(x=category, y=alt.Y("top:Q", scale=scale), text="text:N"),
            )

        return self._finish(draw, width, height, describe, (), has_words=True), floor > 0

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
            data: long: row label, group, share of 0 to 1; the rows in the order shown.
        """
        import altair as alt

        ordered = {group: number for number, group in enumerate(colours)}
        data = data.assign(order=data[colour].map(ordered), **{row: data[row].map(_shown(data[row], 21))})
        rows = list(dict.fromkeys(data[row]))
        data = data.sort_values([row, "order"], kind="stable")
        data["end"] = data.groupby(row, sort=False)[share].cumsum()
        data["start"] = data["end"] - data[share]
        data["middle"] = (data["start"] + data["end"]) / 2
        data["ink"] = [INK if colours[group] in LIGHT else "#ffffff" for group in data[colour]]

        def draw(total: int) -> Any:
            is_narrow = total < HALF
            values = _rows(
                data.assign(
                    text=[
                        f"{value:.0%}" if value >= (0.13 if is_narrow else 0.055) else ""
                        for value in data[share]
                    ]
                )
            )
            category = alt.Y(f"{row}:N", sort=rows, title=None, axis=alt.Axis(ticks=False, labelLimit=0))
            scale = alt.Scale(domain=[0, 1], nice=False)
            return alt.layer(
                alt.Chart(values)
                .mark_bar(height=24)
                .encode(
                    y=category,
                    x=alt.X("start:Q", scale=scale, axis=None),
                    x2="end:Q",
                    color=self._colour(colour, colours),
                ),
                alt.Chart(values)
                .mark_text(fontSize=12, fontWeight="bold")
                .encode(
                    y=category,
                    x=alt.X("middle:Q", scale=scale),
                    text="text:N",
                    color=alt.Color("ink:N", scale=None),
                ),
            ).resolve_scale(color="independent")

        return self._finish(
            draw, width, 20 + 36 * len(rows), describe, _legend(colours, None), has_words=True
        )

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

        data = data.assign(**{label: data[label].map(_shown(data[label], 24))})
        order = list(data[label])
        longest = max((len(name) for name in order), default=0)
        rows = _rows(data)

        def draw(total: int) -> Any:
            category = alt.Y(f"{label}:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=0))
            # The bar and its words share what the labels leave.
            room = total - 20 - _LETTER * longest
            top = max(
                amount * room / max(room - 12 - _LETTER * len(words), room / 4)
                for amount, words in zip(data[value].astype(float), data[text], strict=True)
            )
            scale = alt.Scale(domain=[0, top or 1.0], nice=False)
            return alt.layer(
                alt.Chart(rows)
                .mark_bar(height=16, color=colour)
                .encode(y=category, x=alt.X(f"{value}:Q", scale=scale, axis=None)),
                alt.Chart(rows)
                .mark_text(align="left", dx=5, fontSize=12, color=INK)
                .encode(y=category, x=alt.X(f"{value}:Q", scale=scale), text=f"{text}:N"),
            )

        return self._finish(draw, width, 16 + 27 * len(order), describe, (), has_words=True)

    def dots(
        self,
        data: pd.DataFrame,
        *,
        label: str,
        value: str,
        colour: str,
        colours: Mapping[str, str],
        rules: Sequence[tuple[float, str]],
        describe: str,
        names: Mapping[str, str] | None = None,
        width: int = WIDE,
    ) -> Svg:
        """One dot per row along a line from 0, one line per label, against vertical rules.

        Large values are drawn closer together (square root), so that the crowd near 0 can be told apart.

        Arguments:
            rules: (value, words above it).
        """
        import altair as alt

        data = data.assign(**{label: data[label].map(_shown(data[label], 18))})
        order = list(dict.fromkeys(data[label]))
        top = max([float(data[value].max()), *(at for at, _ in rules)]) * 1.05 or 1.0
        rows = _rows(data)
        lines = alt.Data(values=[{"at": at, "words": words} for at, words in rules])
        # Neighbours' words stand at two heights: the rules may lie close together.
        heights = [
            (alt.Data(values=[{"at": at, "words": words} for at, words in part]), height)
            for part, height in ((rules[::2], -2), (rules[1::2], -14))
            if part
        ]

        def draw(total: int) -> Any:
            scale = alt.Scale(type="sqrt", domain=[0, top], nice=False)
            category = alt.Y(f"{label}:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=0))
            ticks = [tick for tick in (1, 5, 10, 20, 40, 80, 160, 320, 640) if tick <= top]
            return alt.layer(
                alt.Chart(lines)
                .mark_rule(color=MUTED, strokeDash=[4, 3])
                .encode(x=alt.X("at:Q", scale=scale)),
                *(
                    alt.Chart(part)
                    .mark_text(fontSize=11, color=MUTED, baseline="bottom", align="left", dx=2)
                    .encode(x=alt.X("at:Q", scale=scale), y=alt.value(height), text="words:N")
                    for part, height in heights
                ),
                alt.Chart(rows)
                .mark_circle(size=70, opacity=0.75)
                .encode(
                    y=category,
                    x=alt.X(
                        f"{value}:Q",
                        scale=scale,
                        title=None,
                        axis=alt.Axis(values=ticks, format="d", grid=False),
                    ),
                    color=self._colour(colour, colours),
                ),
            )

        return self._finish(
            draw, width, 50 + 32 * len(order), describe, _legend(colours, names), has_words=True, top=30
        )

    def forest(
        self,
        data: pd.DataFrame,
        *,
        label: str,
        value: str,
        low: str,
        high: str,
        colour: str,
        colours: Mapping[str, str],
        describe: str,
        names: Mapping[str, str] | None = None,
        width: int = HALF,
    ) -> Svg:
        """Estimates with their intervals in percent, one line each in the order of `data`, against zero."""
        import altair as alt

        data = data.assign(**{label: data[label].map(_shown(data[label], 34))})
        order = list(dict.fromkeys(data[label]))
        rows = _rows(data)
        zero = alt.Data(values=[{"zero": 0}])

        def draw(total: int) -> Any:
            category = alt.Y(f"{label}:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=0))
            axis = alt.Axis(tickCount=5, grid=False, labelExpr="datum.value + '%'")
            across = alt.X(f"{low}:Q", title=None, axis=axis)
            return alt.layer(
                alt.Chart(zero).mark_rule(color=MUTED).encode(x=alt.X("zero:Q")),
                alt.Chart(rows)
                .mark_rule(strokeWidth=2)
                .encode(y=category, x=across, x2=f"{high}:Q", color=self._colour(colour, colours)),
                alt.Chart(rows)
                .mark_point(filled=True, size=60, opacity=1)
                .encode(y=category, x=alt.X(f"{value}:Q"), color=self._colour(colour, colours)),
            )

        return self._finish(
            draw, width, 40 + 26 * len(order), describe, _legend(colours, names), has_words=True
        )

    def event_study(
        self,
        data: pd.DataFrame,
        *,
        x: str,
        y: str,
        low: str,
        high: str,
        describe: str,
        width: int = HALF,
        height: int = 220,
    ) -> Svg:
        """A difference by weeks before and after exposure, with its band; zero and the week itself marked."""
        import altair as alt

        rows = _rows(data)
        zero = alt.Data(values=[{"zero": 0}])

        def draw(total: int) -> Any:
            across = alt.X(f"{x}:Q", title=None, axis=alt.Axis(tickCount=6, tickMinStep=2, grid=False))
            return alt.layer(
                alt.Chart(zero).mark_rule(color=GREY).encode(y=alt.Y("zero:Q")),
                alt.Chart(zero).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(x=alt.X("zero:Q")),
                alt.Chart(rows)
                .mark_area(opacity=0.25, color=BLUE)
                .encode(x=across, y=alt.Y(f"{low}:Q", title=None), y2=f"{high}:Q"),
                alt.Chart(rows).mark_line(strokeWidth=2.2, color=BLUE).encode(x=across, y=alt.Y(f"{y}:Q")),
            )

        return self._finish(draw, width, height, describe, ())

    @staticmethod
    def _marks(marks: Sequence[Mark], moments: pd.Series, column: str, axis: alt.X) -> list[Any]:
        """Layers of the marks that fall into the time of the data."""
        import altair as alt

        if not marks or moments.empty:
            return []
        days = pd.to_datetime(moments)
        first, last = days.min().date(), days.max().date()
        layers = []
        for is_strong in (False, True):
            shown = [mark for mark in marks if mark.is_strong == is_strong and first <= mark.on <= last]
            if not shown:
                continue
            rows = alt.Data(
                values=[
                    {column: f"{mark.on:%Y-%m-%d}T00:00:00", "number": str(mark.number)} for mark in shown
                ]
            )
            rule = alt.Chart(rows).mark_rule(
                color=INK if is_strong else GREY,
                strokeDash=[4, 3] if is_strong else [1, 3],
                strokeWidth=1,
                opacity=0.75,
            )
            layers.append(rule.encode(x=axis))
            if is_strong:
                layers.append(
                    alt.Chart(rows)
                    .mark_text(fontSize=11, fontWeight="bold", color=INK, baseline="bottom")
                    .encode(x=axis, y=alt.value(-2), text="number:N")
                )
        return layers

    @staticmethod
    def _time(data: pd.DataFrame, column: str, total: int, *, is_bar: bool = False) -> alt.X:
        import altair as alt

        moments = pd.to_datetime(data[column])
        days = (moments.max() - moments.min()).days
        most = 4 if total <= HALF else 12
        if days > 75:
            # Steps that divide a year: others begin anew each January, next to the tick before.
            wanted = -(-days // (30 * most))
            unit, words = "month", "%b %y"
            step = next(step for step in (1, 2, 3, 4, 6, 12, wanted) if step >= wanted)
        else:
            unit, step, words = "week", max(1, -(-days // (7 * most))), "%-d %b"
        axis = alt.Axis(format=words, tickCount={"interval": unit, "step": step}, grid=False)
        return alt.X(f"{column}:T", title=None, axis=axis, scale=alt.Scale(padding=20 if is_bar else 6))

    @staticmethod
    def _bar_width(count: int, total: int) -> float:
        return max(3.0, min(34.0, (total - 60) / max(count, 1) * 0.68))

    @staticmethod
    def _colour(column: str, colours: Mapping[str, str]) -> alt.Color:
        import altair as alt

        return alt.Color(
            f"{column}:N",
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            legend=None,
        )

    def _finish(
        self,
        draw: Any,
        width: int,
        height: int,
        describe: str,
        legend: tuple[tuple[str, str], ...],
        *,
        has_words: bool = False,
        top: int = 16,
    ) -> Svg:
        wide = self._drawings.draw(specification(draw(width), width, height, top))
        narrow = (
            wide if width <= HALF else self._drawings.draw(specification(draw(NARROW), NARROW, height, top))
        )
        return Svg(describe, legend, wide, narrow, None if has_words else self._conventions)


def _rows(frame: pd.DataFrame) -> alt.Data:
    """Rows as Vega reads them: moments without a zone are local to it, whatever the machine's zone."""
    import altair as alt

    records: list[dict[str, Any]] = []
    for record in frame.to_dict("records"):
        records.append({str(key): _plain(value) for key, value in record.items()})
    return alt.Data(values=records)


def _shown(labels: Iterable[str], longest: int) -> dict[str, str]:
    """Label -> the same short enough for an axis, still unique.

    Vega would cut it by itself, but cuts letters outside the basic plane (emoji) in two and then fails.
    """
    shown: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        width, text = 0, ""
        for letter in label:
            width += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
            if width > longest:
                text = text.rstrip() + "…"
                break
            text += letter
        while text in shown.values():
            text += "\u00b7"
        shown[label] = text
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | pd.Timestamp):
        return f"{value:%Y-%m-%dT%H:%M:%S}"
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, str | bool | int):
        return value
    return float(value)


def _legend(colours: Mapping[str, str], names: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    # The figure's title names a single group.
    if len(colours) < 2:
        return ()
    return tuple(((names or {}).get(group, group), colour) for group, colour in colours.items())
