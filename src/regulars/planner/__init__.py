"""Who is due at `now`, written into the ledger by difference. Sends nothing."""

from regulars.planner.force import Change
from regulars.planner.members import Movement
from regulars.planner.plan import Plan, Tally, plan, tallies

__all__ = ["Change", "Movement", "Plan", "Tally", "plan", "tallies"]
