"""Upgrades a database to this version: tables first, then derived data."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from regulars.consent.rehash import hashed_with, rehash_addresses
from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import read
from regulars.db.upgrade import migrate
from regulars.profile import facts


def upgrade_database(engine: Engine, to: str = "head", *, secret: bytes) -> str:
    """Migrates the database, and recomputes what versions derive differently: facts, hashes of addresses.

    `secret` is the one with which addresses are hashed. Returns the revision. Raises EnvironmentFailed for a database
    made by a later version, and for another secret than that of the addresses in it.
    """

    def derive(connection: Connection) -> None:
        _require(connection, secret)
        rehash_addresses(connection, secret)
        facts.refresh(connection)

    return migrate(engine, to, after=derive)


def require_address_secret(engine: Engine, secret: bytes) -> None:
    """Raises EnvironmentFailed where the addresses in the database were hashed with another secret than this one.

    With the wrong one, opt-outs, complaints and erasures would not be recognised.
    """
    with read(engine) as connection:
        _require(connection, secret)


def _require(connection: Connection, secret: bytes) -> None:
    if not hashed_with(connection, secret):
        raise EnvironmentFailed(
            "the addresses in the database were hashed with another secret than the one in use, so nobody who left"
            " would be known: set REGULARS_ADDRESS_SECRET to what REGULARS_SECRET was at first (without these settings"
            " it is in `var/address-secret` of the workspace)"
        )
