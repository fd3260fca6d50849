"""`norte erase`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from orchestration.commands.ending import CommandError, ending_clearly
from orchestration.company import refuse_mixture
from orchestration.display import Display
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.erasure import Erasure, Person


def erase(
    email: Annotated[
        list[str] | None,
        typer.Option("--email", help="An address of the person; may be repeated. A shell remembers it."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A file with one person a line: addresses and ids, with commas; - reads stdin."
        ),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option("--id", help="A vendor's record of the person: <connection>:<table>:<id>."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what there is; nothing is changed.")
    ] = False,
    backup: Annotated[
        list[Path] | None, typer.Option("--backup", help="Also look into this backup; may be repeated.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Takes a person out of everything here, for good, and keeps loads from bringing them back.

    Without a person: goes on with an erasure that was stopped.
    """
    with ending_clearly() as console:
        settings = Settings.load()
        refuse_mixture(settings)
        people = list(_people(email or [], record or [], source))
        from orchestration.erasure import erase as erase_now
        from orchestration.erasure import held_by_backup, look

        if not people and not settings.erased_file.exists():
            raise CommandError(
                "expected a person, or an erasure to go on with; came neither. What to do: name them by "
                "--from, --email or --id"
            )
        if not (dry_run or yes):
            _ask(len(people))
        with Display(console) as display:
            done = (look if dry_run else erase_now)(
                settings, people, on_progress=lambda what, done, of: display.step("erase", done, of, what)
            )
            held = {path: sum(held_by_backup(path, people, settings).values()) for path in backup or []}
        _tell(console, done, dry_run=dry_run)
        for path, rows in held.items():
            _say(console, f"  backup {path}: {f'{rows:,} rows of theirs' if rows else 'nothing of theirs'}")


def _people(emails: list[str], records: list[str], source: Path | None) -> Iterator[Person]:
    """What was said on the command line is one person; of a file each line."""
    if emails or records:
        yield _person([*emails, *records], "the command line")
    if source is None:
        return
    try:
        text = sys.stdin.read() if str(source) == "-" else source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{source}: expected a text file with one person a line; came: {error}. "
            "What to do: correct --from"
        ) from None
    for number, line in enumerate(text.splitlines(), start=1):
        parts = [part.strip() for part in line.split(",") if part.strip()]
        if parts and not parts[0].startswith("#"):
            yield _person(parts, f"line {number}")


def _person(parts: list[str], place: str) -> Person:
    from orchestration.erasure import Person

    addresses = [part for part in parts if "@" in part and part.count(":") < 2]
    records = [tuple(part.split(":", 2)) for part in parts if part not in addresses]
    if any(len(record) != 3 or not all(record) for record in records):
        # Never the value: what was mistyped may be an address.
        raise CommandError(
            f"{place}: expected e-mail addresses and <connection>:<table>:<id>; came something else. "
            "What to do: correct it, for example zendesk:users:4711"
        )
    return Person(tuple(addresses), tuple((one[0], one[1], one[2]) for one in records))


def _ask(count: int) -> None:
    whom = f"{count} {'person' if count == 1 else 'people'}" if count else "what was begun"
    if not sys.stdin.isatty():
        raise CommandError(
            "expected a yes, since nothing brings an erased person back; nobody is there to ask. "
            "What to do: --yes, after --dry-run"
        )
    typer.confirm(f"Erase {whom} for good? Nothing brings them back.", abort=True)


def _tell(console: Console, done: Erasure, *, dry_run: bool) -> None:
    """Counts and places, never a value."""
    there = "there is" if dry_run else "was"
    for table, count in sorted(done.records.items()):
        _say(console, f"  {count} {'record' if count == 1 else 'records'} in {table}")
    for (table, how), count in sorted(done.rows.items()):
        what = "of theirs" if how == "theirs" else "that mention them"
        _say(console, f"  {table}: {count:,} {'row' if count == 1 else 'rows'} {what}")
    if done.published:
        _say(console, f"  what readers see: {done.published:,} values")
    for name in done.files:
        _say(console, f"  file {name}")
    if done.found_nothing:
        _say(console, f"[green]✓[/] Nothing of theirs {there} here.")
    elif dry_run:
        _say(console, "Nothing was changed. Without --dry-run it goes, for good.")
    else:
        before, after = (size / 1e6 for size in done.size)
        _say(
            console, f"[green]✓[/] Erased. The warehouse was written anew: {before:,.1f} MB, {after:,.1f} MB."
        )
        _say(console, "  What is built from raw was dropped: `norte run` builds it again.")
    if not dry_run:
        _say(
            console, f"  On the list that every load keeps to: {done.people}. Ask the vendors to erase, too."
        )
    for path in done.left:
        _say(console, f"[yellow]![/] Not ours to change, and holds them: {path}. Remove it.")
    for place in done.governance:
        _say(console, f"[yellow]![/] The company's own files name them: {place}. Correct it there.")
    for path in done.backups:
        _say(
            console,
            f"[yellow]![/] A backup from before may hold them: {path}. Take a new one, and delete this; "
            "`norte restore` takes them out.",
        )


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)
