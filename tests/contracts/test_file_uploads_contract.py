"""Files in parts, on each kind of database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelwright.core.digest import Digest
from modelwright.core.file_upload import FileUpload, UploadPart
from modelwright.store.catalogue import Catalogue
from modelwright.store.file_uploads import UploadTable

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, tzinfo=UTC)
UPLOAD = FileUpload("upload_1", "bob", "x.txt", "batch", 9, "text/plain", NOW, NOW + timedelta(hours=1))


@pytest.fixture
async def book(catalogue: Catalogue) -> UploadTable:
    table = UploadTable(catalogue.database)
    await table.add(UPLOAD)
    return table


async def test_an_upload_comes_back_as_it_was_given(book: UploadTable) -> None:
    await book.add(replace(UPLOAD, id="upload_2", keep_seconds=3600))
    assert await book.find("upload_1") == UPLOAD
    found = await book.find("upload_2")
    assert found is not None
    assert found.keep_seconds == 3600
    assert await book.find("upload_3") is None


async def test_an_upload_ends_once(book: UploadTable) -> None:
    done = replace(UPLOAD, state="completed", file="file-1")
    assert await book.end(done)
    assert not await book.end(replace(UPLOAD, state="cancelled"))
    assert await book.find("upload_1") == done


async def test_parts_are_kept_in_the_order_they_came(book: UploadTable) -> None:
    parts = [
        UploadPart(f"part_{number}", "upload_1", Digest.of(b"x"), 1, NOW + timedelta(seconds=number))
        for number in (3, 1, 2)
    ]
    for part in parts:
        await book.add_part(part)
    assert [part.id for part in await book.parts("upload_1")] == ["part_1", "part_2", "part_3"]
    assert not await book.parts("upload_2")
