"""One SMTP session after its login: messages in, results out, one write per message with pipelining.

RFC 2920: DATA ends a group of commands, a body is sent only after 354, and the next envelope may follow a
body's final dot in the same group. So at most two messages are in flight: one whose body was sent and whose
final reply is awaited, one whose envelope follows it. A body is written only when every earlier byte was
answered, so a session never buffers more than one message.

`_break` alone decides the results when a session breaks:
1. the body was begun, no reply: UNKNOWN, unless the server said 421, which means it was not accepted;
2. only the envelope was sent: certainly not accepted, so it is offered again on another session, if this
   one has settled any message, or is UNSENT; UNREACHABLE, without the words, where they were about another message.

Some servers offer PIPELINING and then reject it. Their reply says nothing about the message: it goes back on the
queue, and the session ends so that the courier can open one without pipelining.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from enum import Enum, IntEnum

from regulars.delivery import latency
from regulars.delivery.parcel import Outcome, Result
from regulars.delivery.smtp.envelope import Envelope, Server, unsupported
from regulars.delivery.smtp.replies import GARBLED, Replies, clean

Settle = Callable[[Envelope, Result], None]
_DATA_OF_ONE = 2
"""The place of DATA among the commands for a envelope to one recipient."""
CUT_OFF = "the session ended for another reason before this message was answered"
_QUIT_TIMEOUT = 5.0
"""Seconds to wait for the reply to QUIT."""
_BODY_TIMEOUTS = 4
"""Factor of the timeout for the reply to a body: giving up on it leaves the outcome unknown."""
_SESSION_FAULTS = frozenset({421, 503, 530, 534, 535, 538})
"""Replies to MAIL that are about our session (not logged in, out of step) and not about the message."""
_NOT_UNDERSTOOD = frozenset({500, 501, 502, 503, 504})
"""Replies to a command that the server could not parse or did not expect (RFC 5321, 4.2.1)."""
_NAMES_PIPELINING = re.compile(rb"(?<![\w.<@+-])pipelin(?:e|ed|ing)(?![\w.@+-])", re.IGNORECASE)
"""The word itself, and not a part of somebody's address."""


class End(Enum):
    """How a run of messages ended: the state of the session."""

    IDLE = "idle"
    """No messages are left; the session can carry more."""
    FULL = "full"
    """It has sent the maximum of messages per connection, and QUIT."""
    LOST = "lost"
    """It broke after it had settled at least one message."""
    BROKEN = "broken"
    """It broke before it settled anything."""
    STALLED = "stalled"
    """The server stopped answering."""
    PIPELINING_REFUSED = "pipelining refused"
    """The server offers pipelining but rejects it; a session without it may work."""


class _Step(IntEnum):
    RSET = 0
    MAIL = 1
    RCPT = 2
    DATA = 3
    BODY = 4
    NOTHING = 5  # the final dot of a message without accepted recipients


class Session(asyncio.Protocol):
    """An open, greeted and logged-in connection. Made by `connection.connect`."""

    def __init__(self, transport: asyncio.Transport, server: Server, *, limit: int, timeout: float) -> None:
        self.server = server
        self.idle_since = 0.0
        self.why = ""
        self.code: int | None = None
        self.pipelining_refused = False
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._left, self._timeout = limit, timeout
        self._replies = Replies()
        self._expect: deque[_Step] = deque()
        self._envelope: Envelope | None = None  # its envelope is under way
        self._sent: Envelope | None = None  # its body is under way
        self._reset_due = False  # a transaction is open that RSET must close
        self._settled = False  # anything at all, since the session was opened
        self._over = self._leaving = False
        self._queue: deque[Envelope] = deque()
        self._settle: Settle = _discard
        self._done: asyncio.Future[End] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._unsent = 0

    @property
    def proven(self) -> bool:
        """Whether the server has ever settled a message here."""
        return self._settled

    @property
    def usable(self) -> bool:
        """Whether the session can send messages."""
        return not self._over and self._left > 0 and not self._transport.is_closing()

    async def run(self, queue: deque[Envelope], settle: Settle) -> End:
        """Sends messages from the left of `queue` until it is empty or the session ends.

        Calls `settle` once for each envelope it took, except for one that it puts back on the queue because
        it was certainly not accepted and can use another session.
        """
        done: asyncio.Future[End] = self._loop.create_future()
        self._queue, self._settle, self._done = queue, settle, done
        self._heard, self._unsent = self._loop.time(), 0
        self._timer = self._loop.call_later(self._timeout, self._check_timeout)
        self._next()
        try:
            return await done
        finally:
            self._timer.cancel()
            self._settle, self._done = _discard, None
            self.idle_since = self._loop.time()
            if not done.done() or done.cancelled():
                self._abort()  # cancelled: the caller must treat messages in flight as unknown

    def quit(self) -> None:
        """Sends QUIT; `gone` is done when the connection is closed."""
        if self._leaving:
            return
        if self._over or self._transport.is_closing():
            self._abort()
            return
        self._over = self._leaving = True
        self._transport.write(b"QUIT\r\n")
        self._loop.call_later(min(_QUIT_TIMEOUT, self._timeout), self._transport.abort)

    # ------------------------------------------------------------ what asyncio calls

    def data_received(self, data: bytes) -> None:
        """Processes replies; each may advance the session."""
        if self._over:
            if b"221" in data:
                self._transport.close()
            return
        replies = self._replies.feed(data)
        if not replies:
            return
        self._heard = self._loop.time()
        asked = len(self._expect)
        for code, text in replies[:asked]:
            if not self._handle_reply(code, text):
                return
        if len(replies) > asked:
            # Data that arrived with the last reply cannot answer commands written after it.
            code, text = replies[asked]
            self._break(f"the server said, unasked: {clean(text)}", code, asked=False)

    def eof_received(self) -> None:
        """The server has closed its side: no more replies will come."""
        self._break("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, for any reason."""
        self._break(f"the connection was lost: {clean(str(exc))}" if exc else "the connection was lost")
        if not self.gone.done():
            self.gone.set_result(None)

    # ------------------------------------------------------------ replies

    def _handle_reply(self, code: int, text: bytes) -> bool:
        """Records one reply and advances if it was the last one awaited; False once the session is over."""
        step = self._expect.popleft()
        if code == GARBLED:
            self._break(f"not a reply: {clean(text)}")
        elif code == 421:
            self._break(clean(text), code)
        elif code >= 500 and self._refuses_pipelining(code, text):
            self._put_back(step)
            self._break(clean(text), code)
        elif step is _Step.BODY:
            self._answer_body(code, text)
        elif step is _Step.RSET:
            if code >= 300:
                self._break(f"RSET was answered: {clean(text)}", code)
        elif step is not _Step.NOTHING and not self._answer_envelope(step, code, text):
            self._break(clean(text) if code >= 400 else f"out of step: {code} {clean(text)}", code)
        if not self._expect and not self._over:
            self._advance()
        return not self._over

    def _refuses_pipelining(self, code: int, text: bytes) -> bool:
        """Whether the reply is about pipelining and not about the message."""
        own_kind = code in _NOT_UNDERSTOOD or code == 554
        return own_kind and self.server.pipelining and _NAMES_PIPELINING.search(text) is not None

    def _put_back(self, step: _Step) -> None:
        """Messages in flight return to the queue: a server that rejects pipelining has accepted none of them."""
        if self._envelope is not None:
            self._queue.appendleft(self._envelope)
        if self._sent is not None and step is _Step.BODY:
            self._queue.appendleft(self._sent)
            self._sent = None
        self._envelope = None
        self.pipelining_refused = True

    def _answer_body(self, code: int, text: bytes) -> None:
        if 300 <= code < 400:
            self._break(f"not a reply to a message: {code} {clean(text)}")
            return
        envelope, self._sent = self._sent, None
        if envelope is not None:
            latency.observe(self.server.name, self._heard - envelope.written_at)
            self._conclude(envelope, envelope.result(code, text))

    def _answer_envelope(self, step: _Step, code: int, text: bytes) -> bool:
        """Records the reply; False when it means that the session is unusable."""
        envelope = self._envelope
        if envelope is None:
            return False
        if step is _Step.DATA:
            envelope.go = 300 <= code < 400
            if code >= 400:
                envelope.judge(code, text)
            return code >= 300
        if 300 <= code < 400:
            return False
        if step is _Step.RCPT:
            envelope.answer_recipient(code, text)
        elif code in _SESSION_FAULTS:
            return False
        elif code >= 400:
            envelope.judge(code, text)
        return True

    # ------------------------------------------------------------ moving on

    def _advance(self) -> None:
        """Takes the next step after all replies have arrived."""
        envelope = self._envelope
        if envelope is None:
            self._next()
        elif envelope.go:
            self._send_body(envelope)
        elif envelope.verdict is not None:
            self._envelope, self._reset_due = None, True
            self._conclude(envelope, envelope.verdict)
            self._next()
        else:
            self._write(self._next_commands(envelope))

    def _next(self) -> None:
        """Begins the next envelope, or ends the run."""
        group = self._begin()
        if group:
            self._write(group)
        elif self._left <= 0:
            self.quit()
            self._end(End.FULL)
        else:
            self._end(End.IDLE)

    def _begin(self) -> bytes:
        """Takes an envelope off the queue and returns its first group of commands; nothing if there is none."""
        if self._left <= 0:
            return b""
        while self._queue:
            envelope = self._queue.popleft()
            why = unsupported(envelope.parcel, self.server)
            if why:
                self._settle(envelope, envelope.ended(Outcome.REFUSED, why))
                continue
            self._left -= 1
            self._envelope = envelope
            envelope.start()
            envelope.offers += 1
            if not self._reset_due:
                return self._next_commands(envelope)
            self._reset_due = False
            self._expect.append(_Step.RSET)
            return b"RSET\r\n" + self._next_commands(envelope) if self.server.pipelining else b"RSET\r\n"
        return b""

    def _next_commands(self, envelope: Envelope) -> bytes:
        """The next group of the envelope: all commands that can be pipelined, or one without PIPELINING.

        With several recipients DATA waits for their replies: a copy must not be sent when the message itself
        is refused, and after 354 it cannot be cancelled.
        """
        commands = envelope.commands(self.server)
        last = len(commands) - 1
        start = envelope.position
        if start == 0 and last == _DATA_OF_ONE and self.server.pipelining:  # nearly every envelope
            envelope.position = _DATA_OF_ONE + 1
            self._expect.extend((_Step.MAIL, _Step.RCPT, _Step.DATA))
            return b"".join(commands)
        if not self.server.pipelining:
            stop = start + 1
        elif last in {2, start}:
            stop = last + 1
        else:
            stop = last
        envelope.position = stop
        for place in range(start, stop):
            self._expect.append(_Step.MAIL if place == 0 else _Step.DATA if place == last else _Step.RCPT)
        return b"".join(commands[start:stop])

    def _send_body(self, envelope: Envelope) -> None:
        """After 354: sends the body, followed by the next envelope."""
        self._envelope = None
        if envelope.verdict is None:
            self._sent, envelope.written_at = envelope, self._loop.time()
            self._expect.append(_Step.BODY)
            body = envelope.body()
        else:
            self._conclude(envelope, envelope.verdict)
            if envelope.taken:
                self._break("the server went on with a message that it had refused")
                return
            self._expect.append(_Step.NOTHING)
            body = b""
        following = self._begin() if self.server.pipelining else b""
        self._write(b"".join((body, b".\r\n", following)))

    def _write(self, group: bytes) -> None:
        if self._transport.is_closing():
            self._break("the connection was lost")
        else:
            self._transport.write(group)
            self._unsent = self._transport.get_write_buffer_size()

    def _conclude(self, envelope: Envelope, result: Result) -> None:
        self._settled = True
        self._settle(envelope, result)

    # ------------------------------------------------------------ endings

    def _end(self, end: End) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(end)

    def _break(self, why: str, code: int | None = None, *, stalled: bool = False, asked: bool = True) -> None:
        """The session is over; settles what was in flight. If not `asked`, the words are no reply to the envelope."""
        if self._over:
            return
        if code is not None and code < 400:
            code = None
        self.why = why = clean(why)
        self.code = code
        end = End.STALLED if stalled else End.LOST if self._settled else End.BROKEN
        sent, envelope = self._sent, self._envelope
        cut_short = None if envelope is None else self._not_understood(envelope)
        if cut_short is not None:
            self.why = cut_short.text
            self._put_back(_Step.MAIL)
            envelope = None
        self._abort()
        if sent is not None:
            refused = code == 421
            self._settle(sent, sent.ended(Outcome.DEFERRED if refused else Outcome.UNKNOWN, why, code))
        if envelope is not None:
            if envelope.verdict is not None:
                self._settle(envelope, envelope.verdict)
            elif envelope.offers < 2 and not stalled and (sent is not None or self._settled):
                self._queue.appendleft(envelope)
            elif sent is not None or not asked:
                self._settle(envelope, envelope.ended(Outcome.UNREACHABLE, CUT_OFF))
            else:
                self._settle(envelope, envelope.ended(Outcome.UNSENT if code is None else Outcome.DEFERRED, why, code))
        self._end(End.PIPELINING_REFUSED if self.pipelining_refused else end)

    def _not_understood(self, envelope: Envelope) -> Result | None:
        """The reply to a command of a group, where the server closed the connection without answering the rest."""
        verdict = envelope.verdict if self.server.pipelining and self._expect else None
        return verdict if verdict is not None and verdict.code in _NOT_UNDERSTOOD else None

    def _abort(self) -> None:
        self._over = True
        self._sent = self._envelope = None
        self._expect.clear()
        self._transport.abort()

    def _check_timeout(self) -> None:
        """Runs when a reply may be overdue. A body still being written is not a timeout."""
        now = self._loop.time()
        waiting = self._transport.get_write_buffer_size()
        limit = self._timeout if self._sent is None else _BODY_TIMEOUTS * self._timeout
        if now - self._heard >= limit:
            if waiting >= self._unsent:
                self._break(f"the server did not answer for {limit:g} seconds", stalled=True)
                return
            self._heard, self._unsent = now, waiting
        pause = max(0.01, min(self._heard + limit - now, self._timeout))
        self._timer = self._loop.call_later(pause, self._check_timeout)


def _discard(envelope: Envelope, result: Result) -> None:
    """The callback without a run in progress: nothing can be settled then."""
