"""`norte sandbox`: make a world, and serve it as the vendors' APIs.

Belongs here: options and messages. Does not belong here: how worlds are made (world/) or served (server.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

sandbox = typer.Typer(help="A generated company, and its systems' APIs.", no_args_is_help=True)


@sandbox.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder of the world; made if missing.")] = Path(".norte/world"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = 7,
    accounts: Annotated[int, typer.Option(help="CRM accounts in all.", min=10)] = 300,
    months: Annotated[int, typer.Option(help="Months of history before the first look.", min=2)] = 18,
) -> None:
    """Make a world: one coherent company with its customers, revenue, usage, support and delivery."""
    from ingestion.sandbox.world.generate import generate_world

    console = Console(stderr=True)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("company", total=None)

        def show(step: str, done: int, total: int) -> None:
            progress.update(task, description=step, completed=done, total=total)

        generate_world(out, seed=seed, accounts=accounts, months=months, on_progress=show)
    console.print(f"World of {accounts} accounts and {months} months in {out}")
