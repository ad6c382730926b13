"""Create request: what a Modelfile asks of a server, with the files it names.

The fields are those of Ollama's `POST /api/create` (parser/parser.go,
CreateRequest), so any server of that API understands them; `clear`, `origin` and
adapters with scales are ours. Which files a text means is asked of `Find`; their digests
come last, when they have been sent.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from modelwright.core.description import Description
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.local_paths import file_names
from modelwright.core.modelfile import Command
from modelwright.core.parameters import Parameters
from modelwright.core.renderers import CHECKS
from modelwright.core.wording import excerpt

Role: TypeAlias = Literal["model", "adapter", "draft"]
Find: TypeAlias = Callable[[str, Role], tuple[str, ...]]
"""The absolute paths of the files that a text means; none when it is a name."""

_SCALED: Final = re.compile(r"(.*\S)\s+SCALE\s+(\S+)", re.IGNORECASE | re.DOTALL)
_DIGEST: Final = re.compile(r"@?(sha256[:-][0-9a-f]{64})", re.IGNORECASE)
_FORMER: Final = re.compile(rf"({_DIGEST.pattern})\s+AS\s+(?P<name>\S+)", re.IGNORECASE)
_CLEARABLE: Final = ("system", "template", "renderer", "parser", "license")
_TEXTS: Final = (*_CLEARABLE, "requires")


@dataclass(frozen=True, slots=True)
class AdapterSource:
    """An adapter's files, or its blob, and the scale it is applied with."""

    paths: tuple[str, ...] = ()
    digest: Digest | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """A request whose files have no digests yet; `fields` is what needs none."""

    fields: Mapping[str, Any]
    files: tuple[str, ...] = ()
    blobs: tuple[Digest, ...] = ()
    adapters: tuple[AdapterSource, ...] = ()
    draft_files: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All files, each once, in the order they are named."""
        named = [*self.files, *(path for adapter in self.adapters for path in adapter.paths)]
        return tuple(dict.fromkeys([*named, *self.draft_files]))

    def body(self, digests: Mapping[str, Digest]) -> dict[str, Any]:
        """The request; `digests` has those of `paths`."""
        body = dict(self.fields)
        files = _named(self.files, digests) | {f"{blob.hex[:12]}.gguf": str(blob) for blob in self.blobs}
        if files:
            body["files"] = files
        if self.adapters:
            body["adapters"] = _adapters(self.adapters, digests)
        if self.draft_files:
            body["draft_files"] = _named(self.draft_files, digests)
        return body


def plan_create(commands: Iterable[Command], find: Find) -> CreatePlan:
    """Give a parsed Modelfile its meaning; errors carry the line.

    Several FROM lines put their files together. An empty SYSTEM, TEMPLATE,
    LICENSE, RENDERER or PARSER clears what the base has.
    """
    plan = _Plan(find)
    for command in commands:
        try:
            plan.take(command)
        except ModelwrightError as error:
            error.message = f"line {command.line}: {error.message}"
            raise
    return plan.done()


@dataclass
class _Plan:
    find: Find
    fields: dict[str, Any] = field(default_factory=dict)
    parameters: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    blobs: list[Digest] = field(default_factory=list)
    adapters: list[AdapterSource] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    emptied: dict[str, None] = field(default_factory=dict)

    def take(self, command: Command) -> None:
        name, args = command.name, command.args
        if name == "model":
            self._base(args)
        elif name == "adapter":
            self.adapters.append(_adapter(args, self.find))
        elif name == "draft":
            self.drafts += self.find(args, "draft") or _no_file("DRAFT", args)
        elif name == "license" and args:
            self.fields.setdefault("license", []).append(args)
        elif name == "message":
            role, _, content = args.partition(": ")
            self.fields.setdefault("messages", []).append({"role": role, "content": content})
        elif name == "info":
            self.fields["info"] = Description.of_text(args).as_dict()
        elif name in _TEXTS:
            self._text(name, args)
        else:
            Parameters.of_texts([(name, args)])  # alone, so that an error has its line
            self.parameters.append((name, args))

    def done(self) -> CreatePlan:
        if set(self.files) & set(self.drafts):
            raise Invalid("DRAFT must not reference the same local path as FROM", field="draft")
        cleared = [name for name in self.emptied if name not in self.fields]
        if cleared:
            self.fields["clear"] = cleared
        if self.parameters:
            self.fields["parameters"] = Parameters.of_texts(self.parameters).as_dict()
        return CreatePlan(
            self.fields,
            tuple(dict.fromkeys(self.files)),
            tuple(dict.fromkeys(self.blobs)),
            tuple(self.adapters),
            tuple(dict.fromkeys(self.drafts)),
        )

    def _base(self, text: str) -> None:
        if former := _FORMER.fullmatch(text):
            self.fields["origin"] = former["name"]
            text = former[1]
        if match := _DIGEST.fullmatch(text):
            self.blobs.append(Digest.parse(match[1]))
        elif paths := self.find(text, "model"):
            self.files += paths
        elif "from" in self.fields:
            raise Invalid("a second FROM that is a name", field="from", hint="Name one base")
        else:
            self.fields["from"] = text

    def _text(self, name: str, text: str) -> None:
        if name != "license":  # the others hold what they were given last
            self.fields.pop(name, None)
        if name in CHECKS:
            CHECKS[name](text)
        if text:
            self.fields[name] = text
        elif name in _CLEARABLE:
            self.emptied[name] = None


def _adapter(text: str, find: Find) -> AdapterSource:
    match = _SCALED.fullmatch(text)
    place, scale = (match[1], _scale(match[2])) if match else (text, 1.0)
    if blob := _DIGEST.fullmatch(place):
        return AdapterSource(digest=Digest.parse(blob[1]), scale=scale)
    return AdapterSource(find(place, "adapter") or _no_file("ADAPTER", place), scale=scale)


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Invalid(f"the SCALE of an adapter is a number, not {excerpt(text)}", field="adapter")
    return value


def _no_file(keyword: str, text: str) -> tuple[str, ...]:
    raise Invalid(
        f"{keyword} {excerpt(text)}: there is no such file",
        field=keyword.lower(),
        hint="Paths are relative to the Modelfile's folder",
    )


def _named(paths: tuple[str, ...], digests: Mapping[str, Digest]) -> dict[str, str]:
    return {name: str(digests[path]) for name, path in zip(file_names(paths), paths, strict=True)}


def _adapters(sources: tuple[AdapterSource, ...], digests: Mapping[str, Digest]) -> Any:
    """Ollama's map where it can say it, else a list with scales."""
    if len(sources) == 1 and sources[0].scale == 1 and sources[0].paths:
        return _named(sources[0].paths, digests)
    return [_scaled(source, digests) for source in sources]


def _scaled(source: AdapterSource, digests: Mapping[str, Digest]) -> dict[str, Any]:
    if len(source.paths) > 1:
        return {"files": _named(source.paths, digests), "scale": source.scale}
    digest = source.digest or digests[source.paths[0]]
    return {"digest": str(digest), "scale": source.scale}
