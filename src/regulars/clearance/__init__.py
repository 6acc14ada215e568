"""May this promise go now? Lateness, rights, conditions, quiet hours, caps: asked when planning and when sending."""

from regulars.clearance.clear import clear, confirm
from regulars.clearance.goals import goal_met
from regulars.clearance.ground import Ground, Ruleset, ground
from regulars.clearance.live import BEGINNING, Live, live
from regulars.clearance.offers import withhold

__all__ = ["BEGINNING", "Ground", "Live", "Ruleset", "clear", "confirm", "goal_met", "ground", "live", "withhold"]
