"""What a trial makes of a vendor's answers; and what a source says of its settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ingestion.describing import settings_fields
from ingestion.errors import ServerFailed, SourceError, Unauthorized, Unreachable
from ingestion.probing import Stop, Trial
from ingestion.registry import available

NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)


class Client:
    def __init__(self, date: datetime) -> None:
        self.last_headers = {"Date": format_datetime(date)}


def trial_with(error: SourceError | None = None, **options: str) -> Trial:
    trial = Trial("crm", clock=lambda: NOW, secrets=["hush"])

    def request() -> str:
        if error:
            raise error
        return "fine"

    trial.attempt("deals", request, **options)  # type: ignore[arg-type]
    return trial


def test_a_missing_right_is_told_with_the_vendors_remedy_and_the_trial_goes_on() -> None:
    error = Unauthorized("an answer", "HTTP 403: no scope", "look at the README")
    (finding,) = trial_with(error, remedy="give it the scope").findings
    assert (finding.subject, finding.status, finding.remedy) == ("deals", "problem", "give it the scope")


def test_what_a_run_does_without_is_a_warning() -> None:
    error = Unauthorized("an answer", "HTTP 403", "look")
    (finding,) = trial_with(error, without="surveys are left out").findings
    assert finding.status == "warning"
    assert finding.found.endswith("surveys are left out")


@pytest.mark.parametrize(
    ("error", "subject"),
    [
        (Unauthorized("an answer", "HTTP 401", "renew it"), "authentication"),
        (Unreachable("an answer", "no connection", "check base_url"), "reachable"),
    ],
)
def test_nothing_more_is_asked_without_connection_or_credentials(error: SourceError, subject: str) -> None:
    trial = Trial("crm", clock=lambda: NOW)

    def request() -> None:
        raise error

    with pytest.raises(Stop):
        trial.attempt("deals", request)
    assert [(one.subject, one.status) for one in trial.findings] == [(subject, "problem")]


def test_a_server_that_fails_at_one_list_does_not_end_the_trial() -> None:
    (finding,) = trial_with(ServerFailed("an answer", "HTTP 500", "later")).findings
    assert (finding.subject, finding.status) == ("deals", "problem")


def test_secrets_are_taken_out_of_findings() -> None:
    error = Unauthorized("an answer", "HTTP 403: hush is not enough", "replace hush")
    (finding,) = trial_with(error).findings
    assert "hush" not in finding.found + finding.remedy


@pytest.mark.parametrize(
    ("skew", "status"),
    [
        (timedelta(0), "ok"),
        (timedelta(seconds=-30), "ok"),
        (timedelta(seconds=90), "warning"),
        (timedelta(minutes=5), "problem"),
        (timedelta(days=-3), "problem"),
    ],
)
def test_clocks_are_compared(skew: timedelta, status: str) -> None:
    trial = Trial("crm", clock=lambda: NOW)
    trial.listen(Client(NOW + skew))
    trial.attempt("deals", lambda: "fine")
    trial.judge_clock()
    assert [one.status for one in trial.findings if one.subject == "clock"] == [status]


@pytest.mark.parametrize("name", sorted(available()))
def test_every_setting_of_every_source_has_a_sentence(name: str) -> None:
    fields = settings_fields(available()[name])
    assert fields
    assert [field.name for field in fields if not field.sentence] == []


def test_secrets_are_told_from_settings() -> None:
    fields = {field.name: field for field in settings_fields(available()["jira"])}
    assert fields["api_token"].is_secret and fields["access_token"].is_secret
    assert not fields["email"].is_secret
    assert fields["base_url"].is_needed and not fields["projects"].is_needed
    assert fields["ca_bundle"].is_common
