"""States of a promise and reasons: the values that the ledger and reports use, with words for people."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class State(StrEnum):
    """The state of a promise.

    held ⇄ planned → sent | uncertain | failed;  sent → bounced;  anything open → skipped
    """

    HELD = "held"  # waits for `next_at`, with a reason
    PLANNED = "planned"  # ready to send; a claim says whether a worker is working on it
    SENT = "sent"
    UNCERTAIN = "uncertain"  # the server may have it; not sent again unless the policy says so
    FAILED = "failed"  # refused permanently, with the server's code and text
    BOUNCED = "bounced"  # accepted first, returned later
    SKIPPED = "skipped"  # decided not to send, with a reason


COUNTED = (State.PLANNED, State.SENT, State.UNCERTAIN, State.BOUNCED)
"""States that count towards the frequency cap."""


class SuppressionReason(StrEnum):
    """Why an address is suppressed."""

    MANUAL = "manual"  # requested or decided by a person
    BOUNCED = "bounced"  # the mail server says that the address does not exist
    COMPLAINED = "complained"  # reported as spam
    ERASED = "erased"  # the person was erased; only erasure gives this reason


STATED_REASONS = tuple(reason for reason in SuppressionReason if reason is not SuppressionReason.ERASED)
"""Reasons for a suppression that people, programs and lists may give."""


class Reason(StrEnum):
    """Why a promise is held, skipped, failed or uncertain: the value that is stored, and the words for people.

    A member without words fails the import of this module.
    """

    words: str

    def __new__(cls, value: str, words: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    # Held.
    NEW = "new", "it has just been promised"  # in the transaction that is still running
    QUIET_HOURS = "quiet-hours", "it is night for them"
    WINDOW = "window", "it is outside the hours for emails"  # also skipped, where it cannot go in time
    CAP = "cap", "the frequency cap is used up"  # also skipped, where it cannot go in time
    RETRY = "retry", "the server asked to come back later"
    SERVER_AWAY = "server-away", "the mail server takes nothing now"  # of planned promises: the next wake-up tries
    RENDER_ERROR = "render-error", "the email cannot be rendered"
    KILLS_WORKERS = "kills-workers", "workers died when they rendered it"  # until somebody frees it
    PAUSED = "paused", "the campaign is switched off"
    WAVE = "wave", "their wave has not come yet"
    MERGED = "merged", "two clients were joined, and the other had this email, too"  # also skipped
    CLIENT_PAUSED = "paused-by-client", "they asked for a break"
    NO_COUPON = "no-coupon", "no coupon is left"  # the pool or the stock is used up
    CANARY = "canary", "a few go first, for the rule is new or changed"
    RESTORED = "restored", "a backup was restored, and the lost database may have sent it"
    HALTED = "halted", "its campaign is paused"  # by hand or by a guard; also skipped, where it cannot go in time

    # Skipped.
    HOLDOUT = "holdout", "they are in the control group"
    GLOBAL_HOLDOUT = "global-holdout", "they are in the group that gets no marketing at all"
    AGAIN = "again", "they had this campaign too recently"
    LATE = "late", "it could not go in time"
    UNSUBSCRIBED = "unsubscribed", "they have unsubscribed"
    MAILBOX_UNSUBSCRIBED = "mailbox-unsubscribed", "somebody with the same address has unsubscribed"
    SAME_MAILBOX = "same-mailbox", "another client with the same address gets it"
    NO_CONSENT = "no-consent", "they have not agreed to marketing"
    SUPPRESSED = "suppressed", "their address is suppressed"
    NO_ADDRESS = "no-address", "they have no address"
    NO_MANAGER = "no-manager", "they have no manager"
    CONDITION = "condition", "the rule no longer holds for them"
    STEP_CONDITION = "step-condition", "the condition of this step is not true"  # the sequence continues
    GOAL_MET = "goal-met", "they have done already what it is for"
    MOVED = "moved", "the visit is at another time now"  # its new booking has promises of its own
    CANCELLED = "cancelled", "the visit was cancelled"
    COUPON_LIMIT = "coupon-limit", "they have had as many of its coupons as one client gets"
    OFFER_OVER = "offer-over", "its offer is over"
    REMOVED = "removed", "the campaign is no longer in the files"
    CALLED_OFF = "called-off", "it was called off by hand"

    # Uncertain or failed.
    WORKER_LOST = "worker-lost", "the worker that was sending it died"
    CONNECTION_LOST = "connection-lost", "the connection broke while it was being sent"
    REFUSED = "refused", "the server refused it"
    # The address is suppressed from now on.
    ADDRESS_REFUSED = "address-refused", "the server says that the address does not exist"


HELD_OUT = (Reason.HOLDOUT, Reason.GLOBAL_HOLDOUT)
"""The reasons of control groups, by a campaign and by the policy."""
_WORDS = {reason.value: reason.words for reason in Reason}


def reason_in_words(reason: str | None) -> str:
    """The words of a stored reason; an unknown reason is returned unchanged."""
    return _WORDS.get(reason or "", reason or "no reason is known")
