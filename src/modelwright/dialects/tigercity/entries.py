"""Entries: models found, made and deleted as TigerCity's clients know them.

A model made here has its name and its id as aliases in its maker's account; any
other goes by its name. Models that cannot be trained by the caller are read-only:
bases, those that follow another model, and what others have shared for use only.
"""

from dataclasses import dataclass
from datetime import UTC
from itertools import count
from typing import Any, Final

from modelwright.core.card import Card
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Conflict, Denied, Invalid, NotFound
from modelwright.core.grants import Level, Principal
from modelwright.core.names import DEFAULT_NAMESPACE, Name, slug
from modelwright.core.parameter_rules import RULES
from modelwright.core.revision import Alias
from modelwright.core.spec import UNSET
from modelwright.dialects.shown import as_asked, located
from modelwright.dialects.tigercity import requests, wire
from modelwright.service.models import Models
from modelwright.service.views import ModelView

DIALECT: Final = "tigercity"
_TRIES: Final = 8
_SHOWN: Final = ("learning_rate", "learning_steps", "epsilon", "beta")


@dataclass(frozen=True, slots=True)
class Found:
    """A model that is there: its name and id, and what the caller may see of it."""

    name: str
    id: str
    view: ModelView
    trainings: int
    asked: str
    """Its key and the revision that was asked for: what the services are told."""

    @property
    def key(self) -> str:
        return self.view.summary.key

    @property
    def is_base(self) -> bool:
        """Whether it is no copy of the caller's: it cannot be deleted here."""
        summary = self.view.summary
        return summary.level < Level.WRITE or not summary.parent

    @property
    def is_read_only(self) -> bool:
        """Whether it cannot be trained: so are bases, and what follows a name."""
        return self.is_base or self.view.summary.follows


class Entries:
    """Models by their names and ids."""

    def __init__(self, models: Models, default_model: str = "") -> None:
        self._models = models
        self._default = default_model

    async def locate(self, principal: Principal, asked: str) -> str:
        """The name that a name or an id stands for; raises NotFound for neither."""
        return await located(self._models, principal, DIALECT, asked)

    async def find(self, principal: Principal, asked: str) -> Found:
        """Raises NotFound for a model that is not there, or may not be known."""
        located = await self.locate(principal, asked)
        return await self._found(principal, await self._models.show(principal, located), located)

    async def all(self, principal: Principal) -> list[Found]:
        """Every model that the caller may know, bases first, then by name."""
        found = []
        for summary in await self._models.list_models(principal):
            try:
                view = await self._models.show(principal, summary.key)
                found.append(await self._found(principal, view, summary.key))
            except NotFound:
                continue  # deleted meanwhile
        return sorted(found, key=lambda each: (bool(each.view.summary.parent), each.id))

    async def create(self, principal: Principal, body: wire.CreateRequest) -> Found:
        """Make a copy; raises Conflict for a name that the account has."""
        parent = await self.find(principal, body.parent_model)
        profile = requests.profile(body)
        draft = SpecDraft(parent=parent.asked, profile=profile if profile.items else UNSET)
        for _ in range(_TRIES):
            await self._check_free(principal, body.name)
            identifier = await self._free_id(principal, body.name)
            name = await self._models.aliases.mint(principal, slug(body.name))
            scope = principal.namespace or DEFAULT_NAMESPACE
            extra = {"name": body.name, "id": identifier, "parent_model": parent.name}
            card = Card(display_name=body.name, description=body.description, extras={DIALECT: extra})
            aliases = [Alias(DIALECT, each, scope) for each in dict.fromkeys((body.name, identifier))]
            try:
                async for _event in self._models.create(
                    principal, name.full, draft, card=card, aliases=aliases, fresh=True
                ):
                    pass
            except Conflict:
                continue  # somebody was faster: look again what is free
            return await self.find(principal, body.name)
        raise _taken(body.name)

    async def delete(self, principal: Principal, asked: str) -> Found:
        """Delete a model; raises Denied for one that is read-only."""
        found = await self.find(principal, asked)
        if found.is_base:
            self.check_changeable(found)  # which refuses it in the right words
        await self._models.delete(principal, found.asked)
        return found

    def check_changeable(self, found: Found) -> None:
        """Raise Denied for a model that is read-only to the caller."""
        if found.is_read_only:
            raise Denied(
                f'"{found.name}" is read-only',
                field="model",
                hint="Create a copy of it, which is yours to train and to delete",
            )

    def info(self, found: Found) -> dict[str, Any]:
        """A model as TigerCity describes it, its keys in order."""
        view, summary = found.view, found.view.summary
        facts = summary.facts
        hyperparameters = view.resolved.profile.completed("reward", facts.parameter_count if facts else 0)
        moment = summary.modified_at.astimezone(UTC).replace(tzinfo=None)
        tree: dict[str, Any] = {
            "default_model": self._is_default(found),
            "description": summary.card.description,
            "id": found.id,
            "last_modified": moment.isoformat(timespec="milliseconds") + "Z",
            "name": found.name,
            "read_only": found.is_read_only,
            "revision": found.trainings,
            **{name: hyperparameters.get(name) for name in _SHOWN},
            **{name: sampling(view, name) for name in ("temperature", "top_p")},
        }
        if summary.parent and summary.level >= Level.READ:
            tree["parent_model"] = _extra(found).get("parent_model") or _plain(summary.parent)
        return dict(sorted(tree.items()))

    async def _found(self, principal: Principal, view: ModelView, located: str) -> Found:
        summary = view.summary
        asked = as_asked(summary.key, located)
        alias = await self._models.aliases.of(DIALECT, summary.key)
        trainings = 0
        if summary.level >= Level.READ:
            history = await self._models.history(principal, summary.key)
            trainings = sum(
                each.kind == "train" and each.number <= history.current for each in history.revisions
            )
        # A copy made through another dialect has this one's fields, but not its aliases.
        extra = summary.card.extra(DIALECT) if alias is not None else {}
        name = str(extra.get("name", summary.name))
        clear = bool(extra) and await self._means(principal, name, summary.key)
        if not clear:
            plain = _plain(str(summary.name))
            return Found(plain, plain.lower(), view, trainings, asked)
        return Found(name, str(extra["id"]), view, trainings, asked)

    async def _means(self, principal: Principal, asked: str, key: str) -> bool:
        return Name.parse(await self.locate(principal, asked)).key == key

    async def _check_free(self, principal: Principal, name: str) -> None:
        try:
            await self.find(principal, name)
        except NotFound:
            return
        raise _taken(name)

    async def _free_id(self, principal: Principal, name: str) -> str:
        for number in count(1):
            identifier = slug(name) if number == 1 else f"{slug(name)}-{number}"
            try:
                await self.find(principal, identifier)
            except NotFound:
                return identifier
        raise _taken(name)

    def _is_default(self, found: Found) -> bool:
        try:
            return Name.parse(self._default).key == found.key
        except Invalid:
            return self._default in (found.name, found.id)


def sampling(view: ModelView, name: str) -> Any:
    """A sampling parameter as it holds for a model, of its own or by default."""
    own = view.resolved.parameters.get(name)
    return RULES[name].default if own is None else own


def _extra(found: Found) -> dict[str, Any]:
    return dict(found.view.summary.card.extra(DIALECT))


def _plain(name: str) -> str:
    return name.removesuffix(":latest")


def _taken(name: str) -> Conflict:
    return Conflict(
        f'you have a model "{name}" already',
        field="name",
        hint="Choose another name, or delete that one",
    )
