"""A company's folder is found, entered, and never mixed with the sandbox company."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.company import (
    CompanyError,
    CompanyFolder,
    enter_company,
    find_company,
    overridden,
    read_env_file,
    refuse_mixture,
)
from orchestration.settings import Settings


def test_the_working_directory_counts_unless_another_is_chosen(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "norte.env").write_text("NORTE_TIME_ZONE=UTC\n")
    assert find_company(None, tmp_path) is None
    assert find_company(None, tmp_path / "here") == CompanyFolder(tmp_path / "here")
    assert find_company(tmp_path / "there", tmp_path / "here") == CompanyFolder(tmp_path / "there")
    with pytest.raises(CompanyError, match="has none"):
        find_company(tmp_path, tmp_path / "here")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    folder = CompanyFolder(tmp_path)
    folder.env_file.write_text("# a comment\n\nNORTE_TIME_ZONE='Europe/Lisbon'\nNORTE_UI_URL=http://a/?b=c\n")
    environment = {"NORTE_TIME_ZONE": "UTC"}
    enter_company(folder, environment)
    assert environment["NORTE_TIME_ZONE"] == "UTC"
    assert environment["NORTE_UI_URL"] == "http://a/?b=c"
    assert environment["DLT_PROJECT_DIR"] == environment["NORTE_COMPANY"] == str(tmp_path)
    assert overridden(folder, environment) == ["NORTE_TIME_ZONE"]


def test_a_line_that_is_no_setting_is_named(tmp_path: Path) -> None:
    file = tmp_path / "norte.env"
    file.write_text("NORTE_UI_URL=x\nexport NORTE_HOME=y\n")
    with pytest.raises(CompanyError, match=r"norte\.env:2: expected NAME=value"):
        read_env_file(file)


def test_a_company_is_refused_in_the_sandbox_companys_home(tmp_path: Path) -> None:
    settings = Settings(company=tmp_path, home=tmp_path / "home")
    refuse_mixture(settings)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "demo.json").write_text("{}")
    with pytest.raises(CompanyError, match="sandbox company's"):
        refuse_mixture(settings)
