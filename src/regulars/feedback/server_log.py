"""The log of a mail server: which of our emails it took, and to whom.

Read are the logs of Postfix (with the header's Message-ID, as `cleanup` writes it) and Exim, and lists that have a
Message-ID and, behind it, recipients on each line. Lines in other forms are passed over.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_OPEN = 200_000
"""Messages whose lines are put together at one time; the oldest is given out first."""
_LONGEST_LINE = 4096
_POSTFIX = re.compile(r"^(?P<at>.{10,40}?) \S+ postfix\S*\[\d+\]: (?P<id>[0-9A-Za-z]{6,20}): (?P<rest>.*)$")
_EXIM = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S*(?: [+-]\d{4})?) (?:\[\d+\] )?"
    r"(?P<id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) (?P<mark><=|=>|->|\*\*|==|Completed) ?(?P<rest>.*)$"
)
_LISTED = re.compile(
    r"^\s*<?(?P<message_id>[^\s<>@]{1,200}@[^\s<>@]{1,255})>?(?P<rest>(?:[\s,;]+<?[^\s<>,;]+@[^\s<>,;]+>?)*)\s*$"
)
_ADDRESS = re.compile(r"<?([^\s<>,;]{1,64}@[^\s<>,;]{1,255})>?")
_MONTHS = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """One message that a server took.

    `message_id` has its angle brackets; None where the log does not name it. `sender` is the envelope's sender.
    `at` is the time of the first line, in UTC, None in a plain list. `taken` is False while the log only shows that the
    message was begun.
    """

    message_id: str | None
    sender: str | None
    recipients: tuple[str, ...]
    at: datetime | None
    taken: bool


@dataclass(slots=True)
class _Open:
    at: datetime | None
    message_id: str | None = None
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    taken: bool = False

    def closed(self) -> LoggedMessage:
        return LoggedMessage(self.message_id, self.sender, self.recipients, self.at, self.taken)


def read_log(lines: Iterable[str], until: datetime) -> Iterator[LoggedMessage]:
    """The messages of a log, in no certain order; memory is bounded, whatever the log's length.

    `until` gives the year of times without one: the latest that is not after it. Times without a zone are of this
    machine.
    """
    found: OrderedDict[str, _Open] = OrderedDict()
    for line in lines:
        text = line[:_LONGEST_LINE].rstrip("\r\n")
        listed = _LISTED.match(text)
        if listed is not None:
            recipients = tuple(_ADDRESS.findall(listed["rest"]))
            yield LoggedMessage(f"<{listed['message_id']}>", None, recipients, None, taken=True)
            continue
        row = _POSTFIX.match(text) or _EXIM.match(text)
        if row is None:
            continue
        one = found.get(row["id"])
        if one is None:
            one = found[row["id"]] = _Open(_time(row["at"], until))
        if "mark" in row.groupdict():
            _exim(one, row["mark"], row["rest"])
        else:
            _postfix(one, row["rest"])
        if len(found) > MOST_OPEN:
            yield found.popitem(last=False)[1].closed()
    for one in found.values():
        yield one.closed()


def _postfix(one: _Open, rest: str) -> None:
    for name, value in re.findall(r"(message-id|from|to|orig_to)=<([^<>]*)>", rest):
        if name == "message-id" and value:
            one.message_id = f"<{value}>"
        elif name == "from":  # of the queue manager: the message is complete and in the queue
            one.sender, one.taken = value, True
        elif name == "to" and value not in one.recipients:
            one.recipients, one.taken = (*one.recipients, value), True


def _exim(one: _Open, mark: str, rest: str) -> None:
    address = _ADDRESS.match(rest)
    if mark == "<=":
        one.taken = True
        one.sender = address[1] if address else None
        named = re.search(r" id=(\S+)", rest)
        one.message_id = f"<{named[1].strip('<>')}>" if named else None
    elif address is not None and address[1] not in one.recipients:
        one.recipients = (*one.recipients, address[1])


def _time(text: str, until: datetime) -> datetime | None:
    """Of `2026-06-10T12:00:01.5+02:00`, `2026-06-10 12:00:01` or `Jun 10 12:00:01`; None for anything else."""
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except ValueError:
        pass
    old = re.fullmatch(r"([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)", text.strip())
    if old is None or old[1] not in _MONTHS:
        return None
    month, day, hour, minute, second = _MONTHS[old[1]], *map(int, old.groups()[1:])
    for year in (until.year + 1, until.year, until.year - 1):  # near New Year zones may differ
        try:
            at = datetime(year, month, day, hour, minute, second).astimezone(UTC)
        except ValueError:
            continue
        if at <= until:
            return at
    return None
