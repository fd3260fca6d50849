"""Which sources there are and how a connection's settings are found."""

from __future__ import annotations

import pytest

from ingestion import registry
from ingestion.errors import ConfigurationInvalid
from ingestion.settings import ConnectionSettings
from ingestion.source import Resource


def test_sources_are_found_by_their_folders() -> None:
    assert {"hubspot", "zendesk", "mixpanel", "jira", "governance"} <= set(registry.available())


def test_every_resource_is_keyed_by_its_own_columns() -> None:
    for source in registry.available().values():
        names = [resource.name for resource in source.resources]
        assert len(names) == len(set(names))
        for resource in source.resources:
            check_resource(source.name, resource, names)


def check_resource(source: str, resource: Resource, names: list[str]) -> None:
    where = f"{source}.{resource.name}"
    columns = set(resource.columns)
    assert resource.key, where
    assert set(resource.key) <= columns, where
    assert set(resource.keyed) <= set(resource.personal) <= columns, where
    assert resource.updated_at is None or resource.updated_at in columns, where
    assert resource.parent is None or resource.parent in names, where
    assert resource.description, where


def test_a_second_instance_says_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__ENABLED", '["jira", "jira_emea"]')
    monkeypatch.setenv("SOURCES__JIRA_EMEA__SOURCE", "jira")
    found = registry.enabled()
    assert [(item.instance, item.source.name) for item in found] == [("jira", "jira"), ("jira_emea", "jira")]


def test_an_unknown_source_is_answered_with_the_closest_one() -> None:
    with pytest.raises(ConfigurationInvalid, match="did you mean 'hubspot'"):
        registry.enabled(["hubspott"])


def test_a_missing_setting_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__GOVERNANCE__DIRECTORY", raising=False)
    with pytest.raises(ConfigurationInvalid, match="SOURCES__GOVERNANCE__DIRECTORY"):
        registry.settings_of(registry.connection("governance"))


def test_settings_come_from_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__GOVERNANCE__DIRECTORY", "/company")
    assert registry.settings_of(registry.connection("governance")).directory == "/company"


@pytest.mark.parametrize(
    ("url", "is_sandbox"),
    [
        ("http://127.0.0.1:8100/crm", True),
        ("http://localhost/crm", True),
        ("http://[::1]:80/crm", True),
        ("https://api.example.com", False),
    ],
)
def test_a_loopback_host_is_a_sandbox_unless_told_otherwise(url: str, is_sandbox: bool) -> None:
    from ingestion.sources.mixpanel.settings import MixpanelSettings

    settings = MixpanelSettings()
    settings.data_base_url = settings.api_base_url = url
    assert settings.says_sandbox() is is_sandbox
    settings.is_sandbox = not is_sandbox
    assert settings.says_sandbox() is not is_sandbox
    assert ConnectionSettings().says_sandbox() is None
