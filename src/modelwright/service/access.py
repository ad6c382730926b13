"""Access: which model a principal means, and whether it may what it wants to do.

The only way from a name that somebody wrote to a model. A bare name is looked
for in one's own namespace, then in the library. The rule itself is core.access.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from modelwright.core.access import authorize, level_of, viewer_of
from modelwright.core.digest import Digest
from modelwright.core.errors import Denied, Invalid, NotFound
from modelwright.core.grants import Level, Principal, Verb
from modelwright.core.lineage import ResolvedSpec, resolve
from modelwright.core.names import DEFAULT_HOST, DEFAULT_NAMESPACE, ModelRef, Name, is_bare, is_trained_id
from modelwright.core.ports import Catalogue
from modelwright.core.revision import StoredModel
from modelwright.core.spec import ModelSpec, PinnedParent

Witness: TypeAlias = Callable[[Principal, Verb, StoredModel], None]


def _nobody(_principal: Principal, _verb: Verb, _model: StoredModel) -> None:
    """Witness nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a create goes: a name, and whose the model is if it is new."""

    name: Name
    owner: str


class Access:
    """Looks models up for somebody; keeps no decision."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._witness: Witness = _nobody

    def be_witnessed(self, witness: Witness) -> None:
        """Tell of every model that is found for somebody, and for what."""
        self._witness = witness

    async def named(self, principal: Principal, asked: str, *, field: str = "model") -> str:
        """The name that the id of a trained model stands for; any other text as it is.

        Raises NotFound for an id of nothing, or of a model that may not be known.
        """
        if not is_trained_id(asked):
            return asked
        identifier, at, number = asked.rpartition("@")
        if not (at and number.isdigit()):
            identifier, at, number = asked, "", ""
        viewer = viewer_of(principal)
        for _, stored in await self._catalogue.find_aliased(identifier):
            seen = await self._catalogue.find(stored.name.key, viewer)
            if seen is not None and level_of(principal, seen) is not None:
                return f"{seen.name.full}{at}{number}"
        raise NotFound("model", asked, field=field)

    async def whole(self, principal: Principal, asked: str) -> str:
        """The name of a whole model, by name or id; a revision cannot be meant."""
        name = await self.named(principal, asked)
        check_whole(name)
        return name

    async def find(
        self, principal: Principal, asked: str, verb: Verb, *, field: str = "model"
    ) -> StoredModel:
        """The model that `asked` names, a revision of it included.

        Raises Invalid for what is no name, NotFound for what is not there or may
        not be known, Denied for what may be known and not be done.
        """
        model = await self._meant(principal, asked, field)
        authorize(principal, verb, model, asked, field=field)
        assert model is not None  # authorize refuses an absent one
        self._witness(principal, verb, model)
        return model

    async def target(self, principal: Principal, asked: str, *, field: str = "model") -> Target:
        """Where a create under this name goes.

        Raises Invalid for a revision, Denied where the principal makes no models; that
        is said in the same words whether or not there is one already.
        """
        asked = await self.named(principal, asked, field=field)
        ref = check_whole(asked, field)
        if principal.is_admin and not principal.scopes.models:
            return Target(ref.name, await self._owner_of(ref.name, principal))
        model = await self._meant(principal, asked, field)
        held = None if model is None else level_of(principal, model)
        own = ref.within(principal.namespace).name if is_bare(asked) and principal.namespace else ref.name
        if model is not None and held is not None and (held >= Level.WRITE or model.name.key == own.key):
            authorize(principal, Verb.UPDATE, model, asked, field=field)
            return Target(model.name, model.owner)
        if principal.is_admin or _is_own(own, principal):
            if principal.scopes.allow_model(own.key):
                return Target(own, principal.id)
            raise Denied(f'this key does not reach "{own.short}"', field=field)
        if model is not None and held is not None:
            authorize(principal, Verb.UPDATE, model, asked, field=field)
        raise Denied(
            f'"{asked}" stands in the namespace "{own.namespace}", where you make no models',
            field=field,
            hint=f'Yours are made in "{principal.namespace}", also without naming it',
        )

    async def may_refer(self, principal: Principal, digests: Collection[Digest], *, field: str) -> None:
        """See that blobs are one's own uploads, or of models that one may derive from.

        Raises NotFound, as for blobs that are not here.
        """
        viewer = viewer_of(principal, Level.DERIVE)
        if viewer is None or not digests:
            return
        reached = await self._catalogue.reachable(viewer, digests)
        for digest in digests:
            if digest not in reached:
                raise NotFound("blob", str(digest), field=field, hint="Upload it first")

    async def legible(self, principal: Principal, lineage: Sequence[ModelSpec]) -> ResolvedSpec | None:
        """What of a lineage a reader of its child may see; None when it is all of it.

        An ancestor is seen by who may read a model that is, or was, that very spec.
        """
        viewer = viewer_of(principal, Level.READ)
        if viewer is None:
            return None
        seen = 1
        while seen < len(lineage) and await self._is_legible(principal, lineage[seen - 1], lineage[seen]):
            seen += 1
        if seen == len(lineage):
            return None
        legible = resolve(lineage[:seen])
        return replace(legible, parent="") if seen == 1 else legible

    async def check_whole_legible(self, principal: Principal, lineage: Sequence[ModelSpec]) -> None:
        """Raise Denied when a model stands on one that the principal may not read.

        Its bytes hold what it inherits, so they must not leave either.
        """
        if await self.legible(principal, lineage) is not None:
            raise Denied(
                "the model stands on one that you may not read, and would take it along",
                field="model",
                hint='The owner of that one, or an admin, can grant "read" on it',
            )

    async def knows(self, principal: Principal, name: str) -> bool:
        """Whether a principal may know of a model; `name` is as the catalogue spells it."""
        if viewer_of(principal) is None:
            return True
        model = await self._catalogue.find(key_of(name), viewer_of(principal))
        return model is not None and level_of(principal, model) is not None

    def shown_name(self, principal: Principal, name: Name, among: Collection[str] | None = None) -> Name:
        """A name as the principal may write it: its own without their namespace.

        `among` are the keys it may know; one of the library that its own stands in
        front of is spelled with the namespace.
        """
        if not principal.namespace or name.host.lower() != DEFAULT_HOST:
            return name
        if _is_own(name, principal):
            return replace(name, namespace=DEFAULT_NAMESPACE)
        if among is None or name.namespace.lower() != DEFAULT_NAMESPACE:
            return name
        return replace(name, explicit=True) if _own_key(principal, name) in among else name

    async def _meant(self, principal: Principal, asked: str, field: str) -> StoredModel | None:
        """The first model of that name which the principal may know."""
        ref = ModelRef.parse(await self.named(principal, asked, field=field), field=field)
        viewer = viewer_of(principal)
        if principal.namespace and is_bare(asked) and not is_trained_id(asked):
            mine = await self._catalogue.find(ref.within(principal.namespace).name.key, viewer)
            if mine is not None and level_of(principal, mine) is not None:
                return mine
        return await self._catalogue.find(ref.name.key, viewer)

    async def _owner_of(self, name: Name, principal: Principal) -> str:
        """Whose a model is that an admin makes under a name."""
        if name.host.lower() != DEFAULT_HOST or name.namespace.lower() == DEFAULT_NAMESPACE:
            return principal.id
        return await self._catalogue.owner_of_namespace(name.namespace.lower()) or principal.id

    async def _is_legible(self, principal: Principal, child: ModelSpec, ancestor: ModelSpec) -> bool:
        viewer = viewer_of(principal, Level.READ)
        if viewer is None:
            return True
        if isinstance(child.parent, PinnedParent):
            return await self._catalogue.is_legible(viewer, child.parent.spec)
        return await self._catalogue.is_legible(viewer, ancestor.digest)


def check_whole(asked: str, field: str = "model") -> ModelRef:
    """The name of a model as a whole; a revision cannot be meant."""
    ref = ModelRef.parse(asked, field=field)
    if ref.revision is not None:
        raise Invalid(
            f'"{asked}" names a revision; revisions do not change',
            field=field,
            hint=f'Use "{ref.name.short}"',
        )
    return ref


def _is_own(name: Name, principal: Principal) -> bool:
    return (
        bool(principal.namespace)
        and name.host.lower() == DEFAULT_HOST
        and name.namespace.lower() == principal.namespace.lower()
    )


def named_by(principal: Principal, models: Sequence[StoredModel]) -> frozenset[str]:
    """The keys that matter for how these models are shown in a list.

    Their parents', which are named where they may be known, and those of the
    principal's own models that would be called the same.
    """
    parents = {key_of(model.revision.parent) for model in models if model.revision.parent}
    return frozenset(parents | {_own_key(principal, model.name) for model in models if principal.namespace})


def _own_key(principal: Principal, name: Name) -> str:
    return replace(name, namespace=principal.namespace).key


def key_of(name: str) -> str:
    """Name.key of a text; what is no name, such as a base to come, stands for itself."""
    try:
        return Name.parse(name).key
    except Invalid:
        return name
