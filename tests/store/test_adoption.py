"""Files of this machine become blobs: which are taken, and at what cost."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, NotFound
from modelwright.store.blobs import BlobStore

pytestmark = pytest.mark.anyio

CONTENT = b"weights" * 300_000


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "store")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT)
    return path


def drafts(blobs: BlobStore) -> list[str]:
    return [path.name for path in (blobs.path(Digest.of(b"")).parents[1] / "tmp").iterdir()]


@pytest.mark.parametrize("link", [False, True])
async def test_a_file_is_adopted_as_it_is(blobs: BlobStore, source: Path, link: bool) -> None:
    for _ in range(2):
        digest, size = await blobs.adopt(source, expected=Digest.of(CONTENT), link=link)
        assert (digest, size) == (Digest.of(CONTENT), len(CONTENT))
        assert await blobs.verify(digest)
        assert drafts(blobs) == []
    assert source.read_bytes() == CONTENT


def clones(folder: Path) -> bool:
    """Whether the file system shares bytes between files, so that no link is needed."""
    with (folder / "one").open("wb") as one, (folder / "two").open("wb") as two:
        try:
            fcntl.ioctl(two, 0x40049409, one.fileno())
        except OSError:
            return False
        return True


async def test_a_link_costs_no_copy(blobs: BlobStore, source: Path, tmp_path: Path) -> None:
    digest, _ = await blobs.adopt(source, link=True)
    assert blobs.path(digest).samefile(source) or clones(tmp_path)


async def test_without_a_link_later_changes_do_not_reach_the_blob(blobs: BlobStore, source: Path) -> None:
    digest, _ = await blobs.adopt(source)
    source.write_bytes(b"other")
    assert await blobs.verify(digest)


async def test_a_file_that_grows_meanwhile_is_refused(blobs: BlobStore, source: Path, tmp_path: Path) -> None:
    if clones(tmp_path):
        pytest.skip("a clone does not grow with its source")
    source.write_bytes(b"x" * 30_000_000)
    done = threading.Event()

    def grow() -> None:
        while not done.is_set():
            with source.open("ab") as file:
                file.write(b"x")

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        with pytest.raises(Invalid, match="changed while it was read"):
            await blobs.adopt(source, link=True)
    finally:
        done.set()
        growing.join()
    assert drafts(blobs) == []


async def test_another_digest_than_expected_leaves_nothing(blobs: BlobStore, source: Path) -> None:
    for link in (False, True):
        with pytest.raises(Invalid, match="digest mismatch, expected"):
            await blobs.adopt(source, expected=Digest.of(b""), link=link)
        assert not await blobs.has(Digest.of(CONTENT))
        assert drafts(blobs) == []
    assert source.read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "device"])
@pytest.mark.limit(10)
async def test_only_regular_files_are_adopted(
    blobs: BlobStore, source: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "odd"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(source)
        case _:
            path = Path("/dev/zero")
    with pytest.raises(Invalid, match=str(path)):
        await blobs.adopt(path, link=True)
    assert drafts(blobs) == []


async def test_an_absent_file_is_not_found(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing"):
        await blobs.adopt(tmp_path / "nothing")


async def test_a_symbolic_link_is_no_blob(blobs: BlobStore, source: Path) -> None:
    path = blobs.path(Digest.of(CONTENT))
    path.symlink_to(source)
    assert not await blobs.has(Digest.of(CONTENT))
    assert not await blobs.verify(Digest.of(CONTENT))


async def test_what_a_killed_process_left_is_removed(blobs: BlobStore, source: Path, tmp_path: Path) -> None:
    digest, _ = await blobs.adopt(source)
    (tmp_path / "store" / "tmp" / "0123").write_bytes(b"half")
    again = BlobStore(tmp_path / "store")
    assert again.clear_leftovers() == 1
    assert drafts(again) == []
    assert await again.verify(digest)


async def test_blobs_are_for_their_owner_alone(blobs: BlobStore, source: Path) -> None:
    digest, _ = await blobs.adopt(source)
    assert blobs.path(digest).stat().st_mode & 0o777 == 0o600
