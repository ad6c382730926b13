"""What counts as a version of an entry, and changes of one that is not current."""

import anyio
import pytest

from tests.dialects.openwebui_forms import API, FORM

pytestmark = pytest.mark.anyio

AT = {"id": FORM["id"]}


async def versions(client) -> list[str]:
    return [each["id"] for each in (await client.get(f"{API}/model/history", params=AT)).json()]


async def test_toggling_makes_no_version(client) -> None:
    made = (await client.post(f"{API}/create", json=FORM)).json()
    for active in (False, True, False):
        toggled = (await client.post(f"{API}/model/toggle", params=AT)).json()
        assert (toggled["is_active"], toggled["version_id"]) == (active, made["version_id"])
        assert await versions(client) == [made["version_id"]]
    refused = await client.delete(f"{API}/model/history/{made['version_id']}", params=AT)
    assert (refused.status_code, refused.json()["detail"]) == (400, "Cannot delete the current version")


async def test_a_change_after_toggling_is_a_version_whoever_makes_it(house, client) -> None:
    await client.post(f"{API}/create", json={**FORM, "id": "coder"})
    await client.post(f"{API}/model/toggle", params={"id": "coder"})
    await house.create("coder", **{"from": "test"}, system="New")
    listed = (await client.get(f"{API}/model/history", params={"id": "coder"})).json()
    shown = (await client.get(f"{API}/model", params={"id": "coder"})).json()
    assert listed[0]["id"] == shown["version_id"]
    assert len(listed) == 2


async def test_a_version_whose_base_is_gone_is_not_set(house, client) -> None:
    await house.create("base", **{"from": "test"})
    first = (await client.post(f"{API}/create", json={**FORM, "base_model_id": "base"})).json()
    await client.post(f"{API}/model/update", json={**FORM, "name": "Second"})
    await client.request("DELETE", "/api/delete", json={"model": "base"})
    body = {"version_id": first["version_id"]}
    refused = await client.post(f"{API}/model/update/version", params=AT, json=body)
    assert (refused.status_code, refused.json()) == (400, {"detail": "The base model is unavailable."})
    assert (await client.get(f"{API}/model", params=AT)).json()["name"] == "Second"


async def test_a_version_in_the_body_is_shown_and_not_read(client) -> None:
    """As in the product: who saves last has saved, whatever version it had been shown."""
    made = (await client.post(f"{API}/create", json=FORM)).json()
    for name in ("A", "B"):
        saved = await client.post(f"{API}/model/update", json={**made, "name": name})
        assert (saved.status_code, saved.json()["name"]) == (200, name)
    assert len(await versions(client)) == 3


async def test_of_changes_at_one_moment_none_is_lost(client) -> None:
    """A change that found another one in its place is refused, and says so."""
    await client.post(f"{API}/create", json=FORM)
    statuses = []

    async def save(number: int) -> None:
        answer = await client.post(f"{API}/model/update", json={**FORM, "name": f"N{number}"})
        statuses.append(answer.status_code)
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()) == (409, {"detail": {"code": "version_conflict"}})

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(save, number)
    assert 409 in statuses
    assert len(await versions(client)) == 1 + statuses.count(200)
