"""A model as an entry of Open WebUI, and back: name, params, meta, base.

What our spec and card have no word for stays in the card's extras, in the form
it came in. As long as spec and card still say what that form says, the form
itself is shown again; what another dialect changed since then is shown over it.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from modelwright.core.card import Card
from modelwright.core.errors import Invalid
from modelwright.core.parameters import Parameters
from modelwright.core.spec import ModelSpec
from modelwright.dialects.openwebui.parameters import (
    OWN,
    effective,
    read_parameters,
    shown_parameters,
)
from modelwright.dialects.openwebui.variables import chat_fields

DIALECT: Final = "openwebui"
ID_LENGTH: Final = 256
PICTURE_LENGTH: Final = 1_500_000

KNOWN_META: Final = (
    "profile_image_url",
    "background_image_url",
    "description",
    "i18n",
    "capabilities",
    "knowledge",
    "voice",
    "voice_avatar",
)
"""Keys of `meta` that are always shown, null when nothing is said."""

_PICTURES: Final = ("/user.png", "/favicon.png", "/static/favicon.png", "")
_USER_PICTURE: Final = re.compile(r"/api/v1/users/[^/?#]+/profile/image")
_DATA_PICTURE: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_BEGINNINGS: Final[Mapping[str, bytes]] = MappingProxyType(
    {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8", "webp": b"RIFF"}
)


@dataclass(frozen=True, slots=True)
class Said:
    """What params say to us: the system text, "" for none, and parameters."""

    system: str
    parameters: Parameters


def is_valid_id(text: str) -> bool:
    return 0 < len(text) <= ID_LENGTH and not any(char.isspace() for char in text) and text.isprintable()


def read_params(params: Mapping[str, Any]) -> Said:
    """Raises Invalid for a system that is no text, or a parameter out of range."""
    system = params.get("system")
    if system is not None and not isinstance(system, str):
        raise Invalid('"params.system" must be a text', field="params.system")
    custom = params.get("custom_params")
    if custom is not None and not isinstance(custom, dict):
        raise Invalid('"params.custom_params" must be an object', field="params.custom_params")
    return Said(system or "", read_parameters(effective(params))[0])


def said_by(spec: ModelSpec) -> Said:
    """What a spec says itself, nothing inherited."""
    system = spec.system if isinstance(spec.system, str) else ""
    parameters = spec.parameters if isinstance(spec.parameters, Parameters) else Parameters()
    return Said(system, parameters)


def shown_params(spec: ModelSpec, card: Card) -> dict[str, Any]:
    kept = dict(card.extra(DIALECT).get("params", {}))
    said = said_by(spec)
    if read_params(kept) == said:
        return kept
    rest = {name: kept[name] for name in OWN if name in kept and name not in ("system", "custom_params")}
    rest |= read_parameters(effective(kept))[1]
    system = {"system": said.system} if said.system else {}
    return {**rest, **system, **shown_parameters(said.parameters)}


def read_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Meta as it is kept: tags as objects, no extracted texts, no unsafe picture."""
    kept = deepcopy(dict(meta))
    kept.pop("chat_variables_schema", None)
    if "tags" in kept:
        kept["tags"] = [{"name": name} for name in tag_names(kept["tags"])]
    if "profile_image_url" in kept:
        kept["profile_image_url"] = picture(kept["profile_image_url"])
    for item in kept["knowledge"] if isinstance(kept.get("knowledge"), list) else ():
        _without_content(item)
    return kept


def shown_meta(card: Card) -> dict[str, Any]:
    kept = dict(card.extra(DIALECT).get("meta", {}))
    if _card_fields(kept) != _card_fields(_meta_of(card)):
        kept |= _meta_of(card)
    return {**dict.fromkeys(KNOWN_META), **kept}


def shown_name(card: Card, identifier: str) -> str:
    return card.display_name or identifier


def write_card(
    before: Card,
    *,
    name: str,
    params: Mapping[str, Any],
    meta: Mapping[str, Any],
    base: str | None,
    active: bool,
) -> Card:
    """The card of an entry, over what it was; what others keep in it stays."""
    fields = _card_fields(meta)
    card = replace(before, display_name=name, active=active, **fields)
    kept: dict[str, Any] = {"params": dict(params), "meta": dict(meta), "base": base}
    system = params.get("system")
    asks = chat_fields(system) if isinstance(system, str) else []
    return card.with_extra(DIALECT, kept | ({"asks": asks} if asks else {}))


def given_base(card: Card) -> str | None:
    """The base's id as it was given, whatever stands there now."""
    base = card.extra(DIALECT).get("base")
    return base if isinstance(base, str) else None


def mark_toggled(card: Card, version: int, revision: int) -> Card:
    """Say that a revision differs from a version only in being offered, or not."""
    return card.with_extra(DIALECT, {**card.extra(DIALECT), "toggled": {str(revision): version}})


def version_of(card: Card, revision: int) -> int:
    """The number of the revision that one with this card is a version with.

    A mark that came along into a later revision says nothing of that one.
    """
    toggled = card.extra(DIALECT).get("toggled")
    version = toggled.get(str(revision)) if isinstance(toggled, dict) else None
    return version if isinstance(version, int) else revision


def tag_names(tags: object) -> list[str]:
    """Names of tags, that come as texts or as objects."""
    found = []
    for tag in tags if isinstance(tags, list) else ():
        name = tag.get("name") if isinstance(tag, dict) else tag
        if isinstance(name, str) and name.strip():
            found.append(name.strip())
    return found


def public_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """What of params every user sees: the choices there are, not what they stand for."""
    shown: dict[str, Any] = {}
    controls = params.get("model_controls")
    if isinstance(controls, dict) and controls:
        shown["model_controls"] = {key: _public_control(control) for key, control in controls.items()}
    if "compact_token_threshold" in params:
        shown["compact_token_threshold"] = params["compact_token_threshold"]
    return shown


def _public_control(control: Mapping[str, Any]) -> dict[str, Any]:
    fields = ("label", "description", "default", "display")
    options = {key: {"label": option["label"]} for key, option in control["options"].items()}
    return {**{name: control[name] for name in fields if name in control}, "options": options}


def _card_fields(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What of meta a card has a field for."""
    description, picture = meta.get("description"), meta.get("profile_image_url")
    capabilities = meta.get("capabilities")
    return {
        "description": description if isinstance(description, str) else "",
        "picture": picture if isinstance(picture, str) else "",
        "tags": tuple(tag_names(meta.get("tags"))),
        "capabilities": capabilities if isinstance(capabilities, dict) else {},
    }


def _meta_of(card: Card) -> dict[str, Any]:
    """What a card says, as meta."""
    said: dict[str, Any] = {
        "description": card.description or None,
        "profile_image_url": card.picture or None,
        "capabilities": dict(card.capabilities) or None,
    }
    return {**said, "tags": [{"name": name} for name in card.tags]} if card.tags else said


def picture(url: object) -> str | None:
    """A picture's place if it is a safe one, else None, as the product says nothing."""
    if not isinstance(url, str) or len(url) > PICTURE_LENGTH:
        return None
    if url in _PICTURES or _USER_PICTURE.fullmatch(url):
        return url
    if found := _DATA_PICTURE.fullmatch(url):
        return url if _is_image(found[1].lower(), url[found.end(1) :].partition(",")[2]) else None
    try:
        parts = urlsplit(url)
        return url if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def _is_image(kind: str, content: str) -> bool:
    """Whether the beginning of a picture, in base64, is of the kind it is said to be."""
    try:
        first = b64decode("".join(content[:200].split())[:32])
    except ValueError:
        return False
    return first.startswith(_BEGINNINGS[kind]) and (kind != "webp" or first[8:12] == b"WEBP")


def _without_content(item: object) -> None:
    """Take texts that were extracted from files out of an item of knowledge."""
    if not isinstance(item, dict):
        return
    file = item.get("file")
    for holder in (item, file if isinstance(file, dict) else {}):
        if isinstance(holder.get("data"), dict):
            holder["data"].pop("content", None)
