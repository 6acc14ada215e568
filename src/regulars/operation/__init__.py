"""The machine put together: plan, dispatch, tick."""

from regulars.operation.machine import Machine, Ticked, spare_collector
from regulars.operation.servers import lanes

__all__ = ["Machine", "Ticked", "lanes", "spare_collector"]
