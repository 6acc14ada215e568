"""The table of promises: what is owed, in hand, done and unknown. Renders nothing, sends nothing."""

from regulars.ledger.claims import (
    Claim,
    Recovery,
    allowance,
    begin,
    claim,
    held,
    in_hand,
    recover,
    release,
    renew,
    spend,
    waiting,
)
from regulars.ledger.settle import Settlement, counts, settle
from regulars.ledger.states import COUNTED, Reason, State

__all__ = [
    "COUNTED",
    "Claim",
    "Reason",
    "Recovery",
    "Settlement",
    "State",
    "allowance",
    "begin",
    "claim",
    "counts",
    "held",
    "in_hand",
    "recover",
    "release",
    "renew",
    "settle",
    "spend",
    "waiting",
]
