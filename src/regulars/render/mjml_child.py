"""The process that compiles MJML: run as a file, without the rest of the package.

It reads requests from its input and writes answers to its output, each with its length in four bytes before it. An
answer is `+` and HTML, or `-` and an error message. It ends after a time without requests.
"""

from __future__ import annotations

import os
import struct
import time
from select import select

IDLE = 5.0
"""Seconds without a request after which the process ends."""
MEMORY = 1 << 30
"""Bytes of address space."""
CPU = 60
"""Seconds of processor time after which the process is killed; it ends by itself at half of them."""


def limit() -> None:
    """Limits memory and time, where the system supports it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU), (resource.RLIMIT_CORE, 0)):
        try:
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
        except (OSError, ValueError):  # a system without this limit
            continue


def _read(size: int) -> bytes:
    out = bytearray()
    while len(out) < size:
        part = os.read(0, size - len(out))
        if not part:
            return b""
        out += part
    return bytes(out)


def _write(content: bytes) -> None:
    view = memoryview(struct.pack(">I", len(content)) + content)
    while view:
        view = view[os.write(1, view) :]


def main() -> None:
    """Answers requests until the input ends or no request comes."""
    import mrml

    limit()
    options = mrml.RenderOptions(fonts={})
    while time.process_time() < CPU / 2 and select([0], [], [], IDLE)[0]:
        head = _read(4)
        if not head:
            return
        source = _read(struct.unpack(">I", head)[0]).decode()
        try:
            answer = "+" + str(mrml.to_html(source, None, options).content)
        except (OSError, ValueError) as error:
            answer = f"-{error}"
        _write(answer.encode())


if __name__ == "__main__":
    main()
