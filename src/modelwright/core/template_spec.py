"""The spec of a model template, once its holes are filled: a draft and a card.

Each field is read on its own, so that every fault is found and not only the first.
A field that is null takes away what the base has; one that is absent says nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from modelwright.core.card import Card
from modelwright.core.chat import Message
from modelwright.core.compatibility import check_requires
from modelwright.core.description import Description
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft, read_message, with_fields
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.names import ModelRef
from modelwright.core.parameters import Parameters
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.renderers import CHECKS
from modelwright.core.spec import CLEARED
from modelwright.core.weight_files import NamedAdapter, NamedBlob, check_names, check_scale
from modelwright.core.wording import json_type, nearest

MOST_MESSAGES: Final = 1_000
MOST_ADAPTERS: Final = 64


@dataclass(frozen=True, slots=True)
class SpecFault:
    """What is wrong, and where: a JSON Pointer into the spec."""

    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class FilledSpec:
    """What a template makes; `faults` is empty where the rest can be used."""

    draft: SpecDraft = field(default_factory=SpecDraft)
    card: Card = field(default_factory=Card)
    faults: tuple[SpecFault, ...] = ()


def read_spec(tree: Mapping[str, Any]) -> FilledSpec:
    """Read a spec without holes; raises nothing, whatever stands there."""
    reading = _Reading()
    for name, value in tree.items():
        reader = _READERS.get(name)
        if reader is None:
            close = nearest(name, _READERS)
            hint = f'did you mean "{close}"?' if close else f"known: {', '.join(_READERS)}"
            reading.fault(f"/{name}", f"is unknown; {hint}")
        else:
            reading.attempt(f"/{name}", reader, value)
    if "base" in tree and "follows" in tree:
        reading.fault("/follows", 'stands beside "base"; give one of the two')
    if not tree.get("base") and not tree.get("follows"):
        reading.draft["bare"] = True
    draft = with_fields(SpecDraft(), reading.draft)
    return FilledSpec(draft, reading.card, tuple(reading.faults))


class _Reading:
    def __init__(self) -> None:
        self.draft: dict[str, Any] = {}
        self.card = Card()
        self.faults: list[SpecFault] = []

    def fault(self, pointer: str, message: str) -> None:
        self.faults.append(SpecFault(pointer, message))

    def attempt(self, pointer: str, work: Callable[["_Reading", str, Any], None], value: Any) -> None:
        try:
            work(self, pointer, value)
        except ModelwrightError as error:
            self.fault(pointer, str(error))

    def items(self, pointer: str, value: Any, most: int) -> Iterator[tuple[str, Any]]:
        for number, item in enumerate(_listed(value, most)):
            yield f"{pointer}/{number}", item


def _listed(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid(f"must be a list, not {json_type(value)}")
    if len(value) > most:
        raise Invalid(f"holds {len(value)}, at most {most} are allowed")
    return value


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(f"must be an object, not {json_type(value)}")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"must be a text, not {json_type(value)}")
    return value


def _base(target: str) -> Callable[[_Reading, str, Any], None]:
    def read(reading: _Reading, pointer: str, value: Any) -> None:
        name = _string(value)
        if target == "parent":
            ModelRef.parse(name, field="base")
        if name:
            reading.draft[target] = name

    return read


def _text(target: str, check: Callable[[str], object] = str) -> Callable[[_Reading, str, Any], None]:
    """A text; an empty one says nothing, and null takes away."""

    def read(reading: _Reading, pointer: str, value: Any) -> None:
        if value is None:
            reading.draft[target] = CLEARED
        elif text := _string(value):
            check(text)
            reading.draft[target] = text

    return read


def _parameters(reading: _Reading, pointer: str, value: Any) -> None:
    if value is None:
        reading.draft["parameters"] = CLEARED
        return
    found = Parameters()
    for name, each in _table(value).items():
        try:
            found = Parameters.of({**found.as_dict(), name: each})  # beside those before: two names for one
        except ModelwrightError as error:
            reading.fault(f"{pointer}/{name}", str(error))
    if found:
        reading.draft["parameters"] = found


def _profile(reading: _Reading, pointer: str, value: Any) -> None:
    if value is None:
        reading.draft["profile"] = CLEARED
        return
    found = Hyperparameters()
    for name, each in _table(value).items():
        try:
            found = found.merged(Hyperparameters.of({name: each}))
        except ModelwrightError as error:
            reading.fault(f"{pointer}/{name}", str(error))
    if found.items:
        reading.draft["profile"] = found


def _messages(reading: _Reading, pointer: str, value: Any) -> None:
    if value is None:
        reading.draft["messages"] = CLEARED
        return
    found: list[Message] = []

    def read(_: _Reading, place: str, item: Any) -> None:
        tree = _table(item)
        if set(tree) != {"role", "content"}:
            raise Invalid('must have "role" and "content", and nothing else')
        found.append(read_message(_string(tree["role"]), _string(tree["content"]), field=place))

    for place, item in reading.items(pointer, value, MOST_MESSAGES):
        reading.attempt(place, read, item)
    if found:
        reading.draft["messages"] = tuple(found)


def _licences(reading: _Reading, pointer: str, value: Any) -> None:
    texts = [value] if isinstance(value, str) else value
    if texts is None:
        reading.draft["licences"] = CLEARED
    elif found := tuple(_string(each) for each in _listed(texts, 100) if each != ""):
        reading.draft["licences"] = found


def _adapters(reading: _Reading, pointer: str, value: Any) -> None:
    if value is None:
        reading.draft["adapters"] = CLEARED
        return
    found: list[NamedAdapter] = []
    for place, item in reading.items(pointer, value, MOST_ADAPTERS):
        reading.attempt(place, lambda *given: found.append(_adapter(*given)), item)
    if found:
        reading.draft["adapters"] = tuple(found)


def _adapter(reading: _Reading, place: str, item: Any) -> NamedAdapter:
    """A GGUF's digest, or a PEFT folder's files by name, with a scale."""
    tree = _table(item)
    if set(tree) - {"scale"} not in ({"digest"}, {"files"}):
        raise Invalid('must have "digest" or "files", and perhaps "scale"')
    scales: list[float] = [1.0]
    blobs: list[NamedBlob] = []
    if "scale" in tree:
        reading.attempt(
            f"{place}/scale", lambda _, at, scale: scales.append(check_scale(scale, field=at)), tree["scale"]
        )
    files = {"": tree["digest"]} if "digest" in tree else _table(tree["files"])
    within = f"{place}/digest" if "digest" in tree else f"{place}/files"
    if "files" in tree:
        check_names(tuple(files), field=within)
    for name, digest in files.items():
        at = f"{within}/{name}" if name else within
        reading.attempt(at, lambda *given: blobs.append(_named_blob(*given)), (name, digest))
    return NamedAdapter(tuple(blobs), scales[-1])


def _named_blob(reading: _Reading, place: str, given: tuple[str, Any]) -> NamedBlob:
    return NamedBlob(given[0], Digest.parse(_string(given[1])))


def _info(reading: _Reading, pointer: str, value: Any) -> None:
    if description := Description.of(_table(value)):
        reading.draft["description"] = description


def _card(reading: _Reading, pointer: str, value: Any) -> None:
    for name, each in _table(value).items():
        fault = _CARD[name](each) if name in _CARD else f"is unknown; known: {', '.join(_CARD)}"
        if fault:
            reading.fault(f"{pointer}/{name}", fault)
            continue
        kept: Any = tuple(each) if name == "tags" else each
        reading.card = replace(reading.card, **{name: kept})


def _is_text(value: Any) -> str:
    return "" if isinstance(value, str) else f"must be a text, not {json_type(value)}"


def _is_texts(value: Any) -> str:
    fine = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return "" if fine else "must be a list of texts"


_CARD: Final[Mapping[str, Callable[[Any], str]]] = {
    "display_name": _is_text,
    "description": _is_text,
    "picture": _is_text,
    "model_card": _is_text,
    "tags": _is_texts,
    "capabilities": lambda value: "" if isinstance(value, Mapping) else "must be an object",
    "active": lambda value: "" if isinstance(value, bool) else "must be true or false",
}

_READERS: Final[Mapping[str, Callable[[_Reading, str, Any], None]]] = {
    "base": _base("parent"),
    "follows": _base("follows"),
    "system": _text("system"),
    "template": _text("prompt_template", PromptTemplate.parse),
    "parameters": _parameters,
    "messages": _messages,
    "license": _licences,
    "adapters": _adapters,
    "renderer": _text("renderer", CHECKS["renderer"]),
    "parser": _text("parser", CHECKS["parser"]),
    "requires": _text("requires", check_requires),
    "info": _info,
    "card": _card,
    "profile": _profile,
}

SPEC_FIELDS: Final = tuple(_READERS)
"""What the spec of a template may say."""
