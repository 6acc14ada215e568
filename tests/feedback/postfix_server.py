"""A Postfix of its own for a test: it accepts mail for people it does not know, and then returns it.

`client.example` is local and has no users, so Postfix accepts an email there and then bounces it, as many servers do.
Emails to `alive.example` and those returned to `studio.example` are put into Maildirs.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.common.servers import free_port, listens, wait_for

_MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.client.example
mynetworks = 127.0.0.0/8
mydestination = client.example
local_recipient_maps =
alias_maps =
alias_database =
virtual_mailbox_domains = studio.example, alive.example
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = regexp:{root}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
{more}
"""
_MAILBOXES = "/@studio\\.example$/ bounces/\n/@alive\\.example$/ alive/\n"
_SERVICES = (
    "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
    "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify", "flush unix n - n 1000? 0 flush",
    "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp", "lmtp unix - - n - - lmtp",
    "showq unix n - n - - showq", "error unix - - n - - error", "retry unix - - n - - error",
    "local unix - n n - - local", "virtual unix - n n - - virtual", "anvil unix - - n - 1 anvil",
    "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running server; `root` holds its mail."""

    root: Path
    port: int

    @property
    def url(self) -> str:
        """What REGULARS_SMTP_URL must be to send here."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def bounces(self) -> Path:
        """The Maildir of what was returned to `studio.example`."""
        return self.root / "mail" / "bounces"

    def log(self) -> str:
        """What it wrote about its work."""
        path = self.root / "log"
        return path.read_text() if path.exists() else ""


def missing() -> str | None:
    """Why it cannot run here; None if it can."""
    if shutil.which("postfix", path="/usr/sbin") is None:
        return "postfix is not installed (Debian: postfix)"
    return None if os.geteuid() == 0 else "postfix starts only as root"


@contextmanager
def postfix_server(more: str = "") -> Iterator[Postfix]:
    """Starts the server, with further lines of its configuration; ends it and removes its files."""
    root = Path(tempfile.mkdtemp(prefix="regulars-postfix-"))
    root.chmod(0o755)  # its processes run as several users
    server = Postfix(root, free_port())
    nobody = pwd.getpwnam("nobody")
    for name in ("etc", "queue", "data", "mail"):
        (root / name).mkdir()
    os.chown(root / "data", pwd.getpwnam("postfix").pw_uid, -1)
    os.chown(root / "mail", nobody.pw_uid, nobody.pw_gid)
    config = _MAIN.format(root=root, uid=nobody.pw_uid, gid=nobody.pw_gid, more=more)
    (root / "etc/main.cf").write_text(config)
    (root / "etc/master.cf").write_text("\n".join([f"{server.port} inet n - n - - smtpd", *_SERVICES, ""]))
    (root / "etc/mailboxes").write_text(_MAILBOXES)
    try:
        _postfix(root, "start")
        wait_for(lambda: listens(("127.0.0.1", server.port)), "postfix listens")
        yield server
    finally:
        _postfix(root, "stop")
        shutil.rmtree(root, ignore_errors=True)


def _postfix(root: Path, action: str) -> None:
    subprocess.run(["/usr/sbin/postfix", "-c", root / "etc", action], check=False, capture_output=True, timeout=60)
