"""Measuring the insight engine: each function gives rows of (figure, value), beside what others would do.

Belongs here: protocols. Does not belong here: the sets (`generated.py`), printing (`__main__.py`).
"""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from ingestion.enrichment.insight.discover import communities
from ingestion.enrichment.insight.duplicates import find_duplicates
from ingestion.enrichment.insight.emerging import find_emerging
from ingestion.enrichment.insight.encode import Encoder
from ingestion.enrichment.insight.engine import analyse
from ingestion.enrichment.insight.redact import redact
from ingestion.enrichment.insight.sentiment import find_sentiment
from ingestion.enrichment.insight.spikes import find_spikes
from ingestion.enrichment.insight.taxonomy import Taxonomy, taxonomy_of_payloads
from ingestion.enrichment.insight.text import encoded_text
from ingestion.enrichment.insight.themes import ASSIGNED, learn_themes, score_themes, theme_scores
from tests.bench.insight import generated

Rows = list[tuple[str, float]]
_MANY_TEXTS = 50_000


def few_shot(train: pd.DataFrame, test: pd.DataFrame, encoder: Encoder, seed: int, shots: int = 10) -> Rows:
    """Themes from a few seeds each: text, label; beside TF-IDF with a linear SVM on the same seeds."""
    taxonomy, seeds = _taxonomy(train, seed, shots)
    model = learn_themes(taxonomy, encoder)
    texts = test["text"].tolist()
    scores = theme_scores(model, texts, encoder.encode(texts))
    best = np.array(model.theme_ids, dtype=object)[scores.argmax(axis=1)]
    return [
        ("accuracy", float((best == test["label"]).mean())),
        ("accuracy, TF-IDF alone", _tfidf_accuracy(seeds, test)),
    ]


def strangers(
    train: pd.DataFrame, test: pd.DataFrame, encoder: Encoder, seed: int, outside: pd.DataFrame | None = None
) -> Rows:
    """Known themes against texts of none: `outside`, or a fifth of the themes held out."""
    if outside is None:
        names = sorted(train["label"].unique())
        left_out = set(random.Random(seed).sample(names, k=len(names) // 5))
        outside = test[test["label"].isin(left_out)]
        train, test = train[~train["label"].isin(left_out)], test[~test["label"].isin(left_out)]
    wanted = int(len(test) * 0.18 / 0.82)
    outside = outside.sample(min(wanted, len(outside)), random_state=seed)
    taxonomy, _ = _taxonomy(train, seed, 10)
    model = learn_themes(taxonomy, encoder)
    items = pd.concat([test.assign(known=True), outside.assign(known=False)], ignore_index=True)
    items["feedback_id"] = [str(at) for at in range(len(items))]
    vectors = encoder.encode(items["text"].tolist())
    best = theme_scores(model, items["text"].tolist(), vectors).max(axis=1)
    found = score_themes(items, taxonomy, encoder, vectors=vectors, model=model)
    assigned = found[found["status"] == ASSIGNED]
    is_in = items["feedback_id"].isin(assigned["feedback_id"])
    return [
        ("AUROC", float(roc_auc_score(items["known"], best))),
        ("share of known ones kept", float(is_in[items["known"]].mean())),
        ("precision against strangers", float(items["known"][is_in].mean())),
        ("themes per assigned item", len(assigned) / max(int(is_in.sum()), 1)),
    ]


def multi_label(test: pd.DataFrame, train: pd.DataFrame, encoder: Encoder, seed: int) -> Rows:
    """Two texts of different themes as one item: how many of the themes are found, how many are true."""
    rng = random.Random(seed)
    taxonomy, _ = _taxonomy(train, seed, 10)
    rows = test.to_dict("records")
    pairs = [rng.sample(rows, 2) for _ in range(500)]
    pairs = [pair for pair in pairs if pair[0]["label"] != pair[1]["label"]]
    items = pd.DataFrame(
        {
            "feedback_id": [str(at) for at in range(len(pairs))],
            "text": [f"{a['text']} {b['text']}" for a, b in pairs],
        }
    )
    found = score_themes(items, taxonomy, encoder).query("status == @ASSIGNED")
    wanted = {(str(at), part["label"]) for at, pair in enumerate(pairs) for part in pair}
    got = set(zip(found["feedback_id"], found["theme_id"], strict=True))
    return [
        ("recall of both themes", len(wanted & got) / len(wanted)),
        ("precision", len(wanted & got) / max(len(got), 1)),
    ]


def discovery(items: pd.DataFrame, encoder: Encoder) -> Rows:
    """Groups against labels, beside two others that are told more: k-means the true k, density its best size.

    Density is what BERTopic does with another reduction: it takes UMAP to 5 dimensions, here it is a spectral
    embedding of the same graph of neighbours, then HDBSCAN, the best of three sizes in hindsight; items it
    calls noise are groups of one.
    """
    from sklearn.cluster import HDBSCAN, KMeans
    from sklearn.manifold import SpectralEmbedding

    vectors = encoder.encode(items["text"].tolist()).astype(np.float64)
    began = time.process_time()
    groups = communities(vectors)
    took = time.process_time() - began
    embedding = SpectralEmbedding(10, affinity="nearest_neighbors", n_neighbors=15, random_state=0)
    reduced = embedding.fit_transform(vectors)
    densities = []
    for size in (5, 10, 20):
        found = HDBSCAN(min_cluster_size=size, copy=True).fit_predict(reduced)
        alone = found < 0
        found[alone] = found.max(initial=-1) + 1 + np.arange(int(alone.sum()))
        densities.append(float(adjusted_rand_score(items["label"], found)))
    means = KMeans(items["label"].nunique(), n_init=1, random_state=0).fit_predict(vectors)
    return [
        ("adjusted Rand", float(adjusted_rand_score(items["label"], groups))),
        ("adjusted Rand, k-means with the true k", float(adjusted_rand_score(items["label"], means))),
        ("adjusted Rand, spectral and HDBSCAN", max(densities)),
        ("CPU seconds", took),
        ("same on a second run", float((groups == communities(vectors)).all())),
    ]


def emerging(items: pd.DataFrame, encoder: Encoder, seed: int, themes: int = 30) -> Rows:
    """A theme that nobody had: 4 a day among 60 of others, found within 3 days; alarms when there is none.

    Nine weeks of 60 items a day are drawn without repeats; each theme in turn is kept out of them.
    """
    rng = random.Random(seed)
    items = items.sample(frac=1, random_state=seed).reset_index(drop=True)
    vectors = encoder.encode(items["text"].tolist())
    start, days = pd.Timestamp("2026-01-05"), 63
    hits, waits, alarms, weeks = [], [], set(), 0.0
    sizes = items["label"].value_counts()
    for theme in rng.sample(sorted(sizes[sizes >= 12].index), k=themes):
        own = items.index[items["label"] == theme][:12]
        others = items.index[items["label"] != theme][: 60 * days]
        stream = items.loc[[*others, *own]].copy()
        stream["feedback_id"] = stream.index.astype("str")
        first = len(others) // 60 - 3
        age = [*(at // 60 for at in range(len(others))), *(first + at // 4 for at in range(len(own)))]
        stream["occurred_at"] = [start + pd.Timedelta(days=day) for day in age]
        told = set(stream.index[-len(own) :].astype("str"))
        found_on = None
        for day in range(3):
            until = start + pd.Timedelta(days=first + day)
            is_told = (stream["occurred_at"] <= until).to_numpy()
            part = stream[is_told]
            groups = find_emerging(part, vectors[part.index.to_numpy()], until)
            for row in groups.to_dict("records"):
                if np.mean([feedback_id in told for feedback_id in row["example_ids"]]) >= 0.5:
                    found_on = day + 1 if found_on is None else found_on
                else:
                    alarms.add((theme, row["emerging_id"]))
        weeks += 3 / 7
        hits.append(found_on is not None)
        waits.extend([found_on] if found_on is not None else [])
    return [
        ("new themes of 4 a day found in 3 days", float(np.mean(hits))),
        ("days until one is found", float(np.mean(waits)) if waits else float("nan")),
        ("false alarms per week", len(alarms) / weeks),
    ]


def sentiment(items: pd.DataFrame, encoder: Encoder) -> Rows:
    """text, is_positive."""
    frame = pd.DataFrame({"feedback_id": items.index.astype("str"), "text": items["text"].to_numpy()})
    found = find_sentiment(frame, encoder)
    is_right = (found["sentiment_score"].to_numpy() > 0) == items["is_positive"].to_numpy()
    positive = items["is_positive"].to_numpy()
    return [
        ("positive/negative accuracy", float(is_right.mean())),
        ("balanced", float((is_right[positive].mean() + is_right[~positive].mean()) / 2)),
        ("called neutral", float((found["sentiment"] == "neutral").mean())),
    ]


def duplicates(seed: int) -> Rows:
    """Pairs of copies found and pairs rightly found, on the generated set."""
    items = generated.duplicates(seed)
    began = time.process_time()
    found = find_duplicates(items)
    took = time.process_time() - began
    both = found.merge(items, on="feedback_id")
    true = _pairs(both, ["truth_group", "duplicate_group_id"])
    return [
        ("precision", true / _pairs(both, ["duplicate_group_id"])),
        ("recall", true / _pairs(both, ["truth_group"])),
        ("texts per CPU second", len(items) / took),
    ]


def spikes(seeds: range) -> Rows:
    """False alarms per week over 40 quiet themes, and bursts found within their 14 days."""
    alarms = []
    for seed in seeds:
        states = find_spikes(generated.daily_counts(seed)[0])
        days = pd.to_datetime(states.loc[states["state"] == "alert"].sort_values(["theme_id", "day"])["day"])
        themes = states.loc[states["state"] == "alert"].sort_values(["theme_id", "day"])["theme_id"]
        is_new = (themes != themes.shift()) | (days.diff().dt.days > 7)
        alarms.append(int(is_new.sum()) / (states["day"].nunique() / 7))
    rows = [("false alarms per week", float(np.mean(alarms)))]
    for factor in (3.0, 5.0):
        hits, delays = [], []
        for seed in seeds:
            counts, bursts = generated.daily_counts(seed + 1_000, factor=factor)
            alerts = find_spikes(counts).query("state == 'alert'")
            days = pd.to_datetime(alerts["day"])
            for theme, day in bursts:
                own = days[(alerts["theme_id"] == theme) & days.between(day, day + pd.Timedelta(days=14))]
                hits.append(len(own) > 0)
                delays.extend([(own.min() - day).days] if len(own) else [])
        rows.append((f"bursts of x{factor:.0f} found", float(np.mean(hits))))
        rows.append((f"days until x{factor:.0f} is found", float(np.mean(delays))))
    return rows


def redaction(seed: int) -> Rows:
    """Share of planted values that are gone, by kind and language; names without and with a contact list."""
    cases = generated.personal(seed)
    rows: Rows = []
    for kind in sorted({case[2] for case in cases}):
        for language in ("en", "pt"):
            mine = [case for case in cases if case[2:] == (kind, language)]
            rows.append(
                (f"{kind}, {language}", float(np.mean([v not in redact(t).text for t, v, _, _ in mine])))
            )
    people = generated.names(seed)
    for language in ("en", "pt"):
        mine_names = [(text, name) for text, name, told in people if told == language]
        rows.append((f"name, {language}", float(np.mean([n not in redact(t).text for t, n in mine_names]))))
        rows.append(
            (
                f"name of a known contact, {language}",
                float(np.mean([n not in redact(t, {n}).text for t, n in mine_names])),
            )
        )
    return rows


def whole(texts: list[str], taxonomy: Taxonomy, encoder: Encoder) -> Rows:
    """All stages: CPU, memory, and the same rows from a second, a shuffled and an incremental run."""
    import resource

    items = pd.DataFrame({"feedback_id": [f"f{at:07}" for at in range(len(texts))], "text": texts})
    began = time.process_time()
    full = analyse(items, taxonomy, encoder=encoder)
    took = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shuffled = analyse(items.sample(frac=1, random_state=1), taxonomy, encoder=encoder)
    part = analyse(items.sample(frac=0.9, random_state=2), taxonomy, encoder=encoder)
    began = time.process_time()
    rest = analyse(items, taxonomy, encoder=encoder, memory=part.memory)
    again = time.process_time() - began

    def same(other: Any) -> float:
        return float(full.items.equals(other.items) and full.themes.equals(other.themes))

    return [
        ("texts", float(len(texts))),
        ("CPU seconds", took),
        ("texts per CPU second", len(texts) / took),
        ("peak MB of the process", peak),
        ("shuffled is the same", same(shuffled)),
        ("incremental is the same", same(rest)),
        ("CPU seconds of the incremental run", again),
        # A small run is mostly what a large one does once.
        *([("CPU seconds per 100,000 texts", took * 1e5 / len(texts))] if len(texts) >= _MANY_TEXTS else []),
    ]


def _taxonomy(train: pd.DataFrame, seed: int, shots: int) -> tuple[Taxonomy, pd.DataFrame]:
    seeds = train.sample(frac=1, random_state=seed).groupby("label").head(shots).sort_values("label")
    payloads = [
        {"id": str(label), "name": {"en": str(label)}, "status": "active", "examples": part["text"].tolist()}
        for label, part in seeds.groupby("label")
    ]
    return taxonomy_of_payloads(payloads), seeds


def _tfidf_accuracy(seeds: pd.DataFrame, test: pd.DataFrame) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    )
    classifier = make_pipeline(features, LinearSVC()).fit(seeds["text"].map(encoded_text), seeds["label"])
    return float((classifier.predict(test["text"].map(encoded_text)) == test["label"]).mean())


def _pairs(frame: pd.DataFrame, columns: list[str]) -> float:
    sizes = frame.groupby(columns).size()
    return float((sizes * (sizes - 1) // 2).sum())
