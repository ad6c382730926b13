"""Forms with a training dataset: their fields, and the rows as we keep them.

Rows of the shapes {"prompt", "response"} and {"input", "output"}, which only the
platform has, become {"prompt", "completion"}; all others stay as they came.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Final

import orjson
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from modelwright.core.chat import Message
from modelwright.core.dataset import Dialogue, PlainText
from modelwright.core.dataset_file import rows, trees
from modelwright.core.errors import Invalid, TooLarge, Unsupported
from modelwright.dialects.base import Json
from modelwright.dialects.body import MEBIBYTE
from modelwright.dialects.sgp import wire
from modelwright.dialects.sgp.refusals import Unprocessable, checked

MOST_BYTES: Final = 512 * MEBIBYTE
_PAIRS: Final = (("prompt", "response"), ("input", "output"))


async def read_form(request: Request) -> tuple[wire.DatasetForm, bytes]:
    """A form's fields and its file's bytes; raises Unprocessable, or TooLarge."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Unprocessable.of(("body", "file"), "the body must be multipart/form-data")
    parser = MultiPartParser(
        request.headers, _counted(request), max_files=1, max_fields=16, max_part_size=MOST_BYTES
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise Unprocessable.of(("body",), f"the form cannot be read: {str(error)[:200]}") from None
    try:
        fields = {name: value for name, value in form.items() if isinstance(value, str) and name != "file"}
        wanted = checked(wire.DatasetForm, fields)
        file = form.get("file")
        if file is None:
            raise Unprocessable([{"loc": ["body", "file"], "msg": "Field required", "type": "missing"}])
        content = await file.read() if isinstance(file, UploadFile) else file.encode()
    finally:
        await form.close()
    if wanted.schema_type != "GENERATION":
        raise Unsupported(
            f'datasets of the schema "{wanted.schema_type}" are not supported',
            field="schema_type",
            hint="Use GENERATION",
        )
    return wanted, content


def normalised(content: bytes) -> bytes:
    """A file as it is kept; raises Invalid for a line that is no row at all."""
    lines = content.splitlines(keepends=True)
    first = next((tree for _, tree in trees(iter(lines))), None)
    if not isinstance(first, dict) or not any(first.keys() >= set(pair) for pair in _PAIRS):
        return content
    return b"".join(orjson.dumps(_row(number, tree)) + b"\n" for number, tree in trees(iter(lines)))


def items(content: bytes) -> Iterator[Json]:
    """What rows teach, as the platform lists it."""
    for row in rows(iter(content.splitlines(keepends=True)), "sft"):
        if isinstance(row, PlainText):
            yield {"input": "", "output": row.text, "schema_type": "GENERATION"}
        elif isinstance(row, Dialogue):
            last = row.learned[-1]
            asked = _joined(row.messages[:last])
            yield {"input": asked, "output": row.messages[last].content, "schema_type": "GENERATION"}


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _joined(messages: tuple[Message, ...]) -> str:
    return "\n\n".join(message.content for message in messages)


def _row(number: int, tree: object) -> Json:
    if isinstance(tree, dict):
        for asked, answered in _PAIRS:
            if tree.keys() >= {asked, answered}:
                return {"prompt": tree[asked], "completion": tree[answered]}
    raise Invalid(
        f'line {number} has not "prompt" and "response", as the first has',
        field="file",
        hint="Give every line the same fields",
    )


async def _counted(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise TooLarge(f"the form is over the limit of {MOST_BYTES // MEBIBYTE} MiB", field="file")
        yield chunk
