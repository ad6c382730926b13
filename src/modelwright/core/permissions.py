"""Permissions: what users may do with models at all, whatever rights they have on one.

Their names are Open WebUI's (0.12.4, config.py), and they are those that its routes
about models look at. It gives users but the last two of them; here everybody makes
models in a namespace of their own, so they have all unless an operator says otherwise.
"""

from typing import Final

CREATE: Final = "workspace.models"
IMPORT: Final = "workspace.models_import"
EXPORT: Final = "workspace.models_export"
SHARE: Final = "sharing.models"
SHARE_WITH_ALL: Final = "sharing.public_models"
SHARE_WITH_USERS: Final = "access_grants.allow_users"
SHARE_WITH_GROUPS: Final = "access_grants.allow_groups"

PERMISSIONS: Final = (
    CREATE,
    IMPORT,
    EXPORT,
    SHARE,
    SHARE_WITH_ALL,
    SHARE_WITH_USERS,
    SHARE_WITH_GROUPS,
)
