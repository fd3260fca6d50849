"""How long Jira's own headers ask us to hold back."""

from __future__ import annotations

import pytest
from requests import Response

from ingestion.sources.jira.cloud import hold


def answer(status: int = 429, **headers: str) -> Response:
    response = Response()
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
def test_a_used_up_limit_holds_until_its_reset_however_the_date_is_written(zone: str) -> None:
    date = f"Sun, 22 Nov 2026 18:10:21 {zone}"
    refused = answer(X_RateLimit_Reset="2026-11-22T18:11Z", Date=date)
    assert hold(refused) == 39
    assert (
        hold(answer(200, X_RateLimit_Remaining="0", X_RateLimit_Reset="2026-11-22T18:11Z", Date=date)) == 39
    )


def test_a_reset_that_cannot_be_read_leaves_the_wait_to_the_back_off() -> None:
    assert hold(answer()) is None
    assert hold(answer(X_RateLimit_Reset="soon")) is None
    assert hold(answer(X_RateLimit_Reset="2026-11-22T18:11Z", Date="yesterday")) is None


def test_a_near_limit_slows_down() -> None:
    assert hold(answer(200, X_RateLimit_NearLimit="true")) == 0.5
    assert hold(answer(200)) is None
