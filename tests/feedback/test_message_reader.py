"""Reading returned messages: reports, free text, automatic replies, requests; whatever the bytes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.feedback.message_reader import parse
from regulars.feedback.notification import Kind, Notification
from tests.feedback.provider_requests import SES_BOUNCE
from tests.feedback.returned_mails import (
    COMPLAINT,
    COPY,
    DELAYED,
    DOMINO,
    DSN,
    EXIM,
    OURS,
    QMAIL,
    TOKEN,
    TWO,
    bounce,
    mail,
    report,
    status,
)

REAL = [DSN, TWO, DELAYED, COMPLAINT, EXIM, QMAIL, DOMINO, mail("Automatic reply: Spring", "I am away.")]


def one(message: bytes) -> Notification:
    """The only notification."""
    [found] = parse(message)
    return found


def test_a_delivery_status_names_the_address_and_our_email() -> None:
    found = one(DSN)
    assert (found.kind, found.reason, found.recipient) == (Kind.HARD_BOUNCE, "userunknown", "kim@client.example")
    assert (found.status, found.reply_code) == ("5.1.1", 550)
    assert (found.message_id, found.return_path) == (OURS, TOKEN)
    assert found.at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert found.event_id
    assert found.event_id == one(DSN).event_id


def test_each_recipient_of_a_report_is_a_notification_with_its_own_id() -> None:
    hard, soft = parse(TWO)
    assert (hard.recipient, hard.kind) == ("kim@client.example", Kind.HARD_BOUNCE)
    assert (soft.recipient, soft.kind, soft.reason) == ("lee@client.example", Kind.SOFT_BOUNCE, "mailboxfull")
    assert hard.event_id != soft.event_id


def test_recipients_without_a_blank_line_and_fields_in_another_order() -> None:
    first = status("kim@client.example", "5.1.1", "550 5.1.1 User unknown").rstrip("\n") + "\n"
    hard, soft = parse(report(first + status("lee@client.example", "5.2.2", "552 5.2.2 Mailbox full")))
    assert (hard.recipient, soft.recipient, soft.reason) == ("kim@client.example", "lee@client.example", "mailboxfull")
    last = "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\nFinal-Recipient: rfc822; kim@client.example\n"
    assert one(report(last)).recipient == "kim@client.example"


@pytest.mark.parametrize(
    ("code", "words", "reason", "kind"),
    [
        ("5.0.0", "550 Message rejected as spam", "spamdetected", Kind.SOFT_BOUNCE),
        ("5.7.26", "550 5.7.26 Unauthenticated email is not accepted", "authfailure", Kind.SOFT_BOUNCE),
        ("5.7.1", "554 5.7.1 Client host [192.0.2.1] blocked using zen", "blocked", Kind.SOFT_BOUNCE),
        ("5.4.4", "Host or domain name not found", "hostunknown", Kind.HARD_BOUNCE),
        ("5.1.6", "550 5.1.6 gone elsewhere", "hasmoved", Kind.HARD_BOUNCE),
        ("5.1.10", "556 5.1.10 null MX", "notaccept", Kind.HARD_BOUNCE),
        ("4.1.1", "450 4.1.1 unknown in local recipient table", "userunknown", Kind.SOFT_BOUNCE),
        ("5.2.1", "550 5.2.1 account is disabled", "suspend", Kind.SOFT_BOUNCE),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", "exceedlimit", Kind.SOFT_BOUNCE),
        ("5.0.0", "550 Sender address rejected: Domain not found", "rejected", Kind.SOFT_BOUNCE),
        ("5.0.0", "550 unknown user: sender verify failed", "rejected", Kind.SOFT_BOUNCE),
        ("5.7.1", "550 5.7.1 domain not found", "rejected", Kind.SOFT_BOUNCE),
        ("5.7.1", "550 5.7.1 User unknown", "filtered", Kind.SOFT_BOUNCE),  # a code of policy: not about the address
    ],
)
def test_the_reason_comes_from_code_and_words(code: str, words: str, reason: str, kind: Kind) -> None:
    found = one(report(status("kim@client.example", code, words)))
    assert (found.reason, found.kind) == (reason, kind)


def test_words_without_a_code_do_not_kill_an_address_unless_the_recipient_was_refused() -> None:
    words = "550 User unknown"
    after_data = report(status("kim@client.example", "5.0.0", words), text=f"said: {words} (in reply to end of DATA)")
    by_name = report(status("kim@client.example", "5.0.0", "550 <kim@client.example>: User unknown"))
    at_rcpt = report(status("kim@client.example", "5.0.0", words), text=f"said: {words} (in reply to RCPT TO command)")
    assert one(after_data).kind is Kind.SOFT_BOUNCE
    assert one(at_rcpt).kind is Kind.HARD_BOUNCE
    assert one(by_name).kind is Kind.HARD_BOUNCE


@pytest.mark.parametrize("message", [EXIM, DOMINO])
def test_free_text_and_other_servers(message: bytes) -> None:
    found = one(message)
    assert (found.kind, found.reason, found.recipient) == (Kind.HARD_BOUNCE, "userunknown", "kim@client.example")
    assert found.message_id == OURS


def test_a_report_that_was_forwarded_as_an_attachment() -> None:
    head = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=_f"\n'
    text = "--=_f\nContent-Type: text/plain\n\nSee below.\n--=_f\nContent-Type: message/rfc822\n\n"
    found = one(bounce(f"{text}{DSN.decode()}\n--=_f--\n", subject="Returned mail", extra=head))
    assert (found.kind, found.recipient, found.return_path) == (Kind.HARD_BOUNCE, "kim@client.example", TOKEN)


def test_qmail_names_several_recipients() -> None:
    hard, soft = parse(QMAIL)
    assert (hard.recipient, hard.kind) == ("kim@client.example", Kind.HARD_BOUNCE)
    assert (soft.recipient, soft.reason, soft.kind) == ("lee@client.example", "mailboxfull", Kind.SOFT_BOUNCE)
    assert hard.message_id == soft.message_id == OURS


def test_a_transcript_of_sendmail_gives_each_recipient_the_replies_above_it() -> None:
    text = (
        "   ----- Transcript of session follows -----\nWhile talking to one.example:\n>>> DATA\n"
        "<<< 550 You may not send advertisements here.\n421 one.example (smtp)... Deferred: Connection reset\n"
        "554 <kim@one.example>... Remote protocol error: Connection reset\n"
        "550 two.example (smtp)... 550 Host unknown\n554 <lee@two.example>... 550 Host unknown\n"
        "While talking to three.example:\n>>> QUIT\n<<< 421 three.example is away.\n"
        "While talking to mx.three.example:\n>>> RCPT To:<ann@three.example>\n<<< 550 No such user here.\n"
        "550 <ann@three.example>... User unknown\n\n   ----- Unsent message follows -----\n"
    )
    found = [(one.recipient, one.kind, one.reason) for one in parse(bounce(text + COPY, subject="Returned mail"))]
    assert found == [
        ("kim@one.example", Kind.SOFT_BOUNCE, "rejected"),
        ("lee@two.example", Kind.HARD_BOUNCE, "hostunknown"),
        ("ann@three.example", Kind.HARD_BOUNCE, "userunknown"),
    ]


def test_an_unknown_user_behind_the_filter_of_docomo_is_a_refused_sender() -> None:
    words = "550 Unknown user kim@docomo.ne.jp"
    host = "<kim@docomo.ne.jp>: host mfsmax.docomo.ne.jp[192.0.2.1] said"
    text = f"{host}:\n    {words} (in reply to end of DATA\n    command)"
    found = one(report(status("kim@docomo.ne.jp", "5.0.0", words), text=text))
    assert (found.kind, found.reason) == (Kind.SOFT_BOUNCE, "rejected")


def test_a_list_that_has_seen_the_message_drops_it() -> None:
    found = one(
        mail("Loop Alert: Duplicated Message-ID (spring list)", "Duplicated Message-ID in <spring@lists.example>.")
    )
    assert (found.kind, found.reason) == (Kind.SOFT_BOUNCE, "networkerror")


def test_a_gateway_says_that_the_address_is_invalid() -> None:
    reply = "550 - no such user here\n\n  RCPT TO: kim@client.example\n"
    text = f"Error: Invalid user address\n\nError message below:\n{reply}"
    assert one(bounce(text, subject="Re: Spring")).kind is Kind.HARD_BOUNCE


def test_a_notice_of_delay_is_no_bounce() -> None:
    assert one(DELAYED).kind is Kind.DELAYED
    text = (
        "It has not yet been delivered.\n\n  kim@client.example\n    550 5.1.1 User unknown\n\nWe will keep trying.\n"
    )
    assert one(bounce(text, subject="Warning: delivery delayed")).kind is Kind.DELAYED


def test_a_complaint() -> None:
    found = one(COMPLAINT)
    assert (found.kind, found.recipient, found.message_id) == (Kind.COMPLAINT, "kim@client.example", OURS)
    assert found.at == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_a_complaint_of_microsoft_s_program_is_our_email_alone() -> None:
    copy = "X-HmXmrOriginalRecipient: kim@client.example\n" + COPY
    head = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=_b"\n'
    body = f"--=_b\nContent-Type: message/rfc822\n\n{copy}\nHello\n--=_b--\n"
    found = one(bounce(body, subject="complaint about message from 192.0.2.4", extra=head))
    assert (found.kind, found.recipient, found.message_id) == (Kind.COMPLAINT, "kim@client.example", OURS)
    question = mail("complaint about message from 192.0.2.4", "I have a question.")
    assert one(question).kind is Kind.OTHER


@pytest.mark.parametrize(
    ("feedback", "kind"),
    [("opt-out", Kind.UNSUBSCRIBE), ("auth-failure", Kind.OTHER), ("not-spam", Kind.OTHER), ("", Kind.OTHER)],
)
def test_not_every_feedback_is_a_complaint(feedback: str, kind: Kind) -> None:
    assert one(report(f"Feedback-Type: {feedback}\nVersion: 1\n", kind="feedback-report")).kind is kind


@pytest.mark.parametrize(
    "message",
    [
        mail("Automatic reply: Spring"),
        mail("Автоматична відповідь: Весна"),
        mail("Abwesenheitsnotiz"),
        mail("Odpowiedź automatyczna: wiosna", extra="Auto-Submitted: auto-replied\n"),
        mail("Nieobecność w biurze"),
        mail("Răspuns automat: primăvară"),
        mail(
            "Re: Spring",
            "Kim no longer works here, the address does not exist: 550 5.1.1",
            "Auto-Submitted: auto-replied\n",
        ),
        mail("Re: Spring", extra="X-Autoreply: yes\n"),
        mail("Re: Spring", extra="Precedence: auto_reply\n"),
        mail("Please confirm your message: sender verification required"),
        mail("Read: Spring"),
        b"Return-Path: <>\n" + mail("Automatic reply: Spring", "User unknown. Undeliverable."),
    ],
)
def test_automatic_replies_say_nothing_about_the_address(message: bytes) -> None:
    assert one(message).kind is Kind.AUTO_REPLY


AUTOMATIC = [
    "Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated (rejected)", "X-Autoreply: yes",
    "Precedence: auto_reply", "X-Autorespond: Re", "X-Vacation: on",
]  # fmt: skip
FAILURES = [
    "550 5.1.1 User unknown", "It could not be delivered to kim@client.example.", "This is a permanent error.",
    "The address no longer exists", "Mailbox unavailable: no such user", "undeliverable", "spam complaint", "I am away",
]  # fmt: skip


@given(
    st.sampled_from(AUTOMATIC),
    st.lists(st.sampled_from(FAILURES), max_size=5),
    st.sampled_from(["Re: Spring", "Undeliverable: Spring", "Spring", "User unknown"]),
    st.booleans(),
)
def test_no_automatic_reply_ever_suppresses(header: str, words: list[str], subject: str, null_path: bool) -> None:
    path = b"Return-Path: <>\n" if null_path else b""
    found = one(path + mail(subject, "\n".join(words), header + "\n"))
    assert found.kind is Kind.AUTO_REPLY


@pytest.mark.parametrize(
    "word", ["unsubscribe", "Unsubscribe.", "відписатися", "abmelden", "wypisz mnie", "dezabonare", "STOP"]
)
def test_a_request_to_unsubscribe(word: str) -> None:
    assert one(mail(word)).kind is Kind.UNSUBSCRIBE
    assert one(mail("Re: Spring", f"{word}\n\n> Hello Kim,\n> spring is here\n")).kind is Kind.UNSUBSCRIBE
    automatic = mail("unsubscribe", "MailApp sent this email to unsubscribe.", "Auto-Submitted: auto-generated\n")
    assert one(automatic).kind is Kind.UNSUBSCRIBE
    assert one(automatic).recipient == "kim@client.example"


@pytest.mark.parametrize(
    "message",
    [
        mail("Re: Spring", "Thank you, see you on Friday!"),
        mail("Re: Spring", "Please do not stop the treatment, I cannot cancel Friday."),
        mail("Re: unsubscribe", "No, I did not mean that."),
        mail("A question", "How do I unsubscribe my mother? Her address is lee@client.example."),
    ],
)
def test_a_person_s_words_are_left_to_people(message: bytes) -> None:
    assert one(message).kind is Kind.OTHER


def test_an_event_of_ses_by_email() -> None:
    body = (
        json.dumps({"Type": "Notification", "Message": json.dumps(SES_BOUNCE)}) + "\n\n--\nTo stop these emails, open …"
    )
    found = one(mail("AWS Notification Message", body))
    assert (found.kind, found.message_id, found.provider_id) == (Kind.HARD_BOUNCE, OURS, "0102-ses")
    assert found.event_id
    assert one(mail("Hello", "{" * 100_000)).kind is Kind.OTHER
    assert one(mail("Hello", '{"a":' * 10_000)).kind is Kind.OTHER


def test_parts_in_base64_with_folded_and_encoded_headers() -> None:
    text = "UmVtb3RlIGhvc3Qgc2FpZDogNTUwIDUuMS4xIE5vIHN1Y2ggdXNlcg=="
    message = (
        "From: =?utf-8?q?Mail_Delivery_Subsystem?= <mailer-daemon@mx.example>\nTo:\n " + TOKEN + "@studio.example\n"
        "Subject: =?utf-8?b?VW5kZWxpdmVyYWJsZQ==?=\nContent-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: base64\n\n{text}\n"
    )
    found = one(message.encode())
    assert (found.kind, found.reason, found.return_path) == (Kind.HARD_BOUNCE, "userunknown", TOKEN)


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(data: bytes) -> None:
    assert parse(data)


@given(st.sampled_from(REAL), st.integers(0, 3000), st.binary(max_size=20), st.integers(0, 3000))
def test_broken_mails_are_read(message: bytes, place: int, noise: bytes, cut: int) -> None:
    broken = (message[:place] + noise + message[place:])[: cut or None]
    for found in parse(broken):
        assert len(found.words) <= 500
        assert found.at is None or found.at.tzinfo is UTC


@pytest.mark.parametrize("end", range(0, len(EXIM), 97))
def test_cut_mails_never_complain(end: int) -> None:
    assert all(found.kind is not Kind.COMPLAINT for found in parse(EXIM[:end]))


NASTY = {
    "one line": b"a" * 1_000_000,
    "at signs": b"a@" * 500_000,
    "angle brackets": b"Content-Type: text/html\n\n" + b"<" * 1_000_000,
    "headers": b"A: b\n" * 200_000,
    "folded header": b"Subject: x\n" + b" y\n" * 300_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 70_000,
    "nested parts": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20_000)),
    "boundaries": b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n\n" * 160_000,
    "recipients": DSN.replace(b"Final-Recipient", b"Final-Recipient: rfc822; a@b.example\n\nFinal-Recipient" * 20_000),
    "digits": bounce("550 5.1.1 " * 100_000),
    "blanks": bounce(" " * 1_000_000),
    "words": bounce("user mailbox recipient account is was not " * 25_000),
    "quoted printable": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=\n" * 500_000,
    "dashes": bounce("-" * 1_000_000),
    "parameters": b"Content-Type: multipart/mixed" + b"; a=b" * 200_000,
}


@pytest.mark.parametrize("name", NASTY)
def test_a_megabyte_of_anything_takes_bounded_time(name: str) -> None:
    started = time.process_time()
    assert len(parse(NASTY[name])) <= 100
    assert time.process_time() - started < 1.0


def test_the_copy_of_our_email_may_stand_in_the_text() -> None:
    found = one(bounce(f"<kim@client.example>: 550 5.1.1 User unknown\n\n--- Original message follows.\n\n{COPY}"))
    assert (found.message_id, found.kind) == (OURS, Kind.HARD_BOUNCE)
