"""How owners are written: on checks, models, assets and in the routes of alerts.

Belongs here: one spelling for one owner. Does not belong here: who owns what.
"""

from __future__ import annotations

import re

DEFAULT_OWNER = "team:data_platform"


def as_owner(name: str) -> str:
    """`team:<name>` or an e-mail address: the two forms that Dagster takes."""
    if "@" in name:
        return name.strip().lower()
    return "team:" + re.sub(r"[^A-Za-z0-9_]+", "_", name.removeprefix("team:").strip().lower())
