"""The machine put together: plan, dispatch, tick."""

from regulars.operation.machine import Machine, Ticked
from regulars.operation.servers import lanes

__all__ = ["Machine", "Ticked", "lanes"]
