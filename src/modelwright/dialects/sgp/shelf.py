"""Models as the platform shows them, alone and in lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelwright.core.deployments import Deployment
from modelwright.core.entities import Entity
from modelwright.core.grants import Principal
from modelwright.dialects.base import Json
from modelwright.dialects.sgp import creation
from modelwright.dialects.sgp.deployed import kept_of, key_of
from modelwright.dialects.sgp.desk import Desk, People
from modelwright.dialects.sgp.entries import Entries, Entry
from modelwright.dialects.sgp.group_routes import GROUP, group_tree
from modelwright.dialects.sgp.schemas import request_schema, response_schema
from modelwright.service.model_templates import EXTRA

VIEWS: Final = ("Deployments", "ModelGroup")
_MADE: Final = ("id", "account_id", "created_at", "created_by_user_id", "created_by_identity_type")
_OWN: Final = (
    "name",
    "model_type",
    "display_name",
    "model_vendor",
    "base_model_id",
    "base_model_metadata",
    "model_creation_parameters",
    "model_card",
    "training_data_card",
    "description",
    "model_template_id",
    "model_group_id",
    "model_group",
    "request_schema",
    "response_schema",
    "deployment_count",
    "supports_multi_turn",
    "deployments",
)
_DEEP: Final = frozenset(
    {"base_model_id", creation.FIELD, "model_group", "deployments", "request_schema", "response_schema"}
)
"""Fields for which a model has to be looked at once more."""
SORTS: Final = tuple(f"{name}:{way}" for name in (*_MADE, *_OWN) for way in ("asc", "desc"))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is looked up once for all the models of an answer."""

    people: People
    deployments: Mapping[str, Sequence[Deployment]]
    """By the key of the model's name."""
    groups: Mapping[str, Entity]
    views: Sequence[str] = ()

    def group_of(self, entry: Entry) -> Entity | None:
        """The group of a model; None where it is gone, or is another account's."""
        return self.groups.get(entry.group)


class Shelf:
    """Renders models."""

    def __init__(self, desk: Desk, entries: Entries) -> None:
        self._desk = desk
        self._entries = entries

    async def surroundings(
        self, principal: Principal, deployments: Sequence[Deployment], views: Sequence[str] = ()
    ) -> Surroundings:
        by_model: dict[str, list[Deployment]] = {}
        for deployment in deployments:
            by_model.setdefault(key_of(deployment), []).append(deployment)
        found = await self._desk.backing.services.entities.list_entities(principal, GROUP)
        groups = {group.id: group for group in found}
        return Surroundings(await self._desk.people(principal), by_model, groups, views)

    def line(self, entry: Entry, around: Surroundings) -> Json:
        """What a list is sorted by: all that needs no further look."""
        summary, extra = entry.summary, entry.extra
        account = entry.account or summary.owner
        made = around.people.made(entry.id, account, summary.owner, summary.created_at)
        kept = ("model_vendor", "base_model_metadata", "training_data_card", "model_template_id")
        texts = {"display_name": entry.card.display_name, "description": entry.card.description}
        texts |= {"model_card": entry.card.model_card}
        return {
            **made,
            "name": entry.title,
            "model_type": entry.model_type,
            **{name: text for name, text in texts.items() if text},
            **{name: extra[name] for name in kept if name in extra},
            **({"model_group_id": group.id} if (group := around.group_of(entry)) else {}),
            "deployment_count": len(around.deployments.get(entry.key, ())),
            "supports_multi_turn": entry.model_type in ("CHAT_COMPLETION", "AGENT"),
        }

    async def ordered(
        self, principal: Principal, entries: Sequence[Entry], around: Surroundings, orders: Sequence[str]
    ) -> list[Entry]:
        """Models in the wanted order."""
        if _DEEP.isdisjoint(order.partition(":")[0] for order in orders):
            lines = [(entry, self.line(entry, around)) for entry in entries]
        else:
            lines = [(entry, await self.tree(principal, entry, around)) for entry in entries]
        return [entry for entry, _ in _sorted_by(lines, orders)]

    async def tree(self, principal: Principal, entry: Entry, around: Surroundings) -> Json:
        """A model as it is sent; what it is made of only for its readers."""
        tree = self.line(entry, around)
        if entry.is_legible:
            base = await self._entries.base_id(principal, entry)
            view = await self._entries.view(principal, entry)
            kept = entry.extra.get(creation.FIELD, {})
            made = bool(entry.card.extra(EXTRA))
            parameters = creation.shown(kept, view.spec, only_kept=made)
            tree |= {"base_model_id": base} if base else {}
            tree |= {creation.FIELD: parameters} if parameters or kept else {}
        tree["request_schema"] = request_schema(entry.model_type)
        tree["response_schema"] = response_schema(entry.model_type)
        if "Deployments" in around.views:
            found = around.deployments.get(entry.key, ())
            tree["deployments"] = [deployment_tree(each, entry.id, around.people) for each in found]
        group = around.group_of(entry)
        if "ModelGroup" in around.views and group is not None:
            tree["model_group"] = group_tree(group, around.people)
        return tree


def _sorted_by(lines: list[tuple[Entry, Json]], wanted: Sequence[str]) -> list[tuple[Entry, Json]]:
    """Lines in the wanted order, the first field being the most important."""
    for order in reversed(wanted):
        name, _, way = order.partition(":")
        lines = sorted(lines, key=_field(name), reverse=way == "desc")
    return lines


def deployment_tree(deployment: Deployment, model: str, people: People) -> Json:
    """A deployment as it is sent."""
    kept = kept_of(deployment)
    account = kept.get("account_id") or deployment.account or deployment.owner
    made = people.made(deployment.id, account, deployment.owner, deployment.created_at)
    tree = {
        **made,
        "name": deployment.name,
        "status": deployment.status,
        "model_instance_id": model,
        "model_endpoint_id": deployment.id,
    }
    names = (creation.FIELD, "deployment_metadata")
    tree |= {name: kept[name] for name in names if kept.get(name) is not None}
    tree["vendor_configuration"] = {
        "vendor": "LAUNCH",
        **kept.get("vendor_configuration", {}),
        "min_workers": deployment.workers.least,
        "max_workers": deployment.workers.most,
        "per_worker": deployment.workers.each,
    }
    if deployment.reason:
        tree["status_reason"] = deployment.reason
    return tree


def _field(name: str) -> Callable[[tuple[Entry, Json]], tuple[bool, Any]]:
    def value(line: tuple[Entry, Json]) -> tuple[bool, Any]:
        found = line[1].get(name)
        if isinstance(found, bool | int):
            return True, f"{found:020}"
        return found is not None, found.casefold() if isinstance(found, str) else str(found)

    return value
