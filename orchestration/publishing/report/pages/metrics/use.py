"""Use of the product: who is active, who starts, who stays, which features are taken up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.charts import HALF
from orchestration.publishing.report.drawing import BLUE, PALETTE
from orchestration.publishing.report.page import Figure, Notice, Page, Pair, Part, Prose, Tiles
from orchestration.publishing.report.standing import standings, wilson
from orchestration.publishing.report.tables import Column, muted, shaded
from orchestration.publishing.report.words import TOO_FEW_PEOPLE, change_in_words, share_in_words, tile

ACTIVE = "metric.mart_metric__active_daily"
ACTIVATION = "metric.mart_metric__activation"
COHORTS = "metric.mart_metric__retention_cohorts"
FEATURES = "metric.mart_metric__feature_adoption"
_SMALLEST_COHORT = 10
_COHORT_WEEKS = (1, 2, 4, 8, 12, 16, 24, 36, 48)


def use_sentence(page: Page) -> str:
    """How many people used the product, against four weeks before; empty where that is not known."""
    people = standings(page.published).get("active_people_7d")
    if people is None or people.value is None or people.change is None:
        return ""
    words, _ = change_in_words(page, people)
    return page.texts(
        "metrics.use.sentence",
        people=page.formats.number(people.value),
        change=words,
        day=page.formats.day(page.today),
    )


def use(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    all_standings = standings(page.published)
    parts: list[Part] = [
        Prose(use_sentence(page) or t("use.lead"), is_lead=True),
        Tiles(
            [
                tile(page, all_standings[metric])
                for metric in ("active_people_7d", "active_accounts_7d", "stickiness")
                if metric in all_standings
            ]
        ),
    ]
    last = page.today
    data = page.published.frame(
        f"select date_on, segment, active_person_7d_count as people from {ACTIVE}"
        " where date_on between ? and ? and segment <> 'all' and dayofweek(date_on) = dayofweek(?)"
        " order by date_on",
        last - timedelta(days=7 * 52),
        last,
        last,
    )
    if data["date_on"].nunique() >= 3:
        names = {
            str(segment): page.texts.label("segments", segment)
            for segment in data.groupby("segment")["people"].sum().sort_values(ascending=False).index
        }
        title = t("use.by_segment")
        alt = page.in_words(
            title, data, x="date_on", y="people", show=formats.number, by="segment", names=names
        )
        parts.append(
            page.series(
                title,
                data,
                x="date_on",
                draw=lambda marks: page.charts.lines(
                    data,
                    x="date_on",
                    y="people",
                    colour="segment",
                    colours=dict(zip(names, PALETTE, strict=False)),
                    names=names,
                    marks=marks,
                    describe=alt,
                ),
                marks=page.marks("active_people_7d", "active_accounts_7d", "stickiness"),
                note=t("use.note"),
                definition=page.column(f"{ACTIVE}.active_person_7d_count"),
            )
        )
    return parts


def activation(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    weeks = page.published.frame(
        f"select * from {ACTIVATION} where segment = 'all' and is_complete order by cohort_week_on"
    )
    if weeks.empty:
        return [Notice(t("activation.none"))]
    weeks["cohort_week_on"] = pd.to_datetime(weeks["cohort_week_on"])
    end = weeks["cohort_week_on"].max()
    quarter = pd.Timedelta(days=13 * 7)
    now = weeks[weeks["cohort_week_on"] > end - quarter]
    before = weeks[(weeks["cohort_week_on"] <= end - quarter) & (weeks["cohort_week_on"] > end - 2 * quarter)]
    signed, activated = int(now["person_count"].sum()), int(now["activated_person_count"].sum())
    signed_before = int(before["person_count"].sum())
    activated_before = int(before["activated_person_count"].sum())
    window = int(weeks.iloc[-1]["window_days"])
    first_day, last_day = now["cohort_week_on"].min(), end + pd.Timedelta(days=6)
    sentence = t(
        "activation.sentence",
        signed=formats.number(signed),
        start=formats.day(first_day),
        end=formats.day(last_day),
        activated=formats.number(activated),
        window=window,
        share=share_in_words(page, activated, signed),
        before=share_in_words(page, activated_before, signed_before)
        if signed_before
        else t(".no_comparison"),
    )
    if signed >= TOO_FEW_PEOPLE:
        low, high = wilson(activated, signed)
        sentence += " " + t("activation.interval", low=formats.percent(low, 0), high=formats.percent(high, 0))
    funnel = pd.DataFrame(
        {
            "label": [t("activation.signed"), t("activation.activated", window=window)],
            "people": [float(signed), float(activated)],
            "text": [
                formats.number(signed),
                f"{formats.number(activated)} ({share_in_words(page, activated, signed)})",
            ],
        }
    )
    title = t("activation.funnel", start=formats.day(first_day), end=formats.day(last_day))
    told = [f"{label}: {text}" for label, text in zip(funnel["label"], funnel["text"], strict=True)]
    figures = [
        Figure(
            title,
            page.charts.bars(
                funnel, label="label", value="people", text="text", describe=". ".join([title, *told])
            ),
            t("activation.note", window=window),
            page.column(f"{ACTIVATION}.activated_person_count"),
        )
    ]
    # Four weeks each, counted back from the last complete one: single weeks have too few people.
    weeks["block"] = (end - weeks["cohort_week_on"]).dt.days // 28
    blocks = (
        weeks.groupby("block")
        .agg(
            start=("cohort_week_on", "min"),
            people=("person_count", "sum"),
            activated=("activated_person_count", "sum"),
            weeks=("cohort_week_on", "count"),
        )
        .reset_index()
        .sort_values("start")
    )
    blocks = blocks[(blocks["people"] >= _SMALLEST_COHORT) & (blocks["block"] < 14)]
    if len(blocks) >= 3:
        data = blocks.assign(share=blocks["activated"] / blocks["people"], kind="share")
        title = t("activation.over_time")
        alt = page.in_words(title, data, x="start", y="share", show=lambda value: formats.percent(value, 0))
        figures.append(
            page.series(
                title,
                data,
                x="start",
                draw=lambda marks: page.charts.lines(
                    data,
                    x="start",
                    y="share",
                    colour="kind",
                    colours={"share": BLUE},
                    width=HALF,
                    height=170,
                    y_format=".0%",
                    marks=marks,
                    describe=alt,
                ),
                marks=page.marks(),
                note=t("activation.over_time_note", n=_SMALLEST_COHORT),
                definition=page.column(f"{ACTIVATION}.activation_ratio"),
            )
        )
    return [Prose(sentence, is_lead=True), Pair(figures)]


def cohorts(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    cells = page.published.rows(
        "select date_trunc('month', cohort_week_on)::date as month, period_number as week,"
        " sum(person_count) as people, sum(returned_person_count) as returned, count(*) as cohorts"
        f" from {COHORTS} where segment = 'all' and period_unit = 'week' and not is_start_of_recording"
        " group by 1, 2 order by 1, 2"
    )
    by_month: dict[Any, dict[int, dict[str, Any]]] = {}
    for cell in cells:
        by_month.setdefault(cell["month"], {})[int(cell["week"])] = cell
    rows = []
    for month, weeks in by_month.items():
        whole = max(weeks.values(), key=lambda cell: cell["cohorts"])
        # A week that not all of the month's cohorts have reached would be of other people.
        reached = {week: cell for week, cell in weeks.items() if cell["cohorts"] == whole["cohorts"]}
        rows.append({"month": month, "people": int(whole["people"]), "weeks": reached})
    rows = rows[-14:]
    shown = [week for week in _COHORT_WEEKS if any(week in row["weeks"] for row in rows)]
    if not rows or not shown:
        return [Notice(t("cohorts.none"))]

    def of_week(week: int) -> Any:
        def show(row: Any) -> Any:
            found = row["weeks"].get(week)
            if found is None:
                return shaded("", None)
            if row["people"] < _SMALLEST_COHORT:
                return shaded(t(".too_few"), None)
            share = float(found["returned"]) / float(found["people"])
            return shaded(formats.percent(share, 0), share)

        return show

    definition = page.column(f"{COHORTS}.returned_ratio")
    columns = [
        Column(t("cohorts.month"), lambda row: formats.month(row["month"])),
        Column(
            t("cohorts.people"),
            lambda row: formats.number(row["people"]),
            is_number=True,
            definition=page.column(f"{COHORTS}.person_count"),
        ),
        *(
            Column(
                t("cohorts.week", n=week),
                of_week(week),
                is_number=True,
                is_wide_only=week not in (1, 4, 12, 24),
                definition=definition,
            )
            for week in shown
        ),
    ]
    parts: list[Part] = []
    with_month = [row for row in rows if 4 in row["weeks"] and row["people"] >= _SMALLEST_COHORT]
    if with_month:
        last, earlier = with_month[-1], with_month[-4:-1]

        def fourth(group: list[dict[str, Any]]) -> str:
            people = sum(float(row["weeks"][4]["people"]) for row in group)
            returned = sum(float(row["weeks"][4]["returned"]) for row in group)
            return share_in_words(page, returned, people)

        parts.append(
            Prose(
                t(
                    "cohorts.sentence",
                    n=formats.number(last["people"]),
                    month=formats.month(last["month"]),
                    share=fourth([last]),
                    before=fourth(earlier) if earlier else t(".no_comparison"),
                ),
                is_lead=True,
            )
        )
    parts.append(
        page.table(
            "cohorts",
            columns,
            rows,
            title=t("cohorts.table"),
            note=t("cohorts.note", n=_SMALLEST_COHORT),
            definition=definition,
            kind="matrix",
        )
    )
    return parts


def features(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(f"select * from {FEATURES} order by released_at desc, delivery_id limit 12")
    definition = page.column(f"{FEATURES}.adoption_ratio")

    def of(part: str, whole: str) -> Any:
        def show(row: Any) -> str:
            if not row[whole]:
                return "–"
            return (
                t(
                    "features.of",
                    share=share_in_words(page, float(row[part]), float(row[whole])),
                    part=formats.number(row[part]),
                    whole=formats.number(row[whole]),
                )
                if row[whole] >= TOO_FEW_PEOPLE
                else share_in_words(page, float(row[part]), float(row[whole]), in_table=True)
            )

        return show

    def named(row: Any) -> str | Markup:
        # An experiment or a wave gives it to some of the paying accounts only.
        name = row["delivery_name"] or row["delivery_id"]
        if row["rollout"] == "general" or row["eligible_account_count"] is None:
            return str(name)
        given = t("features.given", n=formats.number(row["eligible_account_count"]))
        return Markup("{} {}").format(name, muted(given))

    columns = [
        Column(t("features.feature"), named),
        Column(t("features.released"), lambda row: formats.day(row["released_on"]), is_wide_only=True),
        Column(
            t("features.accounts"),
            of("adopter_account_count", "eligible_account_count"),
            is_number=True,
            definition=definition,
        ),
        Column(
            t("features.arr"),
            lambda row: formats.percent(row["adoption_arr_ratio"], 0),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{FEATURES}.adoption_arr_ratio"),
        ),
        Column(
            t("features.again"),
            of("repeat_account_count", "repeat_base_account_count"),
            is_number=True,
            is_wide_only=True,
            definition=page.column(f"{FEATURES}.repeat_28d_ratio"),
        ),
        Column(
            t("features.owner"),
            lambda row: row["owner"] or muted(t(".nobody")),
            is_wide_only=True,
        ),
    ]
    return [page.table("features", columns, rows, note=t("features.note"))]
