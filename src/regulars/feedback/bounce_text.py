"""Bounces in free text: the recipients that a mail server names, and its words about each.

Servers before RFC 3464, and many since, write for people: a sentence, the address, the other server's reply, and then
a copy of the message. Two shapes cover nearly all: the address begins a paragraph or an indented line and the words
follow it (qmail, Exim, Postfix, Courier, Gmail), or one sentence names the address (`undeliverable to …`).
"""

from __future__ import annotations

import re

from regulars.feedback.delivery_status import RecipientStatus, address_in, status_in

_COPY = re.compile(
    r"^\W{0,80}(?:(?:(?:included|below|here|this|enclosed|attached)\b.{0,30}\b)?copy of (?:the|your)"
    r"|(?:the )?original (?:message|(?:e-?)?mail)\b"
    r"|unsent message|returned message|(?:message )?headers? (?:of|follow)|message (?:header |text "
    r"|headers )?follow|first \d+ lines of"
    r"|the header of the original|returned content|body of (?:the )?message|sent message|urspr.{1,3}ngliche nachricht"
    r"|received: ?from \S|received: ?by \S|return-path: ?<)",
    re.IGNORECASE,
)
"""The line after which the returned message comes."""
_RECEIVED_FOR = re.compile(r"^(?:the )?original message was received", re.IGNORECASE)
_REPLY_BODY = re.compile(
    r"body of message generated response|original message (?:was|could)|sent message could", re.IGNORECASE
)
_OTHER_ADDRESS = re.compile(
    r"^\W{0,6}(?:from|cc|bcc|reply-to|sender|mail from|return-path|message-id|date|subject|in-reply-to|sent|hello"
    r"|dear|hi)\b",
    re.IGNORECASE,
)
_STARTS = re.compile(
    r"^\s{0,12}(?:>>> )?(?:\*|-|•)?\s{0,4}(?:to|rcpt to|recipients?(?: address)?|failed (?:recipient|address)"
    r"|adresat"
    r"|empf.{1,3}nger|odbiorca|destinatar(?:io|ul)?|unknown user|user|bad address"
    r"|<\d{3}>)?\s?:?\s{0,4}[<\"'\[(]{0,3}(?=[^\s<>@]{1,64}@)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"(?:undeliver(?:able|ed)|deliver(?:y|ed)?|failed|failure|unable|could not|cannot|error|reject|unknown"
    r"|not found|problem"
    r"|bounced|returned|reach|mailbox|recipients?|rcpt)",
    re.IGNORECASE,
)
_DELAYED = re.compile(
    r"(?:has|have) not (?:yet )?been (?:delivered|sent)(?: yet)?|not yet been delivered|will (?:be retried"
    r"|keep trying|retry|continue)"
    r"|warning message only|delivery (?:has been |is |to .{0,80})?(?:delayed|still being)|still (?:trying"
    r"|being retried|attempting)"
    r"|do not need to resend|no action is required on your part|temporarily deferred|message.{0,20} delayed",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    r"giv(?:en|ing) up|permanent(?:ly)? (?:error|fail|fatal)|could not be delivered for|retry timeout exceeded",
    re.IGNORECASE,
)
_REPLY = re.compile(r"\s{0,12}[45]\d\d[ -]\D")
_HOST = re.compile(r"[45]\d\d \S{1,255} \(\w{1,20}\)\.\.\. ")
"""A line of Sendmail's transcript about the host of the recipients after it."""
_CONVERSATION = re.compile(r"While talking to |" + _HOST.pattern)
"""A line with which what a transcript says of a recipient ends."""
_MOST_LINES, _LONGEST_LINE, _MOST_RECIPIENTS, _LONGEST_BLOCK = 600, 1000, 100, 2000


def report_lines(text: str) -> list[str]:
    """The lines of a report before its copy of the message."""
    found: list[str] = []
    for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        cut = line[:_LONGEST_LINE].rstrip()
        stripped = cut.strip()
        if found and _COPY.match(stripped) and not _RECEIVED_FOR.match(stripped) and not _REPLY_BODY.search(stripped):
            break
        found.append(cut)
    return found


def copied_message(text: str) -> str:
    """What comes after the lines of the report: the copy of the message, as far as it is in the text."""
    lines = text.split("\n", _MOST_LINES)
    rest = lines[len(report_lines(text)) :]
    start = next((place for place, line in enumerate(rest) if re.match(r"[A-Za-z-]{2,40}:", line)), None)
    return "\n".join(rest[start:]) if start is not None else ""


def is_delayed(text: str) -> bool:
    """Whether the server says that it will try again."""
    return bool(_DELAYED.search(text)) and not _GIVEN_UP.search(text)


def text_statuses(lines: list[str], own: frozenset[str]) -> list[RecipientStatus]:
    """One for each recipient that the report's lines name; `own` are the lower-case addresses of the sender."""
    places = _recipient_places(lines, own)
    delayed = "delayed" if is_delayed(" ".join(lines)) else "failed"
    words: dict[str, list[str]] = {}
    for number, (place, address) in enumerate(places):
        end = places[number + 1][0] if number + 1 < len(places) else len(lines)
        end = next((at for at in range(place + 1, end) if _CONVERSATION.match(lines[at])), end)
        words.setdefault(address, []).append(
            _block([*_replies_before(lines, place), *lines[place : max(end, place + 1)]])
        )
    found = []
    for address, blocks in list(words.items())[:_MOST_RECIPIENTS]:
        block = " ".join(blocks)[:_LONGEST_BLOCK]
        if len(words) == 1 and not _REPLY.search(block):  # some name the recipient below the server's reply
            block = " ".join([*filter(_REPLY.match, lines[: places[0][0]]), block])[:_LONGEST_BLOCK]
        found.append(RecipientStatus(address, delayed, status_in(block), block))
    return found


def _recipient_places(lines: list[str], own: frozenset[str]) -> list[tuple[int, str]]:
    """The lines at which the words about a recipient begin."""
    strict: list[tuple[int, str]] = []
    loose: list[tuple[int, str]] = []
    for place, line in enumerate(lines):
        if "@" not in line or _OTHER_ADDRESS.match(line):
            continue
        address = address_in(line)
        if address is None or address.lower() in own or "." not in address.rpartition("@")[2]:
            continue
        if _STARTS.match(line) or re.match(r"\s*(?:[45]\d\d|<<<|>>>).{0,40}[<(]", line):
            strict.append((place, address))
        elif _SENTENCE.search(line) or (place and _SENTENCE.search(lines[place - 1])):
            loose.append((place, address))
    return strict or loose


def _replies_before(lines: list[str], place: int) -> list[str]:
    """The replies in a transcript right above the line about a recipient: they are what that line sums up."""
    begin = place
    while begin and (lines[begin - 1].startswith(("<<< ", ">>> ")) or _HOST.match(lines[begin - 1])):
        begin -= 1
    return [line for line in lines[begin:place] if line.startswith("<<< ")]


def _block(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())[:_LONGEST_BLOCK]
