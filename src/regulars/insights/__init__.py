"""How did it go: what became of every promise, and what the emails changed."""

from regulars.insights.intervals import Interval, difference, wilson
from regulars.insights.lift import Group, Lift, lift
from regulars.insights.progress import sent, settled
from regulars.insights.report import Figures, Report, report
from regulars.insights.responses import Followed, Graded, Links

__all__ = [
    "Figures",
    "Followed",
    "Graded",
    "Group",
    "Interval",
    "Lift",
    "Links",
    "Report",
    "difference",
    "lift",
    "report",
    "sent",
    "settled",
    "wilson",
]
