"""Checks a world against the rules of the README: for those who bring their own.

Belongs here: rules that hold for every world. Does not belong here: what a
generated one promises beyond them.
"""

from __future__ import annotations

import pandas as pd

from ingestion.sandbox.world.schema import CHANGES, CREATED_AT, TABLES, key_of, references
from ingestion.sandbox.world.world import World, WorldError, naive_utc

_WITHOUT_OWN_KEY = ("duplicate_events", "exposures", "assignments")
_LISTS: tuple[tuple[str, str, str], ...] = (
    ("issues", "sprint_ids", "sprints"),
    ("issues", "fix_version_ids", "versions"),
    ("deliveries", "key_result_ids", "key_results"),
    ("deliveries", "decision_ids", "decisions"),
)
_CHANGED_REFERENCES: tuple[tuple[str, str, str], ...] = (
    ("accounts", "owner_staff_id", "staff"),
    ("accounts", "merged_into", "accounts"),
    ("people", "merged_into", "people"),
    ("deals", "stage_id", "deal_stages"),
    ("tickets", "merged_into", "tickets"),
    ("tickets", "assignee_staff_id", "staff"),
    ("tickets", "group_team_id", "teams"),
    ("issues", "status_id", "statuses"),
    ("issues", "assignee_staff_id", "staff"),
    ("issues", "parent_issue_id", "issues"),
    ("issues", "project_id", "projects"),
)


def problems_of(world: World) -> list[str]:
    """What is wrong with a world, one sentence each; empty when it can be served."""
    found: list[str] = []
    for table in TABLES:
        try:
            world.table(table)
        except WorldError as error:
            found.append(str(error))
    if found:
        return found
    for table in TABLES:
        found += _rows(world, table)
    for table, column, target, key in references():
        found += _missing(world, f"{table}.{column}", world.table(table)[column].dropna(), target, key)
    for table, column, target in _LISTS:
        parts = pd.Series(
            [part for text in world.table(table)[column] for part in text.split(";") if part], dtype="str"
        )
        found += _missing(world, f"{table}.{column}", parts, target, key_of(target))
    for entity, field, target in _CHANGED_REFERENCES:
        changes = world.table(CHANGES[entity])
        values = changes.loc[changes["field"] == field, "to_value"].dropna()
        found += _missing(world, f"{CHANGES[entity]}.{field}", values, target, key_of(target))
    for entity in CHANGES:
        found += _changes(world, entity)
    return found


def _rows(world: World, table: str) -> list[str]:
    found = []
    rows = world.table(table)
    for field in TABLES[table]:
        empty = int(rows[field.name].isna().sum())
        if empty and not field.nullable:
            found.append(f"{table}.{field.name}: expected a value in every row, {empty} have none")
    if table not in _WITHOUT_OWN_KEY and not rows[key_of(table)].is_unique:
        twice = rows.loc[rows[key_of(table)].duplicated(), key_of(table)].iloc[0]
        found.append(f"{table}: expected each {key_of(table)} once, {twice} comes again")
    late = rows["visible_at"] > pd.Timestamp(naive_utc(world.meta.ends_at))
    if late.any():
        found.append(f"{table}: expected nothing visible after ends_at, {late.sum()} rows are")
    return found


def _missing(world: World, name: str, values: pd.Series, target: str, key: str) -> list[str]:
    known = set(world.table(target)[key].astype("str"))
    missing = sorted(set(values.astype("str")) - known)
    if not missing:
        return []
    return [f"{name}: expected rows of {target}, {len(missing)} values name none, the first is {missing[0]}"]


def _changes(world: World, entity: str) -> list[str]:
    found = []
    key, name = key_of(entity), CHANGES[entity]
    changes = world.table(name)
    twice = changes[changes.duplicated([key, "field", "changed_at"])]
    if len(twice):
        row = twice.iloc[0]
        found.append(
            f"{name}: expected one change of a field per moment, {row['field']} of {key} {row[key]} "
            f"has two at {row['changed_at']}"
        )
    unknown = sorted(set(changes[key]) - set(world.table(entity)[key]))
    if unknown:
        found.append(f"{name}.{key}: expected rows of {entity}, {len(unknown)} values name none")
        return found
    created = world.table(entity).set_index(key)[CREATED_AT[entity]]
    early = changes["changed_at"].to_numpy() < created.reindex(changes[key]).to_numpy()
    if early.any():
        found.append(f"{name}: expected no change before its entity came up, {early.sum()} are")
    if (changes["visible_at"] < changes["changed_at"]).any():
        found.append(f"{name}: expected no change to be visible before it happens")
    return found
