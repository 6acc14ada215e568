"""One SMTP session after its login: letters in, results out, one write per message where the server pipelines.

RFC 2920: DATA ends a group of commands, a body is sent only after 354, and the next envelope may follow a
body's final dot in the same group. So at most two letters are in flight: one whose body is out and whose
last reply is awaited, one whose envelope follows it. A body is written only when every earlier byte was
answered, so a session never holds more than one message in its buffer.

Which results hold when a session breaks is decided in `_break` alone:
1. the body was begun, no reply: UNKNOWN, unless the server said 421, which means it was not taken;
2. only the envelope was sent: certainly not accepted, so it is offered once more on another session, if this
   one was of use to anybody, or is UNSENT.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum, IntEnum

from regulars.delivery.parcel import Outcome, Result
from regulars.delivery.smtp.envelope import Envelope, Server, misfit
from regulars.delivery.smtp.replies import GARBLED, Replies, clean

Settle = Callable[[Envelope, Result], None]
_ALONE = 2
"""The place of DATA among the commands for a letter to one recipient."""
_GOODBYE = 5.0
"""Seconds a server has to answer QUIT."""
_PATIENCE = 4
"""How many times longer than other replies the one to a body may take: to give up on it is to be in doubt."""
_SESSION_FAULTS = frozenset({421, 503, 530, 534, 535, 538})
"""Replies to MAIL that are about our session (not logged in, out of step) and not about the message."""


class End(Enum):
    """How a run of letters ended: what became of the session."""

    IDLE = "idle"
    """No letters are left; the session can carry more."""
    FULL = "full"
    """It has carried as many messages as one connection may; it has said QUIT."""
    LOST = "lost"
    """It broke, after it had settled a message or more since it was opened."""
    BARREN = "barren"
    """It broke before it settled anything."""
    STALLED = "stalled"
    """The server stopped answering."""


class _Step(IntEnum):
    RSET = 0
    MAIL = 1
    RCPT = 2
    DATA = 3
    BODY = 4
    NOTHING = 5  # the lone dot that ends a message which nobody takes


class Session(asyncio.Protocol):
    """An open, greeted and logged-in connection. Made by `connection.connect`."""

    def __init__(self, transport: asyncio.Transport, server: Server, *, limit: int, timeout: float) -> None:
        self.server = server
        self.idle_since = 0.0
        self.why = ""
        self.code: int | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._left = limit
        self._timeout = timeout
        self._replies = Replies()
        self._expect: deque[_Step] = deque()
        self._letter: Envelope | None = None  # its envelope is under way
        self._sent: Envelope | None = None  # its body is under way
        self._dirty = False  # a transaction is open that RSET must close
        self._settled = False  # anything at all, since the session was opened
        self._over = False
        self._leaving = False
        self._queue: deque[Envelope] = deque()
        self._settle: Settle = _nobody
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
        """Whether the session can take letters."""
        return not self._over and self._left > 0 and not self._transport.is_closing()

    async def run(self, queue: deque[Envelope], settle: Settle) -> End:
        """Sends letters from the left of `queue` until it is empty or the session ends.

        Calls `settle` once for each letter it took, except for one that it puts back on the queue because
        it was certainly not accepted and deserves another session.
        """
        done: asyncio.Future[End] = self._loop.create_future()
        self._queue, self._settle, self._done = queue, settle, done
        self._heard, self._unsent = self._loop.time(), 0
        self._timer = self._loop.call_later(self._timeout, self._watch)
        self._next()
        try:
            return await done
        finally:
            self._timer.cancel()
            self._settle, self._done = _nobody, None
            self.idle_since = self._loop.time()
            if not done.done() or done.cancelled():
                self._finish_off()  # cancelled midway: what was in flight is for the caller to call unknown

    def quit(self) -> None:
        """Says goodbye; `gone` is done when the connection is closed."""
        if self._leaving:
            return
        if self._over or self._transport.is_closing():
            self._finish_off()
            return
        self._over = self._leaving = True
        self._transport.write(b"QUIT\r\n")
        self._loop.call_later(min(_GOODBYE, self._timeout), self._transport.abort)

    # ------------------------------------------------------------ what asyncio calls

    def data_received(self, data: bytes) -> None:
        """Takes in replies; each may move the session on."""
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
            if not self._take_reply(code, text):
                return
        if len(replies) > asked:
            # What came with the last reply cannot answer what was only written on reading it.
            code, text = replies[asked]
            self._break(clean(text) if code == 421 else f"the server said, unasked: {clean(text)}", code)

    def eof_received(self) -> None:
        """The server has closed its side: it will answer nothing more."""
        self._break("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more, for whatever reason."""
        self._break(f"the connection was lost: {clean(str(exc))}" if exc else "the connection was lost")
        if not self.gone.done():
            self.gone.set_result(None)

    # ------------------------------------------------------------ replies

    def _take_reply(self, code: int, text: bytes) -> bool:
        """Notes one reply and moves on if it was the last one awaited; False once the session is over."""
        step = self._expect.popleft()
        if code == GARBLED:
            self._break(f"not a reply: {clean(text)}")
        elif code == 421:
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

    def _answer_body(self, code: int, text: bytes) -> None:
        if 300 <= code < 400:
            self._break(f"not a reply to a message: {code} {clean(text)}")
            return
        letter, self._sent = self._sent, None
        if letter is not None:
            self._conclude(letter, letter.result(code, text))

    def _answer_envelope(self, step: _Step, code: int, text: bytes) -> bool:
        """Notes the reply; False when it means that the session is of no use."""
        letter = self._letter
        if letter is None:
            return False
        if step is _Step.DATA:
            letter.go = 300 <= code < 400
            if code >= 400:
                letter.judge(code, text)
            return code >= 300
        if 300 <= code < 400:
            return False
        if step is _Step.RCPT:
            letter.answer_recipient(code, text)
        elif code in _SESSION_FAULTS:
            return False
        elif code >= 400:
            letter.judge(code, text)
        return True

    # ------------------------------------------------------------ moving on

    def _advance(self) -> None:
        """What comes next, now that everything asked is answered."""
        letter = self._letter
        if letter is None:
            self._next()
        elif letter.go:
            self._send_body(letter)
        elif letter.verdict is not None:
            self._letter, self._dirty = None, True
            self._conclude(letter, letter.verdict)
            self._next()
        else:
            self._write(self._more_of(letter))

    def _next(self) -> None:
        """Begins the next letter, or ends the run."""
        group = self._begin()
        if group:
            self._write(group)
        elif self._left <= 0:
            self.quit()
            self._end(End.FULL)
        else:
            self._end(End.IDLE)

    def _begin(self) -> bytes:
        """Takes a letter off the queue and returns its first group of commands; nothing if there is none."""
        if self._left <= 0:
            return b""
        while self._queue:
            letter = self._queue.popleft()
            unfit = misfit(letter.parcel, self.server)
            if unfit:
                self._settle(letter, letter.ended(Outcome.REFUSED, unfit))
                continue
            self._left -= 1
            self._letter = letter
            letter.start()
            letter.offers += 1
            if not self._dirty:
                return self._more_of(letter)
            self._dirty = False
            self._expect.append(_Step.RSET)
            return b"RSET\r\n" + self._more_of(letter) if self.server.pipelining else b"RSET\r\n"
        return b""

    def _more_of(self, letter: Envelope) -> bytes:
        """The next group of the envelope: all that may go at once, or one command without PIPELINING.

        With several recipients DATA waits for their replies: a copy must not go out when the message itself
        is refused, and once a server has said 354 there is no way back.
        """
        commands = letter.commands(self.server)
        last = len(commands) - 1
        start = letter.position
        if start == 0 and last == _ALONE and self.server.pipelining:  # nearly every letter
            letter.position = _ALONE + 1
            self._expect.extend((_Step.MAIL, _Step.RCPT, _Step.DATA))
            return b"".join(commands)
        if not self.server.pipelining:
            stop = start + 1
        elif last in {2, start}:
            stop = last + 1
        else:
            stop = last
        letter.position = stop
        for place in range(start, stop):
            self._expect.append(_Step.MAIL if place == 0 else _Step.DATA if place == last else _Step.RCPT)
        return b"".join(commands[start:stop])

    def _send_body(self, letter: Envelope) -> None:
        """The server has said 354: the body, and behind it the next envelope."""
        self._letter = None
        if letter.verdict is None:
            self._sent = letter
            self._expect.append(_Step.BODY)
            body = letter.body()
        else:
            self._conclude(letter, letter.verdict)
            if letter.taken:
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

    def _conclude(self, letter: Envelope, result: Result) -> None:
        self._settled = True
        self._settle(letter, result)

    # ------------------------------------------------------------ endings

    def _end(self, end: End) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(end)

    def _break(self, why: str, code: int | None = None, *, stalled: bool = False) -> None:
        """The session is over; settles what was in flight. See the module's docstring."""
        if self._over:
            return
        if code is not None and code < 400:
            code = None
        self.why = why = clean(why)
        self.code = code
        end = End.STALLED if stalled else End.LOST if self._settled else End.BARREN
        sent, letter = self._sent, self._letter
        self._finish_off()
        if sent is not None:
            refused = code == 421
            self._settle(sent, sent.ended(Outcome.DEFERRED if refused else Outcome.UNKNOWN, why, code))
        if letter is not None:
            if letter.verdict is not None:
                self._settle(letter, letter.verdict)
            elif letter.offers < 2 and not stalled and (sent is not None or self._settled):
                self._queue.appendleft(letter)
            else:
                at_fault = code is not None and sent is None
                self._settle(letter, letter.ended(Outcome.DEFERRED if at_fault else Outcome.UNSENT, why, code))
        self._end(end)

    def _finish_off(self) -> None:
        self._over = True
        self._sent = self._letter = None
        self._expect.clear()
        self._transport.abort()

    def _watch(self) -> None:
        """Runs when a reply may be overdue. A body still leaving our buffer is not a stall."""
        now = self._loop.time()
        waiting = self._transport.get_write_buffer_size()
        patience = self._timeout if self._sent is None else _PATIENCE * self._timeout
        if now - self._heard >= patience:
            if waiting >= self._unsent:
                self._break(f"the server did not answer for {patience:g} seconds", stalled=True)
                return
            self._heard, self._unsent = now, waiting
        pause = max(0.01, min(self._heard + patience - now, self._timeout))
        self._timer = self._loop.call_later(pause, self._watch)


def _nobody(letter: Envelope, result: Result) -> None:
    """Stands in where no run is under way: nothing can be settled then."""
