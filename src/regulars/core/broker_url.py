"""Whether REGULARS_BROKER_URL names a kind of server that Celery can use, checked before Celery starts."""

from __future__ import annotations

from urllib.parse import urlsplit

from regulars.core import extras
from regulars.core.diagnostics import did_you_mean
from regulars.core.errors import EnvironmentFailed

SETTING = "REGULARS_BROKER_URL"
OURS = ("redis", "rediss", "amqp", "amqps", "sentinel", "sqla")
"""The brokers that Regulars is tested with, named in the hint; `sqla+sqlite` is the embedded broker."""
SCHEMES = frozenset(
    {
        *OURS, "azureservicebus", "azurestoragequeues", "confluentkafka", "consul", "etcd", "filesystem", "gcpubsub",
        "kafka", "librabbitmq", "memory", "mongodb", "pgmq", "pyamqp", "pyro", "qpid", "slmq", "sqlalchemy", "sqs",
        "zookeeper",
    }
)  # fmt: skip
"""Schemes for which Kombu has a transport."""
_EXPECTED = "expected such as `redis://host:6379/0` or `amqp://user:password@host//`"


def require_usable(url: str) -> None:
    """Raises EnvironmentFailed for an unknown scheme or a missing extra. The message never repeats the whole URL.

    A URL may name several servers, with `;` between them.
    """
    for each in url.split(";"):
        written, mark, rest = each.strip().partition("://")
        if not mark:
            raise EnvironmentFailed(f"{SETTING} is not a URL; {_EXPECTED}")
        scheme, _, behind = written.lower().partition("+")
        if scheme not in SCHEMES:
            hint = did_you_mean(scheme, OURS) or did_you_mean(scheme, SCHEMES)
            raise EnvironmentFailed(f"{SETTING} begins with `{written}://`, which is no broker; {hint or _EXPECTED}")
        if not behind:
            _require_port(rest)
    extras.require_for_url(SETTING, url)


def _require_port(rest: str) -> None:
    """Raises EnvironmentFailed for a port that is not a number or too large."""
    try:
        _ = urlsplit(f"//{rest}").port
    except ValueError:  # what was read as the port may be half of a password, and is not repeated
        hint = "in a user name or password write %2F for `/`, %3A for `:`, %40 for `@`"
        raise EnvironmentFailed(f"the port in {SETTING} is not a number up to 65535; {hint}") from None
