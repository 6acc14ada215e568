"""Bringing a database to this version: its tables first, then what is derived from them."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from regulars.consent.rehash import rehash_addresses
from regulars.db.upgrade import migrate
from regulars.profile import facts


def upgrade_database(engine: Engine, to: str = "head", *, secret: bytes) -> str:
    """Migrates the database, and derives anew what a later version may derive otherwise: facts, hashes of addresses.

    `secret` is the workspace's, with which addresses are hashed. Returns the revision. Raises EnvironmentFailed for a
    database made by a later version.
    """

    def derive(connection: Connection) -> None:
        rehash_addresses(connection, secret)
        facts.refresh(connection)

    return migrate(engine, to, after=derive)
