"""A change of a vendor's form is told; what a day happens to bring is not."""

from __future__ import annotations

import json
from typing import Any

from expectations.drift import FieldChanges, field_changes


def payloads(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"payload": json.dumps(fields)}] * count


def changes(before: Any, latest: Any, **columns: str | None) -> FieldChanges:
    return field_changes(before, latest, columns)


def test_the_same_form_is_no_news() -> None:
    assert changes(payloads(50, id=1, name=None), payloads(5, id=2, name="x")) == FieldChanges()


def test_new_gone_and_retyped_fields_are_named_with_the_columns_read_from_them() -> None:
    before = payloads(
        50, id=1, properties={"amount": "7", "tags": ["a"], "createdAt": "x"}, via={"channel": 1}
    )
    latest = payloads(5, id=1, properties={"amount": 7.5, "plan": {"deep": 1}, "tags": None, "createdAt": 1})
    found = changes(
        before, latest, value="amount", created_at="created_at", tags="tags", channel="via.channel"
    )
    assert found == FieldChanges(
        new=("properties.plan",),
        gone=("via",),
        retyped=(("properties.amount", "text", "number"), ("properties.createdAt", "text", "number")),
        readers={
            "properties.amount": ("value",),
            "properties.createdAt": ("created_at",),
            "via": ("channel",),
            "via.channel": ("channel",),
        },
    )
    assert changes(before, payloads(5, id=1)).gone == ("properties", "via")


def test_an_object_or_two_prove_no_field_gone_or_new() -> None:
    assert changes(payloads(50, id=1, a=1), payloads(2, id=1)) == FieldChanges()
    assert changes([], payloads(300, id=1)) == FieldChanges()
    assert changes(payloads(300, id=1), []) == FieldChanges()


def test_a_type_that_was_never_seen_is_told_with_its_first_object_and_while_it_is_rare() -> None:
    one = payloads(1, tags="['a']")
    assert changes(payloads(50, tags=["a"]), one).retyped == (("tags", "list", "text"),)
    assert changes(payloads(50, tags=["a"]), [*payloads(200, tags=["b"]), *one]).retyped
    assert changes([*payloads(100, tags=["a"]), *one], payloads(2, tags="['a']")).retyped
    # Little was seen before, or both are usual.
    assert changes(payloads(10, tags=["a"]), one) == FieldChanges()
    assert changes([*payloads(50, tags=["a"]), *payloads(20, tags="a")], one) == FieldChanges()


def test_a_field_of_few_objects_may_be_missing_for_a_day() -> None:
    before = [*payloads(250, id=1), *payloads(50, id=1, rare=1)]
    assert changes(before, payloads(300, id=1), rare="rare") == FieldChanges()
    # And may come back.
    assert changes(payloads(300, id=1), [*payloads(297, id=1), *payloads(3, id=1, rare=1)]).new == ()


def test_a_field_of_some_objects_is_missed_if_a_column_is_read_from_it() -> None:
    before = [*payloads(200, id=1), *payloads(100, id=1, feature="x")]
    assert changes(before, payloads(300, id=1)).gone == ()
    assert changes(before, payloads(300, id=1), feature="feature").gone == ("feature",)


def test_a_field_of_the_companys_own_is_told_by_its_values() -> None:
    before = [
        {
            "payload": json.dumps(
                {"fields": {"customfield_1": n, "customfield_2": 5, "customfield_3": None}}
            ),
            "points": float(n),
            "is_flagged": False,
        }
        for n in range(30)
    ]
    latest = payloads(9, fields={"customfield_1": "3", "customfield_2": "5", "customfield_3": None})
    found = changes(before, latest, points="fields.customfield_*", is_flagged="fields.customfield_*")
    assert [name for name, _, _ in found.retyped] == ["fields.customfield_1", "fields.customfield_2"]
    assert found.readers == {"fields.customfield_1": ("points",)}


def test_an_amount_that_is_whole_one_day_has_no_other_type() -> None:
    assert changes(payloads(50, amount=1.5), payloads(50, amount=2)) == FieldChanges()
