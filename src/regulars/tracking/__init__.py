"""What clients answer by the pages that emails link to, each answer one function in the caller's transaction."""

from regulars.tracking.leaving import How, Standing, come_back, leave, standing
from regulars.tracking.visitor import Visitor, visitor

__all__ = ["How", "Standing", "Visitor", "come_back", "leave", "standing", "visitor"]
