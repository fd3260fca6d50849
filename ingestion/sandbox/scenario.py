"""Scenarios: the plans that the sandbox's accounts are on, and what goes wrong at which vendor.

Belongs here: reading, checking and composing scenarios. Does not belong here: what a fault does
(`faults.py`).

A scenario is a file of `scenarios/`:

    description: one sentence
    plan:                      # settings of an account, see PLAN of each vendor
      zendesk: {incremental_exports: 10}
    faults:                    # a vendor's name, or `any` for all of them
      hubspot:
        - {kind: server_error, page: 3, times: 1}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "scenarios"


class ScenarioError(ValueError):
    """A scenario that cannot be read."""


@dataclass(frozen=True)
class Scenario:
    """What an account is like and what goes wrong.

    Arguments:
        plan: per vendor the settings that differ from the vendor's defaults.
        faults: per vendor the faults in the order in which they act.
    """

    name: str = "healthy"
    description: str = ""
    plan: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    @classmethod
    def names(cls) -> list[str]:
        return sorted(file.stem for file in FOLDER.glob("*.yml"))

    @classmethod
    def load(cls, name: str | Path) -> Scenario:
        """A scenario by the name of its file in `scenarios/`, or by a path. Raises ScenarioError."""
        file = Path(name) if str(name).endswith((".yml", ".yaml")) else FOLDER / f"{name}.yml"
        if not file.exists():
            raise ScenarioError(
                f"expected a scenario's name or file, got {name}: there are {', '.join(cls.names())}"
            )
        return cls.read(yaml.safe_load(file.read_text(encoding="utf-8")) or {}, name=file.stem)

    @classmethod
    def read(cls, content: Mapping[str, Any], name: str = "custom") -> Scenario:
        """A scenario from the content of a file. Raises ScenarioError."""
        unknown = set(content) - {"name", "description", "plan", "faults"}
        if unknown:
            raise ScenarioError(
                f"scenario {name}: expected description, plan and faults, "
                f"got also {', '.join(sorted(unknown))}"
            )
        faults = content.get("faults") or {}
        for vendor, listed in faults.items():
            if not isinstance(listed, list) or not all(
                isinstance(item, dict) and "kind" in item for item in listed
            ):
                raise ScenarioError(
                    f"scenario {name}: expected under faults.{vendor} a list of faults, each with its kind, "
                    f"got {listed!r}"
                )
        return cls(
            name=str(content.get("name") or name),
            description=str(content.get("description") or ""),
            plan={vendor: dict(settings or {}) for vendor, settings in (content.get("plan") or {}).items()},
            faults={vendor: tuple(listed) for vendor, listed in faults.items()},
        )

    @classmethod
    def compose(cls, parts: Iterable[Scenario]) -> Scenario:
        """Scenarios one after the other: faults add up, the later plan wins."""
        names: list[str] = []
        plan: dict[str, dict[str, Any]] = {}
        faults: dict[str, tuple[Mapping[str, Any], ...]] = {}
        for part in parts:
            names.append(part.name)
            for vendor, settings in part.plan.items():
                plan[vendor] = {**plan.get(vendor, {}), **settings}
            for vendor, listed in part.faults.items():
                faults[vendor] = faults.get(vendor, ()) + listed
        return cls("+".join(names) or "healthy", "", plan, faults)

    def only(self, vendor: str, options: Mapping[str, Any] | None = None) -> Scenario:
        """The same faults at one vendor only, with `options` laid over each of them."""
        listed = [fault for key, of in self.faults.items() if key in ("any", vendor) for fault in of]
        unique = [fault for position, fault in enumerate(listed) if fault not in listed[:position]]
        return Scenario(
            f"{self.name}@{vendor}",
            self.description,
            {key: settings for key, settings in self.plan.items() if key == vendor},
            {vendor: tuple({**fault, **(options or {})} for fault in unique)},
        )

    def of(self, vendor: str) -> tuple[Mapping[str, Any], ...]:
        """The faults of one vendor."""
        return (*self.faults.get("any", ()), *self.faults.get(vendor, ()))

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": self.description,
            "plan": {vendor: dict(settings) for vendor, settings in self.plan.items()},
            "faults": {vendor: [dict(fault) for fault in listed] for vendor, listed in self.faults.items()},
        }
