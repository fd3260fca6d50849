"""A company's folder: its configuration, secrets, governance files and state in one place.

Belongs here: what lies where in it, reading its settings, and entering it, so that every command and every
process started from one finds them. Does not belong here: making one (`setup.py`).

    <folder>/norte.env               the NORTE_ settings
    <folder>/.dlt/config.toml        which connections are on, and their settings
    <folder>/.dlt/secrets.toml       their credentials
    <folder>/governance/             the governance files
    <folder>/.norte/                 state
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.demo import Demo
from orchestration.settings import Settings

ENV_FILE = "norte.env"
COMPANY_VARIABLE = "NORTE_COMPANY"


class CompanyError(RuntimeError):
    """A company's folder cannot be used, or made."""


@dataclass(frozen=True)
class CompanyFolder:
    """Where things are in a company's folder."""

    path: Path

    @property
    def env_file(self) -> Path:
        """The NORTE_ settings; also holds the secret of the personal keys."""
        return self.path / ENV_FILE

    @property
    def config_file(self) -> Path:
        """dlt's configuration."""
        return self.path / ".dlt" / "config.toml"

    @property
    def secrets_file(self) -> Path:
        """Credentials."""
        return self.path / ".dlt" / "secrets.toml"

    @property
    def governance(self) -> Path:
        """The governance files."""
        return self.path / "governance"

    @property
    def home(self) -> Path:
        """State, unless the settings say otherwise."""
        return self.path / ".norte"


def find_company(chosen: Path | None, working_directory: Path) -> CompanyFolder | None:
    """The folder that was chosen, else the working directory if it is one, else none.

    Raises CompanyError when the chosen one is none.
    """
    if chosen is not None:
        folder = CompanyFolder(chosen.expanduser().absolute())
        if not folder.env_file.is_file():
            raise CompanyError(
                f"expected a company's folder with {ENV_FILE}; {folder.path} has none. "
                f"What to do: correct --company ({COMPANY_VARIABLE}), or make one with `norte init`"
            )
        return folder
    here = CompanyFolder(working_directory.absolute())
    return here if here.env_file.is_file() else None


def enter_company(folder: CompanyFolder, environment: MutableMapping[str, str]) -> None:
    """Put the folder's settings into an environment; what is set there already wins."""
    environment[COMPANY_VARIABLE] = str(folder.path)
    environment.setdefault("DLT_PROJECT_DIR", str(folder.path))
    for name, value in read_env_file(folder.env_file).items():
        environment.setdefault(name, value)


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines, as systemd's EnvironmentFile has them: comments, and quotes around a value.

    Raises CompanyError naming the line that is none.
    """
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, separator, value = text.partition("=")
        name = name.strip()
        if not separator or not name.isidentifier():
            raise CompanyError(
                f"{path}:{number}: expected NAME=value; came something else. "
                "What to do: correct the line, or begin it with # to leave it out"
            )
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name] = value
    return found


def refuse_mixture(settings: Settings) -> None:
    """Raise CompanyError when a company's settings point to the home of a sandbox company."""
    if settings.company is not None and Demo(settings.home).exists:
        raise CompanyError(
            f"expected a home of {settings.company} alone; {settings.home} is the sandbox company's. "
            f"What to do: correct NORTE_HOME (in the environment it wins over {ENV_FILE}); for the sandbox "
            "company, call norte from another folder"
        )


def exposed(paths: Iterable[Path]) -> list[Path]:
    """Those of the files that others than their owner may read."""
    return [path for path in paths if path.exists() and path.stat().st_mode & 0o077]


def overridden(folder: CompanyFolder, environment: Mapping[str, str]) -> list[str]:
    """Settings of the folder that the environment replaces by another value."""
    return [
        name
        for name, value in read_env_file(folder.env_file).items()
        if environment.get(name, value) != value
    ]
