"""Blobs that are one file with another: taken without a copy, watched for changes."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, NotFound
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.links import Links

pytestmark = pytest.mark.anyio

CONTENT = b"weights" * 300_000
DIGEST = Digest.of(CONTENT)


class House:
    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self.blobs = BlobStore(folder / "home")
        self.links = Links(self.blobs, catalogue)
        self.source = folder / "model.gguf"
        self.source.write_bytes(CONTENT)
        self.reads: list[int] = []

    async def take(self) -> Digest:
        """Take the source; `reads` is what was read for it."""
        self.reads.clear()
        return (await self.links.take(str(self.source), on_bytes=self.reads.append))[0]

    def change(self, content: bytes) -> None:
        """Write in place, as an editor of the file would."""
        with self.source.open("r+b") as file:
            file.write(content)
        os.utime(self.source, ns=(1, 1))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.db'}")
    yield House(tmp_path, catalogue)
    await catalogue.close()


def skip_unless_linked(house: House) -> None:
    if not house.blobs.path(DIGEST).samefile(house.source):
        pytest.skip("this file system clones, so a change does not reach the blob")


async def test_a_file_is_read_once_and_not_copied(house: House) -> None:
    assert await house.take() == DIGEST
    assert house.reads[-1] == len(CONTENT)
    skip_unless_linked(house)
    assert house.blobs.path(DIGEST).stat().st_nlink == 2


async def test_an_unchanged_file_is_not_read_again(house: House) -> None:
    await house.take()
    skip_unless_linked(house)
    assert await house.take() == DIGEST
    assert house.reads == []
    house.change(b"other")
    assert await house.take() == Digest.of(b"other" + CONTENT[5:])


async def test_a_changed_file_is_refused(house: House) -> None:
    await house.take()
    skip_unless_linked(house)
    assert await house.links.locate(DIGEST) == house.blobs.path(DIGEST)
    house.change(b"other")
    with pytest.raises(Corrupt, match="changed since it was linked"):
        await house.links.locate(DIGEST)


async def test_a_file_that_was_only_touched_is_good(house: House) -> None:
    await house.take()
    house.change(b"")
    for _ in range(2):
        assert await house.links.locate(DIGEST) == house.blobs.path(DIGEST)


async def test_a_blob_that_was_uploaded_again_is_good(house: House) -> None:
    await house.take()
    skip_unless_linked(house)
    house.change(b"other")

    await house.blobs.put(pieces(CONTENT))
    assert (await house.links.locate(DIGEST)).read_bytes() == CONTENT
    assert house.source.read_bytes() != CONTENT


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_a_copy_that_is_here_is_not_given_up_for_a_link(house: House) -> None:
    await house.blobs.put(pieces(CONTENT))
    assert await house.take() == DIGEST
    house.change(b"other")
    assert (await house.links.locate(DIGEST)).read_bytes() == CONTENT


async def test_a_copy_that_rotted_is_mended_by_a_link(house: House) -> None:
    await house.blobs.put(pieces(CONTENT))
    house.blobs.path(DIGEST).write_bytes(b"rotten")
    assert await house.take() == DIGEST
    assert (await house.links.locate(DIGEST)).read_bytes() == CONTENT


async def test_an_absent_blob_is_left_to_whoever_opens_it(house: House) -> None:
    assert await house.links.locate(DIGEST) == house.blobs.path(DIGEST)
    await house.take()
    house.blobs.path(DIGEST).unlink()
    assert not (await house.links.locate(DIGEST)).exists()


async def test_what_is_expected_is_held_against_the_file(house: House) -> None:
    for _ in range(2):
        with pytest.raises(Invalid, match="digest mismatch"):
            await house.links.take(str(house.source), expected=Digest.of(b""))
        await house.take()


@pytest.mark.parametrize("path", ["model.gguf", "", "/nowhere/model.gguf", "/a\0b"])
async def test_only_absolute_paths_of_files_are_taken(house: House, path: str) -> None:
    with pytest.raises(NotFound):
        await house.links.take(path)
