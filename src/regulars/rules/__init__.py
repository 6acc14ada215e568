"""What did the author write, and is it sound? Rule files become a rulebook, or diagnostics."""

from regulars.rules.load import Loaded, load
from regulars.rules.model import Campaign, Company, FieldType, Kind, Policy, Rulebook, RuleTest, Step

__all__ = ["Campaign", "Company", "FieldType", "Kind", "Loaded", "Policy", "RuleTest", "Rulebook", "Step", "load"]
