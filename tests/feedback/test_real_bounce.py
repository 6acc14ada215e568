"""From an email to a dead address to its suppression, by a real mail server: read from a Maildir, and by LMTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regulars.core import clock
from regulars.feedback.inbound_server import InboundServer
from tests.cli.conftest import Project
from tests.common.bench import at
from tests.common.servers import free_port, wait_for
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS
from tests.feedback.conftest import COMPANY, LATER, Desk
from tests.feedback.postfix_server import Postfix, missing, postfix_server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(missing() is not None, reason=missing() or "")]

CUSTOMERS = """\
id,email,first_name,consent
c-1,ada@client.example,Ada,yes
c-2,bo@alive.example,Bo,yes
"""
NEXT = {"at": "2026-06-11 10:00", "email": "next", "backfill": "all"}
REPEATED = {"at": "2026-06-12 10:00", "email": "repeated", "kind": "transactional", "backfill": "all"}


@pytest.fixture
def postfix() -> Iterator[Postfix]:
    """A server that accepts an email for `client.example`, and then returns it."""
    with postfix_server() as server:
        yield server


def test_a_dead_address_is_found_out_and_never_written_to_again(tmp_path: Path, postfix: Postfix) -> None:
    campaigns = {"news": NEWS, "next": NEXT, "repeated": REPEATED}
    project = Project(write_workspace(tmp_path / "shop", campaigns, company=COMPANY))
    project.ok("import", "customers", str(project.file("customers.csv", CUSTOMERS)))
    smtp = {"REGULARS_SMTP_URL": postfix.url}
    assert "2 sent" in project.ok("tick", "--now", "2026-06-10T12:00", **smtp)  # the server takes both
    wait_for(lambda: any((postfix.bounces / "new").glob("*")), "the email came back")
    assert "1 hard-bounce" in project.ok("bounces", "read", str(postfix.bounces), "--now", "2026-06-10T13:00")
    assert project.data("bounces", "read", str(postfix.bounces))["messages"] == 0

    assert project.data("suppressions", "--reason", "bounced")["suppressions"][0]["clients"] == ["c-1"]
    explained = project.ok("explain", "c-1", "news", "--now", "2026-06-10T14:00")
    assert "`news` bounced" in explained
    assert "unknown user" in explained
    assert "1 hard bounce; the last `news` on" in explained
    for day in ("2026-06-11", "2026-06-12"):
        assert "1 sent" in project.ok("tick", "--now", f"{day}T12:00", **smtp)
    found = project.data("report", "--now", "2026-06-12T13:00")["campaigns"]
    assert [(found[name]["sent"], found[name]["bounced"]) for name in campaigns] == [(1, 1), (1, 0), (1, 0)]
    assert found["next"]["skipped"] == found["repeated"]["skipped"] == {"suppressed": 1}
    exported = project.ok("export", "c-1")
    assert "email.bounced" in exported
    assert "unknown user" in exported
    assert project.data("bounces", "list", "--now", "2026-06-12T13:00")["latest"][0]["campaign"] == "news"


def test_a_mail_server_hands_bounces_over_by_lmtp(desk: Desk, tmp_path: Path) -> None:
    desk.setup()
    desk.clients("ada")
    port = free_port()
    lines = f"transport_maps = inline:{{ {{bounces@studio.example = lmtp:inet:127.0.0.1:{port}}} }}"  # of bounces.md
    with postfix_server(f"recipient_delimiter = +\n{lines}") as server:
        desk.send_by(server.url)
        desk.tick()
        receiver = desk.receiver("inbound")
        wait_for(lambda: "Connection refused" in server.log(), "the door is closed: the server keeps the bounce")
        with InboundServer(
            desk.engine, lambda: receiver, clock.frozen(at(LATER)), host="127.0.0.1", port=port, aside=tmp_path,
            lmtp=True,
        ):  # fmt: skip
            wait_for(lambda: desk.row()["state"] == "bounced", "the bounce was recorded")
    assert desk.suppressed() == ["bounced"]
    assert [row["source"] for row in desk.kept()] == ["inbound"]
