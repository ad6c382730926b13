"""Pieces: what an external runtime streams, read as it comes.

Server-sent events as Scale's bundles send them, or JSON in lines; knows nothing of
where it is read from.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any, Final

import httpx2

from modelwright.core.errors import Unavailable
from modelwright.core.wording import excerpt

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of one piece."""
LACKING: Final = (404, 405, 501)
"""What a runtime answers with that has no route for streams."""

_EVENTS: Final = "text/event-stream"
_LINES: Final = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
_END: Final = "[DONE]"
_SHOWN: Final = 200


async def read_pieces(answer: httpx2.Response) -> AsyncGenerator[Any, None]:
    """The JSON of each piece; an answer that is no stream is one.

    Raises Unavailable for what is no JSON, and for an event that tells of an error.
    """
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _EVENTS:
        async for name, text in _events(_lines(answer.aiter_bytes())):
            if text == _END:
                return
            if name == "error":
                raise Unavailable(f"the runtime broke off: {excerpt(text, _SHOWN)}")
            yield read_json(text)
    elif kind in _LINES:
        async for line in _lines(answer.aiter_bytes()):
            if line.strip():
                yield read_json(line)
    else:
        yield read_json(await read_whole(answer))


async def read_whole(answer: httpx2.Response) -> bytes:
    """A body; raises Unavailable for one that is too long."""
    content = bytearray()
    async for chunk in answer.aiter_bytes():
        content += chunk
        _check_size(len(content))
    return bytes(content)


def read_json(content: str | bytes) -> Any:
    """Raises Unavailable for what is no JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"the runtime does not answer with JSON: {shown(content)}") from error


def shown(content: str | bytes) -> str:
    """The beginning of a body, for a message."""
    text = content[:_SHOWN]
    return excerpt(text.decode("utf-8", "replace") if isinstance(text, bytes) else text, _SHOWN)


async def _events(lines: AsyncIterable[str]) -> AsyncIterator[tuple[str, str]]:
    """Name and data of each event that has data, as HTML's standard reads them."""
    name, data, size = "", list[str](), 0
    async for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data, size = "", [], 0
        elif field == "data":
            data.append(value)
            size += len(value)
            _check_size(size)
        elif field == "event":
            name = value
    if data:
        yield name, "\n".join(data)


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """Lines that end in LF or CR LF, wherever the chunks are cut."""
    line = bytearray()
    async for chunk in chunks:
        first, *more = chunk.split(b"\n")
        line += first
        _check_size(len(line))
        for begun in more:
            yield _text(line)
            line = bytearray(begun)
    if line:
        yield _text(line)


def _text(line: bytearray) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise Unavailable(f"the runtime answers with more than {MOST_BYTES} bytes")
