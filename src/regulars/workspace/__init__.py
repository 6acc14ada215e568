"""A folder of rules and emails, loaded and checked as a whole."""

from regulars.workspace.folder import Workspace, check, open_workspace
from regulars.workspace.starter import kinds, make, starter

__all__ = ["Workspace", "check", "kinds", "make", "open_workspace", "starter"]
