"""Making a company's folder: everything that `norte init` writes.

Belongs here: the content of the files, and refusing what would be overwritten or mixed. Does not belong here:
questions to a person (`commands/init.py`), what a source's settings are (`ingestion/describing.py`).
"""

from __future__ import annotations

import getpass
import json
import re
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.describing import SettingField, settings_fields
from ingestion.registry import available
from ingestion.settings import ConnectionSettings
from ingestion.source import Source
from ingestion.sources.governance.probe import REVIEW_MARK, TO_REVIEW
from ingestion.sources.governance.probe import TEMPLATE as GOVERNANCE_TEMPLATE
from orchestration.company import CompanyError, CompanyFolder
from orchestration.demo import STATE_FILE
from orchestration.settings import ALERTS_FILE, PROJECT_ROOT, Settings

GOVERNANCE = "governance"
PROJECT_CONFIG = PROJECT_ROOT / ".dlt" / "config.toml"
NOTES_TEMPLATE = Path(__file__).with_name("setup_notes.md")
SERVICE_TEMPLATE = Path(__file__).with_name("norte.service")
ALERTS_TEMPLATE = Path(__file__).with_name("alerts") / "template.yml"
PRIVATE, SHARED = 0o600, 0o644
# Entries of these files are what the company says of itself: an invented one would stand on its pages.
_EXAMPLES_ONLY = ("objectives", "key_results", "decisions", "deliveries", "metrics")
_WRITTEN_BY_INIT = ("home", "company", "time_zone", "own_email_domains", "person_key_secret", "warehouse")
_WIDTH = 106


@dataclass(frozen=True)
class Plan:
    """What a company is set up with.

    Arguments:
        folder: of the company.
        connections: name of each connection, and its source.
        time_zone: where reporting days and weeks are cut.
        own_email_domains: whose people are staff.
        warehouse: which kind.
    """

    folder: CompanyFolder
    connections: Mapping[str, str]
    time_zone: str
    own_email_domains: tuple[str, ...] = ()
    warehouse: str = "duckdb"


def parse_connections(text: str) -> dict[str, str]:
    """`hubspot, jira, jira_emea=jira` as connection to source; governance is always among them.

    Raises CompanyError for a source that there is not.
    """
    found: dict[str, str] = {}
    for part in [part.strip() for part in text.split(",") if part.strip()]:
        name, _, source = part.partition("=")
        found[name.strip()] = (source or name).strip()
    unknown = sorted(set(found.values()) - set(available()))
    if unknown or not found:
        raise CompanyError(
            f"expected sources out of {', '.join(sorted(available()))}; came {', '.join(unknown) or 'none'}. "
            "What to do: name them with commas; a second instance of one as jira_emea=jira"
        )
    wrong = [name for name in found if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name)]
    if wrong:
        raise CompanyError(
            f"expected names of connections in lower case; came {', '.join(wrong)}. What to do: rename them"
        )
    return found | ({} if GOVERNANCE in found.values() else {GOVERNANCE: GOVERNANCE})


def make_company(plan: Plan) -> list[Path]:
    """Write the folder; returns its files. All of them or none.

    Raises CompanyError rather than overwrite anything, or lie in the sandbox company's home.
    """
    folder = plan.folder
    _refuse(folder)
    files = _files(plan)
    taken = [str(name) for name in files if (folder.path / name).exists()]
    if taken:
        raise CompanyError(
            f"expected a folder without {', '.join(taken[:4])}{' ...' if taken[4:] else ''}; "
            f"{folder.path} has them. What to do: choose another folder; nothing was written"
        )
    written: list[Path] = []
    try:
        for name, (text, mode) in files.items():
            path = folder.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # Made with its rights: a secret is never readable for a moment.
            path.touch(mode=mode, exist_ok=False)
            written.append(path)
            path.write_text(text, encoding="utf-8")
        # Personal data will lie in it.
        folder.home.mkdir(mode=0o700)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise CompanyError(
            f"expected to write {folder.path}; came {error.strerror}. What to do: check its rights and "
            "space; nothing was left behind"
        ) from error
    return written


def _refuse(folder: CompanyFolder) -> None:
    path = folder.path
    for place in (path, *path.parents, folder.home):
        if (place / STATE_FILE).exists() or (place / "world.json").exists():
            raise CompanyError(
                f"expected a folder of the company's own; {place} belongs to the sandbox company. "
                "What to do: choose another folder: invented and real data never mix"
            )
    if path == PROJECT_ROOT or PROJECT_ROOT in path.parents:
        raise CompanyError(
            f"expected a folder outside of the program's; {path} is in {PROJECT_ROOT}. "
            "What to do: choose one beside it, which upgrades do not touch and git can keep apart"
        )
    if folder.home.exists():
        raise CompanyError(
            f"expected no state yet; {folder.home} exists. What to do: choose another folder, or move it away"
        )
    if path.exists() and not path.is_dir():
        raise CompanyError(f"expected a folder; {path} is a file. What to do: choose another name")


def _files(plan: Plan) -> dict[Path, tuple[str, int]]:
    """Every file below the folder, with its text and rights."""
    files = {
        Path(".gitignore"): (".norte/\nnorte.env\n.dlt/secrets.toml\n", SHARED),
        Path("norte.env"): (_env(plan), PRIVATE),
        Path(".dlt/config.toml"): (_config(plan), SHARED),
        Path(".dlt/secrets.toml"): (_secrets(plan), PRIVATE),
        Path(ALERTS_FILE): (ALERTS_TEMPLATE.read_text(encoding="utf-8"), SHARED),
        Path("norte.service"): (_filled(SERVICE_TEMPLATE, plan), SHARED),
        **{
            Path(template.name): (_filled(template, plan), SHARED)
            for template in sorted(SERVICE_TEMPLATE.parent.glob("norte-heartbeat.*"))
        },
        Path("README.md"): (_filled(NOTES_TEMPLATE, plan), SHARED),
    }
    for source in sorted(GOVERNANCE_TEMPLATE.rglob("*")):
        if source.is_file():
            name, text = _governance_file(source, plan)
            files[Path(GOVERNANCE) / name] = (text, SHARED)
    return files


def _governance_file(source: Path, plan: Plan) -> tuple[Path, str]:
    name = source.relative_to(GOVERNANCE_TEMPLATE)
    text = source.read_text(encoding="utf-8")
    if name.parts[0] == "themes":
        # Not read under this name.
        return name.with_suffix(".yml.example"), text
    if name.suffix == ".csv":
        return name, text.splitlines()[0] + "\n"
    if name.stem in _EXAMPLES_ONLY:
        head, key, entries = text.partition(f"{name.stem}:\n")
        commented = "".join(f"# {line}\n" if line.strip() else "\n" for line in entries.splitlines())
        return name, f"{head}{key}{commented}"
    if name.stem == "calendars":
        text = re.sub(r"(time_zone: )\S+", rf"\g<1>{plan.time_zone}", text)
    return name, f"{REVIEW_MARK}\n{text}" if name.name in TO_REVIEW else text


def _env(plan: Plan) -> str:
    """The NORTE_ settings: the company's, and all others commented with their defaults."""
    lines = [
        "# Settings of this company; what the environment says wins. Holds a secret: not for git.",
        "# systemd reads it too (EnvironmentFile): NAME=value, no spaces around the sign.",
        "",
        *_commented("Folder of all state. Back it up with `norte backup`."),
        f"NORTE_HOME={plan.folder.home}",
        "",
        *_commented(_description("time_zone")),
        f"NORTE_TIME_ZONE={plan.time_zone}",
        "",
        *_commented(_description("own_email_domains")),
        f"NORTE_OWN_EMAIL_DOMAINS={','.join(plan.own_email_domains)}",
        "",
        *_commented(f"{_description('person_key_secret')} Keep a copy where you keep passwords."),
        f"NORTE_PERSON_KEY_SECRET={secrets.token_hex(32)}",
        "",
        *_commented(_description("warehouse")),
        f"NORTE_WAREHOUSE={plan.warehouse}",
        "",
        "# --- All other settings, with their defaults",
    ]
    for name, field in Settings.model_fields.items():
        if name in _WRITTEN_BY_INIT:
            continue
        lines += ["", *_commented(field.description or ""), f"# NORTE_{name.upper()}={_plain(field.default)}"]
    return "\n".join(lines) + "\n"


def _description(name: str) -> str:
    return Settings.model_fields[name].description or ""


def _config(plan: Plan) -> str:
    names = json.dumps(list(plan.connections))
    lines = [
        "# Which connections are on: said here and nowhere else.",
        "# Remove the # from what you set. Credentials go to secrets.toml beside this file, never here.",
        *_commented(
            "Every vendor's connection also has: "
            + ", ".join(ConnectionSettings().get_resolvable_fields())
            + f" ({PROJECT_ROOT / 'ingestion' / 'settings.py'})."
        ),
        "[sources]",
        f"enabled = {names}",
    ]
    for connection, source in _sources(plan):
        lines += ["", *_section(connection, source)]
        if source.name == GOVERNANCE:
            lines.append(f"directory = {json.dumps(str(plan.folder.governance))}")
            continue
        fields = [each for each in settings_fields(source) if not (each.is_secret or each.is_common)]
        lines += _settings(sorted(fields, key=lambda one: not one.is_needed))
    # How rows are loaded is the program's, not the company's.
    project = PROJECT_CONFIG.read_text(encoding="utf-8")
    lines += ["", "# --- How rows are loaded: leave as it is", project[project.index("[runtime]") :].rstrip()]
    return "\n".join(lines) + "\n"


def _secrets(plan: Plan) -> str:
    lines = [
        "# Credentials of the connections: fill in, remove the #. Not for git; readable by you only.",
        "# The environment works as well: SOURCES__<CONNECTION>__<NAME>.",
    ]
    for connection, source in _sources(plan):
        fields = [field for field in settings_fields(source) if field.is_secret]
        if fields:
            lines += ["", f"[sources.{connection}]"]
            lines.append(f"# What it takes and how to get it: {_readme(source)}")
            lines += _settings(fields)
    return "\n".join(lines) + "\n"


def _sources(plan: Plan) -> list[tuple[str, Source]]:
    return [(connection, available()[name]) for connection, name in plan.connections.items()]


def _section(connection: str, source: Source) -> list[str]:
    lines = [f"[sources.{connection}]", f"# {_readme(source)}"]
    return lines + ([f'source = "{source.name}"'] if connection != source.name else [])


def _readme(source: Source) -> Path:
    return PROJECT_ROOT / "ingestion" / "sources" / source.name / "README.md"


def _settings(fields: Sequence[SettingField]) -> list[str]:
    """Commented settings with their defaults; those described together stand below one sentence."""
    lines: list[str] = []
    said = ""
    for field in fields:
        if field.sentence != said:
            said = field.sentence
            lines += _commented(said)
        lines.append(f"# {field.name} = {_toml(field.default)}{'   # to fill in' if field.is_needed else ''}")
    return lines


def _toml(value: Any) -> str:
    return json.dumps("" if value is None else value, ensure_ascii=False)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps(value)
    return ",".join(value) if isinstance(value, list) else str(value)


def _commented(sentence: str) -> list[str]:
    """Comment lines of a readable width."""
    lines, line = [], "#"
    for word in sentence.split():
        if len(line) + len(word) >= _WIDTH:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line] if line != "#" else lines


def _filled(template: Path, plan: Plan) -> str:
    norte = shutil.which("norte", path=str(Path(sys.executable).parent)) or "norte"
    vendors: Sequence[str] = [
        f"- `{connection}`: {_readme(source)}"
        for connection, source in _sources(plan)
        if source.name != GOVERNANCE
    ]
    text = template.read_text(encoding="utf-8")
    for name, value in {
        "{folder}": str(plan.folder.path),
        "{norte}": norte,
        "{user}": getpass.getuser(),
        "{vendors}": "\n".join(vendors) or "- none",
        "{running}": str(PROJECT_ROOT / "orchestration" / "README.md"),
        "{governance_template}": str(GOVERNANCE_TEMPLATE),
    }.items():
        text = text.replace(name, value)
    return text
