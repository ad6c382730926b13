"""Whoever reads a blob's bytes asks first where they are, and so whether they may be trusted."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt
from modelwright.core.weight_files import NamedBlob
from modelwright.weights.files import WeightBlobs

pytestmark = pytest.mark.anyio

ONE, OTHER = Digest.of(b"one"), Digest.of(b"other")
FILES = (NamedBlob("model.safetensors", ONE), NamedBlob("config.json", OTHER))


async def ended(events: Any) -> None:
    async for _ in events:
        pass


USES: dict[str, tuple[Callable[[WeightBlobs], Awaitable[Any]], Digest]] = {
    "facts": (lambda files: files.facts(ONE), ONE),
    "anatomy": (lambda files: files.anatomy(ONE), ONE),
    "adapter's fit, adapter": (lambda files: files.check_adapter(ONE, OTHER), ONE),
    "adapter's fit, base": (lambda files: files.check_adapter(ONE, OTHER), OTHER),
    "conversion": (lambda files: ended(files.convert(FILES, name="m")), OTHER),
    "conversion of an adapter, files": (lambda files: ended(files.convert_adapter(FILES[:1], OTHER)), ONE),
    "conversion of an adapter, base": (lambda files: ended(files.convert_adapter(FILES[:1], OTHER)), OTHER),
    "merge": (lambda files: ended(files.merge(FILES)), OTHER),
    "quantizing": (lambda files: ended(files.quantize(ONE, "Q8_0")), ONE),
}


@pytest.mark.parametrize("use", USES)
async def test_a_changed_blob_is_not_read(tmp_path: Path, use: str) -> None:
    read, changed = USES[use]
    (tmp_path / "there").write_bytes(b"some bytes")

    async def locate(digest: Digest) -> Path:
        if digest == changed:
            raise Corrupt("it was changed")
        return tmp_path / "there"

    async def keep(path: Path) -> tuple[Digest, int]:
        raise AssertionError("something was made of it")

    files = WeightBlobs(locate, keep, tmp_path / "workshop")
    with pytest.raises(Corrupt, match="it was changed"):
        await read(files)
    assert not (tmp_path / "workshop").exists()
