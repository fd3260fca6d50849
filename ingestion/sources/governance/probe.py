"""Trying the governance files out: the same checks as a run's, with every problem a finding of its own."""

from __future__ import annotations

from pathlib import Path

from ingestion.errors import ConfigurationInvalid
from ingestion.probing import Trial
from ingestion.sources.governance import validated
from ingestion.sources.governance.settings import GovernanceSettings

# Files whose examples would be taken for the company's own settings, and what says that they still are.
TO_REVIEW = ("calendars.yml", "mappings.yml")
REVIEW_MARK = "# TO REVIEW: these are the settings of an example"
TEMPLATE = Path(__file__).with_name("template")


def probe(settings: GovernanceSettings, trial: Trial) -> None:
    """Read and check all files; say which settings still are the template's."""
    directory = Path(settings.directory).expanduser()
    try:
        problems = validated(directory, trial.now(), instance=trial.instance)[1]
    except ConfigurationInvalid as error:
        trial.add("directory", "problem", f"expected {error.expected}; came {error.came}", error.remedy)
        return
    for problem in problems:
        place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
        trial.add(place, "problem", f"expected {problem.expected}; came {problem.came}", problem.remedy)
    if not problems:
        trial.add("files", "ok", f"valid: {directory}")
    for name in TO_REVIEW:
        file = directory / name
        if not file.exists():
            trial.add(
                name,
                "warning",
                "expected this file; there is none",
                f"copy it from {TEMPLATE} and adapt it: without it the platform assumes defaults",
            )
        elif REVIEW_MARK in file.read_text(encoding="utf-8", errors="replace"):
            trial.add(
                name,
                "warning",
                "expected the company's own settings; nobody has gone through the example's yet",
                f"set what is true for the company, then remove the line {REVIEW_MARK!r}",
            )
