"""Mail servers that others wrote, with configurations of our own on high ports: Postfix, Exim, OpenSMTPD.

Debian allows one of them to be installed. The others can be unpacked, by `apt-get download` and `dpkg -x`, into a
folder that REGULARS_TEST_MAIL_SERVERS names; its `usr` is then laid over the machine's for the process alone (in a
mount name space).
Each takes mail for `c-…@client.example` and keeps it in a Maildir, by which it is judged; it knows nobody else.
"""

from __future__ import annotations

import email
import os
import pwd
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from tests.common.servers import Unavailable
from tests.faults.own_servers import OwnServer

UNPACKED = "REGULARS_TEST_MAIL_SERVERS"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_INSIDE = """\
set -e
if [ -n "$1" ]; then mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr; fi
mount -t overlay overlay -o "lowerdir=$2:/etc" /etc
mount -t tmpfs -o mode=0755 tmpfs /var/lib
mkdir -p "$3/spool" /var/lib/opensmtpd/empty
mount --bind "$3/spool" /var/spool
mount -t tmpfs -o mode=0755 tmpfs /run
shift 3
exec "$@"
"""


class MailServer(OwnServer):
    """One of them, killed and started again on the same queue."""

    program: str
    package: str
    users: tuple[str, ...] = ()
    unknown = "address-refused"
    """Why an email to somebody whom it does not know fails."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        home.chmod(0o755)
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.mail = home / "mail"
        self.unpacked = self._found()
        self.mail.mkdir(exist_ok=True)
        self.mail.chmod(0o777)
        (home / "etc").mkdir(exist_ok=True)
        self._add_users()
        self.configure()

    def configure(self) -> None:
        """Writes its configuration."""
        raise NotImplementedError

    def words(self) -> list[str]:
        """Its command, to stay in the foreground."""
        raise NotImplementedError

    def _found(self) -> str:
        """The folder that the program is unpacked in; empty where it is installed."""
        if os.geteuid():
            raise Unavailable(f"{self.program}: its server can only be started by root")
        if shutil.which(self.program, path=_PATH):
            return ""
        folder = os.environ.get(UNPACKED, "")
        if not folder or not Path(folder, "usr/sbin", self.program).exists():
            raise Unavailable(
                f"{self.program}: not installed, nor unpacked at {UNPACKED} (Debian: {self.package}; CONTRIBUTING.md)"
            )
        return str(Path(folder).resolve())

    def _add_users(self) -> None:
        """Users that the package would have made, in files for the process alone."""
        accounts, groups = Path("/etc/passwd").read_text("utf-8"), Path("/etc/group").read_text("utf-8")
        known = {entry.pw_name for entry in pwd.getpwall()}
        for number, user in enumerate(sorted(set(self.users) - known), 950):
            accounts += f"{user}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
            groups += f"{user}:x:{number}:\n"
        (self.home / "etc" / "passwd").write_text(accounts, "utf-8")
        (self.home / "etc" / "group").write_text(groups, "utf-8")

    def command(self) -> tuple[list[str], dict[str, Any]]:
        inside = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            _INSIDE,
            "sh",
            self.unpacked,
            str(self.home / "etc"),
            str(self.home),
        ]
        return [*inside, *self.words()], {}

    def start(self) -> None:
        tried = ["unshare", "--mount", "sh", "-c", 'mount -t overlay overlay -o "lowerdir=$0:/etc" /etc']
        done = subprocess.run([*tried, str(self.home / "etc")], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{self.program}: no mount name space here: {done.stderr.strip()}")
        super().start()

    def accepted(self) -> Counter[str]:
        """The Message-ID of each message that has arrived, and how often the server accepted it.

        By the number that it gave each in `Received`: one that is killed while it delivers may deliver again what it
        accepted once.
        """
        found: set[tuple[str, str]] = set()
        for path in self.mail.rglob("new/*"):
            with path.open("rb") as file:
                message = email.message_from_binary_file(file)
            number = re.search(r"\bid ([\w-]+)", message["Received"] or "")
            assert number is not None, f"{path}: {message['Received']}"
            found.add((str(message["Message-ID"]), number[1]))
        return Counter(name for name, _ in found)


class Postfix(MailServer):
    """Postfix; its virtual delivery agent writes the Maildir."""

    program, package = "postfix", "postfix"

    def configure(self) -> None:
        owner, folder = pwd.getpwnam("postfix").pw_uid, self.home / "postfix"
        for name in ("queue", "data"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        os.chown(folder / "data", owner, -1)
        (folder / "known").write_text("/^c-/ inbox/\n")
        given = {
            "compatibility_level": "3.6", "queue_directory": folder / "queue", "data_directory": folder / "data",
            "command_directory": "/usr/sbin", "daemon_directory": "/usr/lib/postfix/sbin", "mail_owner": "postfix",
            "myhostname": "postfix.test", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
            "mydestination": "", "virtual_mailbox_domains": "client.example", "virtual_mailbox_base": self.mail,
            "virtual_mailbox_maps": f"regexp:{folder}/known", "virtual_uid_maps": "static:65534",
            "virtual_gid_maps": "static:65534", "virtual_minimum_uid": "100", "mynetworks": "",
            "maillog_file": "/dev/stdout",
        }  # fmt: skip
        (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in given.items()))
        daemons = {
            "cleanup": "unix n - n - 0 cleanup", "qmgr": "unix n - n 300 1 qmgr",
            "rewrite": "unix - - n - - trivial-rewrite",
            "bounce": "unix - - n - 0 bounce", "defer": "unix - - n - 0 bounce", "virtual": "unix - n n - - virtual",
            "error": "unix - - n - - error", "anvil": "unix - - n - 1 anvil", "proxymap": "unix - - n - - proxymap",
            "postlog": "unix-dgram n - n - 1 postlogd", "trace": "unix - - n - 0 bounce",
            "pickup": "unix n - n 60 1 pickup", "tlsmgr": "unix - - n 1000 1 tlsmgr", "scache": "unix - - n - 1 scache",
        }  # fmt: skip
        lines = [f"127.0.0.1:{self.port} inet n - n - - smtpd", *(f"{name} {how}" for name, how in daemons.items())]
        (folder / "master.cf").write_text("\n".join(lines) + "\n")

    def words(self) -> list[str]:
        return ["postfix", "-c", str(self.home / "postfix"), "start-fg"]


class Exim(MailServer):
    """Exim, whose router knows the clients; `Unrouteable address` may be about the domain, and bars nobody."""

    program, package, users = "exim4", "exim4-daemon-light, exim4-base, libidn12", ("Debian-exim",)
    unknown = "refused"

    def configure(self) -> None:
        owner, spool = pwd.getpwnam("mail"), self.home / "exim"
        spool.mkdir(exist_ok=True)
        for folder in (spool, self.mail):
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        (self.home / "exim.conf").write_text(_EXIM.format(port=self.port, spool=spool, mail=self.mail / "inbox"))

    def words(self) -> list[str]:
        return ["exim4", "-C", str(self.home / "exim.conf"), "-bdf", "-oX", str(self.port), "-q5s"]


_EXIM = """\
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
primary_hostname = exim.test
spool_directory = {spool}
log_file_path = {spool}/%slog
exim_user = mail
exim_group = mail
deliver_drop_privilege = true
never_users =
keep_environment =
tls_advertise_hosts =
smtp_accept_max = 50
acl_smtp_rcpt = known
acl_smtp_data = all
begin acl
known:
  require verify = recipient
  accept
all:
  accept
begin routers
clients:
  driver = accept
  domains = client.example
  local_parts = ^c-
  transport = inbox
begin transports
inbox:
  driver = appendfile
  directory = {mail}
  maildir_format
  user = mail
  group = mail
  create_directory
"""


class OpenSmtpd(MailServer):
    """OpenSMTPD, which offers no PIPELINING, with a table of the clients."""

    program, package, users = "smtpd", "opensmtpd", ("opensmtpd", "opensmtpq")

    def configure(self) -> None:
        spool = self.home / "spool" / "smtpd"
        spool.mkdir(parents=True, exist_ok=True)
        spool.chmod(0o711)
        (self.home / "known").write_text("".join(f"c-{number:05}@client.example\n" for number in range(1000)))
        (self.home / "smtpd.conf").write_text(
            f"table known file:{self.home}/known\nlisten on 127.0.0.1 port {self.port}\n"
            f'action "in" maildir "{self.mail}/inbox" virtual {{ "@client.example" = "nobody" }}\n'
            'match from any for rcpt-to <known> action "in"\n'
        )

    def words(self) -> list[str]:
        return ["smtpd", "-d", "-f", str(self.home / "smtpd.conf")]


MAIL_SERVERS: tuple[type[MailServer], ...] = (Postfix, Exim, OpenSmtpd)
