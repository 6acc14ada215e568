"""Lost or sent twice? Asked from outside: the Message-IDs that a mail server accepted, held against the ledger.

The Message-ID of a promise is worked out here once more, by other code than the one that sends.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

from tests.common.recorder import Recorder
from tests.common.site import Site

DOMAIN = "studio.example"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to. `unfinished` rows neither went nor are named as uncertain."""

    promised: int
    sent: int
    uncertain: int
    unfinished: int
    accepted: int
    lost: int
    """Sent or unfinished by the ledger, and never accepted."""
    doubled: int
    """Accepted more than once, rows marked uncertain apart."""
    strange: int
    """Accepted without a promise."""
    arrived: int
    """Uncertain by the ledger, and accepted."""
    nameless: int
    """Uncertain, without the Message-ID that says what to look for."""

    @property
    def sound(self) -> bool:
        """Nothing lost, nothing doubled, nothing left over, nothing unnamed."""
        return self.unfinished == self.lost == self.doubled == self.strange == self.nameless == 0


def message_id(campaign: str, step: str, customer: str, occurrence: str) -> str:
    """The Message-ID that this promise has at every attempt."""
    key = f"{campaign}/{step}/{customer}/{occurrence}"
    return f"<{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}@{DOMAIN}>"


def verdict(site: Site, recorder: Recorder) -> Verdict:
    """Compares the two books."""
    accepted = Counter(number for number, _ in recorder.accepted())
    states = {message_id(*row[:4]): row[4] for row in site.ledger()}
    uncertain = {number for number, state in states.items() if state == "uncertain"}
    sent = {number for number, state in states.items() if state == "sent"}
    return Verdict(
        promised=len(states),
        sent=len(sent),
        uncertain=len(uncertain),
        unfinished=len(states) - len(sent) - len(uncertain),
        accepted=accepted.total(),
        lost=sum(number not in accepted for number in states.keys() - uncertain),
        doubled=sum(times > 1 for number, times in accepted.items() if number not in uncertain),
        strange=len(accepted.keys() - states.keys()),
        arrived=len(uncertain & accepted.keys()),
        nameless=len(uncertain - site.message_ids()),
    )
