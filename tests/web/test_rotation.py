"""The secret of links and keys rotates; that of addresses stays, and a wrong one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from regulars.consent import rights
from regulars.core import api_keys, ids, settings, signing, webhook_signing
from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import write
from regulars.db.tables import customers
from regulars.operation.database_upgrade import require_address_secret
from tests.common.people import SECRET, add_customer
from tests.web.shop import NOW, Shop

NEW = b"another secret"


def _rotate(shop: Shop) -> None:
    assert shop.site is not None
    shop.site.secret, shop.site.old_secrets = NEW, (SECRET,)


# ---------------------------------------------------------------- links, keys, hooks


def test_a_link_of_the_old_secret_works_after_rotation_and_a_new_one_is_not_read_by_the_old(shop: Shop) -> None:
    old = shop.link("u", promise := shop.promise(shop.customer()))
    new = f"/u/{signing.sign('promise', str(promise), NEW)}"
    assert (shop.get(old).status, shop.get(new).status) == (200, 404)
    _rotate(shop)
    assert (shop.get(old).status, shop.get(new).status) == (200, 200)
    assert shop.post(old, **{"List-Unsubscribe": "One-Click"}).status == 200
    assert [(word["topic"], word["granted"]) for word in shop.rows("consents")] == [("marketing", False)]
    assert shop.site is not None
    shop.site.old_secrets = ()
    assert (shop.get(old).status, shop.get(new).status) == (404, 200)


def test_a_suppression_holds_after_rotation(small_shop: Shop) -> None:
    small_shop.customer("ada", email="ada@client.example")
    address = ids.address_hash("ada@client.example", SECRET)
    with write(small_shop.engine) as connection:
        rights.suppress(connection, address, "all", "complained", NOW)
    _rotate(small_shop)
    key = api_keys.make("crm", ["suppressions", "customers"], NEW)
    headers = {"authorization": f"Bearer {key}"}
    found = small_shop.ask("GET", "/api/suppressions?email=Ada%40client.example", headers=headers)
    assert json.loads(found.text)["suppressed"] is True
    rows = json.dumps([{"id": "again", "email": "ADA@client.example"}])
    assert small_shop.ask("POST", "/api/customers", rows, headers).status == 200
    assert {row["email_hash"] for row in small_shop.rows("customers")} == {address}


def test_keys_and_hooks_of_the_old_secret_are_read() -> None:
    key = api_keys.make("till", ["coupons"], SECRET)
    assert api_keys.read(f"Bearer {key}", [NEW, SECRET]) == ("till", frozenset({"coupons"}))
    assert api_keys.read(f"Bearer {key}", [NEW]) is None
    headers = webhook_signing.sign(webhook_signing.secret_of("shop", SECRET), "m-1", NOW, b"{}")
    assert webhook_signing.verify(headers, b"{}", ["shop"], [NEW, SECRET], NOW) is not None
    assert webhook_signing.verify(headers, b"{}", ["shop"], [NEW], NOW) is None


# ---------------------------------------------------------------- where the secrets come from


def test_what_an_earlier_version_kept_becomes_the_secret_of_addresses(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "secret").write_bytes(b"of an earlier version\n")
    found = settings.load(tmp_path, {})
    assert (found.secret, found.address_secret) == (b"of an earlier version",) * 2
    kept = tmp_path / "var" / "address-secret"
    assert kept.stat().st_mode & 0o777 == 0o600
    (tmp_path / "var" / "secret").write_bytes(b"new\nof an earlier version\n")
    found = settings.load(tmp_path, {})
    assert found.secrets == (b"new", b"of an earlier version")
    assert found.address_secret == b"of an earlier version"
    (tmp_path / "var" / "secret").write_bytes(b"new\n")
    assert settings.load(tmp_path, {}).address_secret == b"of an earlier version"


@pytest.mark.parametrize(
    ("environ", "secrets", "address_secret"),
    [
        ({"REGULARS_SECRET": "a b"}, (b"a b",), b"a b"),
        ({"REGULARS_SECRET": "c", "REGULARS_OLD_SECRETS": "b, a b"}, (b"c", b"b", b"a b"), b"a b"),
        ({"REGULARS_SECRET": "c", "REGULARS_ADDRESS_SECRET": "a"}, (b"c",), b"a"),
    ],
)
def test_the_environment_tells_secrets(
    tmp_path: Path, environ: dict[str, str], secrets: tuple[bytes, ...], address_secret: bytes
) -> None:
    found = settings.load(tmp_path, environ)
    assert (found.secrets, found.address_secret) == (secrets, address_secret)
    assert not (tmp_path / "var").exists()
    assert "secret=" not in repr(found)


def test_an_emptied_file_is_not_taken_for_a_secret(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "secret").write_bytes(b"\n")
    with pytest.raises(EnvironmentFailed, match="secret is empty"):
        settings.load(tmp_path, {})


def test_another_secret_than_that_of_the_addresses_is_refused(engine: Engine) -> None:
    require_address_secret(engine, NEW)  # nobody is there
    with write(engine) as connection:
        key = add_customer(connection, "ada")
    require_address_secret(engine, SECRET)
    with pytest.raises(EnvironmentFailed, match="set REGULARS_ADDRESS_SECRET to what REGULARS_SECRET was at first"):
        require_address_secret(engine, NEW)
    with write(engine) as connection:
        connection.execute(update(customers).where(customers.c.id == key).values(email_hash=None))
    require_address_secret(engine, NEW)
