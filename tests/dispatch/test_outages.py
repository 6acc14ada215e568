"""A mail server that is away is told by `explain` for every email of its lane, and forgotten when it is back."""

from __future__ import annotations

import ssl
from datetime import timedelta

import pytest
import trustme
from sqlalchemy import Engine

from regulars.consent.rights import withdraw
from regulars.core import clock
from regulars.db.engine import read, write
from regulars.explain.explain import explain
from regulars.ledger.lane_states import LaneOutage, outages
from regulars.operation.doctor import Verdict, examine
from regulars.operation.surroundings import Trouble, troubles
from tests.common.bench import at
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.common.servers import free_port
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, VISIT, Office

pytestmark = pytest.mark.slow


def noted(engine: Engine) -> list[LaneOutage]:
    with read(engine) as connection:
        return outages(connection)


def sentence(office: Office, client: str, campaign: str) -> str:
    return explain(office.engine, office.runtime.rules, client, campaign, at(NOON)).campaigns[0].sentence


def wrong(engine: Engine) -> list[Trouble]:
    return list(troubles(engine, clock.system))


def test_what_was_not_tried_is_explained_by_the_outage_of_its_lane(open_office: Open, smtp_inbox: Inbox) -> None:
    port = free_port()
    office = open_office(f"smtp://127.0.0.1:{port}", REGULARS_CHUNK="2", REGULARS_SMTP_TRANSACTIONAL_URL=smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS, "visit": VISIT})
    office.clients("ada", "bo", "cy")
    office.plan("2026-06-10T09:00")
    office.visit("ada", "2026-06-10T11:00")
    assert office.tick().stopped
    reasons = {row["customer"]: row["reason"] for row in office.rows() if row["campaign"] == "news"}
    untried = next(name for name, reason in reasons.items() if reason is None)
    for name in (untried, next(name for name, reason in reasons.items() if reason)):
        told = sentence(office, name, "news")
        assert told.startswith(f"Due now: `news` may go, but the mail server takes nothing now (127.0.0.1:{port}: ")
        assert told.endswith("mail goes by itself once the server takes it again, `regulars retry` tries at once.")
    assert "mail server" not in sentence(office, "ada", "visit")
    (outage,) = noted(office.engine)
    assert (outage.lane, outage.kinds) == ("default", frozenset({"marketing"}))
    (trouble,) = wrong(office.engine)
    assert trouble.full == str(outage)
    assert f"127.0.0.1:{port}" not in trouble.brief
    assert trouble.brief.startswith("lane default: nothing is sent since ")


def test_the_outage_is_over_when_a_server_takes_mail_again(
    open_office: Open, smtp_inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS})
    office.clients("ada")
    with ScriptedServer([Fault(Stage.BANNER, Act.CLOSE, "421 4.3.2 too busy")]) as server:
        away = open_office(server.url)
        away.tick()
        (outage,) = noted(away.engine)
        assert "too busy" in outage.reason
        told = sentence(away, "ada", "news")
        assert told.startswith("Due now: `news` may go, but the mail server takes nothing now (127.0.0.1:")
        away.close()
    assert office.dispatch().sent == 1  # it goes by another server than the one that was away, without a wait
    assert noted(office.engine) == []
    assert wrong(office.engine) == []
    assert "it no longer goes by" in caplog.text


def test_the_words_of_the_server_do_not_stay_with_another_reason(open_office: Open) -> None:
    office = open_office(f"smtp://127.0.0.1:{free_port()}")
    write_workspace(office.root, {"news": NEWS}, policy={"late": "1 hour"})
    office.clients("ada", "bo")
    office.tick("2026-06-10T10:30")
    assert all("127.0.0.1" in row["detail"] for row in office.rows())
    with write(office.engine) as connection:
        withdraw(connection, office.rows()[0]["customer_id"], "marketing", at=at(NOON), source="test")
    office.tick("2026-06-10T10:40")
    ada, bo = office.rows()
    assert (ada["state"], ada["reason"], ada["detail"]) == ("skipped", "unsubscribed", None)
    office.tick("2026-06-10T11:45")
    (bo,) = (row for row in office.rows() if row["customer"] == "bo")
    assert (bo["state"], bo["reason"]) == ("skipped", "server-away")
    assert "127.0.0.1" in bo["detail"]


def test_what_waits_for_another_attempt_can_go_at_once(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="450 4.2.0 busy", on=(1,))]) as server:
        office = open_office(server.url)
        write_workspace(office.root, {"news": NEWS})
        office.clients("ada")
        assert office.tick().sent == 0
        soon = at(NOON) + timedelta(seconds=10)
        assert office.tick("2026-06-10T12:00:10").sent == 0
        assert office.runtime.free_retries(soon) == 1
        assert office.runtime.free_retries(soon) == 0
        assert office.tick("2026-06-10T12:00:10").sent == 1
        assert office.states() == {"ada": ("sent", None)}


TLS_FAULTS = {
    "certificate": ("the certificate of its mail server is not trusted", "`verify=off`", "certificate verify failed"),
    "no-starttls": ("its mail server offers no STARTTLS", "`tls=tls`", "it offers no STARTTLS"),
    "tls": ("TLS with its mail server fails", "mostly 465", "454"),
    "login": ("its mail server refuses our login", "correct user and password", "535 5.7.8 no"),
}


@pytest.mark.parametrize("cause", TLS_FAULTS)
def test_what_a_person_must_mend_is_told_everywhere_with_what_to_do(
    cause: str, open_office: Open, caplog: pytest.LogCaptureFixture
) -> None:
    words, advice, reason = TLS_FAULTS[cause]
    context = None
    if cause in {"certificate", "tls"}:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    faults = [Fault(Stage.AUTH, text="535 5.7.8 no")] if cause == "login" else []
    if cause == "tls":
        faults = [Fault(Stage.STARTTLS, text="454 4.7.0 not now")]
    with ScriptedServer(faults, tls=context, login=("ana", "x") if cause == "login" else None) as server:
        host = server.url.replace("//", "//ana:x@") if cause == "login" else f"{server.url}?tls=starttls"
        office = open_office(host, REGULARS_SECRET="0" * 64)
        write_workspace(office.root, {"news": NEWS})
        office.clients("ada")
        assert office.tick().stopped
        findings = {one.check: one for one in examine(office.runtime.settings, office.engine, clock.system)}
    (logged,) = [one.getMessage() for one in caplog.records if "nothing is sent" in one.getMessage()]
    (outage,) = noted(office.engine)
    (trouble,) = wrong(office.engine)
    finding = findings["mail, default"]
    assert (outage.cause, finding.verdict) == (cause, Verdict.FAULT)
    for told in (logged, trouble.full):  # the worker's log, `report`
        assert f"nothing is sent{' since' if told == trouble.full else ','}" in told
        assert words in told
        assert advice in told
        assert reason in told
    assert words in trouble.brief  # `/readyz`
    assert reason in finding.words
    assert advice in finding.advice
    assert advice in sentence(office, "ada", "news")
    assert office.row()["attempts"] == 0
