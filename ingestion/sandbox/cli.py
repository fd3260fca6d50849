"""`norte sandbox`: make a world, and serve it as the vendors' APIs.

Belongs here: options and messages. Does not belong here: how worlds are made (world/) or served (server.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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


@sandbox.command()
def check(
    world: Annotated[Path, typer.Option(help="Folder of the world.")] = Path(".norte/world"),
) -> None:
    """Say what is wrong with a world, by the rules of its README; for those who bring their own."""
    from ingestion.sandbox.world.check import problems_of
    from ingestion.sandbox.world.world import World, WorldError

    console = Console(stderr=True)
    try:
        problems = problems_of(World.load(world))
    except WorldError as error:
        problems = [str(error)]
    for problem in problems:
        console.print(problem, style="red", markup=False)
    if problems:
        raise typer.Exit(1)
    console.print(f"{world} keeps every rule")


@sandbox.command()
def serve(
    world: Annotated[Path, typer.Option(help="Folder of the world.")] = Path(".norte/world"),
    now: Annotated[str | None, typer.Option(help="ISO time; the world's as_of by default.")] = None,
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 8100,
    tls_port: Annotated[
        int | None, typer.Option(help="Also listen on https, with an authority of its own.")
    ] = None,
    tls_folder: Annotated[
        Path, typer.Option(help="Where the authority and the certificate are written.")
    ] = Path(".norte/sandbox-tls"),
    scenario: Annotated[
        str, typer.Option(help="A scenario's name or file: what the vendors do wrong.")
    ] = "healthy",
) -> None:
    """Serve a world as its vendors' APIs, until Ctrl-C."""
    from ingestion.sandbox.scenario import ScenarioError
    from ingestion.sandbox.server import run
    from ingestion.sandbox.snapshot import read_time
    from ingestion.sandbox.world.world import WorldError

    console = Console(stderr=True)

    def say(ready: dict[str, Any]) -> None:
        console.print(f"Sandbox of {world} on http://127.0.0.1:{ready['port']}")
        if ready["tls_port"]:
            console.print(f"https on port {ready['tls_port']}, authority in {ready['ca_file']}")

    try:
        moment = read_time(now) if now else None
        run(
            world,
            moment,
            port=port,
            tls_port=tls_port,
            tls_folder=tls_folder,
            scenario=scenario,
            on_ready=say,
        )
    except (WorldError, ScenarioError, ValueError) as error:
        console.print(f"[red]{error}")
        raise typer.Exit(2) from error
    except OSError as error:
        console.print(
            f"[red]expected port {port} to be free, it is not ({error}): choose another with --port"
        )
        raise typer.Exit(2) from error
