"""The whole engine on a small company: same rows whatever the order and however often it runs, any text."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

from ingestion.enrichment.insight.encode import LetterEncoder, SentenceEncoder
from ingestion.enrichment.insight.engine import Insight, analyse, version_marks
from ingestion.enrichment.insight.taxonomy import Taxonomy, TaxonomyInvalid, taxonomy_of_payloads
from ingestion.enrichment.insight.themes import learn_themes, theme_scores
from ingestion.sandbox.world.themes import THEMES

STRANGE = [
    None,
    "",
    " ",
    "x",
    "?",
    "😀😀😀",
    "\x00\x01\ufffd",
    "שלום, הייצוא לא עובד",
    "مرحبا التصدير لا يعمل",
    "Olá team, o export is not working desde yesterday",
    "%PDF-1.4\n%âãÏÓ\n1 0 obj<</Type/Catalog>>stream\x00\xff\xfe" * 50,
    "export " * 150_000,
    "a" * 1_000_000,
]


def payloads(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    themes = []
    for theme in THEMES[:8]:
        sentences = [
            text.format(n=5, thing="orders", tool="HubSpot", day="Monday")
            for text in (*theme.sentences["en"][:4], *theme.sentences["pt"][:4])
        ]
        payload = {
            "id": theme.theme_id,
            "name": theme.name,
            "status": "active",
            "any": list(theme.rules[:1]),
            "examples": sentences,
            "owner": "Ana",
        }
        themes.append({**payload, **changes.get(theme.theme_id, {})})
    return themes


def feedback() -> pd.DataFrame:
    texts = [
        text.format(n=number, thing=thing, tool="Slack", day="Friday")
        for theme in THEMES
        for language in ("en", "pt")
        for text in theme.sentences[language]
        for number, thing in ((7, "sales"), (9, "stock"))
    ]
    return pd.DataFrame({"feedback_id": [f"f{at:04}" for at in range(len(texts))], "text": texts})


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return taxonomy_of_payloads(payloads())


@pytest.fixture(scope="module")
def full(taxonomy: Taxonomy, encoder: SentenceEncoder) -> Insight:
    return analyse(feedback(), taxonomy, encoder=encoder)


def assert_same(left: Insight, right: Insight) -> None:
    pd.testing.assert_frame_equal(left.items, right.items, check_exact=True)
    pd.testing.assert_frame_equal(left.themes, right.themes, check_exact=True)


def test_order_of_the_rows_and_a_second_run_change_nothing(
    full: Insight, taxonomy: Taxonomy, encoder: SentenceEncoder
) -> None:
    rows = list(range(len(feedback())))
    random.Random(7).shuffle(rows)
    assert_same(full, analyse(feedback().iloc[rows], taxonomy, encoder=encoder))


def test_what_is_remembered_is_not_scored_again_and_gives_the_same_rows(
    full: Insight, taxonomy: Taxonomy, encoder: SentenceEncoder
) -> None:
    items = feedback()
    part = analyse(items[items.index % 3 > 0], taxonomy, encoder=encoder)
    rest = analyse(items, taxonomy, encoder=encoder, memory=part.memory)
    assert 0 < rest.scored_texts < full.scored_texts
    assert_same(full, rest)
    again = analyse(items, taxonomy, encoder=encoder, memory=rest.memory)
    assert again.scored_texts == 0
    assert_same(full, again)


def test_an_owner_moves_nothing_and_an_example_scores_history_anew(
    full: Insight, encoder: SentenceEncoder
) -> None:
    first = THEMES[0].theme_id
    renamed = taxonomy_of_payloads(payloads(**{first: {"owner": "Bia", "name": {"en": "Another name"}}}))
    assert analyse(feedback(), renamed, encoder=encoder, memory=full.memory).scored_texts == 0
    taught = taxonomy_of_payloads(payloads(**{first: {"examples": ["Nothing else is slow like this page."]}}))
    anew = analyse(feedback(), taught, encoder=encoder, memory=full.memory)
    assert anew.scored_texts == full.scored_texts
    assert set(anew.themes["taxonomy_version"]) == {taught.version} != set(full.themes["taxonomy_version"])


def test_a_series_is_marked_where_its_version_changes() -> None:
    marks = version_marks(None, "m1", "t1", pd.Timestamp("2026-01-01"))
    marks = version_marks(marks, "m1", "t1", pd.Timestamp("2026-01-02"))
    marks = version_marks(marks, "m1", "t2", pd.Timestamp("2026-01-03"))
    assert marks["taxonomy_version"].tolist() == ["t1", "t2"]
    assert [str(day) for day in marks["scored_from_on"]] == ["2026-01-01", "2026-01-03"]


def test_every_item_has_one_primary_row_and_says_where_it_came_from(full: Insight) -> None:
    primary = full.themes[full.themes["is_primary"]]
    assert sorted(primary["feedback_id"]) == sorted(full.items["feedback_id"])
    assert set(full.themes["assigned_by"]) >= {"rule", "model", "unthemed"}
    assert full.themes.loc[full.themes["theme_id"].isna(), "assigned_by"].isin(["review", "unthemed"]).all()


@pytest.mark.parametrize("count", [0, 1, 500])
def test_any_text_and_any_size_of_taxonomy_give_a_row_per_item(count: int, encoder: SentenceEncoder) -> None:
    themes = taxonomy_of_payloads(
        [
            {
                "id": f"theme{at}",
                "name": {"en": "x"},
                "status": "active",
                "any": [f"export word{at}"],
                "examples": [f"the export number {at} fails", f"nothing works in area {at}"],
            }
            for at in range(count)
        ]
    )
    items = pd.DataFrame({"feedback_id": [str(at) for at in range(len(STRANGE))], "text": STRANGE})
    found = analyse(items, themes, encoder=encoder)
    assert len(found.items) == len(STRANGE)
    assert found.themes["is_primary"].sum() == len(STRANGE)
    assert found.items.set_index("feedback_id").loc["1", ["language", "kind", "sentiment"]].isna().all()


def test_no_items_are_no_error(taxonomy: Taxonomy, encoder: SentenceEncoder) -> None:
    empty = analyse(feedback().iloc[:0], taxonomy, encoder=encoder)
    assert empty.items.empty
    assert empty.themes.empty


def test_without_the_sentence_encoder_it_falls_back_and_says_so(
    monkeypatch: pytest.MonkeyPatch, taxonomy: Taxonomy, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ingestion.enrichment.insight.encode.find_spec", lambda name: None)
    found = analyse(feedback(), taxonomy)
    assert "norte[embeddings]" in found.note and LetterEncoder.caveat == "without_meaning"
    assert "norte[embeddings]" in caplog.text
    assert found.items["model_id"].iloc[0].startswith(LetterEncoder.model_id)
    assert (found.themes["assigned_by"] == "model").any()


def test_a_frame_that_cannot_be_read_is_refused_in_words(taxonomy: Taxonomy) -> None:
    with pytest.raises(TaxonomyInvalid, match="'text'"):
        analyse(pd.DataFrame({"feedback_id": ["a"]}), taxonomy)
    with pytest.raises(TaxonomyInvalid, match="'a' again"):
        analyse(pd.DataFrame({"feedback_id": ["a", "a"], "text": ["x", "y"]}), taxonomy)


def test_the_source_and_people_win_over_the_words(taxonomy: Taxonomy, encoder: SentenceEncoder) -> None:
    items = feedback().iloc[:4].assign(source_kind=["question", None, None, None])
    themes = taxonomy.theme_ids
    overrides = pd.DataFrame(
        [
            ["f0000", themes[3], "set", "Ana", "2026-01-01"],
            ["f0001", themes[0], "remove", "Ana", "2026-01-01"],
            ["f0001", themes[0], "add", "Bia", "2026-01-02"],
            ["f0002", themes[5], "add", "Ana", "2026-01-01"],
        ],
        columns=["feedback_id", "theme_id", "action", "decided_by", "decided_at"],
    )
    source = pd.DataFrame({"feedback_id": ["f0003"], "theme_id": [themes[1]]})
    found = analyse(items, taxonomy, encoder=encoder, overrides=overrides, source_themes=source)
    assert found.items.loc[0, ["kind", "kind_assigned_by"]].tolist() == ["question", "source"]
    rows = found.themes.set_index("feedback_id")
    assert rows.loc[["f0000"], "theme_id"].tolist() == [themes[3]]
    assert rows.loc[["f0001"]].query("theme_id == @themes[0]")["assigned_by"].tolist() == ["override"]
    assert (rows.loc[["f0002"], "assigned_by"] == "override").sum() == 1
    assert rows.loc[["f0003"], ["theme_id", "assigned_by"]].to_numpy().tolist() == [[themes[1], "source"]]


def test_vectors_of_some_items_are_those_of_all(full: Insight, encoder: SentenceEncoder) -> None:
    ids = full.items["feedback_id"].iloc[[5, 0, 9]].tolist()
    texts = feedback().set_index("feedback_id").loc[ids, "text"].tolist()
    assert (full.vectors_of(ids) == encoder.encode(texts)).all()
    assert (full.vectors[[5, 0, 9]] == full.vectors_of(ids)).all()


def test_what_an_id_says_teaches_and_an_id_without_words_does_not(encoder: SentenceEncoder) -> None:
    examples = {"late_delivery": "the parcel is not here yet", "wrong_invoice": "we were billed too much"}
    asked = ["delivery is late again", "this invoice is wrong"]

    def best(ids: list[str]) -> list[float]:
        themes = taxonomy_of_payloads(
            [
                {"id": theme_id, "name": {"en": "x"}, "status": "active", "examples": [text]}
                for theme_id, text in zip(ids, examples.values(), strict=True)
            ]
        )
        model = learn_themes(themes, encoder)
        assert model.seeds == tuple(examples.values())
        scores = theme_scores(model, asked, encoder.encode(asked))
        return [float(scores[at, model.theme_ids.index(theme_id)]) for at, theme_id in enumerate(ids)]

    coded = best(["t1", "t2"])
    assert coded == best(["theme_01", "theme_02"])
    assert all(said > code + 0.1 for said, code in zip(best(list(examples)), coded, strict=True))
