"""The body of /ai as a prompt for the queue, and what is shown of one."""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from modelwright.core.answer_format import read_format
from modelwright.core.chat import AnswerOptions, GenerateRequest, Think
from modelwright.core.duration import keep_alive_seconds
from modelwright.core.errors import Invalid
from modelwright.core.images import read_images
from modelwright.core.parameters import Parameters
from modelwright.core.queued_prompt import QueuedPrompt
from modelwright.dialects.ai_middleware import wire
from modelwright.dialects.ai_middleware.javascript import as_text, text_faults
from modelwright.dialects.ai_middleware.refusals import NOT_READY, WRONG, Refusal, Spoken
from modelwright.dialects.base import Json
from modelwright.dialects.fields import refuse

_ALLOWED: Final = re.compile(r"[a-zA-Z0-9._,/?() -]*")
_LEVELS: Final = ("low", "medium", "high", "max")


def check_exactly(tree: Mapping[str, Any]) -> None:
    """Make the original's checks; raises Spoken in its words."""
    if not tree:
        raise Spoken("Empty input")
    if not _ALLOWED.fullmatch(as_text(tree.get("model"))):
        raise Spoken("model field does not match the allowed pattern")
    for field in ("model", "prompt"):
        for fault in text_faults(tree, field, field):
            raise Spoken(fault)


def read_prompt(body: wire.PromptRequest, model: str) -> GenerateRequest:
    """Read a prompt for `model`; raises Invalid, TooLarge or Unsupported."""
    refuse(body, "context")
    if not body.prompt.strip():
        raise Invalid("prompt field is required", field="prompt")
    if body.raw and (body.template or body.system):
        raise Invalid("raw mode does not support template or system", field="raw")
    return GenerateRequest(
        model=model,
        prompt=body.prompt,
        system=body.system or None,
        template=body.template or None,
        suffix=body.suffix,
        raw=body.raw,
        images=read_images(body.images, field="images"),
        parameters=Parameters.of_known(body.options, field="options")[0],
        keep_alive=keep_alive_seconds(body.keep_alive),
        options=AnswerOptions(format=read_format(body.format), think=_think(body.think)),
    )


def shown(prompt: QueuedPrompt, *, exact: bool) -> Json:
    """What a client that asks for the result gets; raises Refusal while there is none.

    The original turns line ends and every "+" of an answer into blanks. It has one
    answer for what waits, is in work, failed or never was: 404. Whoever asks again
    at a 404 waits for ever for what failed, so that is a 500 here.
    """
    if prompt.state == "done":
        return _result(prompt, exact=exact)
    said = {"status": prompt.state, "uniqueId": prompt.id}
    if prompt.state == "failed" and not exact:
        raise Refusal(500, f"{WRONG}{prompt.outcome}", said)
    raise Refusal(404, NOT_READY, said)


def _result(prompt: QueuedPrompt, *, exact: bool) -> Json:
    answer = prompt.outcome.replace("\n", " ").replace("+", " ") if exact else prompt.outcome
    ended = (prompt.ended_at or prompt.created_at).astimezone(UTC)
    return {
        "model": prompt.asked,
        "prompt": prompt.request.prompt,
        "result": answer.strip(),
        "timestamp": ended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "uniqueId": prompt.id,
    }


def _think(value: object) -> Think:
    if value is None or isinstance(value, bool) or (isinstance(value, str) and value in _LEVELS):
        return value
    raise Invalid(f'"think" must be true, false or one of {", ".join(_LEVELS)}', field="think")
