"""Addresses of one dialect's own: which paths lead where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.web.entrances import Entrances

pytestmark = pytest.mark.anyio


async def led(path: str, port: int, kind: str = "http") -> str:
    seen = []

    async def app(scope, receive, send) -> None:
        seen.append((scope["path"], scope["raw_path"]))

    scope = {"type": kind, "path": path, "raw_path": path.encode(), "server": ("127.0.0.1", port)}
    await Entrances(app, {45678: "tigercity"})(scope, None, None)
    ((found, raw),) = seen
    assert raw == found.encode()
    return found


async def test_a_path_is_led_to_the_dialects_pure_form() -> None:
    assert await led("/v1/models", 45678) == "/tigercity/v1/models"
    assert await led("/api/tags", 45678) == "/tigercity/api/tags"
    assert await led("/tigercity/v1/models", 45678) == "/tigercity/tigercity/v1/models"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
async def test_what_asks_for_life_is_the_same_everywhere(path: str) -> None:
    assert await led(path, 45678) == path


@given(path=st.text(st.characters(codec="ascii"), max_size=20).map(lambda text: f"/{text}"))
async def test_the_shared_port_changes_nothing(path: str) -> None:
    assert await led(path, 11434) == path
