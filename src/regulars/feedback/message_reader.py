"""`parse`: the bytes of one message that came back, into notifications. Reads nothing else, and never raises.

Reports are read in the order of their certainty: a complaint (RFC 5965), a delivery status (RFC 3464), a disposition
(RFC 8098), free text from a mail server, an automatic reply, a request to unsubscribe; else a person wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256

from regulars.delivery.causes import UNDEFINED, cause, cause_of_status, cause_of_words, is_exact
from regulars.feedback.automatic_reply import auto_submitted, automatic_kind, has_automatic_subject
from regulars.feedback.bounce_reasons import bounce_kind_of
from regulars.feedback.bounce_text import is_delayed, report_lines, text_statuses
from regulars.feedback.delivery_status import (
    RecipientStatus,
    address_in,
    recipient_statuses,
    status_in,
    statuses_in_text,
)
from regulars.feedback.message_parts import Headers, Part, parameter, split_headers, split_message
from regulars.feedback.notification import Kind, Notification
from regulars.feedback.returned_message import Returned, returned_of
from regulars.feedback.unsubscribe_request import asks_by_subject, is_unsubscribe
from regulars.feedback.webhooks.amazon_ses import notifications_of
from regulars.feedback.webhooks.provider_interface import mapping

_LONGEST_WORDS = 500
_JSON = json.JSONDecoder(strict=False)
_MAILER = re.compile(
    r"mailer.?daemon|post.?master|mail ?(?:er|administrator|delivery|deliver)|mail system|mdaemon|majordomo"
    r"|^\"?mail(?:er)?\b"
    r"|system administrator|delivery (?:subsystem|system|status|notification)|bounce|noreply.{0,20}mail",
    re.IGNORECASE,
)
_FAILURE_SUBJECT = re.compile(
    r"undeliver|deliver\w* (?:fail|status|notification|problem|error|delay|has|report|to)|returned (?:mail"
    r"|to sender|message)|(?:failure|failed) (?:notice|mail|to)"
    r"|(?:mail|message|e-?mail)\W{0,3}(?:delivery|system|could not|not)? ?(?:fail|error|returned|not delivered"
    r"|undeliver|delayed|warning)|non.?delivery|could ?n[o']t be (?:sent|delivered)"
    r"|mail error|message status|nondeliver|unzustellbar|nicht zustellbar|nie dostarczono|niedostarcz"
    r"|не доставлен|недоставлен|nelivrat|non remis|no entregado|rejected|error sending|user unknown|warning:"
    r"|failure|^loop alert",
    re.IGNORECASE,
)
_FAILURE_TEXT = re.compile(
    r"(?:could|can|was|were|has|have|been|be|are|is)(?: ?not| ?n't|n't|not) (?:yet )?(?:been "
    r"|be )?(?:able to )?(?:deliver|sent|reach)|undeliver|deliver\w* (?:fail|error)"
    r"|fail\w* (?:to deliver|permanently|delivery)|unable to (?:deliver|send)|permanent(?:ly)? (?:error|fail"
    r"|fatal)|not reach the following|had (?:delivery|permanent)|returned to sender|error (?:occurred|while"
    r"|message below)"
    r"|returned permanent errors|delivery has been|the following address|original message was received"
    r"|transcript of session|remote host said|failure reasons?|has been delayed|bounced|\b[45]\d\d[ -][45]\.\d\.\d"
    r"|duplicated message-id",
    re.IGNORECASE,
)
_REPLY_CODE = re.compile(
    r"(?<![\d.\-/:\[])\b([45]\d\d)(?=[ \-:;,<#]|$)(?! ?(?:seconds|bytes|messages|hours|days|minutes))"
)
_QUOTED_REPLY = re.compile(
    r"(?:^|said:?|<<<|out:|>:|response:?|returned was:?|failure:?|reason:?|\]:|[#(\"]|\.\.\."
    r"|: )\s{0,3}\"?([45]\d\d[ -].)"
)
_STATUSES = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")
_AT_RCPT = re.compile(
    r"reply to rcpt|after rcpt|>>> rcpt|our rcpt|\[rcpt|rcpt to:? ?command|rejected address|rcpt command"
    r"|not like recipient|smtp:rcpt|<<< rcpt|response to .{0,20}rcpt|\brcpt: ?<",
    re.IGNORECASE,
)
_LOOSE = 2
"""From this place on the texts are not the server's reply alone."""
_GROUPS = ("@googlegroups.com",)
"""Addresses of groups: their refusals, in any language, are about who may write."""
_DIRECTORY = re.compile(
    r"recipient name is not recognized|(?:domino|public) directory|recipient address rejected: access denied"
    r"|final delivery user|delivery error: dd this user|error: invalid (?:user|recipient) address",
    re.IGNORECASE,
)
"""The words with which a server says that its own directory does not list the recipient."""
_SPOOFING_FILTER = re.compile(r"\.docomo\.ne\.jp\[.{1,400}unknown user.{1,200}end of data", re.IGNORECASE)
"""NTT docomo accepts the recipient, and answers the message itself with `Unknown user` where its filter against forged
senders refuses it (https://akisoftware.com/pmsrv/help/docomo.html, https://www.nttdocomo.co.jp/info/spam_mail/)."""
_REPORTS = ("message/delivery-status", "message/global-delivery-status", "message/feedback-report")
_JMRP = re.compile(r"complaint about message from [\da-f.:]{3,45}\s*$", re.IGNORECASE)
"""The subject of complaints in Microsoft's Junk Mail Reporting Program, which have no report but the email itself."""
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "miscategorized"})


def parse(message: bytes) -> list[Notification]:
    """The statements of one message: one for each recipient of a report, else exactly one.

    A message that is not understood, or is no report, gives one of kind OTHER. Time and memory are bounded by the
    size, of which at most 2 MB are read. Each has an `event_id`, the same whenever the same message is read.
    """
    headers, parts = _report_within(*split_message(message))
    returned = returned_of(headers, parts)
    found = _notifications(headers, parts, returned)
    digest = sha256(message).hexdigest()[:32]
    at = date_of(headers.first("date"))
    return [
        replace(
            one,
            at=one.at or at,
            message_id=one.message_id or returned.message_id,
            return_path=returned.return_path,
            event_id=f"mail:{digest}:{place}",
        )
        for place, one in enumerate(found)
    ]


def _report_within(headers: Headers, parts: list[Part]) -> tuple[Headers, list[Part]]:
    """The report that a gateway or a person forwarded as an attachment; else the message itself."""
    if not any(part.type in _REPORTS for part in parts):
        for part in parts:
            if part.type == "message/rfc822":
                inner, within = split_message(part.raw)
                if any(one.type in _REPORTS for one in within):
                    return inner, within
    return headers, parts


def date_of(value: str) -> datetime | None:
    """An RFC 5322 date as an aware UTC datetime; None for what is none."""
    try:
        found = parsedate_to_datetime(value)
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _notifications(headers: Headers, parts: list[Part], returned: Returned) -> list[Notification]:
    text = next((part.text for part in parts if part.type.startswith("text/") and part.raw.strip()), "")
    by_type = {part.type: part for part in reversed(parts)}
    if report := by_type.get("message/feedback-report"):
        return [_complaint(report, returned)]
    if _JMRP.match(headers.first("subject")) and "message/rfc822" in by_type:
        named = address_in(returned.headers.first("x-hmxmroriginalrecipient"))
        return [Notification(Kind.COMPLAINT, None, named or returned.recipient, "feedback")]
    if status := by_type.get("message/delivery-status") or by_type.get("message/global-delivery-status"):
        return _bounces(headers, text, recipient_statuses(status.text), returned)
    if "message/disposition-notification" in by_type:
        return [Notification(Kind.AUTO_REPLY, None, _author(headers), "receipt")]
    if text.startswith("{") and (events := _events_of_ses(text)):
        return events
    if _is_mail_server(headers) and not has_automatic_subject(headers) and _reports_failure(headers, text):
        return _bounces(headers, text, [], returned)
    kind, reason = _kind_of_mail(headers, text)
    if kind is Kind.OTHER and _looks_like_failure(headers, text):
        return _bounces(headers, text, [], returned)
    return [Notification(kind, None, _author(headers), reason, words=_words(text))]


def _events_of_ses(text: str) -> list[Notification]:
    """Those of an Amazon SES event in JSON, which a topic of SNS sends by email to whoever subscribed so."""
    try:
        message = mapping(_JSON.raw_decode(text)[0])
        if isinstance(message.get("Message"), str):
            message = mapping(_JSON.raw_decode(message["Message"])[0])
    except (ValueError, RecursionError):
        return []
    return notifications_of(message, "")


def _kind_of_mail(headers: Headers, text: str) -> tuple[Kind, str]:
    """What a message is that is no report: its kind and reason."""
    if asks_by_subject(headers, text):  # before automatic replies: some programs write it by themselves
        return Kind.UNSUBSCRIBE, "feedback"
    automatic = automatic_kind(headers, text)
    if automatic:
        return Kind.AUTO_REPLY, automatic
    return (Kind.UNSUBSCRIBE, "feedback") if is_unsubscribe(headers, text) else (Kind.OTHER, "")


def _looks_like_failure(headers: Headers, text: str) -> bool:
    """Whether a message from nobody known reports a failure: by subject and text, or by the beginning of its text."""
    cut = text[:4000]
    if headers.first("in-reply-to") and not _MAILER.search(headers.first("from")[:300]):
        return False
    return bool(_FAILURE_SUBJECT.search(headers.first("subject")[:300])) and bool(_FAILURE_TEXT.search(cut))


def _author(headers: Headers) -> str | None:
    return address_in(headers.first("from"))


def _is_mail_server(headers: Headers) -> bool:
    """Whether a mail server wrote it: by its name, the header of those that failed, or a null return path.

    Automatic replies have a null return path, too (RFC 3834), and may say that an address does not exist.
    """
    null_path = "return-path" in headers and headers.first("return-path").strip() in {"<>", ""}
    return (
        bool(headers.first("x-failed-recipients"))
        or bool(_MAILER.search(headers.first("from")[:300]))
        or (null_path and not auto_submitted(headers))
        or parameter(headers.first("content-type"), "report-type").lower() == "delivery-status"
    )


def _reports_failure(headers: Headers, text: str) -> bool:
    return (
        bool(headers.first("x-failed-recipients"))
        or bool(_FAILURE_SUBJECT.search(headers.first("subject")[:300]))
        or bool(_FAILURE_TEXT.search(text[:8000]))
    )


def _complaint(report: Part, returned: Returned) -> Notification:
    """RFC 5965: `abuse` is a complaint, `opt-out` a request; others are about nobody's wish."""
    fields = split_headers(report.text.lstrip().encode("utf-8", "replace"))[0]
    kind = fields.first("feedback-type").strip().lower()
    recipient = (
        next((a for value in fields.all("original-rcpt-to") if (a := address_in(value))), None) or returned.recipient
    )
    meaning = Kind.COMPLAINT if kind in _COMPLAINTS else Kind.UNSUBSCRIBE if kind.startswith("opt-out") else Kind.OTHER
    at = next((d for name in ("arrival-date", "received-date") if (d := date_of(fields.first(name)))), None)
    return Notification(meaning, at, recipient, "feedback", words=kind[:_LONGEST_WORDS])


def _bounces(headers: Headers, text: str, statuses: list[RecipientStatus], returned: Returned) -> list[Notification]:
    """From the delivery status, and from the text where that says more."""
    lines = report_lines(text)
    named = {one.recipient for one in statuses}
    own = frozenset(a.lower() for a in (*returned.delivered_to, *_senders(returned)) if a and a not in named)
    listed = text_statuses(lines, own)
    if not statuses:
        statuses = statuses_in_text(text) or _failed_recipients(headers, listed, lines) or listed
    if not statuses:
        statuses = [RecipientStatus(returned.recipient, "delayed" if is_delayed(" ".join(lines)) else "failed")]
    whole = " ".join(" ".join(lines).split())
    by_address = {one.recipient.lower(): one.words for one in listed if one.recipient}
    found = []
    for one in statuses:
        block = by_address.get((one.recipient or "").lower()) or (whole if len(statuses) == 1 else "")
        exact = replace(one, words="") if one in listed else one  # the block is not the server's reply alone
        found.append(_bounce(exact, block, whole if len(statuses) == 1 else "", headers.first("subject")))
    return found


def _failed_recipients(headers: Headers, listed: list[RecipientStatus], lines: list[str]) -> list[RecipientStatus]:
    """Those of `X-Failed-Recipients`, which Exim and Gmail write; their words are the text's, if it names them."""
    action = "delayed" if is_delayed(" ".join(lines)) else "failed"
    by_address = {one.recipient: one for one in listed}
    addresses = [a for v in headers.all("x-failed-recipients") for part in v.split(",") if (a := address_in(part))]
    return [by_address.get(address) or RecipientStatus(address, action) for address in dict.fromkeys(addresses)][:100]


def _senders(returned: Returned) -> list[str | None]:
    return [address_in(returned.headers.first(name)) for name in ("from", "return-path", "sender", "reply-to")]


def _bounce(one: RecipientStatus, text: str, whole: str, subject: str) -> Notification:
    """`text` is what the report says to people about the recipient, `whole` to all, without the copy of the message."""
    reply = _reply_in(text)
    status = _best_status(status_in(one.words), one.status, status_in(reply), status_in(text))
    code = _reply_code(one.words) or _reply_code(reply)
    if one.action in {"delivered", "relayed", "expanded"}:
        return Notification(Kind.DELIVERED, None, one.recipient, "delivered", status, code, _words(one.words or text))
    reason = _reason(one, status, (one.words, reply, text, whole, subject))
    if reason == "userunknown" and not _is_about_address(one, status, f"{one.words} {text} {whole}"):
        reason = "rejected" if _SPOOFING_FILTER.search(text) else "filtered"
    temporary = (status or "").startswith("4.") or (status is None and code is not None and code < 500)
    kind = bounce_kind_of(reason, temporary=temporary)
    if one.action == "delayed":
        kind, reason = Kind.DELAYED, "expired" if reason == UNDEFINED else reason
    return Notification(kind, None, one.recipient, reason, status, code, _words(one.words or reply or text))


def _best_status(*statuses: str | None) -> str | None:
    """The first that says something; `5.0.0` says nothing."""
    given = [status for status in statuses if status]
    return next((status for status in given if not status.endswith(".0.0")), given[0] if given else None)


def _reason(one: RecipientStatus, status: str | None, texts: Sequence[str]) -> str:
    """By the first of the texts, from the most exact to the least, whose words say something; else by the code."""
    found = UNDEFINED
    for place, words in enumerate(texts):
        if place == _LOOSE and is_exact(status):
            return cause_of_status(status)
        if words and cause_of_words(words):
            found = cause(words, status)
            break
    if found == UNDEFINED and (one.recipient or "").lower().endswith(_GROUPS):
        return "rejected"
    if found in {UNDEFINED, "systemerror"} and one.diagnostic_type == "x-unix":
        return "mailererror"  # a program of the other host failed
    return cause_of_status(status) if found == UNDEFINED else found


def _is_about_address(one: RecipientStatus, status: str | None, text: str) -> bool:
    """Whether a server refused the recipient itself. Words alone may come from a filter behind a server that took it.

    True for an enhanced code about the address (RFC 3463, x.1.x), for a reply to RCPT, and for one that begins with the
    address, as replies to RCPT do.
    """
    if one.diagnostic_type == "smtp" and one.recipient and (status or ".0.0").endswith(".0.0"):
        begin = one.words.removeprefix(str(_reply_code(one.words) or "")).lstrip(" -").removeprefix("5.0.0 ")
        if begin.startswith((f"<{one.recipient}>", f"{one.recipient}...", f"{one.recipient} ")):
            return True
    codes = [status or "", one.status or "", *_STATUSES.findall(text[:4000])]
    return any(code[1:3] == ".1" for code in codes) or bool(_AT_RCPT.search(text)) or bool(_DIRECTORY.search(text))


def _reply_in(text: str) -> str:
    """The reply of another server that the text quotes, from its code on; empty if it quotes none."""
    found = _QUOTED_REPLY.search(text)
    return text[found.start(1) :] if found else ""


def _reply_code(words: str) -> int | None:
    found = _REPLY_CODE.search(words)
    return int(found[1]) if found else None


def _words(text: str) -> str:
    return " ".join(text[: 4 * _LONGEST_WORDS].split())[:_LONGEST_WORDS]
