"""A good body for each route about people, rights and Open WebUI's models."""

from typing import Any

from tests.dialects.openwebui_forms import FORM

NATIVE: dict[str, dict[str, Any]] = {
    "POST /api/modelwright/users": {"name": "new", "role": "user", "email": "n@x.org", "password": "p" * 12},
    "PATCH /api/modelwright/users": {"user": "bob", "role": "user", "account": None},
    "DELETE /api/modelwright/users": {"user": "bob"},
    "POST /api/modelwright/groups": {"name": "new", "add": ["bob"]},
    "PATCH /api/modelwright/groups": {"group": "devs", "description": "x", "add": ["bob"]},
    "DELETE /api/modelwright/groups": {"group": "devs"},
    "POST /api/modelwright/accounts": {"name": "tenant"},
    "POST /api/modelwright/keys": {"user": "bob", "label": "x", "verbs": ["use"], "models": ["test"]},
    "DELETE /api/modelwright/keys": {"key": "none"},
    "POST /api/modelwright/signin": {"email": "bob@example.com", "password": "correct horse battery"},
    "POST /api/modelwright/grants": {"model": "test", "principal": "user:bob", "level": "use"},
    "DELETE /api/modelwright/grants": {"model": "test", "principal": "everyone"},
    "POST /api/modelwright/reshares": {"base": "test", "wrapper": "bert"},
    "DELETE /api/modelwright/reshares": {"base": "test", "wrapper": "bert"},
    "POST /api/modelwright/transfer": {"model": "test", "user": "bob"},
    "PUT /api/modelwright/quotas": {"user": "bob", "quota": "models", "most": 3},
}

_API = "/api/v1"
OPENWEBUI: dict[str, dict[str, Any]] = {
    f"POST {_API}/auths/add": {"name": "n2", "email": "o@x.org", "password": "p" * 12, "role": "user"},
    f"POST {_API}/auths/signin": {"email": "bob@example.com", "password": "correct horse battery"},
    f"POST {_API}/groups/create": {"name": "other", "description": "of us"},
    f"POST {_API}/groups/id/{{group}}/update": {
        "name": "devs",
        "description": "of us",
        "permissions": {"workspace": {"models": True}},
        "data": {"config": {"share": False}},
    },
    f"POST {_API}/auths/update/profile": {
        "profile_image_url": "",
        "name": "ann",
        "bio": "Plumber",
        "gender": "x",
        "date_of_birth": "1981-07-09",
    },
    f"POST {_API}/auths/update/password": {
        "password": "correct horse battery",
        "new_password": "correct horse battery",
    },
    f"POST {_API}/users/default/permissions": {
        "workspace": {"models": True},
        "sharing": {"models": True},
        "access_grants": {"allow_users": True},
        "chat": {"controls": True},
        "features": {"notes": True},
        "settings": {"interface": True},
    },
    f"POST {_API}/configs/models": {
        "DEFAULT_MODELS": None,
        "DEFAULT_PINNED_MODELS": None,
        "MODEL_ORDER_LIST": ["test"],
        "DEFAULT_MODEL_METADATA": {},
        "DEFAULT_MODEL_PARAMS": {},
    },
    f"POST {_API}/users/{{user}}/update": {
        "role": "user",
        "name": "bob",
        "email": "bob@example.com",
        "profile_image_url": "",
        "password": "correct horse battery",
    },
    f"POST {_API}/auths/update/timezone": {"timezone": "Europe/Rome"},
    f"POST {_API}/users/user/variables/update": {"variables": {"tone": "calm"}},
    f"POST {_API}/groups/id/{{group}}/users/add": {"user_ids": []},
    f"POST {_API}/groups/id/{{group}}/users/remove": {"user_ids": []},
    f"POST {_API}/models/create": FORM,
    f"POST {_API}/models/import": {"models": []},
    f"POST {_API}/models/sync": {"models": []},
    f"POST {_API}/models/model/access/update": {"id": "test", "access_grants": []},
    f"POST {_API}/models/model/delete": {"id": "test"},
    f"POST {_API}/models/model/update": {**FORM, "id": "test"},
    f"POST {_API}/models/model/update/version": {"version_id": "none"},
}

TRAINING: dict[str, dict[str, Any]] = {
    "POST /v1/fine_tuning/jobs": {"model": "test", "training_file": "file-1"},
    "POST /v1/fine_tuning/checkpoints/{model}/permissions": {"project_ids": ["x"]},
    "POST /v1/generate_response": {"model": "test", "messages": [{"role": "user", "content": "x"}]},
    "POST /v1/models": {"name": "new", "parent_model": "test"},
    "POST /v1/train": {"model": "test", "prompt": "x", "responses": [{"content": "y", "reward": 1}]},
    "POST /v1/uploads": {
        "filename": "x.jsonl",
        "purpose": "fine-tune",
        "bytes": 3,
        "mime_type": "text/jsonl",
    },
    "POST /v1/uploads/{upload}/complete": {"part_ids": ["x"]},
}
"""Routes of the dialects that train; their fields are tried with each dialect."""
