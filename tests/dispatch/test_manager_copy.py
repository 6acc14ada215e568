"""A copy to the manager says what the client's email says, and nothing in it acts in the client's name."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import Engine

from regulars.core import signing
from regulars.db.engine import write
from tests.common.people import SECRET, add_manager
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.common.smtp import Inbox, Received
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS, NOON, VISIT, Office
from tests.web.shop import Shop, open_shop

pytestmark = pytest.mark.slow

WEB = "https://us.example"
LINKS = "unsubscribe preferences view survey book data".split()
VISIT_LINKS = "confirm move cancel calendar".split()
MANAGER, CLIENT = "mira@studio.example", "ada@client.example"
TRACKED = {"tracking": {"clicks": True, "opens": True, "utm": {"source": "mail"}}}


def _line(names: list[str]) -> str:
    ours = " ".join(
        f'{{% if links.{name} %}}<a href="{{{{ links.{name} }}}}">{name}</a>{{% endif %}}' for name in names
    )
    scores = '<a href="{{ links.survey }}?score=9">9</a> <a href="{{ links.survey }}?score=10">10</a>'
    return f'<a href="https://studio.example/sale">Sale</a> {scores} {ours}'


def _office(engine: Engine, root: Path, url: str, links: list[str], **rule: object) -> Office:
    office = Office(engine, root / "workspace", url, REGULARS_SECRET=SECRET.decode(), REGULARS_WEB_URL=WEB)
    company = {"website": "https://studio.example"}
    write_workspace(
        office.root, {"mail": {"cc": "manager", "email": "mail", **rule}}, policy=TRACKED, company=company,
        lines={"mail": _line(links)},
    )  # fmt: skip
    with write(engine) as connection:
        add_manager(connection, "mira", name="Mira")
    office.clients("ada", manager="mira")
    return office


def _both(inbox: Inbox) -> tuple[EmailMessage, EmailMessage]:
    """What the client got, and what the manager got."""
    found: dict[tuple[str, ...], Received] = {one.recipients: one for one in inbox.messages}
    assert set(found) == {(CLIENT,), (MANAGER,)}
    return found[CLIENT,].message, found[MANAGER,].message


def _text(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def _everything(message: EmailMessage) -> str:
    return "\n".join([*map(str, message.values()), _text(message, "html"), _text(message, "plain")])


def _token(office: Office) -> str:
    return signing.sign("promise", str(office.row()["id"]), SECRET)


def test_nothing_of_the_clients_links_is_in_the_copy(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> None:
    office = _office(engine, tmp_path, smtp_inbox.url, LINKS, **NEWS | {"email": "mail"})
    office.tick()
    client, copy = _both(smtp_inbox)
    token = _token(office)
    assert client["List-Unsubscribe"] == f"<{WEB}/u/{token}>"
    assert [copy[name] for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id")] == [None] * 3
    assert token in _text(client, "html")
    assert token not in _everything(copy)
    ours = re.findall(rf"{WEB}[^\s\"'<>]*", _text(copy, "html"))
    assert {url.removeprefix(f"{WEB}/copy/").partition("?")[0] for url in ours} == set(LINKS)
    # Links of others lead where the author wrote, neither counted nor tagged; no picture tells of the copy.
    assert 'href="https://studio.example/sale"' in _text(copy, "html")
    assert "/o/" in _text(client, "html")
    assert "/o/" not in _text(copy, "html")
    for name in ("To", "Cc", "Subject", "From"):
        assert client[name] == copy[name]
    assert copy["Cc"] == f"Mira <{MANAGER}>"
    assert client["Message-ID"] == office.row()["message_id"] != copy["Message-ID"]
    shown = [re.sub(r"https://\S+|9|10", "", _text(one, "plain")) for one in (client, copy)]
    assert shown[0] == shown[1]
    office.close()


def test_links_of_a_visit_do_nothing_in_the_copy(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> None:
    office = _office(engine, tmp_path, smtp_inbox.url, VISIT_LINKS, **VISIT | {"email": "mail"})
    office.plan("2026-06-10T09:00")
    data = {"service": "cut", "starts_at": "2026-06-12T10:00:00+00:00", "visit": "v-1"}
    office.visit("ada", "2026-06-10T11:00", data)
    office.tick()
    client, copy = _both(smtp_inbox)
    assert _token(office) in _text(client, "html")
    assert _token(office) not in _everything(copy)
    office.close()


def _post_everything(shop: Shop, message: EmailMessage) -> set[int]:
    """One-Click and each form of the pages, at every address of ours in the message."""
    paths = set(re.findall(rf"{WEB}(/[^\s\"'<>)]*)", _everything(message)))
    assert paths
    bodies = ("List-Unsubscribe=One-Click", "leave=all", "act=save&topic=marketing", "score=9", "seen=0", "")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return {shop.ask("POST", path, body, headers).status for path in paths for body in bodies}


def test_one_click_at_anything_in_the_copy_does_nothing(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> None:
    office = _office(engine, tmp_path, smtp_inbox.url, LINKS, **NEWS | {"email": "mail"})
    office.tick()
    client, copy = _both(smtp_inbox)
    with open_shop(engine, root=office.root, unlimited=True) as shop:
        before = shop.everything()
        assert _post_everything(shop, copy) == {405}
        page = shop.get("/copy/unsubscribe")
        assert page.status == 200
        assert "This is a copy" in page.text
        assert shop.everything() == before
        _post_everything(shop, client)
        assert shop.everything() != before, "the same in the client's own email does act"
    office.close()


@pytest.mark.parametrize(
    ("faults", "state", "got", "detail"),
    [
        ([Fault(Stage.RCPT, text="550 5.7.1 no", match="ada@")], "failed", [], "no"),
        ([Fault(Stage.RCPT, text="550 5.7.1 full up", match="mira@")], "sent", [CLIENT], "not taken for mira@"),
        ([Fault(Stage.DOT, Act.CLOSE, on=(2,))], "sent", [CLIENT], "not taken for mira@"),
    ],
    ids=["client refused", "copy refused", "connection lost with the copy"],
)
def test_the_clients_email_decides(
    engine: Engine, tmp_path: Path, faults: list[Fault], state: str, got: list[str], detail: str
) -> None:
    with ScriptedServer(faults) as server:
        office = _office(engine, tmp_path, server.url, LINKS, **NEWS | {"email": "mail"})
        office.tick()
        assert [one for taken in server.accepted for one in taken.recipients] == got
        row = office.row()
        assert (row["state"], row["attempts"]) == (state, 1)
        assert detail in row["detail"]
        assert office.dispatch("2026-06-10T13:00").sent == 0
    office.close()


def test_an_email_without_a_copy_is_handed_over_as_before(
    engine: Engine, tmp_path: Path, smtp_inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regulars.delivery.smtp.courier import Courier
    from regulars.render.message import render

    rendered, delivered = [], []
    deliver = Courier.deliver

    def count_render(*arguments: object) -> object:
        rendered.append(1)
        return render(*arguments)  # type: ignore[arg-type]

    async def count_deliver(self: Courier, parcels: object) -> object:
        delivered.append(1)
        return await deliver(self, parcels)  # type: ignore[arg-type]

    monkeypatch.setattr("regulars.dispatch.compose.render", count_render)
    monkeypatch.setattr("regulars.dispatch.manager_copy.render", count_render)
    monkeypatch.setattr(Courier, "deliver", count_deliver)
    office = _office(engine, tmp_path, smtp_inbox.url, LINKS, **NEWS | {"email": "mail", "cc": []})
    office.tick(NOON)
    assert (len(rendered), len(delivered), len(smtp_inbox.messages)) == (1, 1, 1)
    office.close()
