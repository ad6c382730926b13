"""What may stand in a system text and is replaced when a chat begins.

{{USER_NAME}}, {{CURRENT_DATE}} and their like, {{ user.variables.x }},
{{ chat.variables.x | text:label="..." }}, and any text that the request maps to
another (open-webui 0.12.4, utils/payload.py, chat_variables.py, task.py).
Replaced texts are not looked through again within one step.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import orjson

from modelwright.core.errors import Invalid

_KEY: Final = re.compile(r"[a-z][a-z0-9_]*")
_CHAT: Final = re.compile(r"{{\s*chat\.variables\.([^\s|}]+)(?:\s*\|\s*([^}]*))?\s*}}")
_USER: Final = re.compile(r"{{\s*user\.variables\.([^\s|}]+)(?:\s*\|\s*([^}]*))?\s*}}")
_LONGEST: Final = 20_000
_FIELDS: Final = (
    "default",
    "label",
    "max",
    "maxlength",
    "min",
    "minlength",
    "options",
    "placeholder",
    "required",
    "step",
    "type",
)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who chats, as far as a system text may ask."""

    name: str = "Unknown"
    email: str = ""
    groups: Sequence[str] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    """What it told of itself: bio, gender, date of birth, info with a location, variables."""

    def age(self, on: date) -> int | None:
        """Whole years since the day of birth; None when that is not known."""
        try:
            born = date.fromisoformat(str(self.told.get("date_of_birth")))
        except ValueError:
            return None
        return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def render_system(
    text: str, speaker: Speaker, now: datetime, *, chat: object = None, literal: object = None
) -> str:
    """A system text, variables replaced; `chat` and `literal` are the request's."""
    text = _CHAT.sub(_ChatValues(text, chat if isinstance(chat, dict) else {}), text)
    text = _USER.sub(lambda match: _variable(speaker, match[1]), text)
    if isinstance(literal, dict):
        for name, value in literal.items():
            if name and isinstance(value, str):
                text = text.replace(name, value)
    for name, value in _known(speaker, now).items():
        text = text.replace("{{" + name + "}}", value)
    return text


def is_key(name: str) -> bool:
    """Whether a variable can be called so."""
    return _KEY.fullmatch(name) is not None


def chat_fields(text: str) -> list[dict[str, Any]]:
    """The variables that a system text asks a chat for; none when one is faulty."""
    found: dict[str, dict[str, Any]] = {}
    for match in _CHAT.finditer(text):
        if not _KEY.fullmatch(match[1]):
            return []
        definition = (match[2] or "").strip()
        field = _field(match[1], definition)
        if field["type"] == "select" and not field.get("options"):
            return []
        if definition or match[1] not in found:
            found[match[1]] = field
    return list(found.values())


class _ChatValues:
    """Gives each chat variable its value, or its default."""

    def __init__(self, text: str, given: Mapping[str, Any]) -> None:
        self._fields = {field["key"]: field for field in chat_fields(text)}
        self._given = given

    def __call__(self, match: re.Match[str]) -> str:
        field = self._fields.get(match[1])
        if field is None:
            return ""
        value = self._given.get(match[1])
        if value in (None, ""):
            value = field.get("default", "")
        if field["type"] == "select" and value not in ("", *field.get("options", ())):
            raise Invalid(
                f"Invalid value for chat variable: {field.get('label') or match[1]}", field="chat_variables"
            )
        shown = value if isinstance(value, str) else str(value)
        if len(shown) > _LONGEST:
            raise Invalid(
                f"Chat variable is too long: {field.get('label') or match[1]}", field="chat_variables"
            )
        return shown.replace("\r\n", "\n")


def _variable(speaker: Speaker, name: str) -> str:
    value = (speaker.told.get("variables") or {}).get(name)
    return value if isinstance(value, str) and is_key(name) else ""


def _known(speaker: Speaker, now: datetime) -> dict[str, str]:
    """What the product replaces itself; the rest, such as a time zone, clients send."""
    day, time, told = now.strftime("%Y-%m-%d"), now.strftime("%I:%M:%S %p"), speaker.told
    return {
        "CURRENT_DATE": day,
        "CURRENT_TIME": time,
        "CURRENT_DATETIME": f"{day} {time}",
        "CURRENT_WEEKDAY": now.strftime("%A"),
        "USER_NAME": speaker.name,
        "USER_EMAIL": speaker.email or "None",
        "USER_GROUPS": ", ".join(speaker.groups),
        "USER_BIO": str(told.get("bio")),
        "USER_GENDER": str(told.get("gender")),
        "USER_BIRTH_DATE": str(told.get("date_of_birth")),
        "USER_AGE": str(speaker.age(now.date())),
        "USER_LOCATION": str((told.get("info") or {}).get("location")),
    }


def _field(key: str, definition: str) -> dict[str, Any]:
    """Read `type:label="...":required`."""
    first, *others = list(_split(definition, ":")) or [""]
    properties: dict[str, Any] = {}
    for part in others:
        name, equals, value = part.partition("=")
        properties[name.strip()] = _value(value.strip()) if equals else True
    kind = first.removeprefix("type=").strip() or "text"
    field: dict[str, Any] = {"key": key, "type": kind}
    field |= {name: properties[name] for name in _FIELDS if name in properties}
    if kind == "select" and not isinstance(field.get("options"), list):
        field["options"] = []
    return {**field, "required": bool(field.get("required", False))}


def _split(text: str, mark: str) -> Iterator[str]:
    """Parts between marks that stand in no quotes and no brackets."""
    current, depth, quoted = "", 0, False
    for char in text:
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char in "[{") - (char in "]}")
            if char == mark and depth == 0:
                yield current.strip()
                current = ""
                continue
        current += char
    if current.strip():
        yield current.strip()


def _value(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if text[:1] in ("[", "{"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text
