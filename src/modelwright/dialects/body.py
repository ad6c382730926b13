"""Request bodies: read under limits, as JSON whatever the Content-Type says.

The one place that awaits a body. A body is refused before it is parsed where
that is possible, and never half accepted: it must be one JSON object in UTF-8,
with finite numbers and text that can be encoded again.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson
from anyio import to_thread
from pydantic import ValidationError
from starlette.requests import Request

from modelwright.core.errors import Invalid, TooLarge
from modelwright.dialects.fields import Wire, fault_of

W = TypeVar("W", bound=Wire)

MEBIBYTE: Final = 1024 * 1024
_PARSED_ASIDE: Final = MEBIBYTE
"""A longer body is parsed in a thread, so that others are not kept waiting."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`body` in bytes, `depth` in nested lists and objects, `seconds` to arrive.

    An upload may take any time, but not less than `pace` bytes in a second over
    any `seconds`.
    """

    body: int = 32 * MEBIBYTE
    depth: int = 64
    seconds: float = 60.0
    pace: float = 1024.0


async def read_body(request: Request, model: type[W], limits: Limits) -> W:
    """Read a request's body as `model`; raises Invalid or TooLarge."""
    return read(model, await read_tree(request, limits))


async def read_tree(request: Request, limits: Limits) -> dict[str, Any]:
    """Read a request's body as a JSON object; raises Invalid or TooLarge."""
    content = await read_content(request, limits)
    if len(content) > _PARSED_ASIDE:
        return await to_thread.run_sync(parse_json, content, limits)
    return parse_json(content, limits)


async def read_upload(request: Request, limit: int | None, limits: Limits) -> AsyncGenerator[bytes, None]:
    """Give a body's bytes as they come, as a file that may be of any kind.

    Raises TooLarge at once for one that is declared to be over the limit, Invalid
    when it comes too slowly; the client's leaving raises ClientDisconnect.
    """
    declared = request.headers.get("content-length", "")
    if limit is not None and declared.isdigit() and int(declared[:20]) > limit:
        raise TooLarge(f"the blob has more than {limit} bytes, which is the limit", hint="Raise max_blob")
    time = asyncio.get_running_loop().time
    patience, received = limits.seconds, 0
    async with aclosing(request.stream()) as chunks:
        while True:
            asked = time()
            try:
                async with asyncio.timeout(patience):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                text = f"the upload is too slow: {received} bytes came in {limits.seconds:g} seconds"
                raise Invalid(text, hint="Send it again over a better connection") from None
            if chunk is None:
                return
            patience, received = patience - (time() - asked), received + len(chunk)
            if received >= limits.pace * limits.seconds:
                patience, received = limits.seconds, 0
            yield chunk


def read(model: type[W], tree: dict[str, Any]) -> W:
    """Check a JSON object against its wire type; raises Invalid for the field."""
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise fault_of(error, model) from None


def parse_json(content: bytes, limits: Limits) -> dict[str, Any]:
    """Parse one JSON object; `null` counts as an empty one, as with Ollama."""
    if not content.strip():
        raise Invalid("missing request body")
    try:
        tree = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise _syntax_error(error, limits) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        kind = "an array" if isinstance(tree, list) else "a single value"
        raise Invalid(f"the body must be a JSON object, not {kind}")
    _check_depth(tree, limits.depth)
    return tree


async def read_content(request: Request, limits: Limits) -> bytes:
    """Read a body's bytes, under the limits of JSON."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > limits.body:
        raise _too_large(limits)
    content = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limits.body:
                    raise _too_large(limits)
    except TimeoutError:
        raise Invalid(f"the body did not arrive within {limits.seconds:g} seconds") from None
    return bytes(content)


def _too_large(limits: Limits) -> TooLarge:
    size = f"{limits.body / MEBIBYTE:g} MiB"
    return TooLarge(
        f"the body is over the limit of {size} for JSON", hint="Send less at a time, or raise max_body"
    )


def _syntax_error(error: orjson.JSONDecodeError, limits: Limits) -> Invalid:
    if error.msg.startswith("unexpected end of data"):
        return Invalid("unexpected EOF")
    if error.msg.startswith("depth limit exceeded"):
        return _too_deep(limits.depth)
    return Invalid(f"invalid JSON: {error.msg}: line {error.lineno} column {error.colno}")


def _too_deep(depth: int) -> Invalid:
    return Invalid(
        f"the JSON body is nested deeper than the limit of {depth} levels",
        hint="Flatten it, or raise max_depth",
    )


def _check_depth(tree: dict[str, Any], limit: int) -> None:
    level: list[Any] = [tree]
    for _ in range(limit):
        inner: list[Any] = []
        for node in level:
            inner.extend(
                child
                for child in (node.values() if isinstance(node, dict) else node)
                if isinstance(child, dict | list)
            )
        if not inner:
            return
        level = inner
    raise _too_deep(limit)
