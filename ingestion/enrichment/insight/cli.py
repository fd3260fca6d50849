"""`norte themes`: the insight engine on files, or on what the pipeline left in a warehouse.

Belongs here: options and messages. Does not belong here: methods, reading and writing (`files.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ingestion.warehouse import Warehouse

themes = typer.Typer(help="What customers talk about.", no_args_is_help=True)

# In place of a path: the warehouse that the company's settings name.
_OWN = "warehouse"
_OF_WAREHOUSE = f"`{_OWN}`, the company's own (or its warehouse.duckdb)"

Feedback = Annotated[
    Path, typer.Option(help=f"CSV or Parquet: feedback_id, and text or subject and body; or {_OF_WAREHOUSE}.")
]
Company = Annotated[Path, typer.Option(help="The governance folder, or its folder of themes.")]
Out = Annotated[Path | None, typer.Option(help="CSV or Parquet file to write.")]
Vectors = Annotated[str, typer.Option(help="`sentences` or `fallback`; default: what is installed.")]


@contextmanager
def _clearly() -> Iterator[Console]:
    """A wrong file ends with its message, not with a stack trace."""
    from ingestion.errors import IngestionError

    console = Console(stderr=True)
    try:
        yield console
    except IngestionError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None


def _place(context: typer.Context, path: Path) -> Path | Warehouse:
    """What an option means: files, the company's warehouse (its settings are the parent command's), or one
    that is a DuckDB file.
    """
    if path == Path(_OWN) and context.obj is not None:
        own: Warehouse = context.obj()
        return own
    if path.suffix == ".duckdb":
        from ingestion.warehouses import duckdb_warehouse

        return duckdb_warehouse(path)
    return path


def _show(rows: list[list[str]], titles: list[str]) -> None:
    table = Table(box=None)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    Console().print(table)


@themes.command()
def score(
    context: typer.Context,
    feedback: Feedback,
    company: Company,
    out: Annotated[Path, typer.Option(help="Folder for items and themes as Parquet, and the memory.")],
    encoder: Vectors = "",
) -> None:
    """Kind, sentiment, language, duplicates, redacted text and themes of each item; new ones only."""
    from ingestion.enrichment.insight.encode import encoder as chosen
    from ingestion.enrichment.insight.engine import analyse, model_id_of
    from ingestion.enrichment.insight.files import read_feedback, read_memory, write_frame, write_memory
    from ingestion.enrichment.insight.taxonomy import read_overrides, read_taxonomy

    with _clearly() as console:
        items = read_feedback(_place(context, feedback))
        taxonomy = read_taxonomy(company)
        model = chosen(encoder)
        root = company.parent if company.name == "themes" else company
        with console.status("reading the texts"):
            found = analyse(
                items,
                taxonomy,
                encoder=model,
                memory=read_memory(out / "memory"),
                overrides=read_overrides(root),
            )
        write_frame(found.items, out / "items.parquet")
        write_frame(found.themes, out / "themes.parquet")
        write_memory(found.memory, out / "memory")
        primary = found.themes[found.themes["is_primary"]]
        counts = primary["theme_id"].fillna("(unthemed)").value_counts()
        _show([[str(name), str(count)] for name, count in counts.items()], ["theme", "items"])
        shares = primary["assigned_by"].value_counts(normalize=True)
        console.print(
            ", ".join(f"{share:.0%} {name}" for name, share in shares.items()) or "no items", highlight=False
        )
        console.print(
            f"{found.scored_texts} new texts; model {model_id_of(model)}, taxonomy {taxonomy.version}; {out}",
            markup=False,
            highlight=False,
        )


@themes.command()
def discover(
    context: typer.Context,
    feedback: Feedback,
    company: Company,
    out: Annotated[Path, typer.Option(help="Folder for the candidates; earlier ones there keep their ids.")],
    encoder: Vectors = "",
) -> None:
    """Propose themes among the items that none fits."""
    import pandas as pd

    from ingestion.enrichment.insight.discover import discover as find
    from ingestion.enrichment.insight.encode import encoder as chosen
    from ingestion.enrichment.insight.engine import analyse
    from ingestion.enrichment.insight.files import read_feedback, write_frame
    from ingestion.enrichment.insight.taxonomy import read_overrides, read_taxonomy

    with _clearly() as console:
        items = read_feedback(_place(context, feedback))
        root = company.parent if company.name == "themes" else company
        with console.status("reading the texts"):
            found = analyse(
                items, read_taxonomy(company), encoder=chosen(encoder), overrides=read_overrides(root)
            )
            rest = found.themes.loc[found.themes["assigned_by"] == "unthemed", "feedback_id"]
            chosen_rows = found.items["feedback_id"].isin(rest) & ~found.items["is_duplicate"]
            texts = found.items[["feedback_id", "text_redacted", "language"]].rename(
                columns={"text_redacted": "text"}
            )
            earlier = [out / name for name in ("candidates.parquet", "members.parquet")]
            before = [pd.read_parquet(path) if path.exists() else None for path in earlier]
            candidates, members = find(
                texts[chosen_rows],
                found.vectors_of(texts.loc[chosen_rows, "feedback_id"]),
                earlier=before[0],
                earlier_members=before[1],
            )
        by_id = texts.set_index("feedback_id")
        candidates["examples"] = [by_id.loc[ids, "text"].tolist() for ids in candidates["example_ids"]]
        languages = [by_id.loc[ids, "language"].mode() for ids in candidates["example_ids"]]
        candidates["language"] = [str(found.iloc[0]) if len(found) else "en" for found in languages]
        write_frame(candidates, out / "candidates.parquet")
        write_frame(members, out / "members.parquet")
        console.print(f"{int(chosen_rows.sum())} items without a theme, {len(candidates)} candidates; {out}")
    _candidates(context, out)


@themes.command()
def candidates(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help=f"The folder that `discover` wrote, or {_OF_WAREHOUSE}.")],
) -> None:
    """List the candidates of the last discovery."""
    _candidates(context, out)


def _candidates(context: typer.Context, out: Path) -> None:
    from ingestion.enrichment.insight.files import read_candidates

    with _clearly():
        rows = [
            [
                str(row["candidate_id"]),
                str(row["item_count"]),
                str(row["label"]),
                str(row["examples"][0])[:80],
            ]
            for row in read_candidates(_place(context, out)).to_dict("records")
        ]
        _show(rows, ["candidate", "items", "label", "for instance"])


@themes.command()
def promote(
    context: typer.Context,
    candidate: Annotated[str, typer.Argument(help="Id from `norte themes candidates`.")],
    theme: Annotated[str, typer.Option(help="Id of the new theme; it never changes.")],
    company: Company,
    out: Annotated[Path, typer.Option(help=f"The folder that `discover` wrote, or {_OF_WAREHOUSE}.")],
) -> None:
    """Write a candidate as a proposed theme, with its most typical items as examples."""
    from ingestion.enrichment.insight.files import read_candidates, theme_stub
    from ingestion.enrichment.insight.taxonomy import TaxonomyInvalid, read_taxonomy

    with _clearly() as console:
        known = read_candidates(_place(context, out)).set_index("candidate_id")
        if candidate not in known.index:
            raise TaxonomyInvalid(
                "the id of a candidate", f"{candidate!r}", "see `norte themes candidates`", source="themes"
            )
        row = known.loc[candidate]
        stub = theme_stub(
            theme, str(row["label"]), str(row["language"]), list(row["examples"]), read_taxonomy(company)
        )
        folder = company / "themes" if (company / "themes").is_dir() else company
        path = folder / f"{theme}.yml"
        path.write_text(stub, encoding="utf-8")
        console.print(f"{path}", markup=False)


@themes.command()
def lint(
    context: typer.Context,
    company: Company,
    before: Annotated[Path | None, typer.Option(help="The folder as it counts now, to compare with.")] = None,
    feedback: Annotated[Path | None, typer.Option(help="Items, to see what the change would move.")] = None,
    encoder: Vectors = "",
) -> None:
    """Does the taxonomy know its own examples, what does it confuse, what would a change move?"""
    import pandas as pd

    from ingestion.enrichment.insight.encode import encoder as chosen
    from ingestion.enrichment.insight.engine import analyse
    from ingestion.enrichment.insight.files import read_feedback
    from ingestion.enrichment.insight.lint import changed_ids, lint_taxonomy, moved_items
    from ingestion.enrichment.insight.taxonomy import read_taxonomy

    with _clearly() as console:
        taxonomy = read_taxonomy(company)
        model = chosen(encoder)
        findings = lint_taxonomy(taxonomy, model)
        if before:
            earlier = read_taxonomy(before)
            findings = pd.concat([changed_ids(earlier, taxonomy), findings], ignore_index=True)
        columns = ["severity", "theme_id", "finding", "detail", "remedy"]
        _show([[str(cell) for cell in row] for row in findings[columns].to_numpy()], columns)
        if before and feedback:
            items = read_feedback(_place(context, feedback))
            results = [analyse(items, which, encoder=model).themes for which in (earlier, taxonomy)]
            moved = moved_items(results[0], results[1], items)
            rows = [
                ["(unthemed)" if pd.isna(cell) and at == 0 else str(cell) for at, cell in enumerate(row)]
                for row in moved.to_numpy()
            ]
            _show(rows, list(moved.columns))
            pairs = [
                set(zip(frame["feedback_id"], frame["theme_id"].fillna(""), strict=True)) for frame in results
            ]
            count = len({feedback_id for feedback_id, _ in pairs[0] ^ pairs[1]})
            console.print(f"This change moves {count} of {len(items)} items.", highlight=False)
        errors = int((findings["severity"] == "error").sum())
        console.print(
            f"{len(taxonomy.theme_ids)} themes, version {taxonomy.version}: {errors} errors, "
            f"{len(findings) - errors} warnings",
            highlight=False,
        )
        if errors:
            raise typer.Exit(1)


@themes.command()
def review(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help=f"The folder that `score` wrote, or {_OF_WAREHOUSE}.")],
    to: Annotated[Path, typer.Option(help="CSV to fill in: rows for theme_overrides.csv.")],
    sample: Annotated[int, typer.Option(help="Random items beside those in doubt.", min=0)] = 100,
    seed: Annotated[int, typer.Option(help="Of the random sample.")] = 0,
) -> None:
    """Write the items in doubt and a random sample for a person to judge."""
    import pandas as pd

    from ingestion.enrichment.insight.files import read_assigned, write_frame

    with _clearly() as console:
        rows = read_assigned(_place(context, out))
        doubt = rows[rows["assigned_by"] == "review"].assign(why="in doubt")
        others = rows.sample(min(sample, len(rows)), random_state=seed).assign(why="random sample")
        chosen = pd.concat([doubt, others]).drop_duplicates("feedback_id", keep="last")
        sheet = chosen.assign(theme_id=chosen["theme_id"].fillna(chosen["suggested_theme_id"]))
        # The reason goes into the overrides: only what was drawn at random is a sample of all.
        sheet = sheet[["feedback_id", "theme_id", "why", "confidence", "text_redacted"]].assign(
            action="", by="", at="", reason=sheet["why"]
        )
        write_frame(sheet, to)
        console.print(f"{len(doubt)} in doubt, {len(others)} at random; {to}", markup=False, highlight=False)
