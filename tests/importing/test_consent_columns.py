"""Columns about consent: read with their dates, or refused with the question; never passed over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from regulars.core import ids
from regulars.core.errors import Invalid
from regulars.db import tables
from regulars.importing.columns import plain_name
from regulars.importing.consent_columns import ANSWERS, TOOLS, WORDS, ConsentState, Meaning
from regulars.importing.options import ImportOptions
from regulars.importing.report import Kind
from regulars.importing.row_source import MappingSource
from regulars.importing.service import import_rows
from tests.common.people import SECRET
from tests.importing.conftest import NOW, Desk
from tests.importing.test_other_tools_lists import mailable


def consents(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows(tables.consents, "granted", "at")


def desk_answers(desk: Desk) -> dict[str, bool]:
    """By the client's outside id."""
    names = dict(desk.rows(tables.customers, "id", "external_id"))
    return {names[key]: granted for key, granted in desk.rows(tables.consents, "customer_id", "granted")}


def test_a_list_that_says_unsubscribed_holds_for_the_client_of_the_shop_export(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "Email,First name,Status\nada@client.example,Ada,Unsubscribed\n")
    desk.bring(
        Kind.CUSTOMERS, "Customer ID,Email,First name,Birthday\n7001,ada@client.example,Ada,1990-11-30\n", "shop.csv"
    )
    assert desk.rows(tables.customers, "external_id") == [("7001",)]
    desk.bring(
        Kind.CUSTOMERS, "Customer ID,Email,First name,Accepts Email Marketing\n7001,ada@client.example,Ada,yes\n"
    )
    assert mailable(desk) == set()
    assert consents(desk) == [(False, NOW)]


def test_newsletter_and_the_offers_of_partners(sqlite_desk: Desk) -> None:
    content = "email;Opt-in;Newsletter\npa@client.example;1;0\npb@client.example;1;1\n"
    sqlite_desk.bring(Kind.CUSTOMERS, content)
    assert mailable(sqlite_desk) == {"pb"}


def test_the_dates_of_consents_and_of_opt_outs_are_kept(desk: Desk) -> None:
    content = (
        "Email Address,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,UNSUB_REASON\n"
        "ana@client.example,2021-05-01 10:00:00,2021-05-02 10:00:00,,\n"
        "bo@client.example,2021-05-01 10:00:00,2021-05-02 10:00:00,2023-02-03 04:05:06,No longer interested\n"
        "cy@client.example,,,03/04/2023,\n"
        "di@client.example,0000-00-00 00:00:00,,,\n"
    )
    report = desk.bring(Kind.CUSTOMERS, content, timezone="UTC")
    assert sorted(consents(desk)) == [
        (False, datetime(2023, 2, 3, 4, 5, 6, tzinfo=UTC)), (False, NOW), (True, datetime(2021, 5, 2, 10, tzinfo=UTC)),
    ]  # fmt: skip
    assert "1 dates of consent could not be read, so these rows count from today" in report.notes
    assert desk.rows(tables.consent_log, "granted") == [(False,), (False,), (True,)]


def test_a_bounce_is_not_the_date_of_a_consent(sqlite_desk: Desk) -> None:
    content = "Email Address,CONFIRM_TIME,CLEAN_TIME\neve@client.example,2021-05-01 10:00:00,2023-02-03 04:05:06\n"
    sqlite_desk.bring(Kind.CUSTOMERS, content, timezone="UTC")
    assert consents(sqlite_desk) == [(True, datetime(2021, 5, 1, 10, tzinfo=UTC))]
    assert sqlite_desk.rows(tables.suppressions, "at") == [(datetime(2023, 2, 3, 4, 5, 6, tzinfo=UTC),)]
    assert mailable(sqlite_desk) == set()


def test_a_date_beside_an_answer_is_the_date_of_the_answer(sqlite_desk: Desk) -> None:
    sqlite_desk.bring(
        Kind.CUSTOMERS,
        "Email,Consent,Consent date\nta@client.example,yes,2021-05-06\ntb@client.example,no,2021-05-06\n"
        "tc@client.example,,2021-05-06\n",
    )
    assert sorted((granted, at.date().isoformat()) for granted, at in consents(sqlite_desk)) == [  # type: ignore[attr-defined]
        (False, "2021-05-06"), (True, "2021-05-06"),
    ]  # fmt: skip


def test_a_no_in_either_of_several_columns_is_a_no(sqlite_desk: Desk) -> None:
    rows = ["a,yes,yes,no", "b,yes,no,no", "c,yes,yes,yes", "d,,,no", "e,no,yes,"]
    content = "\n".join(["id,Newsletter,Marketing consent,Opted out", *rows])
    report = sqlite_desk.bring(Kind.CUSTOMERS, content)
    assert desk_answers(sqlite_desk) == {"a": True, "b": False, "c": False, "e": False}
    assert report.columns == {
        "id": "id", "Newsletter": "consent", "Marketing consent": "consent", "Opted out": "consent",
    }  # fmt: skip
    assert any("has not opted out, which is no consent" in note for note in report.notes)


@pytest.mark.parametrize(
    "header",
    [
        "Subscription flag", "Unsub?", "GDPR accepted", "Double opt-in state", "Blocklist entry", "Hard bounces",
        "Spam complaints", "Permission", "Согласие клиента", "Подписка на новости", "Згода клієнта",
        "Розсилка новин", "Acord prelucrare", "Abonat la știri", "Nõusolek antud", "Liitunud uudistega",
        "Wants emails", "DNC",
    ],
)  # fmt: skip
def test_a_column_that_may_be_about_consent_is_asked_about(sqlite_desk: Desk, header: str) -> None:
    content = f"email,{header}\nana@client.example,1\nbo@client.example,0\n"
    with pytest.raises(Invalid) as caught:
        sqlite_desk.bring(Kind.CUSTOMERS, content)
    (question,) = caught.value.diagnostics
    assert (question.code, question.span.line if question.span else 0) == ("D005", 1)
    assert f'`--map "{header}=unsubscribed"`' in (question.hint or "")
    assert sqlite_desk.rows(tables.customers, "id") == []
    sqlite_desk.bring(Kind.CUSTOMERS, content, mapping={header: "unsubscribed"})
    assert mailable(sqlite_desk) == {"bo"}
    assert sqlite_desk.bring(Kind.CUSTOMERS, content, mapping={header: "-"}).ignored == {header: None}


def test_several_columns_can_be_mapped_and_a_column_of_our_own_is_read_beside_them(sqlite_desk: Desk) -> None:
    content = (
        "email,Opted out of email: News,Opted out of email: Offers,Subscribed\n"
        "ana@client.example,false,false,yes\nbo@client.example,false,true,yes\ncy@client.example,true,,yes\n"
        "di@client.example,,,no\n"
    )
    with pytest.raises(Invalid) as caught:
        sqlite_desk.bring(Kind.CUSTOMERS, content)
    assert len(caught.value.diagnostics) == 2
    columns = {f"Opted out of email: {topic}": "unsubscribed" for topic in ("News", "Offers")}
    sqlite_desk.bring(Kind.CUSTOMERS, content, mapping=columns)
    assert mailable(sqlite_desk) == {"ana"}
    content = "email,Club,Subscribed\neve@client.example,yes,no\n"
    sqlite_desk.bring(Kind.CUSTOMERS, content, mapping={"Club": "subscribed"})
    assert mailable(sqlite_desk) == {"ana"}


@pytest.mark.parametrize(
    "header", ["SMS consent", "Phone opt-in", "Opt-in IP", "Unsubscribe link", "Marketing channel"]
)
def test_columns_about_something_else_are_not_asked_about(sqlite_desk: Desk, header: str) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, f"email,{header}\nana@client.example,no\n")
    assert (list(report.ignored), report.added) == ([header], 1)
    assert consents(sqlite_desk) == []


def test_a_word_that_is_not_understood_is_refused_until_it_is_answered(sqlite_desk: Desk) -> None:
    content = "email,Email status\nana@client.example,gold\nbo@client.example,unsubscribed\n"
    report = sqlite_desk.bring(Kind.CUSTOMERS, content)
    (fault,) = report.bad
    assert (fault.line, fault.column, fault.value, fault.reason) == (
        2, "Email status", "gold", "is not a word about consent that we know",
    )  # fmt: skip
    assert '`--consent "gold=yes"`' in (fault.hint or "")
    assert '`--map "Email status=-"`' in (fault.hint or "")
    answered = sqlite_desk.bring(Kind.CUSTOMERS, content, consent={"Gold": ConsentState.SUBSCRIBED})
    assert (answered.refused, mailable(sqlite_desk)) == (0, {"ana"})
    assert sqlite_desk.bring(Kind.CUSTOMERS, content, consent={"gold": None}).refused == 0


def test_active_in_a_column_called_status_is_no_consent(sqlite_desk: Desk) -> None:
    content = "email,status\nana@client.example,active\n"
    report = sqlite_desk.bring(Kind.CUSTOMERS, content)
    assert consents(sqlite_desk) == []
    assert report.notes == (
        "1 rows say only that their person has not opted out, which is no consent; nothing was recorded for them",
    )
    sqlite_desk.bring(Kind.CUSTOMERS, content, consent={"active": ConsentState.SUBSCRIBED})
    assert consents(sqlite_desk) == [(True, NOW)]


def test_a_state_of_the_country_is_nobodys_consent(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, "email,state\nana@client.example,CA\n")
    assert (report.refused, consents(sqlite_desk)) == (0, [])


def test_a_field_of_the_workspace_keeps_its_meaning(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, "email,VIP,status\nana@client.example,yes,active\n")
    assert report.columns["VIP"] == "vip"


def test_the_rows_of_the_api_are_read_alike(sqlite_engine: Engine, sqlite_desk: Desk) -> None:
    options = ImportOptions()
    rows: list[dict[str, Any]] = [
        {"id": "1", "email": "ana@client.example", "status": "bounced"}, {"id": "2", "opt_out": True},
    ]  # fmt: skip
    import_rows(sqlite_engine, Kind.CUSTOMERS, MappingSource(rows), now=NOW, secret=SECRET, options=options)
    assert sqlite_desk.rows(tables.suppressions, "reason") == [("bounced",)]
    assert consents(sqlite_desk) == [(False, NOW)]
    source = MappingSource([{"id": "3", "gdpr_flag": 1}])
    with pytest.raises(Invalid) as caught:
        import_rows(sqlite_engine, Kind.CUSTOMERS, source, now=NOW, secret=SECRET, options=options)
    assert caught.value.diagnostics[0].hint == "send it as `subscribed` or `unsubscribed`, or leave it out"


def test_another_tools_list_as_suppressions(desk: Desk) -> None:
    desk.bring(
        Kind.SUPPRESSIONS,
        "Email Address,OPTIN_TIME,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,LEID\n"
        "eve@client.example,2021-01-01 10:00:00,2023-02-03 04:05:06,Spring sale,3\n",
        timezone="UTC",
    )
    report = desk.bring(
        Kind.SUPPRESSIONS, "email,Subscription status\nfay@client.example,complained\nana@client.example,subscribed\n"
    )
    assert sorted(desk.rows(tables.suppressions, "reason", "at", "detail")) == [
        ("bounced", datetime(2023, 2, 3, 4, 5, 6, tzinfo=UTC), "Spring sale"),
        ("complained", NOW, None), ("manual", NOW, None),
    ]  # fmt: skip
    assert any(note.startswith("1 rows say that their person is subscribed") for note in report.notes)


def test_a_client_without_an_address_in_the_row_is_suppressed_at_the_known_one(sqlite_desk: Desk) -> None:
    sqlite_desk.bring(Kind.CUSTOMERS, "id,email\nc-1,eve@client.example\n")
    report = sqlite_desk.bring(Kind.CUSTOMERS, "id,status\nc-1,bounced\n")
    address = ids.address_hash("eve@client.example", SECRET)
    assert sqlite_desk.rows(tables.suppressions, "email_hash", "reason") == [(address, "bounced")]
    assert (report.changed, report.unchanged) == (1, 0)
    assert sqlite_desk.bring(Kind.CUSTOMERS, "id,status\nc-1,bounced\n").unchanged == 1


def test_a_name_means_the_same_in_every_tool() -> None:
    meanings: dict[str, Meaning] = {}
    for tool, columns in TOOLS.items():
        for name, meaning in columns.items():
            assert meanings.setdefault(plain_name(name), meaning) == meaning, (tool, name)


def test_a_word_means_one_state() -> None:
    words = [plain_name(word) for words in WORDS.values() for word in words]
    assert len(words) == len(set(words))
    ours = {ConsentState.SILENT, ConsentState.NO_MARKETING, ConsentState.NO_EMAIL}
    assert set(ANSWERS.values()) == {None, *ConsentState} - ours
