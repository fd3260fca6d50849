"""Settings of the governance files: where they lie."""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration


@configspec
class GovernanceSettings(BaseConfiguration):
    """One directory of governance files.

    Fields:
        directory: the folder, usually a checkout of the company's own repository.
    """

    directory: str = None  # type: ignore[assignment]  # required: dlt's way to say so
