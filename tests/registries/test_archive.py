"""A model as one file: it comes back the same, and no path of an archive is used."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core import tar
from modelwright.core.digest import Digest
from modelwright.core.errors import ModelwrightError
from modelwright.starter import WEIGHTS
from tests.registries.conftest import House, Opening
from tests.registries.test_round_trip import Shape, answer, made, uploaded, write_random_lora

pytestmark = pytest.mark.anyio
EXPORT, IMPORT = "/api/modelwright/export", "/api/modelwright/import"


async def exported(house: House, name: str, **query: str) -> bytes:
    found = await house.client.get(EXPORT, params={"model": name, **query})
    assert found.status_code == 200, found.text
    assert int(found.headers["content-length"]) == len(found.content)
    return found.content


@pytest.mark.limit(120)
async def test_everything_comes_back_from_a_file(opening: Opening, tmp_path: Path) -> None:
    async with opening("one", engine="llamacpp") as one:
        digest = await made(one, tmp_path, "everything", "tiny")
        said, content = await answer(one, "everything"), await exported(one, "everything")
    async with opening("two", engine="llamacpp") as two:
        taken = await two.client.post(IMPORT, content=content)
        assert taken.json() == {"name": "everything:latest", "digest": f"sha256:{digest}"}
        assert await answer(two, "everything") == said
        assert await exported(two, "everything") != b"", "and can leave again"
        named = await two.client.post(IMPORT, params={"name": "other"}, content=content)
        assert named.json()["name"] == "other:latest"


async def test_the_file_is_an_oci_layout_that_others_can_read(opening: Opening) -> None:
    async with opening("one") as house:
        content = await exported(house, "starter")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        names = archive.getnames()
        index = json.load(archive.extractfile("index.json"))  # type: ignore[arg-type] - it is a file
        for name in names:
            if name.startswith("blobs/"):
                held = archive.extractfile(name).read()  # type: ignore[union-attr] - it is a file
                assert name == f"blobs/sha256/{Digest.of(held).hex}"
    assert names[0] == "oci-layout"
    assert [each.get("artifactType") for each in index["manifests"]].count(None) == 1


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
async def test_it_may_come_in_any_order_from_any_tar(opening: Opening, form: int) -> None:
    async with opening("one") as one, opening("two") as two:
        content = repacked(await exported(one, "starter"), form=form, reverse=True)
        taken = await two.client.post(IMPORT, content=content, params={"name": "again"})
        assert taken.status_code == 200, taken.text


def repacked(
    content: bytes,
    *,
    form: int = tarfile.PAX_FORMAT,
    reverse: bool = False,
    change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None] | None = None,
) -> bytes:
    target = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as source,
        tarfile.open(fileobj=target, mode="w", format=form) as made,
    ):
        members = source.getmembers()
        for member in reversed(members) if reverse else members:
            held = source.extractfile(member).read()  # type: ignore[union-attr] - all are files
            kept = (member, held) if change is None else change(member, held)
            if kept is not None:
                kept[0].size = len(kept[1])
                made.addfile(kept[0], io.BytesIO(kept[1]))
    return target.getvalue()


def flipped(member: tarfile.TarInfo, held: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """A bit of the weights is another."""
    if len(held) == WEIGHTS.stat().st_size:
        held = held[:-1] + bytes([held[-1] ^ 1])
    return member, held


def without_weights(member: tarfile.TarInfo, held: bytes) -> tuple[tarfile.TarInfo, bytes] | None:
    return None if len(held) == WEIGHTS.stat().st_size else (member, held)


def without_index(member: tarfile.TarInfo, held: bytes) -> tuple[tarfile.TarInfo, bytes] | None:
    return None if member.name == "index.json" else (member, held)


def a_link(member: tarfile.TarInfo, held: bytes) -> tuple[tarfile.TarInfo, bytes]:
    if member.name.startswith("blobs/"):
        member.type, member.linkname, held = tarfile.SYMTYPE, "/etc/passwd", b""
    return member, held


def climbing(member: tarfile.TarInfo, held: bytes) -> tuple[tarfile.TarInfo, bytes]:
    if member.name.startswith("blobs/"):
        member.name = f"../../../{member.name}"
    return member, held


BROKEN = {
    flipped: "not what it is called",
    without_weights: "lacks layer",
    without_index: "no index.json",
    a_link: "neither a file nor a folder",
    climbing: "the archive lacks",
}


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: change.__name__)
async def test_a_broken_archive_makes_no_model(
    opening: Opening,
    change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None],
) -> None:
    async with opening("one") as house:
        content = repacked(await exported(house, "starter"), change=change)
        await house.client.request("DELETE", "/api/delete", json={"model": "starter"})
        for blob in (house.home / "blobs").iterdir():
            blob.unlink()
        before = {path for path in house.home.parent.rglob("*") if "blobs" not in path.parts}
        refused = await house.client.post(IMPORT, content=content, params={"name": "x"})
        assert refused.status_code in (400, 500)
        assert BROKEN[change] in refused.json()["error"]["message"]
        assert not await house.digest("x")
        after = {path for path in house.home.parent.rglob("*") if "blobs" not in path.parts}
        assert {path for path in after - before if "catalogue" not in path.name} == set()


async def test_a_cut_archive_makes_no_model(opening: Opening) -> None:
    async with opening("one") as house:
        content = await exported(house, "starter")
        for end in (0, 100, 512, 1000, 5000, len(content) // 2, len(content) - 2000):
            refused = await house.client.post(IMPORT, content=content[:end], params={"name": "x"})
            assert refused.status_code == 500, end
            assert "the archive ends before its end" in refused.json()["error"]["message"]
        assert not await house.digest("x")


@given(st.binary(max_size=512).map(lambda start: start.ljust(512, b"\0")))
def test_any_header_is_read_or_refused(block: bytes) -> None:
    try:
        member = tar.read_header(block)
    except ModelwrightError:
        return
    assert member is None or member.size >= 0


@given(st.integers(0, 2**60))
def test_a_size_is_read_as_it_was_written(size: int) -> None:
    assert tar.read_header(tar.write_header("blobs/x", size)) == tar.Member("file", "blobs/x", size)


STARTER = Shape(hidden=256, layers=4, heads=4, feed_forward=768, vocabulary=2048)
PROMPTS = ("What colour is a banana?", "Capital of Peru?", "Who are you?", "Tell me of the sea.")


@pytest.mark.limit(120)
async def test_a_merged_file_answers_as_base_and_adapters_do(opening: Opening, tmp_path: Path) -> None:
    async with opening("one", engine="llamacpp") as house:
        adapters = []
        for seed, scale in ((5, 0.5), (6, 1.0)):
            write_random_lora(tmp_path / f"{seed}.gguf", STARTER, seed=seed, size=0.4)
            adapters.append({"digest": await uploaded(house, tmp_path / f"{seed}.gguf"), "scale": scale})
        # Few tokens: random adapters give near ties, which the rounding of a merge may turn around.
        fields = {"parameters": {"temperature": 0, "num_predict": 10}}
        await house.done("/api/create", model="apart", **{"from": "starter"}, adapters=adapters, **fields)
        merged = tmp_path / "merged.gguf"
        merged.write_bytes(await exported(house, "apart", merge="1"))
        digest = await uploaded(house, merged)
        await house.done("/api/create", model="together", files={"merged.gguf": digest}, **fields)
        said = {
            name: [
                (await house.done("/api/generate", model=name, prompt=each))["response"] for each in PROMPTS
            ]
            for name in ("together", "apart", "starter")
        }
    assert said["together"] == said["apart"]
    assert said["apart"] != said["starter"], "or the adapters had no effect"
