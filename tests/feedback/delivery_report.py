"""A delivery report for tests of what receives it."""

from __future__ import annotations

from regulars.core.return_path import HEADER


def dsn(to: str, about: str, number: int = 1, token: str | None = None) -> bytes:
    """A delivery status (RFC 3464) as Postfix writes it, shortened; ours, made for these tests."""
    returned = f"Subject: news\r\n{HEADER}: {token}\r\n" if token else "Subject: news\r\n"
    lines = f"""From: MAILER-DAEMON@mx.client.example
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-Id: <{number}@mx.client.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

<{about}>: unknown user

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.client.example

Final-Recipient: rfc822; {about}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 unknown user

--b
Content-Type: text/rfc822-headers

@RETURNED@
--b--
"""
    return lines.replace("\n", "\r\n").replace("@RETURNED@", returned).encode()
