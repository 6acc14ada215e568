"""Ledger rows from claimed to settled."""

from regulars.dispatch.compose import Composed, compose
from regulars.dispatch.load import Job, load
from regulars.dispatch.run import Carrier, Dispatcher, Lane, Options, Rules, Summary

__all__ = ["Carrier", "Composed", "Dispatcher", "Job", "Lane", "Options", "Rules", "Summary", "compose", "load"]
