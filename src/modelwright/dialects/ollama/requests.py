"""From Ollama's wire to the core's requests; refusals in upstream's words.

Facts: Ollama, server/routes.go and server/create.go (checks and their order).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from modelwright.core import chat, modelfile
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft, draft_from_commands, read_message
from modelwright.core.duration import keep_alive_seconds
from modelwright.core.errors import Denied, Invalid, NotFound, Unsupported
from modelwright.core.model_reference import Source, SourcedName
from modelwright.core.names import ModelRef
from modelwright.core.parameters import Parameters
from modelwright.core.wording import excerpt
from modelwright.dialects.fields import refuse, texts_of
from modelwright.dialects.ollama import wire

_LEVELS: Final = ("high", "medium", "low", "max")
_LEVEL_WORDS: Final = '"high", "medium", "low", "max", true, or false'


def model_reference(text: str, *, field: str = "model", fault: str = "invalid model name") -> str:
    """A model's name without its source suffix; raises Invalid saying `fault`."""
    sourced = SourcedName.parse(text, field=field)
    if sourced.source is Source.CLOUD:
        raise Denied(
            "ollama cloud is disabled: remote model is unavailable",
            field=field,
            hint="This server answers with models that are here",
        )
    try:
        ModelRef.parse(sourced.base, field=field)
    except Invalid:
        raise Invalid(fault, field=field) from None
    return sourced.base


def required_model(text: str) -> str:
    """The name where generate and embed want one: none at all is not found."""
    if not text.strip():
        raise NotFound("model", "", field="model")
    return model_reference(text)


def parse_chat(body: wire.ChatRequest) -> chat.ChatRequest:
    """Read a chat; raises Invalid, or Unsupported for what is not built yet."""
    model = model_reference(body.model)
    check_logprobs(body.top_logprobs)
    check_think(body.think)
    refuse(body, "format", "logprobs")
    return chat.ChatRequest(
        model=model,
        messages=read_messages(body.messages),
        parameters=read_options(body.options),
        keep_alive=keep_alive_seconds(body.keep_alive),
    )


def parse_generate(body: wire.GenerateRequest) -> chat.GenerateRequest:
    """Read a prompt; raises as parse_chat does."""
    model = required_model(body.model)
    check_logprobs(body.top_logprobs)
    check_think(body.think)
    if body.raw and (body.template or body.system or body.context):
        raise Invalid("raw mode does not support template, system, or context", field="raw")
    refuse(body, "context", "images", "format", "logprobs")
    return chat.GenerateRequest(
        model=model,
        prompt=body.prompt,
        system=body.system or None,
        template=body.template or None,
        suffix=body.suffix,
        raw=body.raw,
        parameters=read_options(body.options),
        keep_alive=keep_alive_seconds(body.keep_alive),
    )


def parse_embed(body: wire.EmbedRequest) -> chat.EmbedRequest:
    """Read texts to embed; an empty text alone counts as none."""
    inputs = texts_of(body.input, lambda _: Invalid("invalid input type", field="input"))
    if body.dimensions < 0:
        raise Invalid('"dimensions" must be at least 0', field="dimensions")
    return chat.EmbedRequest(
        model=required_model(body.model),
        inputs=() if inputs == ("",) else inputs,
        parameters=read_options(body.options),
        keep_alive=keep_alive_seconds(body.keep_alive),
        truncate=body.truncate,
        dimensions=body.dimensions or None,
    )


def parse_embeddings(body: wire.EmbeddingsRequest) -> chat.EmbedRequest:
    """Read one text whose vector is wanted as the engine gives it."""
    return chat.EmbedRequest(
        model=model_reference(body.model),
        inputs=(body.prompt,) if body.prompt else (),
        parameters=read_options(body.options),
        keep_alive=keep_alive_seconds(body.keep_alive),
        normalise=False,
    )


def parse_create(body: wire.CreateRequest) -> tuple[str, SpecDraft]:
    """Read a create: the new name, and the draft with the parent's name in it."""
    name = _new_name(body.model or body.name)
    _check_files(body)
    draft = SpecDraft()
    if body.modelfile:
        draft = draft_from_commands(modelfile.parse(body.modelfile))
    elif not body.base:
        fault = "neither 'from' or 'files' was specified" if body.files is None else "unknown type"
        raise Invalid(fault, field="from")
    _refuse_unbuilt(body)
    parent = body.base or draft.parent or ""
    draft = replace(draft, parent=model_reference(parent, field="from"))
    return name, _with_fields(draft, body)


def read_messages(messages: Sequence[wire.Message]) -> tuple[chat.Message, ...]:
    """Check turns; the role in any letter case."""
    return tuple(_message(message, f"messages.{index}") for index, message in enumerate(messages))


def read_options(options: Mapping[str, object]) -> Parameters:
    """Read `options`; unknown names are left out, as upstream does."""
    return Parameters.of_known(options, field="options")[0]


def check_logprobs(top: int) -> None:
    if not 0 <= top <= 20:
        raise Invalid("top_logprobs must be between 0 and 20", field="top_logprobs")


def check_think(think: object) -> None:
    """Refuse what is no think value; whether the model can is not known here."""
    if think is None or isinstance(think, bool) or think in _LEVELS:
        return
    if isinstance(think, str):
        fault = f"invalid think value: {excerpt(think)} (must be {_LEVEL_WORDS})"
        raise Invalid(fault, field="think")
    raise Invalid(f"think must be a boolean or string ({_LEVEL_WORDS})", field="think")


def _message(message: wire.Message, field: str) -> chat.Message:
    refuse(message, "images", "tool_calls", "tool_name", "tool_call_id", "thinking", within=field)
    role = message.role.lower()
    if role == "tool":
        raise Unsupported('the role "tool" is not supported yet', field=f"{field}.role")
    return read_message(role, message.content, field=f"{field}.role")


def _new_name(text: str) -> str:
    if not text.strip():
        raise Invalid("invalid model name", field="model")
    name = model_reference(text)
    if ModelRef.parse(name).revision is not None:
        raise Invalid(
            f"invalid model name: {excerpt(name)} names a revision, which does not change", field="model"
        )
    return name


def _check_files(body: wire.CreateRequest) -> None:
    """Upstream's first checks of what is to be imported."""
    for path, digest in (body.files or {}).items():
        if path.startswith("/") or ".." in PurePosixPath(path).parts:
            raise Invalid("file path must be relative", field="files")
        _check_digest(digest, "files")
    for digest in (body.adapters or {}).values():
        _check_digest(digest, "adapters")
    if body.draft_quantize and not body.draft_files:
        raise Invalid("--draft-quantize requires a DRAFT model", field="draft_quantize")


def _check_digest(digest: str, field: str) -> None:
    try:
        Digest.parse(digest)
    except Invalid:
        raise Invalid("invalid digest format", field=field) from None


def _refuse_unbuilt(body: wire.CreateRequest) -> None:
    refuse(body, "files", "adapters", "quantize", "quantization", "draft_files", "draft_quantize")
    refuse(body, "renderer", "parser", "requires", "remote_host", "info")


def _with_fields(draft: SpecDraft, body: wire.CreateRequest) -> SpecDraft:
    """Put the request's own fields over a Modelfile's; empty ones say nothing."""
    if body.system:
        draft = replace(draft, system=body.system)
    if body.template:
        draft = replace(draft, prompt_template=body.template)
    if parameters := Parameters.of(body.parameters):
        before = draft.parameters if isinstance(draft.parameters, Parameters) else Parameters()
        draft = replace(draft, parameters=before.merged(parameters))
    if body.messages:
        draft = replace(draft, messages=read_messages(body.messages))
    fault = Invalid('"license" must be a text or a list of texts', field="license")
    licences = tuple(text for text in texts_of(body.license, lambda _: fault) if text)
    return replace(draft, licences=licences) if licences else draft
