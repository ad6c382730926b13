"""Forms: bodies with a file in them, multipart/form-data.

The file goes to a temporary one while it comes, so that its size and its name are
known before it is stored. Needs python-multipart, which parses it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from modelwright.core.errors import Invalid
from modelwright.dialects.body import MEBIBYTE, Limits, read_upload

MOST_FIELDS: Final = 32
LONGEST_FIELD: Final = 64 * 1024
_PIECE: Final = MEBIBYTE


@dataclass(frozen=True, slots=True)
class Form:
    """The texts of a form and its one file."""

    texts: Mapping[str, str]
    file: UploadFile

    @property
    def name(self) -> str:
        return self.file.filename or "file"

    async def content(self) -> AsyncIterator[bytes]:
        while piece := await self.file.read(_PIECE):
            yield piece


@asynccontextmanager
async def read_form(
    request: Request, field: str, limit: int | None, limits: Limits
) -> AsyncGenerator[Form, None]:
    """Read a form whose file stands in `field`; raises Invalid for any other body.

    `limit` is the bytes that the file may have, None = any number.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Invalid("the body must be multipart/form-data", hint=f'Send a form with the file in "{field}"')
    whole = None if limit is None else limit + MEBIBYTE
    parser = MultiPartParser(
        request.headers,
        read_upload(request, whole, limits),
        max_files=1,
        max_fields=MOST_FIELDS,
        max_part_size=LONGEST_FIELD,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, KeyError) as error:
        text = getattr(error, "message", "it has no boundary")
        raise Invalid(f"the form cannot be read: {text}") from None
    try:
        file = form.get(field)
        if not isinstance(file, UploadFile):
            raise Invalid(f'"{field}" is required', field=field, hint="Send it as a file of the form")
        yield Form({name: value for name, value in form.items() if isinstance(value, str)}, file)
    finally:
        await form.close()
