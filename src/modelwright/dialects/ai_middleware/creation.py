"""The body of /create-model as a name and a draft, checked field after field.

Facts: AI-middleware, controllers (the checks, their order and their words, slips
included). The first fault ends it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Invalid
from modelwright.core.names import ModelRef
from modelwright.core.parameters import Parameters, number_text
from modelwright.core.wording import excerpt, json_type
from modelwright.dialects.ai_middleware.javascript import begins_as_number, is_nan, is_one_of, text_faults
from modelwright.dialects.ai_middleware.refusals import Spoken
from modelwright.dialects.ai_middleware.stance import FIXED_NAMES

ID_LENGTH: Final = 256

_TEXTS: Final = ("fileName", "modelName", "system")
_REQUIRED: Final = ("temperature", "num_ctx")
_OPTIONAL: Final[Mapping[str, str]] = {
    "microstat": "microstat field must be 0 = disabled, 1 = Mirostat or 2 = Mirostat 2.0",
    "microstat_eta": "microstat_eta field must be a number, the default is 0.1",
    "microstat_tau": "mirostat_tau field must be a number, the default is 5.0",
    "num_gpa": "num_gpa field must be a number",
    "num_gpu": "num_gpu field must be a number",
    "num_thread": "num_thread field must be a number",
    "repeat_last_n": "microstat field must be: 64 = default, 0 = disabled or -1 = num_ctx",
    "repeat_penalty": "repeat_penalty field must be a number, the default is 1.1",
    "seed": "seed field must be a number, default = 0",
    "stop": "stop field must be a number, default = 0",
    "tfs_z": "tfs_z field must be a float, default = 1.0",
    "num_predict": ("microstat field must be: 128 = default, -1 = infinite generation or -2 = fill context"),
    "top_k": "top_k field must be a number, default = 0",
    "top_p": "top_p field must be a number, default = 0",
}
_ENUMERATED: Final[Mapping[str, tuple[int, ...]]] = {
    "microstat": (0, 1, 2),
    "repeat_last_n": (64, 0, -1),
    "num_predict": (128, -1, -2),
}
_ORDER: Final = ("fileName", "modelName", *_REQUIRED, "system", *_OPTIONAL)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_FIXED: Final = "modelName field must be mistral, llama2, codellama or dolphin-mixtral"
_ID: Final = re.compile(r"[a-zA-Z0-9._,/?():-][a-zA-Z0-9._,/?(): -]*")
_NO_ID: Final = "Use letters, digits and . _ , / ? ( ) : - or blanks"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a create asks for; `is_name` where the fileName is a model's name as it is."""

    file_name: str
    model_name: str
    draft: SpecDraft
    is_name: bool


def read_create(tree: Mapping[str, Any]) -> Wanted:
    """Read a create; raises Invalid for the first field that is wrong."""
    parameters = Parameters()
    for field in _ORDER:
        if field in _TEXTS:
            _check_text(tree, field)
        else:
            parameters = parameters.merged(_parameter(tree, field))
    rest = {field: value for field, value in tree.items() if field not in _TEXTS}
    # All at once, so that one given in two spellings is found, and one of an unknown name.
    parameters = Parameters.of({field: _typed(field, value) for field, value in rest.items()}, field="")
    file_name = tree["fileName"].strip()
    draft = SpecDraft(system=tree["system"], parameters=parameters)
    return Wanted(file_name, tree["modelName"].strip(), draft, _is_name(file_name))


def check_exactly(tree: Mapping[str, Any]) -> None:
    """Make the original's checks; raises Spoken in its words."""
    for fault in _faults(tree):
        raise Spoken(fault)


def _check_text(tree: Mapping[str, Any], field: str) -> None:
    value = tree.get(field)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Invalid(f"{field} field is required", field=field)
    if not isinstance(value, str):
        raise Invalid(f"{field} field must be a text, not of type {json_type(value)}", field=field)


def _parameter(tree: Mapping[str, Any], field: str) -> Parameters:
    value = tree.get(field)
    if value is None and field in _REQUIRED:
        raise Invalid(f"{field} field is required", field=field)
    return Parameters.of({field: _typed(field, value)}, field="")


def _typed(field: str, value: object) -> object:
    """A number that stands as a text, and a stop text that stands as a number."""
    if field == "stop":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and isinstance(value, int | float):
            return number_text(value)
        return None if value in ("", []) else value
    if isinstance(value, str) and len(value) <= 100 and _NUMBER.fullmatch(value.strip()):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return value


def _is_name(file_name: str) -> bool:
    """Whether it is a model's name; raises Invalid for what cannot be an id either."""
    try:
        ref = ModelRef.parse(file_name, field="fileName")
    except Invalid as error:
        if len(file_name) > ID_LENGTH:
            text = f"fileName field may have at most {ID_LENGTH} characters, not {len(file_name)}"
            raise Invalid(text, field="fileName") from error
        steps = file_name.split("/")
        if not _ID.fullmatch(file_name) or not all(steps) or {".", ".."} & set(steps) or "://" in file_name:
            text = f"fileName field {excerpt(file_name)} cannot name a model"
            raise Invalid(text, field="fileName", hint=_NO_ID) from error
        return False
    if ref.revision is not None:
        raise Invalid(f"fileName field {excerpt(file_name)} names a revision", field="fileName")
    return True


def _faults(tree: Mapping[str, Any]) -> Iterator[str]:
    """The original's complaints, in its order."""
    yield from text_faults(tree, "fileName", "modelName")
    if tree.get("modelName") not in FIXED_NAMES:
        yield _FIXED
    temperature, context = tree.get("temperature"), tree.get("num_ctx")
    if temperature is None:
        yield "temperature field is required"
    if not begins_as_number(temperature):
        yield "temperature field must be a number"
    if not context and not isinstance(context, list | dict):
        yield "num_ctx field is required"
    if is_nan(context):
        yield "num_ctx field must be a number"
    yield from text_faults(tree, "system", "system")
    for field, words in _OPTIONAL.items():
        if field not in tree:
            continue
        allowed = _ENUMERATED.get(field)
        if is_nan(tree[field]) if allowed is None else not is_one_of(tree[field], *allowed):
            yield words
