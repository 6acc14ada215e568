"""What clients answer by the pages that emails link to, each answer one function in the caller's transaction."""

from regulars.tracking.copies import Sent, keep, shown, target
from regulars.tracking.dossier import customer_id, export
from regulars.tracking.leaving import How, Standing, come_back, leave, standing
from regulars.tracking.preferences import (
    TRACKING,
    Changes,
    Wishes,
    change,
    choose_topics,
    object_or_not,
    objectors,
    wishes,
)
from regulars.tracking.visitor import Visitor, visitor

__all__ = [
    "TRACKING",
    "Changes", "How", "Sent", "Standing", "Visitor", "Wishes", "change", "choose_topics", "come_back", "customer_id",
    "export", "keep", "leave", "object_or_not", "objectors", "shown", "standing", "target", "visitor", "wishes",
]  # fmt: skip
