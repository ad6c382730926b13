"""What every store of blobs does (core.ports.Blobs, and what the app needs beside it)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, NotFound, TooLarge
from modelwright.store.blobs import BlobStore
from modelwright.store.files import PIECE

pytestmark = pytest.mark.anyio

ABSENT = Digest.of(b"absent")


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def files(folder: Path) -> set[str]:
    """Every file below a folder, by name."""
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "store")


@pytest.mark.parametrize(
    "chunks",
    [[], [b""], [b"a"], [b"a", b"", b"b" * 100], [b"x" * (PIECE - 1), b"yy"], [b"z" * (3 * PIECE + 5)]],
    ids=["none", "empty", "one", "some", "edge", "large"],
)
async def test_a_stream_is_kept_under_its_digest(blobs: BlobStore, chunks: list[bytes]) -> None:
    content = b"".join(chunks)
    digest, size = await blobs.put(stream(chunks))
    assert (digest, size) == (Digest.of(content), len(content))
    assert blobs.path(digest).read_bytes() == content
    assert await blobs.has(digest)
    assert await blobs.verify(digest)
    assert await blobs.read(digest) == content


async def test_what_is_absent_is_not_there(blobs: BlobStore) -> None:
    assert not await blobs.has(ABSENT)
    assert not await blobs.verify(ABSENT)
    with pytest.raises(NotFound, match=str(ABSENT)):
        await blobs.read(ABSENT)


async def test_another_digest_than_expected_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        await blobs.put(stream([b"content"]), expected=ABSENT)
    assert str(caught.value) == f'digest mismatch, expected "{ABSENT}", got "{Digest.of(b"content")}"'
    assert files(tmp_path) == set()


async def test_the_limit_is_exact(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="more than 9 bytes"):
        await blobs.put(stream([b"12345", b"67890"]), limit=9)
    assert files(tmp_path) == set()
    assert (await blobs.put(stream([b"12345", b"67890"]), limit=10))[1] == 10


async def test_a_stream_that_breaks_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2 * PIECE
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put(broken())
    assert files(tmp_path) == set()


async def test_a_caller_that_leaves_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * PIECE
            await asyncio.sleep(0)

    for delay in (0, 0.001, 0.01, 0.05):
        task = asyncio.ensure_future(blobs.put(endless()))
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert files(tmp_path) == set()


async def test_eight_at_once_make_one_file(blobs: BlobStore, tmp_path: Path) -> None:
    content = b"same" * PIECE
    done = await asyncio.gather(*(blobs.put(stream([content])) for _ in range(8)))
    assert {digest for digest, _ in done} == {Digest.of(content)}
    assert files(tmp_path) == {f"sha256-{hashlib.sha256(content).hexdigest()}"}


async def test_damage_is_found_and_never_read(blobs: BlobStore) -> None:
    digest, _ = await blobs.put(stream([b"content"]))
    blobs.path(digest).write_bytes(b"c0ntent")
    assert not await blobs.verify(digest)
    with pytest.raises(Corrupt, match=str(digest)):
        await blobs.read(digest)


async def test_storing_again_repairs(blobs: BlobStore) -> None:
    digest, _ = await blobs.put(stream([b"content"]))
    blobs.path(digest).write_bytes(b"")
    await blobs.put(stream([b"content"]), expected=digest)
    assert await blobs.read(digest) == b"content"


async def test_only_small_blobs_are_read(blobs: BlobStore) -> None:
    digest, _ = await blobs.put(stream([b"content"]))
    assert await blobs.read(digest, limit=7) == b"content"
    with pytest.raises(TooLarge, match="more than 6 bytes"):
        await blobs.read(digest, limit=6)


DIGESTS = st.from_regex(r"sha256[:-][0-9a-fA-F]{64}", fullmatch=True)


@given(st.text() | DIGESTS | DIGESTS.map(lambda text: text + "/../.."))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_leads_out_of_the_folder(blobs: BlobStore, tmp_path: Path, text: str) -> None:
    try:
        digest = Digest.parse(text)
    except Invalid:
        return
    path = blobs.path(digest)
    assert path.parent == tmp_path / "store" / "blobs"
    assert path.name == f"sha256-{digest.hex}"
