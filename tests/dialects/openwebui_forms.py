"""A model as a client of Open WebUI sends it."""

from typing import Any

API = "/api/v1/models"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
FORM: dict[str, Any] = {
    "id": "My/GPT.4#a",
    "name": "My Custom GPT",
    "base_model_id": "test",
    "params": {"system": "Be brief", "temperature": 0.7, "max_tokens": 20, "zork": [1], "seed": None},
    "meta": {
        "description": "For code",
        "capabilities": {"vision": True},
        "tags": ["code", {"name": "team"}, 7],
        "profile_image_url": PICTURE,
        "knowledge": [{"id": "k", "type": "collection", "data": {"content": "long", "n": 1}}],
        "toolIds": ["t"],
    },
}
