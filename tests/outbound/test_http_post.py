"""Where webhooks may be posted: to public addresses by https, and to networks that the operator allows."""

from __future__ import annotations

import asyncio
import ipaddress

import pytest

from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import load
from regulars.outbound import http_post
from regulars.outbound.http_post import Answer, Refused, post, require_usable
from tests.common.receiver import receiving

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)
PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1",
    "2001:0:a00:1::1", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="is not a public address; REGULARS_WEBHOOK_NETWORKS can allow its network"):
        require_usable(address, "https", ())


def test_a_public_address_needs_https_and_an_allowed_network_does_not() -> None:
    require_usable("93.184.215.14", "https", ())
    require_usable("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "https", LOCAL)
    with pytest.raises(Refused, match="only https"):
        require_usable("93.184.215.14", "http", LOCAL)
    require_usable("127.9.9.9", "http", LOCAL)
    require_usable("::ffff:127.0.0.1", "http", LOCAL)


def test_what_a_receiver_says_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers() -> list[Answer]:
        async with http_post.client() as over:
            found = []
            with receiving() as receiver:
                receiver.status, receiver.reply = 500, b"no\n\x1b[31m" * 10_000
                receiver.headers = {"retry-after": "120"}
                found.append(await post(over, receiver.url, {}, b"{}", LOCAL))
                found.append(await post(over, receiver.url.replace("127.0.0.1", "localhost"), {}, b"{}"))
            found.append(await post(over, receiver.url, {}, b"{}", LOCAL))  # it is gone
            monkeypatch.setattr(http_post, "TIMEOUT", 0.0)
            found.append(await post(over, receiver.url, {}, b"{}", LOCAL))
            return found

    failed, private, gone, late = asyncio.run(answers())
    assert (failed.status, failed.retry_after, len(failed.words)) == (500, 120.0, 200)
    assert failed.words.isprintable()
    assert "is not a public address" in private.words
    assert (gone.status, gone.accepted) == (None, False)
    assert late.words == "no answer within 0 s"


@pytest.mark.parametrize(
    ("name", "value"), [("REGULARS_WEBHOOK_NETWORKS", "10.0.0.1/8"), ("REGULARS_ALERT_EMAIL", "anna")]
)
def test_a_setting_that_cannot_be_read_is_refused(tmp_path: object, name: str, value: str) -> None:
    from pathlib import Path

    with pytest.raises(EnvironmentFailed, match=name):
        load(Path(str(tmp_path)), {name: value, "REGULARS_SECRET": "x"})
