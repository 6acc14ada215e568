from __future__ import annotations

import traceback

import pytest

from regulars.core.errors import EnvironmentFailed
from regulars.delivery.smtp.provider import Provider


def test_a_full_url_is_read() -> None:
    provider = Provider.parse(
        "smtp://ana%40studio.example:s%3Acret@mail.example:2587/?tls=starttls&connections=3&per_connection=50"
        "&rate=12.5&timeout=7&pipelining=off&verify=off&helo=studio.example",
        "bulk",
    )
    assert provider == Provider(
        name="bulk",
        host="mail.example",
        port=2587,
        tls="starttls",
        user="ana@studio.example",
        password="s:cret",
        connections=3,
        per_connection=50,
        rate=12.5,
        timeout=7.0,
        pipelining=False,
        verify=False,
        helo="studio.example",
    )


@pytest.mark.parametrize(
    ("url", "tls", "port"),
    [
        ("smtp://127.0.0.1:2525", "none", 2525),
        ("smtp://localhost", "none", 25),
        ("smtp://[::1]:25/", "none", 25),
        ("smtp://mail.example", "starttls", 587),
        ("smtp://mail.example:25", "starttls", 25),
        ("smtp://mail.example/?tls=none", "none", 25),
        ("smtp://mail.example/?tls=tls", "tls", 465),
        ("smtps://mail.example", "tls", 465),
        ("smtps://127.0.0.1:1465", "tls", 1465),
    ],
)
def test_mail_leaves_the_machine_encrypted_unless_the_url_says_otherwise(url: str, tls: str, port: int) -> None:
    provider = Provider.parse(url)
    assert (provider.tls, provider.port) == (tls, port)
    assert provider.verify


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://mail.example", "smtp:// or smtps://"),
        ("mail.example:25", "smtp:// or smtps://"),
        ("", "smtp:// or smtps://"),
        ("smtp://", "no host"),
        ("smtp://ana:hunter2@", "no host"),
        ("smtp://ana:hunter2@mail.example:99999", "%40"),
        ("smtp://ana:hunter2/x@mail.example", "%40"),
        ("smtp://ana:hunter2@[::1", "%40"),
        ("smtp://mail.example/path", "only options"),
        ("smtp://ana:hunter2#@mail.example", "%40"),
        ("smtp://ana@mail.example", "needs a password"),
        ("smtp://ana:hunter2@mail.example/?tls=maybe", "none, starttls or tls"),
        ("smtps://ana:hunter2@mail.example/?tls=none", "none, starttls or tls"),
        ("smtp://ana:hunter2@mail.example/?tsl=tls", "no option `tsl`"),
        ("smtp://ana:hunter2@mail.example/?connections=0", "above zero"),
        ("smtp://ana:hunter2@mail.example/?connections=many", "expected a number"),
        ("smtp://ana:hunter2@mail.example/?timeout=nan", "above zero"),
        ("smtp://ana:hunter2@mail.example/?rate=-1", "above zero"),
        ("smtp://ana:hunter2@mail.example/?pipelining=yes", "auto or off"),
        ("smtp://ana:hunter2@mail.example/?helo=a%20b", "host name"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained_without_its_password(url: str, words: str) -> None:
    with pytest.raises(EnvironmentFailed, match="mail server `bulk`") as caught:
        Provider.parse(url, "bulk")
    assert words in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_password_is_not_in_the_repr() -> None:
    provider = Provider.parse("smtp://ana:hunter2@mail.example")
    assert provider.password == "hunter2"
    assert "hunter2" not in repr(provider)
