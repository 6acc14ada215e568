"""The MJML compiler in a separate process: input that crashes it must not crash a worker.

One process serves many emails. It starts on first use, ends after a time without requests, and is killed when an
email takes too long. Only the email being compiled then fails.
"""

from __future__ import annotations

import atexit
import os
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from select import select

from regulars.core.errors import RegularsError

MAX_SOURCE = 2_000_000
"""Characters of MJML; mail programs clip an email of 100 kB anyway."""
SECONDS = 20.0
"""Seconds for one email: the starter's take milliseconds."""
_CHILD = Path(__file__).with_name("mjml_child.py")


class CompilerFailed(RegularsError):
    """The compiler refused an email, or crashed on it."""


class Compiler:
    """The process, if it runs. Thread-safe, and safe after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    def compile(self, source: str) -> str:
        """HTML for MJML. Raises CompilerFailed."""
        if len(source) > MAX_SOURCE:
            raise CompilerFailed(f"the email is longer than {MAX_SOURCE} characters")
        request = source.encode("utf-8", "replace")
        with self._lock:
            answer = self._asked(request)
            if answer is None:  # it has just ended
                answer = self._asked(request)
        if answer is None:
            raise CompilerFailed("the compiler does not start")
        text = answer[1:].decode()
        if answer[:1] != b"+":
            raise CompilerFailed(text)
        return text

    def stop(self) -> None:
        """Ends the process; the next email starts a new one."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # input it did not read
                    pipe.close()
        process.kill()
        process.wait()

    def _asked(self, request: bytes) -> bytes | None:
        """The answer; None if the process had ended normally before it read the request."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(struct.pack(">I", len(request)) + request)
            process.stdin.flush()
            size = struct.unpack(">I", _read(process, 4))[0]
            return _read(process, size)
        except TimeoutError:
            self.stop()
            raise CompilerFailed(f"the compiler was not done within {SECONDS:.0f} seconds") from None
        except (OSError, EOFError):
            code = process.wait()
            self.stop()
            if code == 0:
                return None
            raise CompilerFailed(f"the compiler broke down over this email ({_end(code)})") from None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and file
                [sys.executable, "-P", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the parent process
            )
        return self._process


def _read(process: subprocess.Popen[bytes], size: int) -> bytes:
    """Exactly so many bytes of the answer. Raises EOFError, TimeoutError."""
    assert process.stdout is not None
    out = bytearray()
    handle = process.stdout.fileno()
    while len(out) < size:
        ready, _, _ = select([handle], [], [], SECONDS)
        if not ready:
            raise TimeoutError
        part = os.read(handle, size - len(out))
        if not part:
            raise EOFError
        out += part
    return bytes(out)


def _end(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


_COMPILER = Compiler()
atexit.register(_COMPILER.stop)


def _after_fork() -> None:
    """A forked process starts its own compiler: the lock may be held, and two processes would mix their answers."""
    global _COMPILER  # noqa: PLW0603
    _COMPILER = Compiler()
    atexit.register(_COMPILER.stop)


os.register_at_fork(after_in_child=_after_fork)


def compile_mjml(source: str) -> str:
    """HTML for MJML, by the shared compiler process. Raises CompilerFailed."""
    return _COMPILER.compile(source)
