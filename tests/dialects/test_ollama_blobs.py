"""Blobs over HTTP: whole and right, or nothing at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelwright.core.digest import Digest
from modelwright.dialects.body import Limits

pytestmark = pytest.mark.anyio

CONTENT = b"some bytes" * 1000
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
LIMIT = 4 * 1024 * 1024
"""Bytes that a blob may have in the house of these tests."""


def leftovers(folder: Path) -> list[str]:
    """Everything in the store's folders."""
    return [path.name for part in ("blobs", "tmp", "workshop") for path in (folder / part).glob("*")]


async def test_a_blob_is_stored_found_and_stored_again(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    url = f"/api/blobs/{DIGEST}"
    assert (await client.head(url)).status_code == 404
    first, second = await client.post(url, content=CONTENT), await client.post(url, content=CONTENT)
    assert [(answer.status_code, answer.content) for answer in (first, second)] == [(201, b""), (200, b"")]
    assert (await client.head(url)).status_code == 200
    assert (await client.head(url.replace("sha256:", "sha256-"))).status_code == 200
    assert (tmp_path / "blobs" / f"sha256-{DIGEST[7:]}").read_bytes() == CONTENT


async def test_a_damaged_blob_is_mended_by_sending_it_again(
    client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    await client.post(f"/api/blobs/{DIGEST}", content=CONTENT)
    (tmp_path / "blobs" / f"sha256-{DIGEST[7:]}").write_bytes(b"rot")
    await client.post(f"/api/blobs/{DIGEST}", content=CONTENT)
    assert (tmp_path / "blobs" / f"sha256-{DIGEST[7:]}").read_bytes() == CONTENT


async def test_a_lost_blob_is_asked_for_again(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    await client.post(f"/api/blobs/{DIGEST}", content=CONTENT)
    (tmp_path / "blobs" / f"sha256-{DIGEST[7:]}").unlink()
    assert (await client.head(f"/api/blobs/{DIGEST}")).status_code == 404


async def test_other_bytes_than_promised_leave_nothing(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    promised = f"sha256:{'0' * 64}"
    answer = await client.post(f"/api/blobs/{promised}", content=CONTENT)
    assert answer.status_code == 400
    assert answer.json() == {"error": f'digest mismatch, expected "{promised}", got "{DIGEST}"'}
    assert leftovers(tmp_path) == []
    assert (await client.head(f"/api/blobs/{DIGEST}")).status_code == 404


@pytest.mark.parametrize(
    "digest", ["sha256:abc", "md5:" + "0" * 32, "..", "sha256:" + "g" * 64, "%2e%2e%2fx"]
)
@pytest.mark.parametrize("method", ["HEAD", "POST"])
async def test_what_is_no_digest_is_refused(client: httpx2.AsyncClient, method: str, digest: str) -> None:
    answer = await client.request(method, f"/api/blobs/{digest}", content=b"x" if method == "POST" else None)
    assert answer.status_code in (400, 404)


async def _pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65536):
        yield b"x" * 65536


@pytest.mark.parametrize("declared", [True, False])
async def test_a_blob_over_the_limit_leaves_nothing(
    client: httpx2.AsyncClient, tmp_path: Path, declared: bool
) -> None:
    content: Any = b"x" * (LIMIT + 65536) if declared else _pieces(LIMIT + 65536)
    answer = await client.post(f"/api/blobs/{DIGEST}", content=content)
    assert answer.status_code == 413
    assert f"{LIMIT} bytes" in answer.json()["error"]
    assert leftovers(tmp_path) == []


async def _slow() -> AsyncIterator[bytes]:
    yield b"some"
    await asyncio.sleep(5)


async def test_an_upload_that_stalls_is_ended_and_leaves_nothing(
    opening: Callable[..., AbstractAsyncContextManager[Any]], tmp_path: Path
) -> None:
    async with opening(limits=Limits(seconds=0.2)) as house:
        answer = await house.client.post(f"/api/blobs/{DIGEST}", content=_slow())
        assert answer.status_code == 400
        assert "too slow: 4 bytes came in 0.2 seconds" in answer.json()["error"]
        assert leftovers(tmp_path / "opened") == []


async def test_an_upload_that_breaks_off_leaves_nothing(house: Any, tmp_path: Path) -> None:
    path = f"/api/blobs/{DIGEST}"
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": [(b"host", b"127.0.0.1:11434")], "http_version": "1.1", "scheme": "http"}
    coming = [{"type": "http.request", "body": CONTENT[:100], "more_body": True}, {"type": "http.disconnect"}]
    answered = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    await house.app(scope | {"server": ("127.0.0.1", 11434), "client": ("127.0.0.1", 1)}, receive, send)
    assert (answered, leftovers(tmp_path)) == ([], [])


async def test_two_uploads_of_one_blob_at_once_both_succeed(house: Any) -> None:
    answers = await asyncio.gather(
        *(house.client.post(f"/api/blobs/{DIGEST}", content=CONTENT) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert await house.blobs.verify(Digest.parse(DIGEST))
