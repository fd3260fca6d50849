"""`norte backup` and `norte restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from orchestration.commands.ending import ending_clearly
from orchestration.company import refuse_mixture
from orchestration.display import Display
from orchestration.settings import Settings


def backup(
    file: Annotated[Path, typer.Argument(help="The new file.")],
    published: Annotated[bool, typer.Option("--published", help="Also what readers see now.")] = False,
) -> None:
    """Writes raw data with its history, cursors and tables to one verified file."""
    with ending_clearly() as console:
        from ingestion.errors import IngestionError
        from ingestion.registry import enabled
        from orchestration.backup import take_backup
        from orchestration.examination import governance_directory

        settings = Settings.load()
        refuse_mixture(settings)
        try:
            governance = governance_directory(enabled())
        except IngestionError:
            # A backup is most needed when something is wrong.
            governance = None
        with Display(console) as display:
            made = take_backup(
                settings,
                file,
                governance=governance,
                with_publication=published,
                on_progress=lambda name, done, of: display.step("backup", done, of, name),
            )
        _say(console, f"[green]✓[/] {file}: {made.size / 1e6:,.1f} MB, {made.loads:,} loads.")
        if made.governance:
            at = f" at commit {made.governance['commit'][:12]}" if "commit" in made.governance else ""
            _say(console, f"  Not in it: the governance files ({made.governance['directory']}{at}),")
        else:
            _say(console, "  Not in it: the governance files,")
        _say(console, "  and the secrets. Keep NORTE_PERSON_KEY_SECRET with your passwords.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file of `norte backup`.")],
    replace: Annotated[bool, typer.Option("--replace", help="Data that is there may go.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Only verify the file.")] = False,
) -> None:
    """Puts a backup in the place of this home's data, after verifying it."""
    with ending_clearly() as console:
        import tempfile

        from orchestration.backup import restore_backup, unpack_backup

        settings = Settings.load()
        refuse_mixture(settings)
        with Display(console) as display:

            def on_progress(name: str, done: int, of: int) -> None:
                display.step("restore", done, of, name)

            if verify:
                with tempfile.TemporaryDirectory(dir=file.absolute().parent) as folder:
                    found = unpack_backup(file, Path(folder) / "unpacked", on_progress)
            else:
                found = restore_backup(settings, file, replace=replace, on_progress=on_progress)
        _say(
            console,
            f"[green]✓[/] {file}: of {found.created_at}, {found.loads:,} loads, norte {found.norte_version}"
            f"{', whole and unchanged' if verify else f', restored to {settings.home}'}.",
        )
        if not verify:
            if commit := found.governance.get("commit"):
                _say(console, f"  Its governance files were at commit {commit}.")
            _say(console, "  `norte doctor`, then `norte run`: it goes on from the backup's cursors.")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)
