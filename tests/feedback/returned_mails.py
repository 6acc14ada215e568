"""Small returned messages, written after RFC 3464, RFC 5965, RFC 3834 and the servers' documented texts."""

from __future__ import annotations

TOKEN = "b-k5zq2x7m"
OURS = "20260301.7f3a@studio.example"
COPY = f"""From: Ana <ana@studio.example>
To: kim@client.example
Subject: Spring
Message-ID: <{OURS}>
X-Regulars-Test: spring/first
"""


def bounce(body: str, subject: str = "Undelivered Mail Returned to Sender", extra: str = "") -> bytes:
    """A message from a mail server, as text."""
    return (
        f"Return-Path: <>\nDelivered-To: {TOKEN}@studio.example\nFrom: MAILER-DAEMON@mx.example\n"
        f"To: {TOKEN}@studio.example\nSubject: {subject}\nDate: Sun, 1 Mar 2026 10:00:00 +0100\n{extra}\n{body}"
    ).encode()


def report(
    fields: str, text: str = "It could not be delivered.", kind: str = "delivery-status", copy: str = COPY
) -> bytes:
    """A multipart/report (RFC 6522) with the fields of its second part."""
    head = f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type={kind};\n boundary="=_b"\n'
    parts = f"--=_b\nContent-Type: text/plain\n\n{text}\n--=_b\nContent-Type: message/{kind}\n\n{fields}\n"
    return bounce(f"{parts}--=_b\nContent-Type: message/rfc822\n\n{COPY}\nHello\n--=_b--\n", extra=head)


def status(recipient: str, code: str, words: str, action: str = "failed") -> str:
    """The fields of one recipient (RFC 3464)."""
    return f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {code}\nDiagnostic-Code: smtp; {words}\n\n"


DSN = report("Reporting-MTA: dns; mx.example\n\n" + status("kim@client.example", "5.1.1", "550 5.1.1 User unknown"))
TWO = report(
    "Reporting-MTA: dns; mx.example\n\n"
    + status("kim@client.example", "5.1.1", "550 5.1.1 User unknown")
    + status("lee@client.example", "5.2.2", "552 5.2.2 Mailbox full")
)
DELAYED = report(status("kim@client.example", "4.4.1", "connect to mx.client.example: timed out", "delayed"))
COMPLAINT = report(
    "Feedback-Type: abuse\nUser-Agent: SomeMail/1.0\nVersion: 1\nOriginal-Rcpt-To: <kim@client.example>\n"
    "Arrival-Date: Sun, 1 Mar 2026 08:00:00 +0000\n",
    kind="feedback-report",
)
EXIM = bounce(
    "This message was created automatically by mail delivery software.\n\n"
    "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. "
    "The following address(es) failed:\n\n  kim@client.example\n"
    "    SMTP error from remote mail server after RCPT TO:<kim@client.example>:\n"
    "    host mx.client.example [192.0.2.7]: 550 No such user here\n\n"
    "------ This is a copy of the message, including all the headers. ------\n\n" + COPY,
    subject="Mail delivery failed: returning message to sender",
    extra="X-Failed-Recipients: kim@client.example\nAuto-Submitted: auto-replied\n",
)
QMAIL = bounce(
    "Hi. This is the qmail-send program at mx.example.\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
    "<kim@client.example>:\n192.0.2.7 does not like recipient.\nRemote host said: 550 5.1.1 No such mailbox\n"
    "Giving up on 192.0.2.7.\n\n"
    "<lee@client.example>:\nSorry, the mailbox is over quota. (#5.2.2)\n\n"
    "--- Below this line is a copy of the message.\n\n" + COPY,
    subject="failure notice",
)
DOMINO = report(
    "Final-Recipient: rfc822;kim@client.example\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: X-Notes; User kim (kim@client.example) not listed in Domino Directory\n",
    text="Your message\n\nwas not delivered to:\n\n  kim@client.example\n\nbecause:\n\n  User not listed\n",
)


def mail(subject: str, body: str = "", extra: str = "") -> bytes:
    """A message from a person or a person's program."""
    return (
        f"From: Kim <kim@client.example>\nTo: bounces@studio.example\nSubject: {subject}\n"
        f"Date: Sun, 1 Mar 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\n{extra}\n{body}"
    ).encode()
