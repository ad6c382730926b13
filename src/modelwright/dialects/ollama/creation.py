"""The body of /api/create as a name and a draft; refusals in upstream's words.

Facts: Ollama, server/create.go (checks and their order), with those that its
pull request 14969 moved in front of the stream. Nothing is looked up here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from modelwright.core import modelfile
from modelwright.core.compatibility import check_requires
from modelwright.core.description import Description
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft, cleared, draft_from_commands, with_fields
from modelwright.core.errors import Invalid, TooLarge, Unsupported
from modelwright.core.names import ModelRef, Name, is_trained_id
from modelwright.core.parameters import Parameters
from modelwright.core.weight_files import (
    UNKNOWN_TYPE,
    NamedAdapter,
    NamedBlob,
    check_names,
    check_scale,
    format_of,
)
from modelwright.core.wording import excerpt
from modelwright.dialects.fields import texts_of
from modelwright.dialects.ollama import wire
from modelwright.dialects.ollama.requests import model_reference, read_messages

NO_BASE: Final = "neither 'from' or 'files' was specified"
MOST_ADAPTERS: Final = 64


def parse_create(body: wire.CreateRequest) -> tuple[str, SpecDraft]:
    """Read a create: the new name, and the draft with the parent's name in it."""
    name = _new_name(body.model or body.name)
    files = _blobs(body.files or {}, "files")
    adapters = _adapters(body.adapters)
    _refuse_foreign(body)
    draft = draft_from_commands(modelfile.parse(body.modelfile)) if body.modelfile else SpecDraft()
    draft = _with_base(draft, body, files)
    if adapters:
        draft = replace(draft, adapters=adapters)
    _check_formats(draft)
    return name, cleared(_with_fields(draft, body), body.clear)


def _new_name(text: str) -> str:
    if not text.strip():
        raise Invalid("invalid model name", field="model")
    name = model_reference(text)
    if not is_trained_id(name) and ModelRef.parse(name).revision is not None:
        raise Invalid(
            f"invalid model name: {excerpt(name)} names a revision, which does not change", field="model"
        )
    return name


def _with_base(draft: SpecDraft, body: wire.CreateRequest, files: tuple[NamedBlob, ...]) -> SpecDraft:
    """Put what the request stands on over what its Modelfile does."""
    if body.base:
        return replace(draft, parent=model_reference(body.base, field="from"), files=files)
    if files:
        origin = str(Name.parse(body.origin, field="origin")) if body.origin else ""
        return replace(draft, parent=None, files=files, origin=origin)
    if draft.parent is not None:
        return replace(draft, parent=model_reference(draft.parent, field="from"))
    if draft.files:
        return draft
    raise Invalid(NO_BASE if body.files is None else UNKNOWN_TYPE, field="from")


def _check_formats(draft: SpecDraft) -> None:
    """What safetensors cannot be mixed with (Ollama's pull request 14969)."""
    if format_of(draft.files) != "safetensors":
        return
    if draft.parent is not None:
        raise Invalid("safetensors imports do not support FROM model overlays", field="files")
    if isinstance(draft.adapters, tuple):
        raise Invalid("safetensors imports do not support adapters", field="adapters")


def _blobs(files: Mapping[str, object], field: str) -> tuple[NamedBlob, ...]:
    check_names(tuple(files), field=field)
    return tuple(NamedBlob(name, _digest(digest, field)) for name, digest in files.items())


def _digest(digest: object, field: str) -> Digest:
    try:
        return Digest.parse(digest if isinstance(digest, str) else "")
    except Invalid:
        raise Invalid("invalid digest format", field=field) from None


def _adapters(wanted: Any) -> tuple[NamedAdapter, ...]:
    """Ollama's map of files, or our list of {digest or files, scale}.

    A map that holds safetensors is one PEFT folder; of GGUF each is an adapter.
    """
    if not wanted:
        return ()
    if isinstance(wanted, list):
        return _scaled_adapters(wanted)
    if not isinstance(wanted, dict):
        raise Invalid('"adapters" must be an object or a list', field="adapters")
    blobs = _blobs(wanted, "adapters")
    if format_of(blobs) == "safetensors":
        return (NamedAdapter(blobs),)
    return tuple(NamedAdapter((blob,)) for blob in blobs)


def _scaled_adapters(wanted: Sequence[Any]) -> tuple[NamedAdapter, ...]:
    if len(wanted) > MOST_ADAPTERS:
        raise TooLarge(
            f'"adapters" holds {len(wanted)}, at most {MOST_ADAPTERS} are allowed', field="adapters"
        )
    return tuple(_scaled_adapter(item, f"adapters.{index}") for index, item in enumerate(wanted))


def _scaled_adapter(item: Any, field: str) -> NamedAdapter:
    """One adapter: a GGUF's digest, or a PEFT folder's files."""
    keys = set(item) if isinstance(item, dict) else set()
    if keys - {"scale"} not in ({"digest"}, {"files"}):
        raise Invalid(f'"{field}" must have "digest" or "files", and perhaps "scale"', field=field)
    scale = check_scale(item.get("scale", 1), field=f"{field}.scale")
    if "digest" in item:
        return NamedAdapter((NamedBlob("", _digest(item["digest"], field)),), scale)
    files = item["files"]
    if not isinstance(files, dict) or not files:
        raise Invalid(f'"{field}.files" must be an object of names and digests', field=field)
    return NamedAdapter(_blobs(files, field), scale)


def _refuse_foreign(body: wire.CreateRequest) -> None:
    """What belongs to Ollama's cloud or to its draft models."""
    if body.remote_host:
        if body.draft_files:
            raise Invalid("DRAFT cannot be used with remote models", field="draft_files")
        raise Unsupported(
            f"remote_host {excerpt(body.remote_host)}: models of other servers are not supported",
            field="remote_host",
            hint="Name a base that is here",
        )
    if body.draft_files:
        raise Unsupported(
            "draft_files: draft models are not supported", field="draft_files", hint="Leave them out"
        )
    if body.draft_quantize:
        raise Invalid("--draft-quantize requires a DRAFT model", field="draft_quantize")


def _with_fields(draft: SpecDraft, body: wire.CreateRequest) -> SpecDraft:
    """Put the request's own fields over a Modelfile's; empty ones say nothing."""
    given = {
        "system": body.system,
        "prompt_template": body.template,
        "renderer": body.renderer,
        "parser": body.parser,
        "requires": body.requires,
        "messages": read_messages(body.messages),
        "licences": _licences(body.license),
        "description": Description.of(body.info),
        "quantize": _quantize(body),
    }
    draft = with_fields(draft, {field: value for field, value in given.items() if value})
    if body.requires:
        check_requires(body.requires)
    if parameters := Parameters.of(body.parameters):
        before = draft.parameters if isinstance(draft.parameters, Parameters) else Parameters()
        draft = replace(draft, parameters=before.merged(parameters))
    return draft


def _licences(given: object) -> tuple[str, ...]:
    fault = Invalid('"license" must be a text or a list of texts', field="license")
    return tuple(text for text in texts_of(given, lambda _: fault) if text)


def _quantize(body: wire.CreateRequest) -> str:
    """The type asked for; ollama4j sends false where it means none."""
    wanted = body.quantize or body.quantization
    if not wanted:
        return ""
    if not isinstance(wanted, str):
        raise Invalid(f'"quantize" must be a text such as "q8_0", not {str(wanted)[:40]}', field="quantize")
    return wanted
