"""The tables of quotas, and of what counts to them, as they are today."""

from typing import Final

from sqlalchemy import BigInteger, Column, Table, Text

from modelwright.store.tables import METADATA

quotas: Final = Table(
    "quotas",
    METADATA,
    Column("principal_id", Text, primary_key=True),
    Column("quota", Text, primary_key=True),
    Column("most", BigInteger, nullable=False),
)

tokens_of_days: Final = Table(
    "tokens_of_days",
    METADATA,
    Column("principal_id", Text, primary_key=True),
    Column("day", BigInteger, primary_key=True),
    Column("tokens", BigInteger, nullable=False),
)

leases: Final = Table(
    "leases",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("principal_id", Text, nullable=False),
    Column("quota", Text, nullable=False),
    Column("weight", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
)
"""What is taken of quotas that several servers count; `until` in microseconds since 1970."""
