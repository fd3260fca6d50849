"""Redaction, duplicates, spikes, discovery and lint: what users rely on, on generated sets."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

from ingestion.enrichment.insight.discover import discover
from ingestion.enrichment.insight.duplicates import find_duplicates
from ingestion.enrichment.insight.emerging import find_emerging
from ingestion.enrichment.insight.encode import EndpointEncoder, SentenceEncoder
from ingestion.enrichment.insight.lint import changed_ids, lint_taxonomy, moved_items
from ingestion.enrichment.insight.redact import has_cnpj_digits, has_cpf_digits, redact
from ingestion.enrichment.insight.spikes import find_spikes
from ingestion.enrichment.insight.taxonomy import taxonomy_of_payloads
from ingestion.errors import MalformedResponse
from tests.bench.insight.generated import daily_counts, duplicates, names, personal


@pytest.mark.parametrize("seed", [3, 23])
def test_personal_data_is_found_at_99_percent_in_both_languages(seed: int) -> None:
    cases = personal(seed, 1_500)
    for kind in {case[2] for case in cases}:
        for language in ("en", "pt"):
            mine = [case for case in cases if case[2:] == (kind, language)]
            found = sum(value not in redact(text).text for text, value, _, _ in mine)
            assert found >= 0.99 * len(mine), (kind, language)


def test_names_are_best_effort_and_known_ones_are_found() -> None:
    cases = names(3, 400)
    assert sum(name not in redact(text).text for text, name, _ in cases) >= 0.7 * len(cases)
    assert all(name not in redact(text, {name}).text for text, name, _ in cases)


@pytest.mark.parametrize(
    "text",
    [
        "We have 12345678 rows since 2019-2020.",
        "Version 10.2.3 costs 1.234.567,89 on 2026-01-02 10:00.",
        "The order 20250101 was cancelled.",
        "https://example.com/a/b stays.",
        "Relatórios de vendas não carregam.",
    ],
)
def test_ordinary_numbers_and_addresses_stay(text: str) -> None:
    assert redact(text).text == text


def test_check_digits_of_cpf_and_both_kinds_of_cnpj() -> None:
    assert has_cpf_digits("52998224725")
    assert not has_cpf_digits("52998224724")
    assert not has_cpf_digits("11111111111")
    assert has_cnpj_digits("11222333000181")
    assert has_cnpj_digits("12ABC34501DE35")
    assert not has_cnpj_digits("12ABC34501DE36")


@pytest.mark.parametrize(
    "text", ["", "@" * 5000, "1" * 300_000, "a." * 50_000, "+" * 10_000, "(" * 10_000, "\x00" * 99]
)
def test_redaction_takes_any_text_in_good_time(text: str) -> None:
    assert redact(text).counts["email"] == 0


def test_copies_are_grouped_and_others_are_not() -> None:
    items = duplicates(5, groups=80, alone=150)
    found = find_duplicates(items).merge(items, on="feedback_id")
    mixed = found.groupby("duplicate_group_id")["truth_group"].nunique()
    split = found.groupby("truth_group")["duplicate_group_id"].nunique()
    assert (mixed > 1).mean() < 0.03
    assert (split > 1).mean() < 0.05
    assert find_duplicates(items.sample(frac=1, random_state=1)).equals(find_duplicates(items))


def test_a_burst_is_found_and_quiet_themes_stay_quiet() -> None:
    quiet, _ = daily_counts(1)
    states = find_spikes(quiet)
    weeks = states["day"].nunique() / 7
    assert (states["state"] == "alert").sum() / weeks < 2
    loud, bursts = daily_counts(2, factor=5.0)
    alerts = find_spikes(loud).query("state == 'alert'")
    days = pd.to_datetime(alerts["day"])
    hits = [
        ((alerts["theme_id"] == theme) & days.between(day, day + pd.Timedelta(days=14))).any()
        for theme, day in bursts
    ]
    assert np.mean(hits) >= 0.9
    assert find_spikes(quiet.iloc[:0]).empty


def groups(seed: int, per_group: int = 30, count: int = 6) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, 64))
    rows = np.repeat(centres, per_group, axis=0) + 0.5 * rng.normal(size=(count * per_group, 64))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    items = pd.DataFrame(
        {
            "feedback_id": [f"f{at:04}" for at in range(len(rows))],
            "text": [f"word{at // per_group} something item" for at in range(len(rows))],
        }
    )
    return items, rows


def test_candidates_keep_their_ids_and_do_not_depend_on_the_order() -> None:
    items, vectors = groups(1)
    candidates, members = discover(items, vectors, resolution=1.0)
    assert len(candidates) == 6
    order = list(range(len(items)))
    random.Random(2).shuffle(order)
    again, _ = discover(items.iloc[order], vectors[order], resolution=1.0)
    pd.testing.assert_frame_equal(candidates, again)
    fewer = items["feedback_id"] > "f0010"
    later, _ = discover(
        items[fewer], vectors[fewer.to_numpy()], earlier=candidates, earlier_members=members, resolution=1.0
    )
    assert set(later["candidate_id"]) == set(candidates["candidate_id"])
    assert not later["is_new"].any()


def test_what_is_new_this_week_emerges_and_what_was_always_there_does_not() -> None:
    items, vectors = groups(3, per_group=40, count=2)
    end = pd.Timestamp("2026-03-01")
    always = [end - pd.Timedelta(days=at % 56) for at in range(40)]
    sudden = [end - pd.Timedelta(days=at % 5) for at in range(40)]
    items["occurred_at"] = [*always, *sudden]
    found = find_emerging(items, vectors, end)
    assert len(found) == 1
    assert set(found["example_ids"].iloc[0]) <= set(items["feedback_id"].iloc[40:])


def test_what_emerges_keeps_its_id_while_the_week_moves() -> None:
    items, vectors = groups(3, per_group=40, count=2)
    first = pd.Timestamp("2026-03-01")
    # What always came gives the weeks before: without them nobody can say what a week's usual count is.
    always = [first - pd.Timedelta(days=7 + at % 56) for at in range(40)]
    sudden = [first + pd.Timedelta(days=at // 5 - 3) for at in range(40)]
    items["occurred_at"] = [*always, *sudden]
    told = find_emerging(items, vectors, first)
    names = set(told["emerging_id"])
    for days in range(1, 6):
        day = first + pd.Timedelta(days=days)
        alone = find_emerging(items, vectors, day)
        later = find_emerging(items, vectors, day, earlier=told)
        assert later.drop(columns="emerging_id").equals(alone.drop(columns="emerging_id"))
        assert len(later) == 1 and set(later["emerging_id"]) <= names
        told = pd.concat([told, later], ignore_index=True)
    # Without the days before, the id follows the oldest item of the week, which leaves it.
    assert not set(alone["emerging_id"]) <= names


def theme(name: str, *examples: str, **more: object) -> dict[str, object]:
    return {"id": name, "name": {"en": name}, "status": "active", "examples": list(examples), **more}


def test_lint_names_confused_and_shared_examples_and_reused_ids() -> None:
    speed = [
        "the report is slow",
        "reports load slowly",
        "slow report today",
        "report takes ages",
        "slow page",
    ]
    twin = [
        "the reports are slow",
        "report loads slowly",
        "slow reports today",
        "reports take ages",
        "slow pages",
    ]
    login = [
        "cannot log in",
        "password reset fails",
        "log-in page broken",
        "my account is locked",
        "wrong password",
    ]
    taxonomy = taxonomy_of_payloads(
        [theme("speed", *speed, "shared one"), theme("twin", *twin, "shared one"), theme("login", *login)]
    )
    findings = lint_taxonomy(taxonomy, SentenceEncoder())
    assert {"shared_example", "confused_pair", "example_lost"} <= set(findings["finding"])
    assert "login" not in set(findings["theme_id"])
    later = taxonomy_of_payloads([theme("speed", *login), theme("twin", *twin)])
    assert set(changed_ids(taxonomy, later)["finding"]) == {"id_gone", "id_reused"}


def test_a_change_says_what_it_moves_in_items_and_arr() -> None:
    before = pd.DataFrame({"feedback_id": ["a", "b", "c"], "theme_id": ["x", "x", None]})
    after = pd.DataFrame({"feedback_id": ["a", "b", "c"], "theme_id": ["x", "y", "y"]})
    feedback = pd.DataFrame(
        {"feedback_id": ["a", "b", "c"], "account_id": ["1", "2", "2"], "arr": [10.0, 5.0, 5.0]}
    )
    moved = moved_items(before, after, feedback).set_index("theme_id")
    assert moved.loc["y", ["items_in", "items_out", "arr_before", "arr_after"]].tolist() == [2, 0, 0.0, 5.0]
    assert moved.loc["x", ["items_before", "items_after", "items_out", "arr_after"]].tolist() == [
        2,
        1,
        1,
        10.0,
    ]


def test_an_endpoint_that_answers_something_else_is_refused_in_words() -> None:
    def post(body: dict[str, object]) -> dict[str, object]:
        texts = body["input"]
        assert isinstance(texts, list)
        return {"data": [{"index": at, "embedding": [1.0, float(at)]} for at in range(len(texts))][::-1]}

    assert EndpointEncoder(post, "m", 2).encode(["a", "b", "", "a"]).shape == (4, 2)
    with pytest.raises(MalformedResponse, match="one vector of 3 numbers"):
        EndpointEncoder(post, "m", 3).encode(["a"])
