"""Settings come from the environment, typed; a wrong one says what was expected."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestration.settings import Settings


@pytest.fixture(autouse=True)
def no_settings_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("NORTE_")]:
        monkeypatch.delenv(name)


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTE_OWN_EMAIL_DOMAINS", "norte.example, norte.dev")
    settings = Settings.load()
    assert settings.own_email_domains == ["norte.example", "norte.dev"]


def test_now_is_utc_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTE_NOW", "2026-10-05T03:00:00-03:00")
    assert Settings.load().now_utc() == datetime(2026, 10, 5, 6, 0, tzinfo=UTC)
    monkeypatch.setenv("NORTE_NOW", "2026-10-05T06:00:00")
    assert Settings.load().now_utc() == datetime(2026, 10, 5, 6, 0, tzinfo=UTC)


def test_an_unknown_time_zone_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTE_TIME_ZONE", "Sao Paulo")
    with pytest.raises(ValidationError, match="America/Sao_Paulo"):
        Settings.load()


def test_all_state_lies_below_home(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path)
    places = [
        settings.working_file,
        settings.published_dir,
        settings.dagster_home,
        settings.pipelines_dir,
        settings.dbt_dir,
        settings.logs_dir,
        settings.alerts_file,
        settings.heartbeat_file,
    ]
    assert all(place.is_relative_to(tmp_path) for place in places)


def test_the_secret_never_shows_in_what_settings_print() -> None:
    settings = Settings.load(person_key_secret="hush-hush")
    assert "hush-hush" not in repr(settings)
