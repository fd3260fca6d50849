"""A change of a vendor's form is told; what a day happens to bring is not."""

from __future__ import annotations

import json
from typing import Any

from expectations.drift import FieldChanges, field_changes


def payloads(count: int, **fields: Any) -> list[str]:
    return [json.dumps(fields)] * count


def test_the_same_form_is_no_news() -> None:
    assert field_changes(payloads(50, id=1, name=None), payloads(5, id=2, name="x")) == FieldChanges()


def test_new_gone_and_retyped_fields_are_named() -> None:
    before = payloads(50, id=1, properties={"amount": "7", "tags": ["a"]})
    latest = payloads(5, id=1, properties={"amount": 7.5, "plan": {"deep": 1}, "tags": None})
    assert field_changes(before, latest) == FieldChanges(
        new=("properties.plan",), retyped=(("properties.amount", "text", "number"),)
    )
    latest = payloads(5, id=1)
    assert field_changes(before, latest).gone == ("properties",)


def test_few_objects_prove_nothing() -> None:
    assert field_changes(payloads(50, id=1, a=1), payloads(4, id="x", b=1)) == FieldChanges(new=("b",))
    assert field_changes([], payloads(300, id=1)) == FieldChanges()
    assert field_changes(payloads(300, id=1), []) == FieldChanges()


def test_a_field_of_few_objects_may_be_missing_for_a_day() -> None:
    before = [*payloads(240, id=1), *payloads(60, id=1, rare=1)]
    assert field_changes(before, payloads(300, id=1)) == FieldChanges()
    # And may come back.
    assert field_changes(payloads(300, id=1), [*payloads(297, id=1), *payloads(3, id=1, rare=1)]).new == ()


def test_an_amount_that_is_whole_one_day_has_no_other_type() -> None:
    assert field_changes(payloads(50, amount=1.5), payloads(50, amount=2)) == FieldChanges()
