"""SpecDraft: a spec whose references are still names.

Written by dialects and the Modelfile, read by `service.models.create`. Says
what was asked for, not whether it exists.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from modelwright.core.chat import ROLES, Message
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, ModelwrightError, Unsupported
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.modelfile import Command
from modelwright.core.names import ModelRef
from modelwright.core.parameters import Parameters
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.spec import CLEARED, UNSET, Setting

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpecDraft:
    """What a create asks for; `parent` is a model's name, pinned when created.

    `weights` is the digest of a stored blob; exactly one of the two is given.
    """

    parent: str | None = None
    weights: Digest | None = None
    system: Setting[str] = UNSET
    prompt_template: Setting[str] = UNSET
    parameters: Setting[Parameters] = UNSET
    messages: Setting[tuple[Message, ...]] = UNSET
    licences: Setting[tuple[str, ...]] = UNSET


_NOT_YET: Final[Mapping[str, str]] = {
    "adapter": "ADAPTER",
    "renderer": "RENDERER",
    "parser": "PARSER",
    "draft": "DRAFT",
    "requires": "REQUIRES",
}

_PATH = re.compile(r"^(\.{1,2}/|/|~|@)|\.(gguf|safetensors|bin)$", re.IGNORECASE)
"""What in FROM is a file or a blob rather than a name (Ollama, parser.go)."""


def draft_from_commands(commands: Iterable[Command]) -> SpecDraft:
    """Give a parsed Modelfile its meaning; errors carry the line."""
    draft = SpecDraft()
    parameters: list[tuple[str, str]] = []
    for command in commands:
        if command.name in _NOT_YET:
            message = f"{_NOT_YET[command.name]} is not supported yet"
            raise _located(command, Unsupported(message, field=command.name))
        if command.name == "model":
            draft = replace(draft, parent=_parent(command, draft))
        elif command.name == "system":
            draft = replace(draft, system=command.args)
        elif command.name == "template":
            draft = replace(draft, prompt_template=_template(command))
        elif command.name == "license":
            draft = replace(draft, licences=(*_so_far(draft.licences), command.args))
        elif command.name == "message":
            draft = replace(draft, messages=(*_so_far(draft.messages), _message(command)))
        else:
            parameters.append(_parameter(command))
    if parameters:
        draft = replace(draft, parameters=Parameters.of_texts(parameters))
    return draft


def read_message(role: str, content: str, *, field: str) -> Message:
    """Check one few-shot message; the role is one of chat.ROLES."""
    if role not in ROLES:
        raise Invalid(f'message role "{role[:40]}" is unknown', field=field, hint=f"Use {', '.join(ROLES)}")
    return Message(role, content)


def commands_of(resolved: ResolvedSpec, from_text: str) -> tuple[Command, ...]:
    """Say a resolved spec as a Modelfile's commands, FROM first.

    The order is Ollama's (server/images.go): TEMPLATE, SYSTEM, PARAMETER,
    LICENSE, MESSAGE.
    """
    pairs: list[tuple[str, str]] = [("model", from_text)]
    if resolved.prompt_template:
        pairs.append(("template", resolved.prompt_template))
    if resolved.system:
        pairs.append(("system", resolved.system))
    pairs.extend(resolved.parameters.to_texts())
    pairs.extend(("license", licence) for licence in resolved.licences)
    pairs.extend(("message", f"{m.role}: {m.content}") for m in resolved.messages)
    return tuple(Command(name, args, line, 1) for line, (name, args) in enumerate(pairs, start=1))


def _so_far(value: Setting[tuple[T, ...]]) -> tuple[T, ...]:
    return value if isinstance(value, tuple) else ()


def _located(command: Command, error: ModelwrightError) -> ModelwrightError:
    """The same error with the command's line in front."""
    error.message = f"line {command.line}: {error.message}"
    return error


def _parent(command: Command, draft: SpecDraft) -> str:
    if draft.parent is not None:
        raise _located(command, Invalid("a second FROM", field="from", hint="Name one base"))
    if _PATH.search(command.args):
        message = f'FROM "{command.args[:100]}": a file or blob is not supported yet'
        raise _located(
            command, Unsupported(message, field="from", hint="Name a model, for example: FROM starter")
        )
    try:
        ModelRef.parse(command.args, field="from")
    except Invalid as error:
        raise _located(command, error) from None
    return command.args


def _template(command: Command) -> Setting[str]:
    """A template that can be read; an empty one takes away the inherited one."""
    if not command.args:
        return CLEARED
    try:
        return PromptTemplate.parse(command.args).text
    except Invalid as error:
        raise _located(command, error) from None


def _message(command: Command) -> Message:
    role, _, content = command.args.partition(": ")
    try:
        return read_message(role, content, field="message")
    except Invalid as error:
        raise _located(command, error) from None


def _parameter(command: Command) -> tuple[str, str]:
    """Check one PARAMETER alone, so that an error has its line."""
    pair = (command.name, command.args)
    try:
        Parameters.of_texts([pair])
    except Invalid as error:
        raise _located(command, error) from None
    return pair
