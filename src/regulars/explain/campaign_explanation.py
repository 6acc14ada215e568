"""One plain sentence about one campaign and one client: the outcome, what comes next, or why nothing does."""

from __future__ import annotations

from dataclasses import replace

from regulars.db.states import Reason, State
from regulars.explain import sequence_place
from regulars.explain.sentences import because
from regulars.explain.sequence_place import is_past
from regulars.ledger import lane_states
from regulars.ledger.claims import in_hand
from regulars.ledger.domain_limits import limit_of
from regulars.ledger.server_quotas import used_up
from regulars.ledger.switches import pauses
from regulars.triggers.explained import CampaignExplanation, ExplainedClient, Row
from regulars.triggers.kinds import trigger_of


def explain_campaign(case: ExplainedClient) -> CampaignExplanation:
    """In order of importance: what is in progress, what was just decided, what is to come."""
    if not case.campaign.enabled:
        return CampaignExplanation(f"{_last(case)}Not due: the campaign is switched off.")
    pause = pauses(case.context.connection).of(case.active.key, case.campaign.kind)
    paused = "" if pause is None else pause.sentence(case.names)
    under_way = _under_way(case, paused)
    if under_way is not None:
        return under_way
    found = _decided(case) or sequence_place.waiting(case) or _between_steps(case) or sequence_place.following(case)
    found = found or _timed(case) or _to_come(case)
    return replace(found, sentence=f"{found.sentence} {paused[0].upper()}{paused[1:]}.") if paused else found


def _under_way(case: ExplainedClient, paused: str) -> CampaignExplanation | None:
    """What is promised and open; `paused` says what stops the campaign's emails now."""
    for row in case.after:
        if row.state == State.PLANNED:
            going = row.id in in_hand(case.context.connection)
            why = (
                paused
                or _server_away(case)
                or _warming_up(case)
                or _limited(case, row)
                or (_why(case, row) if row.reason else "")
            )
            but = f", but {why}" if why else ""
            return CampaignExplanation(
                f"`{row.step}` is being sent." if going else f"Due now: `{row.step}` may go{but}.", case.now
            )
    for row in case.after:
        if row.state == State.HELD:
            if row.reason == Reason.HALTED and paused:
                return CampaignExplanation(f"`{row.step}` waits: {paused}, or skips it if it is too late by then.")
            if row.reason == Reason.RESTORED:
                way_on = f"`regulars restored --release{' --all' if row.detail else ''}` lets it go on"
                return CampaignExplanation(f"`{row.step}` waits: {_why(case, row)}; {way_on}.")
            away = _server_away(case) if row.reason == Reason.RETRY else ""
            also = f"; {away}" if away else ""
            return CampaignExplanation(
                f"`{row.step}` waits until {case.when(row.next_at)}: {_why(case, row)}{also}.", row.next_at
            )
    return None


def _server_away(case: ExplainedClient) -> str:
    """That the mail server of the campaign's lane takes nothing, and what to do; empty when it does."""
    for outage in lane_states.outages(case.context.connection):
        if case.campaign.kind in outage.kinds:
            words = because(Reason.SERVER_AWAY, f"{outage.server}: {outage.reason}")
            return f"{words} since {case.when(outage.since)}; {outage.cause.advice}"
    return ""


def _warming_up(case: ExplainedClient) -> str:
    """That every server of the campaign's lane has sent what its warm-up allows today; empty when one may send."""
    delivery = case.context.rulebook.delivery
    pool = delivery.pool_of(case.campaign.kind)
    full = {one.server: one for one in used_up(case.context.connection, case.now)} if pool else {}
    return "; ".join(str(full[name]) for name in pool) if pool and pool.keys() <= full.keys() else ""


def _limited(case: ExplainedClient, row: Row) -> str:
    """That the client's mail provider has a limit, and others wait for it too; empty without one."""
    if not case.context.rulebook.delivery.limits:
        return ""
    found = limit_of(case.context.connection, row.id)
    if found is None:
        return ""
    provider, rate = found
    each = f"{rate:g} a second" if rate >= 1 else f"{rate * 3600:g} an hour"
    return f"no more than {each} go to {provider}, and emails before it in the queue go first"


def _decided(case: ExplainedClient) -> CampaignExplanation | None:
    skipped = [row for row in case.changed if row.state == State.SKIPPED]
    return (
        CampaignExplanation(f"`{skipped[-1].step}` is due but will not go: {_why(case, skipped[-1])}.")
        if skipped
        else None
    )


def _between_steps(case: ExplainedClient) -> CampaignExplanation | None:
    """The wait between two emails of a sequence."""
    for before, step in case.campaign.following:
        for row in reversed(case.after):
            went = row.state in (State.SENT, State.UNCERTAIN) or row.reason == Reason.STEP_CONDITION
            known = step.at is not None or is_past(case, step.key, row.occurrence)
            if row.step == before.key and went and not known and row.settled_at is not None:
                due = case.after_wait(row.settled_at, step.wait)
                if due > case.now:
                    end = f", unless there is a `{case.campaign.until.event}` before" if case.campaign.until else ""
                    return CampaignExplanation(
                        f"{_ended(case, row)} `{step.key}` follows on {case.when(due)}{end}.", due
                    )
    return None


def _timed(case: ExplainedClient) -> CampaignExplanation | None:
    """The next email relative to an instant of an event, if no other event has replaced it."""
    found = trigger_of(case.campaign).explain_timed(case)
    return None if found is None else _after_last(case, found)


def _to_come(case: ExplainedClient) -> CampaignExplanation:
    return _after_last(case, trigger_of(case.campaign).explain_next(case))


def _after_last(case: ExplainedClient, found: CampaignExplanation) -> CampaignExplanation:
    return replace(found, sentence=f"{_last(case)}{found.sentence}")


def _last(case: ExplainedClient) -> str:
    """The outcome of the latest promise or decision, as a separate sentence."""
    decided = sequence_place.last_outcome(case)
    if decided:
        return f"{decided} "
    return f"{_ended(case, case.after[-1])} " if case.after else ""


def _ended(case: ExplainedClient, row: Row) -> str:
    at = case.when(row.settled_at or row.due_at)
    match row.state:
        case State.SENT:
            return f"`{row.step}` was sent on {at}."
        case State.SKIPPED:
            return f"`{row.step}` was skipped on {at}: {_why(case, row)}."
        case State.UNCERTAIN:
            return f"`{row.step}` may have been sent on {at}: {_why(case, row)}."
    return f"`{row.step}` {row.state} on {at}: {_why(case, row)}."


def _why(case: ExplainedClient, row: Row) -> str:
    """A row's reason in words."""
    detail = case.names.get(row.detail or "", row.detail)
    return because(row.reason, detail)
