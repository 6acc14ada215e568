"""What would happen: plan, forecast, test, preview and explain, by the code that does it, without a trace."""

from regulars.rehearsal.about import Fact
from regulars.rehearsal.difference import Difference, Shift
from regulars.rehearsal.dossier import Row
from regulars.rehearsal.explain import Explanation, View, explain
from regulars.rehearsal.forecast import Blast, Forecast, forecast, plan_now
from regulars.rehearsal.preview import Preview, preview, send_test
from regulars.rehearsal.records import Sample
from regulars.rehearsal.simulate import Day
from regulars.rehearsal.trial import Sent, TrialResult, run_trials

__all__ = [
    "Blast",
    "Day",
    "Difference",
    "Explanation",
    "Fact",
    "Forecast",
    "Preview",
    "Row",
    "Sample",
    "Sent",
    "Shift",
    "TrialResult",
    "View",
    "explain",
    "forecast",
    "plan_now",
    "preview",
    "run_trials",
    "send_test",
]
