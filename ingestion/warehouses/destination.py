"""What our dlt destinations have in common, whatever the warehouse.

Belongs here: what differs from dlt's own destinations for all kinds alike. Does not belong here: one kind's
client and types, which are in its own module. Imported by loads only: dlt takes its time to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.common.normalizers.naming import NamingConvention

if TYPE_CHECKING:
    _Base = Destination[Any, Any]
else:
    _Base = object


class GivenDestination(_Base):
    """A destination that is given all that it must know, as ours are.

    dlt asks what a destination can do some ten times in a load, and seeks each time in the environment and in
    all files what could be configured about it, which takes longer than a small load. What ours can do hangs
    on none of it.
    """

    def capabilities(
        self, config: Any = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        return super().capabilities(config if config is not None else self.spec(), naming)
