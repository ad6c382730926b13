"""The routes of files, and of uploads in parts (OpenAI's API reference)."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote

from pydantic import Field, Strict
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.errors import Invalid
from modelwright.core.file_upload import FileUpload
from modelwright.core.grants import Verb
from modelwright.core.runs import DatasetRecord
from modelwright.core.wording import excerpt
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Text, Whole, Wire
from modelwright.dialects.multipart import read_form
from modelwright.dialects.openai.paging import is_oldest_first, limit_of, page
from modelwright.service.file_uploads import MOST_PART

PURPOSES: Final = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
MOST_FILES: Final = 10_000
SHORTEST, LONGEST = 3_600, 2_592_000
"""Seconds that a file which expires may be kept."""

Row = tuple[str, str, Callable[[Request], Coroutine[Any, Any, Response]], str, type[Wire] | None]


class ExpiresAfter(Wire):
    """How long the file is to be kept."""

    anchor: Text = "created_at"
    seconds: Whole


class UploadRequest(Wire):
    """A file that is to come in parts."""

    filename: Annotated[Text, Field(min_length=1, max_length=512)]
    purpose: Text
    bytes: Annotated[int, Strict(), Field(ge=1, le=2**43)]
    mime_type: Text
    expires_after: ExpiresAfter | None = None


class CompleteRequest(Wire):
    """The parts of a file, in their order."""

    part_ids: Annotated[tuple[Text, ...], Field(max_length=10_000)]
    md5: Text = ""


class FileRoutes:
    """What stands under /v1/files and /v1/uploads."""

    def __init__(self, backing: Backing) -> None:
        self._datasets = backing.services.datasets
        self._uploads = backing.services.file_uploads
        self._limit = backing.services.uploads.limit
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        one, upload = "/v1/files/{file}", "/v1/uploads/{upload}"
        yield "POST", "/v1/files", self.add, "Upload a file, as a form", None
        yield "GET", "/v1/files", self.list_files, "List your files", None
        yield "GET", one, self.find, "Show a file", None
        yield "GET", f"{one}/content", self.content, "The bytes of a file", None
        yield "DELETE", one, self.delete, "Delete a file", None
        yield "POST", "/v1/uploads", self.start_upload, "Begin a file in parts", UploadRequest
        yield "POST", f"{upload}/parts", self.add_part, "Add a part, as a form", None
        yield "POST", f"{upload}/complete", self.complete, "Put the parts together", CompleteRequest
        yield "POST", f"{upload}/cancel", self.cancel, "Want no further parts", None

    @needs(Verb.UPLOAD)
    async def add(self, request: Request) -> Response:
        principal = self._principal_of(request)
        async with read_form(request, "file", self._limit, self._limits) as form:
            purpose = _purpose(form.texts.get("purpose", ""))
            keep = _keep(form.texts)
            expires = datetime.now(UTC) + timedelta(seconds=keep) if keep else None
            record = await self._datasets.add(
                principal, form.name, form.content(), purpose=purpose, expires_at=expires
            )
        return json_response(file_object(record))

    @needs(Verb.LIST)
    async def list_files(self, request: Request) -> Response:
        asked, limit = request.query_params, limit_of(request, usual=MOST_FILES, most=MOST_FILES)
        found = await self._datasets.list_datasets(
            self._principal_of(request),
            purpose=asked.get("purpose", ""),
            after=asked.get("after", ""),
            limit=limit + 1,
            oldest=is_oldest_first(request),
        )
        return json_response(page([file_object(each) for each in found[:limit]], more=len(found) > limit))

    @needs(Verb.SELF)
    async def find(self, request: Request) -> Response:
        return json_response(file_object(await self._asked(request)))

    @needs(Verb.SELF)
    async def content(self, request: Request) -> Response:
        record = await self._asked(request)
        content = await self._datasets.content(self._principal_of(request), record.id)
        named = f"attachment; filename*=UTF-8''{quote(record.name, safe='')}"
        headers = {"Content-Disposition": named, "X-Content-Type-Options": "nosniff"}
        return Response(content, media_type="application/octet-stream", headers=headers)

    @needs(Verb.SELF)
    async def delete(self, request: Request) -> Response:
        record = await self._asked(request)
        await self._datasets.delete(self._principal_of(request), record.id)
        return json_response({"id": record.id, "object": "file", "deleted": True})

    @needs(Verb.UPLOAD)
    async def start_upload(self, request: Request) -> Response:
        body = await read_body(request, UploadRequest, self._limits)
        keep = body.expires_after
        upload = await self._uploads.start(
            self._principal_of(request),
            body.filename,
            _purpose(body.purpose),
            body.bytes,
            body.mime_type,
            _seconds(keep.anchor, str(keep.seconds)) if keep else None,
        )
        return json_response(_upload_object(upload))

    @needs(Verb.SELF)
    async def add_part(self, request: Request) -> Response:
        principal, upload = self._principal_of(request), request.path_params["upload"]
        await self._uploads.find(principal, upload)
        async with read_form(request, "data", MOST_PART, self._limits) as form:
            part = await self._uploads.add_part(principal, upload, form.content())
        created = int(part.created_at.timestamp())
        tree = {"id": part.id, "object": "upload.part", "created_at": created, "upload_id": upload}
        return json_response(tree)

    @needs(Verb.SELF)
    async def complete(self, request: Request) -> Response:
        body = await read_body(request, CompleteRequest, self._limits)
        upload, record = await self._uploads.complete(
            self._principal_of(request), request.path_params["upload"], body.part_ids, body.md5
        )
        return json_response({**_upload_object(upload), "file": file_object(record)})

    @needs(Verb.SELF)
    async def cancel(self, request: Request) -> Response:
        principal, upload = self._principal_of(request), request.path_params["upload"]
        return json_response(_upload_object(await self._uploads.cancel(principal, upload)))

    async def _asked(self, request: Request) -> DatasetRecord:
        file = request.path_params["file"]
        return await self._datasets.find(self._principal_of(request), file, field="file_id")


def file_object(record: DatasetRecord) -> Json:
    """A file as OpenAI's clients know it; its lines are judged where it is used."""
    return {
        "id": record.id,
        "object": "file",
        "bytes": record.size,
        "created_at": int(record.created_at.timestamp()),
        "expires_at": int(record.expires_at.timestamp()) if record.expires_at else None,
        "filename": record.name,
        "purpose": record.purpose,
        "status": "processed",
        "status_details": None,
    }


def _upload_object(upload: FileUpload) -> Json:
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.size,
        "created_at": int(upload.created_at.timestamp()),
        "expires_at": int(upload.expires_at.timestamp()),
        "filename": upload.name,
        "purpose": upload.purpose,
        "status": upload.state,
        "file": None,
    }


def _purpose(text: str) -> str:
    if text not in PURPOSES:
        raise Invalid(
            f'"purpose" is {excerpt(text)}' if text else '"purpose" is required',
            field="purpose",
            hint=f"Use {', '.join(PURPOSES)}",
        )
    return text


def _keep(texts: Mapping[str, str]) -> int | None:
    """How many seconds the file of a form is to be kept, if that is said."""
    seconds = texts.get("expires_after[seconds]")
    anchor = texts.get("expires_after[anchor]")
    if seconds is None and anchor is None:
        return None
    return _seconds(anchor or "created_at", seconds or "")


def _seconds(anchor: str, text: str) -> int:
    if anchor != "created_at":
        raise Invalid(
            f'"expires_after.anchor" is {excerpt(anchor)}',
            field="expires_after.anchor",
            hint='Use "created_at"',
        )
    if not (text.isascii() and text.isdigit()) or not SHORTEST <= int(text[:9]) <= LONGEST:
        raise Invalid(
            f'"expires_after.seconds" is {excerpt(text)}',
            field="expires_after.seconds",
            hint=f"Use a number from {SHORTEST} to {LONGEST}",
        )
    return int(text)
