"""Whose alert goes where.

Belongs here: owner to URLs. Does not belong here: how a URL is spoken to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def route(owner: str, *, routes: Mapping[str, Sequence[str]], default: Sequence[str]) -> list[str]:
    """The URLs of an owner: their own where they have some, else the default ones.

    Arguments:
        owner: as written on the check or the model; `team:data` and `data` are the same.
        routes: owner to URLs.
        default: URLs for everyone else.
    """
    name = owner.removeprefix("team:").strip().lower()
    by_name = {key.removeprefix("team:").strip().lower(): urls for key, urls in routes.items()}
    return list(by_name.get(name, default))
