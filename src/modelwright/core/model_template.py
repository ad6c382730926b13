"""Model templates: specs with holes, and what may be put into them.

A hole is a node {"$arg": "name"} anywhere in the spec's tree; what fills it is put
there as it is, a value in the place of a value, so that no argument can say more than
its place allows. One that nothing fills is left out, with its key, or with the whole
item where it stands in a list, and with the list when it had no other. Pure; names
and rights are service.model_templates'.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from modelwright.core.argument_schema import (
    Arguments,
    ArgumentSchema,
    BadArguments,
    Fault,
    check_size,
    escaped,
    pointer_of,
)
from modelwright.core.card import Card, Extras
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Corrupt, Invalid, ModelwrightError
from modelwright.core.parameters import Parameters
from modelwright.core.spec import canonical_json
from modelwright.core.template_spec import SpecFault, read_spec
from modelwright.core.wording import excerpt, json_type, nearest

HOLE: Final = "$arg"
FORMAT: Final = 1

Tree: TypeAlias = Mapping[str, Any]

_FIELDS: Final = ("spec", "creation", "request_parameters", "request", "description", "extras")


@dataclass(frozen=True, slots=True)
class ModelTemplate:
    """What models are made from; made by `read`, which checks it.

    `spec` has the fields of template_spec.SPEC_FIELDS, with holes that `creation`
    describes; `request_parameters` is an object of parameters with holes that
    `request` describes, for each use of a model. `extras` are what one dialect alone
    knows of it.
    """

    spec: Tree = field(default_factory=dict)
    creation: ArgumentSchema = field(default_factory=ArgumentSchema)
    request_parameters: Tree = field(default_factory=dict)
    request: ArgumentSchema = field(default_factory=ArgumentSchema)
    description: str = ""
    extras: Extras = field(default_factory=dict)

    @classmethod
    def read(cls, tree: object) -> "ModelTemplate":
        """Check a tree as `as_tree` gives it; raises Invalid with the place, or TooLarge."""
        whole = _object(tree, "template")
        for name in whole:
            if name not in (*_FIELDS, "format"):
                close = nearest(name, _FIELDS)
                hint = f'Did you mean "{close}"?' if close else f"Known are {', '.join(_FIELDS)}"
                raise Invalid(f"a template has no field {excerpt(name)}", field=name[:40], hint=hint)
        if whole.get("format", FORMAT) != FORMAT:
            raise Invalid(f"format {str(whole['format'])[:20]} of a template is unknown", field="format")
        description = whole.get("description", "")
        if not isinstance(description, str):
            raise Invalid('"description" must be a text', field="description")
        template = cls(
            _object(whole.get("spec", {}), "spec"),
            ArgumentSchema.read(whole.get("creation", {}), field="creation"),
            _object(whole.get("request_parameters", {}), "request_parameters"),
            ArgumentSchema.read(whole.get("request", {}), field="request"),
            description,
            _object(whole.get("extras", {}), "extras"),
        )
        _check_holes(template.spec, template.creation, "spec", "creation")
        _check_holes(template.request_parameters, template.request, "request_parameters", "request")
        if faults := read_spec(_filled(template.spec, {})).faults:
            raise Invalid(f"/spec{faults[0].pointer} {faults[0].message}", field="spec")
        Parameters.of(_filled(template.request_parameters, {}), field="request_parameters")
        return template

    def as_tree(self) -> dict[str, Any]:
        """JSON that `read` reads back."""
        return {
            "description": self.description,
            "spec": self.spec,
            "creation": self.creation.tree,
            "request_parameters": self.request_parameters,
            "request": self.request.tree,
            "extras": self.extras,
        }

    def canonical(self) -> bytes:
        """The bytes that the digest is taken over; what says nothing is left out."""
        return canonical_json(
            {name: value for name, value in self.as_tree().items() if value} | {"format": 1}
        )

    @property
    def digest(self) -> Digest:
        return Digest.of(self.canonical())

    @classmethod
    def from_canonical(cls, content: bytes) -> "ModelTemplate":
        """Read canonical bytes back; raises Corrupt."""
        try:
            return cls.read(json.loads(content))
        except (ValueError, ModelwrightError) as error:
            raise Corrupt("a stored model template cannot be read") from error


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """A template in the catalogue; `revision` is the number of the one that it holds.

    `owner` is a principal's id, `account` whose members may use it when it is
    `shared`. What came with the package belongs to nobody and is for everybody.
    """

    id: str
    name: str
    revision: int
    template: ModelTemplate
    owner: str = ""
    account: str = ""
    shared: bool = False
    author: str = ""
    created_at: datetime = datetime.min
    updated_at: datetime = datetime.min

    @property
    def shipped(self) -> bool:
        return not self.owner


@dataclass(frozen=True, slots=True)
class Instance:
    """What a template makes of arguments, which are kept with their defaults."""

    draft: SpecDraft
    card: Card
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Origin:
    """What a model remembers of the template that it was made from."""

    template: str
    name: str
    revision: int
    digest: str
    arguments: Arguments

    def as_tree(self) -> dict[str, Any]:
        names = ("template", "name", "revision", "digest")
        return {each: getattr(self, each) for each in names} | {"arguments": dict(self.arguments)}

    @classmethod
    def of(cls, tree: Tree) -> "Origin | None":
        """None where a card remembers no template."""
        try:
            return cls(**tree) if tree else None
        except TypeError as error:
            raise Corrupt("a model's card remembers a template in an unknown way") from error


def instantiate(template: ModelTemplate, arguments: object) -> Instance:
    """Fill the holes; raises BadArguments with every fault, TooLarge.

    An argument that fits its schema and not its place (a temperature of 99) is a
    fault of the argument, too.
    """
    whole, faults = template.creation.completed(arguments)
    wrong = {fault.argument for fault in faults}
    right = {name: value for name, value in whole.items() if name not in wrong}
    filled = read_spec(_filled(template.spec, right))
    faults += _blamed(template.spec, right, filled.faults)
    if faults:
        raise BadArguments(faults)
    return Instance(filled.draft, filled.card, whole)


def request_parameters(template: ModelTemplate, arguments: object) -> Parameters:
    """What the arguments of one request set; raises BadArguments with every fault."""
    whole, faults = template.request.completed(arguments)
    wrong = {fault.argument for fault in faults}
    right = {name: value for name, value in whole.items() if name not in wrong}
    spec = {"parameters": template.request_parameters}
    filled = read_spec(_filled(spec, right))
    faults += _blamed(spec, right, filled.faults)
    if faults:
        raise BadArguments(faults)
    found = filled.draft.parameters
    return found if isinstance(found, Parameters) else Parameters()


def hole(name: str) -> dict[str, str]:
    """A hole for an argument."""
    return {HOLE: name}


def holes(tree: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Every hole: its place, and the name of its argument."""
    if _is_hole(tree):
        yield pointer, tree[HOLE]
    elif isinstance(tree, Mapping):
        for name, each in tree.items():
            yield from holes(each, f"{pointer}/{escaped(name)}")
    elif isinstance(tree, list):
        for number, each in enumerate(tree):
            yield from holes(each, f"{pointer}/{number}")


_EMPTY: Final = object()
"""What stands where a hole is that nothing fills."""


def _filled(tree: Tree, arguments: Arguments) -> dict[str, Any]:
    found = _fill(tree, arguments, within_list=False)
    return found if isinstance(found, dict) else {}


def _fill(node: Any, arguments: Arguments, *, within_list: bool) -> Any:
    if _is_hole(node):
        return arguments.get(node[HOLE], _EMPTY)
    if isinstance(node, Mapping):
        pairs = {name: _fill(each, arguments, within_list=within_list) for name, each in node.items()}
        if within_list and any(each is _EMPTY for each in pairs.values()):
            return _EMPTY
        return {name: each for name, each in pairs.items() if each is not _EMPTY}
    if isinstance(node, list):
        items = [_fill(each, arguments, within_list=True) for each in node]
        kept = [each for each in items if each is not _EMPTY]
        return kept if kept or not items else _EMPTY
    return node


def _is_hole(node: Any) -> bool:
    return isinstance(node, Mapping) and HOLE in node


def _check_holes(tree: Tree, schema: ArgumentSchema, field: str, described: str) -> None:
    for pointer, name in holes(tree):
        if not isinstance(name, str) or name not in schema.properties:
            shown = excerpt(name) if isinstance(name, str) else json_type(name)
            raise Invalid(
                f"/{field}{pointer} takes the argument {shown}, which {described} does not describe",
                field=field,
                hint=f'Describe it in "properties" of "{described}"',
            )
    for pointer, node in _objects(tree, ""):
        if _is_hole(node) and len(node) > 1:
            raise Invalid(
                f'/{field}{pointer} has more than "{HOLE}"', field=field, hint="A hole stands alone"
            )


def _objects(node: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    pairs = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    if isinstance(node, Mapping):
        yield pointer, node
    for name, each in pairs:
        yield from _objects(each, f"{pointer}{pointer_of((name,))}")


def _blamed(spec: Tree, arguments: Arguments, faults: tuple[SpecFault, ...]) -> list[Fault]:
    """Faults of a filled spec as those of the arguments that stand there."""
    places = _places(spec, arguments)
    found: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        names = [
            name
            for place, name in places
            if _is_within(fault.pointer, place) or _is_within(place, fault.pointer)
        ]
        for name in dict.fromkeys(names or [""]):
            pointer = f"/{escaped(name)}" if name else ""
            text = fault.message if name else f"the spec at {fault.pointer}: {fault.message}"
            found[pointer, text] = Fault(pointer, "value", text)
    return list(found.values())


def _places(spec: Tree, arguments: Arguments) -> list[tuple[str, str]]:
    """Where each hole's value stands once what nothing fills is left out."""
    marked = {name: {HOLE: name} for name in arguments}
    return list(holes(_fill(spec, marked, within_list=False)))


def _is_within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")


def _object(value: object, field: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(f'"{field}" must be an object, not {json_type(value)}', field=field)
    check_size(value, field=field)
    return dict(value)
