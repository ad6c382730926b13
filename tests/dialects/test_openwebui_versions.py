"""What counts as a version of an entry, and changes of one that is not current."""

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


async def test_changing_a_version_that_is_not_current_is_refused(client) -> None:
    made = (await client.post(f"{API}/create", json=FORM)).json()
    await client.post(f"{API}/model/toggle", params=AT)
    newer = (await client.post(f"{API}/model/update", json={**made, "name": "A"})).json()
    late = await client.post(f"{API}/model/update", json={**made, "name": "B"})
    assert (late.status_code, late.json()) == (409, {"detail": {"code": "version_conflict"}})
    forced = {name: value for name, value in made.items() if name != "version_id"}
    assert (await client.post(f"{API}/model/update", json={**forced, "name": "C"})).status_code == 200
    assert newer["version_id"] != made["version_id"]
