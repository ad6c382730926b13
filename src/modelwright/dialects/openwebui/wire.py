"""What Open WebUI's clients send (open-webui 0.12.4, models/models.py).

Faults are listed as FastAPI lists them, with status 422. Unlike in other
dialects unknown keys of `meta` and `params` are kept.
"""

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from modelwright.dialects.openwebui.entry import picture
from modelwright.dialects.openwebui.refusals import Refusal

NAME_LENGTH: Final = 1024
TEXT_LENGTH: Final = 4096
_BACKGROUND: Final = re.compile(r"/api/v1/files/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/content")


def _shown(text: str) -> str:
    if not text.isprintable():
        raise ValueError("It may hold printable characters only.")
    return text


def _pictured(url: str) -> str:
    if url and picture(url) is None:
        raise ValueError("Invalid profile image URL: only allowed paths, http(s) and images as data.")
    return url


Picture = Annotated[str, AfterValidator(_pictured)]
Line = Annotated[str, Field(max_length=TEXT_LENGTH), AfterValidator(_shown)]
Identifier = Annotated[str, Field(pattern=r"^\S+$")]


class Form(BaseModel):
    """A body; unknown keys are left out, and what was not given can be told."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=(), strict=True)


class Meta(Form):
    """What is shown of a model; unknown keys are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=(), strict=True)

    profile_image_url: Any = None
    background_image_url: str | None = None
    description: str | None = None
    i18n: dict[str, Any] | None = None
    capabilities: dict[str, Any] | None = None
    knowledge: list[Any] | None = None
    voice: dict[str, Any] | None = None
    voice_avatar: dict[str, Any] | None = None
    tags: Any = None

    @field_validator("background_image_url")
    @classmethod
    def _is_a_file(cls, url: str | None) -> str | None:
        if url is not None and not _BACKGROUND.fullmatch(url):
            raise ValueError("Invalid background image URL: must reference an internal file.")
        return url


class ControlOption(Form):
    label: str = Field(pattern=r"\S")
    params: dict[str, Any]


class Control(Form):
    """A choice that a user has; each option stands for parameters."""

    display: str = Field(default="menu", pattern=r"^(menu|slider)$")
    label: str = Field(pattern=r"\S")
    description: str | None = None
    default: str | None = None
    options: dict[str, ControlOption] = Field(min_length=1)

    @field_validator("options")
    @classmethod
    def _have_keys(cls, options: dict[str, ControlOption]) -> dict[str, ControlOption]:
        for key in options:
            if not re.fullmatch(r"(?!(?:constructor|prototype)\Z)[a-zA-Z][a-zA-Z0-9_-]*", key):
                raise ValueError(f"{key!r} is no key of an option")
        return options

    def fault(self) -> str:
        """What is wrong with the whole; empty when nothing is."""
        if self.display == "slider" and len(self.options) < 2:
            return "A slider needs at least two options."
        if self.default is not None and self.default not in self.options:
            return "Default must name an approved option."
        return ""


class Params(Form):
    """Parameters; unknown keys are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=(), strict=True)

    model_controls: dict[str, Control] = Field(default_factory=dict)

    @field_validator("model_controls")
    @classmethod
    def _fit(cls, controls: dict[str, Control]) -> dict[str, Control]:
        for control in controls.values():
            if fault := control.fault():
                raise ValueError(fault)
        return controls


class ModelForm(Form):
    """A model as it is to be."""

    id: Identifier
    base_model_id: str | None = None
    name: Annotated[str, Field(max_length=NAME_LENGTH)]
    meta: Meta
    params: Params
    access_grants: list[dict[str, Any]] | None = None
    is_active: bool = True
    commit_message: str | None = None


class AccessForm(Form):
    """Who may do what with a model."""

    id: Identifier
    name: Annotated[str, Field(max_length=NAME_LENGTH)] | None = None
    access_grants: list[dict[str, Any]]


class IdForm(Form):
    """A model, by its id."""

    id: str


class VersionForm(Form):
    """A version of a model, by its id."""

    version_id: str


class ImportForm(Form):
    """Models to be made or changed."""

    models: list[dict[str, Any]]


class SyncForm(Form):
    """All models that there are to be."""

    models: list[ModelForm] = []


class UnloadForm(Form):
    """A model, by its id."""

    model: str


class SignInForm(Form):
    """Who somebody says they are."""

    email: str
    password: str


class UserForm(Form):
    """A user as an admin adds it."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    email: str
    password: str
    role: str = "pending"


class GroupForm(Form):
    """A group as an admin adds or changes it."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    description: str = ""
    permissions: dict[str, Any] | None = None
    data: dict[str, Any] | None = None

    @field_validator("data")
    @classmethod
    def _has_a_config(cls, data: dict[str, Any] | None) -> dict[str, Any] | None:
        config = (data or {}).get("config")
        if config is not None and not isinstance(config, dict):
            raise ValueError("Group config must be an object.")
        models = (config or {}).get("default_models")
        if models is None or (isinstance(models, list) and all(_is_named(model) for model in models)):
            return data
        raise ValueError("Default models must be a list of non-empty model IDs.")


class ProfileForm(Form):
    """What a user tells of itself."""

    profile_image_url: Picture
    name: str
    bio: Annotated[str, Field(max_length=TEXT_LENGTH)] | None = None
    gender: Line | None = None
    date_of_birth: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None

    @field_validator("date_of_birth")
    @classmethod
    def _is_a_day(cls, day: str | None) -> str | None:
        return None if day is None else date.fromisoformat(day).isoformat()


class TimezoneForm(Form):
    """Where a user's clock stands."""

    timezone: Line


class VariablesForm(Form):
    """What {{ user.variables.NAME }} stands for."""

    variables: dict[str, Any] = {}


class Permissions(Form):
    """Some of what users may; what only the product knows is kept, too."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=(), strict=True)
    __pydantic_extra__: dict[str, bool]


class Workspace(Permissions):
    """What users may do in the workspace; what is not said they may not."""

    models: bool = False
    models_import: bool = False
    models_export: bool = False


class Sharing(Permissions):
    """With whom users may share."""

    models: bool = False
    public_models: bool = False


class AccessGrants(Permissions):
    """To whom users may give single rights."""

    allow_users: bool = True
    allow_groups: bool = True


class PermissionsForm(Form):
    """What users may whom no group lets."""

    workspace: Workspace
    sharing: Sharing
    access_grants: AccessGrants
    chat: dict[str, bool] = {}
    features: dict[str, bool] = {}
    settings: dict[str, bool] = {}


class ModelSettingsForm(Form):
    """What holds for models that say nothing themselves, and how they are listed."""

    DEFAULT_MODELS: str | None
    DEFAULT_PINNED_MODELS: str | None
    MODEL_ORDER_LIST: list[str] | None
    DEFAULT_MODEL_METADATA: dict[str, Any] | None = None
    DEFAULT_MODEL_PARAMS: dict[str, Any] | None = None

    @field_validator("DEFAULT_MODEL_METADATA")
    @classmethod
    def _can_be_laid_under(cls, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
        if not isinstance((metadata or {}).get("capabilities") or {}, dict):
            raise ValueError("Capabilities must be an object.")
        return metadata


class UserUpdateForm(Form):
    """What an admin changes of a user; null and what is left out stay."""

    role: str | None = None
    name: str | None = None
    email: str | None = None
    profile_image_url: Picture | None = None
    password: str | None = None


class PasswordForm(Form):
    """One's password, and the one to be."""

    password: str
    new_password: str


class MembersForm(Form):
    """Users, by id."""

    user_ids: list[str] = []


def _is_named(model: object) -> bool:
    return isinstance(model, str) and bool(model.strip())


def raw(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """An object of a body as it came, unchecked keys included."""
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def read_form(form: type[Any], tree: dict[str, Any]) -> Any:
    """Check a body; raises Refusal that lists the faults as FastAPI does."""
    try:
        return form.model_validate(tree)
    except ValidationError as error:
        raise faults(error) from None


def faults(error: ValidationError) -> Refusal:
    listed = [
        {
            "type": fault["type"],
            "loc": ["body", *fault["loc"]],
            "msg": fault["msg"],
            "input": fault["input"] if _is_plain(fault["input"]) else None,
        }
        for fault in error.errors(include_url=False, include_context=False)
    ]
    return Refusal(422, listed)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | dict)
