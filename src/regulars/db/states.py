"""What can become of a promise, and why: the words that the ledger, reports and people use."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a promise is on its way.

    held ⇄ planned → sent | uncertain | failed;  sent → bounced;  anything open → skipped
    """

    HELD = "held"  # waits for `next_at`, with a reason
    PLANNED = "planned"  # cleared to go; a claim says whether a worker has it in hand
    SENT = "sent"
    UNCERTAIN = "uncertain"  # the server may have it; not sent again unless the policy says so
    FAILED = "failed"  # refused for good, with the server's code and words
    BOUNCED = "bounced"  # accepted first, returned later
    SKIPPED = "skipped"  # decided not to send, with a reason


COUNTED = (State.PLANNED, State.SENT, State.UNCERTAIN, State.BOUNCED)
"""States that use up a place under the frequency cap."""


class Reason(StrEnum):
    """Why a promise is held, skipped, failed or uncertain."""

    NEW = "new"  # promised in the transaction that is still running
    QUIET_HOURS = "quiet-hours"
    CAP = "cap"
    RETRY = "retry"  # the server asked to come back
    RENDER_ERROR = "render-error"
    PAUSED = "paused"  # the campaign is switched off
    WAVE = "wave"  # the wave that the client belongs to has not come yet
    CLIENT_PAUSED = "paused-by-client"  # they asked for a break

    NO_COUPON = "no-coupon"  # no code is left, or none of the stock

    HOLDOUT = "holdout"
    AGAIN = "again"  # had this campaign too recently
    LATE = "late"
    UNSUBSCRIBED = "unsubscribed"
    NO_CONSENT = "no-consent"
    SUPPRESSED = "suppressed"
    NO_ADDRESS = "no-address"
    NO_MANAGER = "no-manager"
    CONDITION = "condition"  # no longer true
    STEP_CONDITION = "step-condition"  # this step's `if` is false; the sequence goes on
    GOAL_MET = "goal-met"
    MOVED = "moved"  # the visit is at another time now; its new booking has promises of its own
    CANCELLED = "cancelled"  # the visit does not take place
    COUPON_LIMIT = "coupon-limit"  # they had as many coupons of this campaign as one client gets
    OFFER_OVER = "offer-over"  # its coupons hold no longer
    REMOVED = "removed"  # the campaign is no longer in the files

    WORKER_LOST = "worker-lost"
    CONNECTION_LOST = "connection-lost"
    REFUSED = "refused"
    ADDRESS_REFUSED = "address-refused"  # the address is dead: suppressed from now on
