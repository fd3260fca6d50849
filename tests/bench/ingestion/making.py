"""What is loaded by the bench: files of events and of issues, of a given size.

Belongs here: writing them. Does not belong here: anything that is measured.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from tests.bench.ingestion.serving import DAYS, FIRST_DAY


def events(folder: Path, count: int) -> Path:
    """`count` events of about 570 bytes in a file a day, as Mixpanel's raw export tells them."""
    folder.mkdir(parents=True)
    per_day = count // DAYS
    with duckdb.connect() as database:
        for day in range(DAYS):
            database.execute(
                f"""copy (select
                    'Report Viewed' as event,
                    {{'time': epoch_ms(date '{FIRST_DAY}' + {day}) + (n * 86400000) // {per_day},
                      'distinct_id': 'u-' || n % 9000, '$insert_id': 'e{day}-' || n,
                      'mp_processing_time_ms':
                          epoch_ms(date '{FIRST_DAY}' + {day}) + (n * 86400000) // {per_day},
                      '$user_id': 'u-' || n % 9000, '$device_id': 'd-' || n % 12000,
                      'company_id': ['' || n % 300],
                      'feature': 'feature ' || n % 40, '$city': 'São Paulo', '$browser': 'Firefox',
                      'plan': 'pro', 'words': repeat('to and fro ', 24)}} as properties
                from range({per_day}) as numbers (n))
                to '{folder / f"{FIRST_DAY.replace(day=day + 1)}.jsonl"}' (format json)"""
            )
    return folder


def issues(file: Path, count: int) -> Path:
    """`count` issues of about 5.7 KB, one a line."""
    person = {"accountId": "5b-1", "displayName": "Ann", "active": True, "accountType": "atlassian"}
    words = "The report shows other numbers than the page, and nobody knows which are right. " * 3
    text = [{"type": "paragraph", "content": [{"type": "text", "text": words}]} for _ in range(12)]
    with file.open("w") as lines:
        for number in range(count):
            fields = {
                "summary": f"Issue {number}",
                "project": {"id": "10000", "key": "PRD"},
                "issuetype": {"id": "10004", "name": "Bug", "subtask": False, "hierarchyLevel": 0},
                "status": {"id": "3", "name": "In Progress", "statusCategory": {"key": "indeterminate"}},
                "priority": {"id": "3", "name": "Medium"},
                "assignee": person,
                "reporter": person,
                "created": "2026-08-01T10:00:00.000+0000",
                "updated": f"2026-09-{1 + number % 28:02d}T10:00:00.000+0000",
                "labels": ["one", "two"],
                "fixVersions": [{"id": "1", "name": "1.2"}],
                "issuelinks": [],
                "description": {"type": "doc", "version": 1, "content": text},
                "customfield_10030": [{"id": str(at), "value": "left open"} for at in range(20)],
            }
            lines.write(
                json.dumps({"id": str(10_000 + number), "key": f"PRD-{number}", "fields": fields}) + "\n"
            )
    return file
