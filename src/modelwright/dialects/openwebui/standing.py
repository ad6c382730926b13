"""Standing: the stance as it is now, what admins changed laid over what was set.

Facts: open-webui 0.12.4, routers/users.py and configs.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from modelwright.core.grants import Principal
from modelwright.core.permissions import PERMISSIONS
from modelwright.dialects.base import Json
from modelwright.dialects.openwebui.entry import DIALECT
from modelwright.dialects.openwebui.stance import Stance, holds, permission_tree
from modelwright.service.choices import Choices

_PERMISSIONS: Final = "permissions"
_MODELS: Final = "models"


class Standing:
    """What holds for this dialect, and where admins change it."""

    def __init__(self, stance: Stance, choices: Choices) -> None:
        self._stance = stance
        self._choices = choices

    @property
    def operators(self) -> Stance:
        """What holds where no admin has changed it."""
        return self._stance

    async def now(self) -> Stance:
        told, stance = await self._choices.of(DIALECT), self._stance
        if _PERMISSIONS in told:
            held = [name for name in PERMISSIONS if holds(told[_PERMISSIONS], name)]
            stance = replace(stance, permissions=held)
        models = await self.models()
        metadata, params = models["DEFAULT_MODEL_METADATA"], models["DEFAULT_MODEL_PARAMS"]
        first = (models["DEFAULT_MODELS"] or "").partition(",")[0].strip()
        # Whether there is a fallback at all is the operator's to say, as in the product.
        fallback = first if stance.fallback else ""
        return replace(stance, metadata=metadata or {}, params=params or {}, fallback=fallback)

    async def permissions(self) -> Json:
        """What users may whom no group lets, as the product's clients read it."""
        told = await self._choices.of(DIALECT)
        if _PERMISSIONS in told:
            return dict(told[_PERMISSIONS])
        return permission_tree(self._stance.permissions)

    async def models(self) -> Json:
        """What holds for all models, as the product's clients read it."""
        stance = self._stance
        told: Mapping[str, Any] = (await self._choices.of(DIALECT)).get(_MODELS, {})
        return {
            "DEFAULT_MODELS": stance.fallback or None,
            "DEFAULT_PINNED_MODELS": None,
            "MODEL_ORDER_LIST": None,
            "DEFAULT_MODEL_METADATA": dict(stance.metadata),
            "DEFAULT_MODEL_PARAMS": dict(stance.params),
            **told,
        }

    async def set_permissions(self, by: Principal, tree: Mapping[str, Any]) -> None:
        await self._choices.change(by, DIALECT, _PERMISSIONS, dict(tree))

    async def set_models(self, by: Principal, told: Mapping[str, Any]) -> None:
        """Change what is given; what is not stays."""
        before = (await self._choices.of(DIALECT)).get(_MODELS, {})
        await self._choices.change(by, DIALECT, _MODELS, {**before, **told})
