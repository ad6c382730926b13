"""SpecDraft: a spec whose references are still names.

Written by dialects and the Modelfile, read by `service.models.create`. Says
what was asked for, not whether it exists.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

from modelwright.core.chat import ROLES, Message
from modelwright.core.compatibility import check_requires
from modelwright.core.description import Description
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, ModelwrightError, Unsupported
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.modelfile import Command
from modelwright.core.names import Name, check_reference
from modelwright.core.parameters import Parameters
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.renderers import CHECKS
from modelwright.core.spec import CLEARED, UNSET, Setting
from modelwright.core.weight_files import NamedAdapter, NamedBlob, check_scale
from modelwright.core.wording import excerpt

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpecDraft:
    """What a create asks for; `parent` is a model's name, pinned when created.

    `files` are stored blobs with weights, `origin` the name of the model that they
    came from, if any; `follows` is a name that is looked up at
    each use and may be of nothing yet. One of the three is given, or `bare`: the
    model has no base so far. `revises`: what the model is now stays, but for what is
    said here and for `unset`, fields that it no longer says anything about ("parent"
    too).
    `quantize` is a word for the type that the weights are to have, if any.
    """

    parent: str | None = None
    files: tuple[NamedBlob, ...] = ()
    origin: str = ""
    system: Setting[str] = UNSET
    prompt_template: Setting[str] = UNSET
    parameters: Setting[Parameters] = UNSET
    messages: Setting[tuple[Message, ...]] = UNSET
    licences: Setting[tuple[str, ...]] = UNSET
    adapters: Setting[tuple[NamedAdapter, ...]] = UNSET
    renderer: Setting[str] = UNSET
    parser: Setting[str] = UNSET
    requires: Setting[str] = UNSET
    description: Setting[Description] = UNSET
    profile: Setting[Hyperparameters] = UNSET
    quantize: str = ""
    follows: str | None = None
    bare: bool = False
    revises: bool = False
    unset: frozenset[str] = frozenset()

    @property
    def blobs(self) -> tuple[Digest, ...]:
        """Those that it refers to."""
        adapters = self.adapters if isinstance(self.adapters, tuple) else ()
        files = (*self.files, *(file for adapter in adapters for file in adapter.files))
        return tuple(file.digest for file in files)


CLEARABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "system": "system",
        "template": "prompt_template",
        "parameters": "parameters",
        "messages": "messages",
        "license": "licences",
        "adapters": "adapters",
        "renderer": "renderer",
        "parser": "parser",
        "requires": "requires",
        "info": "description",
    }
)
"""What a child may take away from what it inherits: Ollama's word -> our field."""

_DIGEST = re.compile(r"@?(sha256[:-][0-9a-f]{64})", re.IGNORECASE | re.ASCII)
_FORMER = re.compile(r"(?P<blob>\S+)\s+AS\s+(?P<name>\S+)", re.IGNORECASE)
_SCALED = re.compile(r"(?P<file>.*?)(?:\s+SCALE\s+(?P<scale>\S+))?", re.IGNORECASE | re.DOTALL)
_PATH = re.compile(r"^(\.{1,2}(/|$)|/|~|@)|\.(gguf|safetensors|bin)$", re.IGNORECASE)
"""What in FROM is a file or a blob rather than a name (Ollama, parser.go)."""


def draft_from_commands(commands: Iterable[Command]) -> SpecDraft:
    """Give a parsed Modelfile its meaning; errors carry the line.

    A Modelfile on a server names files by their digest. An empty SYSTEM,
    TEMPLATE, LICENSE, RENDERER or PARSER takes away what is inherited.
    """
    draft = SpecDraft()
    parameters: list[tuple[str, str]] = []
    for command in commands:
        try:
            if command.name in _READERS:
                draft = _READERS[command.name](command.args, draft)
            else:
                Parameters.of_texts([(command.name, command.args)])  # alone, so that an error has its line
                parameters.append((command.name, command.args))
        except ModelwrightError as error:
            error.message = f"line {command.line}: {error.message}"
            raise
    if parameters:
        draft = replace(draft, parameters=Parameters.of_texts(parameters))
    return draft


def with_fields(draft: SpecDraft, values: Mapping[str, Any]) -> SpecDraft:
    """The draft with some fields replaced, named as in SpecDraft."""
    return replace(draft, **values)


def cleared(draft: SpecDraft, wanted: Iterable[object]) -> SpecDraft:
    """The draft with fields taken away, named as in CLEARABLE; raises Invalid."""
    for name in wanted:
        field = CLEARABLE.get(name) if isinstance(name, str) else None
        if field is None:
            known = ", ".join(f'"{word}"' for word in CLEARABLE)
            raise Invalid(
                f"{excerpt(str(name))} cannot be cleared", field="clear", hint=f"What can be: {known}"
            )
        if getattr(draft, field) not in (UNSET, CLEARED):
            raise Invalid(f'"{name}" is both set and cleared', field="clear", hint="Do one of the two")
        draft = with_fields(draft, {field: CLEARED})
    return draft


def read_message(role: str, content: str, *, field: str) -> Message:
    """Check one few-shot message; the role is one of chat.ROLES."""
    if role not in ROLES:
        raise Invalid(f'message role "{role[:40]}" is unknown', field=field, hint=f"Use {', '.join(ROLES)}")
    return Message(role, content)


def _so_far(value: Setting[tuple[T, ...]]) -> tuple[T, ...]:
    return value if isinstance(value, tuple) else ()


def _blob(text: str) -> NamedBlob | None:
    """A blob, where one is named by its digest."""
    match = _DIGEST.fullmatch(text)
    return NamedBlob("", Digest.parse(match.group(1))) if match else None


def _from(text: str, draft: SpecDraft) -> SpecDraft:
    former = _FORMER.fullmatch(text)
    blob = _blob(former["blob"] if former else text)
    if draft.parent is not None or (draft.files and blob is None):
        raise Invalid("a second FROM", field="from", hint="Name one base, or the files of one")
    if blob is not None:
        origin = str(Name.parse(former["name"], field="from")) if former else draft.origin
        return replace(draft, files=(*draft.files, blob), origin=origin)
    if _PATH.search(text):
        raise _elsewhere("FROM", text)
    check_reference(text, field="from")
    return replace(draft, parent=text)


def _adapter(text: str, draft: SpecDraft) -> SpecDraft:
    match = _SCALED.fullmatch(text)
    file, scale = (match["file"].strip(), match["scale"]) if match else (text, None)
    blob = _blob(file)
    if blob is None:
        raise _elsewhere("ADAPTER", file)
    adapter = NamedAdapter((blob,), 1.0 if scale is None else check_scale(_number(scale), field="adapter"))
    return replace(draft, adapters=(*_so_far(draft.adapters), adapter))


def _elsewhere(keyword: str, text: str) -> Unsupported:
    return Unsupported(
        f"{keyword} {excerpt(text)}: a server opens no files by name",
        field=keyword.lower(),
        hint='Create with "modelwright create", which uploads them, or name the digest of an uploaded '
        f"blob: {keyword} @sha256:...",
    )


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _licence(text: str, draft: SpecDraft) -> SpecDraft:
    so_far = _so_far(draft.licences)
    if not text:
        return draft if so_far else replace(draft, licences=CLEARED)
    return replace(draft, licences=(*so_far, text))


def _message(text: str, draft: SpecDraft) -> SpecDraft:
    role, _, content = text.partition(": ")
    message = read_message(role, content, field="message")
    return replace(draft, messages=(*_so_far(draft.messages), message))


def _requires(text: str, draft: SpecDraft) -> SpecDraft:
    check_requires(text)
    return replace(draft, requires=text)


def _text(field: str) -> Callable[[str, SpecDraft], SpecDraft]:
    """Read a command with one text, of which an empty one clears."""
    return lambda text, draft: with_fields(draft, {field: text or CLEARED})


def _format(field: str) -> Callable[[str, SpecDraft], SpecDraft]:
    """Read a command that names a known format; an empty one clears."""

    def read(text: str, draft: SpecDraft) -> SpecDraft:
        CHECKS[field](text)
        return with_fields(draft, {field: text or CLEARED})

    return read


def _template(text: str, draft: SpecDraft) -> SpecDraft:
    """A template that can be read; an empty one takes away the inherited one."""
    return replace(draft, prompt_template=PromptTemplate.parse(text).text if text else CLEARED)


def _info(text: str, draft: SpecDraft) -> SpecDraft:
    return replace(draft, description=Description.of_text(text))


def _refused(text: str, draft: SpecDraft) -> SpecDraft:
    raise Unsupported(
        f"DRAFT {excerpt(text)}: draft models are not supported",
        field="draft",
        hint="Leave DRAFT out: it changes the speed of answers, not what they are",
    )


_READERS: Final[Mapping[str, Callable[[str, SpecDraft], SpecDraft]]] = MappingProxyType(
    {
        "model": _from,
        "adapter": _adapter,
        "system": _text("system"),
        "template": _template,
        "renderer": _format("renderer"),
        "parser": _format("parser"),
        "license": _licence,
        "message": _message,
        "requires": _requires,
        "info": _info,
        "draft": _refused,
    }
)
