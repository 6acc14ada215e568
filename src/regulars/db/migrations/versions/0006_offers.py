"""Points by a tariff with named levels; shared coupon codes, and codes from elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OWN, FREE = sa.text("NOT shared"), sa.text("given_at IS NULL")


def upgrade() -> None:
    """Adds columns to facts and coupons, and three tables."""
    for column in (
        sa.Column("level", sa.Text()),
        sa.Column("next_level", sa.Text()),
        sa.Column("points_to_next_level", sa.BigInteger()),
    ):
        op.add_column("facts", column)
    op.create_table(
        "points_tariff",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("per_currency_unit", sa.BigInteger(), nullable=False),
        sa.Column("per_visit", sa.Integer(), nullable=False),
        sa.Column("per_referral", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_points_tariff"),
    )
    op.create_table(
        "point_levels",
        sa.Column("least", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("least", name="pk_point_levels"),
    )
    _coupons()


def _coupons() -> None:
    with op.batch_alter_table("coupons") as coupons:
        coupons.add_column(sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.text("false")))
        coupons.add_column(sa.Column("given_at", sa.BigInteger()))
        coupons.drop_constraint("uq_coupons_code", type_="unique")
    op.execute("UPDATE coupons SET given_at = valid_from")
    with op.batch_alter_table("coupons") as coupons:
        coupons.alter_column("given_at", existing_type=sa.BigInteger(), nullable=False)
    op.create_index("ix_coupons_code", "coupons", ["code"])
    op.create_index("uq_coupons_own_code", "coupons", ["code"], unique=True, sqlite_where=OWN, postgresql_where=OWN)
    op.create_table(
        "coupon_codes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("given_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_coupon_codes"),
        sa.UniqueConstraint("code", name="uq_coupon_codes_code"),
    )
    op.create_index("ix_coupon_codes_free", "coupon_codes", ["pool", "id"], sqlite_where=FREE, postgresql_where=FREE)
