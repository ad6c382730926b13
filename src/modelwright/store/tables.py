"""The tables as they are today, and how our values stand in their columns.

How they came to be is migrations/'s affair; a test compares the two. It does
not know which database it speaks to.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Column, Dialect, LargeBinary, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware time as whole microseconds since 1970, UTC.

    SQLite has no time type and drops the zone; an integer comes back exactly,
    and sorts, on every database.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class DigestText(TypeDecorator[Digest]):
    """A digest as its 64 hexadecimal characters."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Digest | None, dialect: Dialect) -> str | None:
        return None if value is None else value.hex

    def process_result_value(self, value: str | None, dialect: Dialect) -> Digest | None:
        try:
            return None if value is None else Digest(value)
        except Invalid as error:
            raise Corrupt(f"the catalogue holds a damaged digest {value!r}") from error


METADATA: Final = MetaData()

specs: Final = Table(
    "specs",
    METADATA,
    Column("digest", DigestText, primary_key=True),
    Column("canonical", LargeBinary, nullable=False),
)

layers: Final = Table(
    "layers",
    METADATA,
    Column("digest", DigestText, primary_key=True),
    Column("spec_digest", DigestText, primary_key=True),
)
"""The adapters and projectors that a spec stands on; bases are in `revisions`."""

cards: Final = Table(
    "cards",
    METADATA,
    Column("digest", DigestText, primary_key=True),
    Column("canonical", LargeBinary, nullable=False),
)

aliases: Final = Table(
    "aliases",
    METADATA,
    Column("dialect", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("alias", Text, primary_key=True),
    Column("model_id", BigInteger, nullable=False),
    Column("added_at", Instant, nullable=False),
)

hidden_revisions: Final = Table(
    "hidden_revisions",
    METADATA,
    Column("model_id", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
)

small_blobs: Final = Table(
    "small_blobs",
    METADATA,
    Column("digest", DigestText, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

blobs: Final = Table(
    "blobs",
    METADATA,
    Column("digest", DigestText, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("facts", Text),
    Column("created_at", Instant, nullable=False),
)

linked_blobs: Final = Table(
    "linked_blobs",
    METADATA,
    Column("digest", DigestText, primary_key=True),
    Column("device", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
)

models: Final = Table(
    "models",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("key", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("current", BigInteger, nullable=False),
    Column("latest", BigInteger, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("owner", Text, nullable=False),
)

revisions: Final = Table(
    "revisions",
    METADATA,
    Column("model_id", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("spec_digest", DigestText, nullable=False),
    Column("base_digest", DigestText),
    Column("parent", Text, nullable=False),
    Column("manifest_digest", DigestText),
    Column("size", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("template_digest", DigestText),
    Column("card_digest", DigestText),
)

moves: Final = Table(
    "moves",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("model_id", BigInteger, nullable=False),
    Column("before", BigInteger, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("moved_at", Instant, nullable=False),
)

responses: Final = Table(
    "responses",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

entities: Final = Table(
    "entities",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("content", Text, nullable=False),
    Column("alias", Text),
)

accounts: Final = Table(
    "accounts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

principals: Final = Table(
    "principals",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("email", Text),
    Column("email_key", Text),
    Column("password", Text),
    Column("account", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("extras", Text, nullable=False, server_default="{}"),
)

groups: Final = Table(
    "groups_of_people",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("extras", Text, nullable=False, server_default="{}"),
)

members: Final = Table(
    "members",
    METADATA,
    Column("group_id", Text, primary_key=True),
    Column("principal_id", Text, primary_key=True),
)

keys: Final = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("principal_id", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("session", BigInteger, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)

grants: Final = Table(
    "grants",
    METADATA,
    Column("model_id", BigInteger, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("level", BigInteger, nullable=False),
    Column("granted_by", Text, nullable=False),
    Column("granted_at", Instant, nullable=False),
)

reshares: Final = Table(
    "reshares",
    METADATA,
    Column("base_id", BigInteger, primary_key=True),
    Column("wrapper_id", BigInteger, primary_key=True),
    Column("allowed_by", Text, nullable=False),
    Column("allowed_at", Instant, nullable=False),
)

uploads: Final = Table(
    "uploads",
    METADATA,
    Column("digest", DigestText, primary_key=True),
    Column("principal_id", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("uploaded_at", Instant, nullable=False),
)

audit: Final = Table(
    "audit",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("principal_id", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("thing", Text, nullable=False),
    Column("model_id", BigInteger),
    Column("revision", BigInteger),
    Column("detail", Text, nullable=False),
)

runs: Final = Table(
    "runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", BigInteger, nullable=False),
    Column("plan", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("step", BigInteger, nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("revision", BigInteger),
    Column("metrics", Text, nullable=False),
    Column("extras", Text, nullable=False),
    Column("holder", Text, nullable=False, default=""),
    Column("wanted", Text, nullable=False, default=""),
)

run_events: Final = Table(
    "run_events",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", Text, nullable=False),
)

datasets: Final = Table(
    "datasets",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", DigestText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("faults", BigInteger, nullable=False),
    Column("expires_at", Instant),
    Column("extras", Text, nullable=False),
)

file_uploads: Final = Table(
    "file_uploads",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("keep_seconds", BigInteger),
    Column("file", Text, nullable=False),
)

upload_parts: Final = Table(
    "upload_parts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("upload", Text, nullable=False),
    Column("digest", DigestText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
)

prompts: Final = Table(
    "prompts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", BigInteger, nullable=False),
    Column("asked", Text, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("outcome", LargeBinary),
    Column("holder", Text, nullable=False, default=""),
)

servers: Final = Table(
    "servers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("until", BigInteger, nullable=False),
)
"""Those that live on this database; `until` in microseconds since 1970."""

migrations: Final = Table(
    "migrations",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("applied_at", Instant, nullable=False),
)
