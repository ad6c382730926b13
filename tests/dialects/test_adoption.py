"""An Ollama's store is taken over: its bytes are built here as its own code writes them."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

ADOPT = "/api/modelwright/adopt"
TOKEN = "only who reads the data folder knows it"
TABLES = Path(__file__).parents[2] / "../shared/conformance/ollama"
GGUF = base64.b64decode(
    "R0dVRgMAAAAAAAAAAAAAAAEAAAAAAAAAFAAAAAAAAABnZW5lcmFsLmFyY2hpdGVjdHVyZQgAAAAEAAAAAAAAAHRlc3Q="
)
CONFIG = (
    '{"model_format":"gguf","model_family":"test","model_families":["test"],"model_type":"0",'
    '"file_type":"unknown","architecture":"amd64","os":"linux"}\n'
)


class Ollama:
    """A models folder; digests and manifests as in Ollama's manifest/manifest.go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs").mkdir(parents=True)
        (folder / "manifests").mkdir()

    def blob(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs" / f"sha256-{name}").write_bytes(content)
        return f"sha256:{name}"

    def model(self, name: str, *layers: tuple[str, bytes], origin: str = "", config: str = CONFIG) -> str:
        """Write a model; its digest as Ollama shows it."""
        image = "application/vnd.ollama.image."
        trees = [
            self._layer(image + kind, content, origin if kind == "model" else "") for kind, content in layers
        ]
        tree = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": self._layer("application/vnd.docker.container.image.v1+json", config.encode()),
            "layers": trees,
        }
        content = json.dumps(tree, separators=(",", ":")).encode() + b"\n"
        self.manifest(name, content)
        return hashlib.sha256(content).hexdigest()

    def manifest(self, name: str, content: bytes) -> None:
        path = self.folder / "manifests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def _layer(self, media_type: str, content: bytes, origin: str = "") -> dict[str, Any]:
        tree = {"mediaType": media_type, "digest": self.blob(content), "size": len(content)}
        return tree | ({"from": origin} if origin else {})

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


LIBRARY = "registry.ollama.ai/library"


@pytest.fixture
def ollama(tmp_path: Path) -> Ollama:
    return Ollama(tmp_path / "ollama" / "models")


async def adopted(house: Any, ollama: Ollama) -> list[dict[str, Any]]:
    answer = await house.client.post(ADOPT, json={"path": str(ollama.folder), "token": TOKEN})
    assert answer.status_code == 200, answer.text
    events = [json.loads(line) for line in answer.text.splitlines()]
    return [event for event in events if event["status"] != "reading"]


async def digests(house: Any) -> Mapping[str, str]:
    models = (await house.client.get("/api/tags")).json()["models"]
    return {model["name"]: model["digest"] for model in models}


async def shown(house: Any, name: str) -> dict[str, Any]:
    return (await house.client.post("/api/show", json={"model": name})).json()


PARTS = (
    ("model", GGUF),
    ("system", b"Say hi!"),
    ("license", b"MIT"),
    ("license", b"Apache-2.0"),
    ("params", b'{"stop":["USER:","\\u003ceot\\u003e"],"temperature":0.6,"top_k":10}\n'),
    ("messages", b'[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]\n'),
)


async def test_a_model_keeps_its_name_its_content_and_its_digest(house: Any, ollama: Ollama) -> None:
    own = ollama.model(f"{LIBRARY}/mario2/latest", *PARTS)
    [event] = await adopted(house, ollama)
    assert (event["status"], event["model"], event["notices"]) == ("adopted", "mario2:latest", [])
    assert event["digest"] == event["original"] == f"sha256:{own}"
    assert (await digests(house))["mario2:latest"] == own
    found = await shown(house, "mario2")
    assert (found["system"], found["license"], len(found["messages"])) == ("Say hi!", "MIT\nApache-2.0", 2)


async def test_a_derived_model_stays_one(house: Any, ollama: Ollama) -> None:
    ollama.model(f"{LIBRARY}/zbase/7b", *PARTS)
    own = ollama.model(
        f"{LIBRARY}/achild/latest", PARTS[0], ("system", b"Other"), *PARTS[2:], origin="zbase:7b"
    )
    events = await adopted(house, ollama)
    assert [event["model"] for event in events] == ["zbase:7b", "achild:latest"]
    assert (await digests(house))["achild:latest"] == own
    assert (await shown(house, "achild"))["details"]["parent_model"] == "zbase:7b"


async def test_a_child_that_lacks_what_its_base_has_stands_on_its_weights(house: Any, ollama: Ollama) -> None:
    ollama.model(f"{LIBRARY}/base/latest", *PARTS)
    origins = {"child": "base:latest", "orphan": "gone:latest"}
    own = {
        name: ollama.model(f"{LIBRARY}/{name}/latest", PARTS[0], origin=origin)
        for name, origin in origins.items()
    }
    await adopted(house, ollama)
    for name, origin in origins.items():
        found = await shown(house, name)
        assert not {"system", "license"} & found.keys()
        assert found["details"]["parent_model"] == origin
        assert f" AS {origin}\n" in found["modelfile"]
        assert (await digests(house))[f"{name}:latest"] == own[name]


TEMPLATE = ("template", b"{{ .System }} {{ .Prompt }}")
REQUIRING = CONFIG.replace('"architecture":"amd64"', '"requires":"0.14.0","architecture":"amd64"')


async def test_a_template_and_what_the_config_says_are_kept(house: Any, ollama: Ollama) -> None:
    own = ollama.model(f"{LIBRARY}/said/latest", PARTS[0], TEMPLATE, config=REQUIRING)
    assert [event["digest"] for event in await adopted(house, ollama)] == [f"sha256:{own}"]
    found = await shown(house, "said")
    assert found["template"] == TEMPLATE[1].decode()
    assert "REQUIRES 0.14.0" in found["modelfile"]


@pytest.mark.parametrize(
    ("layers", "config", "said"),
    [
        ((PARTS[0], ("template", b"{{ if }}")), CONFIG, "template"),
        ((PARTS[0], ("tensor", b"x")), CONFIG, "tensor"),
        ((PARTS[0], ("prompt", b"x")), CONFIG, "prompt"),
        (PARTS[:1], CONFIG.replace("{", '{"remote_host":"https://ollama.com",', 1), "another machine"),
        (PARTS[:1], CONFIG.replace("{", '{"requires":"99.0.0",', 1), "99.0.0"),
        (PARTS[1:2], CONFIG, "no base"),
        (((PARTS[0][0], b"GGUF\3"),), CONFIG, ""),
        ((PARTS[0], ("system", b"\xff")), CONFIG, "UTF-8"),
        ((PARTS[0], ("messages", b'[{"role":"king"}]')), CONFIG, "messages"),
        ((PARTS[0], ("params", b"[]")), CONFIG, "params"),
    ],
)
async def test_what_cannot_be_kept_whole_is_skipped(
    house: Any, ollama: Ollama, layers: Any, config: str, said: str
) -> None:
    ollama.model(f"{LIBRARY}/odd/latest", *layers, config=config)
    [event] = await adopted(house, ollama)
    assert event["status"] == "skipped"
    assert said in event["reason"]
    assert "odd:latest" not in await digests(house)


async def test_nothing_there_changes_and_a_second_time_does_nothing(house: Any, ollama: Ollama) -> None:
    ollama.model("hf.co/ann/x/q4_0", *PARTS)
    before = ollama.snapshot()
    assert [event["status"] for event in await adopted(house, ollama)] == ["adopted"]
    first = await digests(house)
    assert [event["status"] for event in await adopted(house, ollama)] == ["unchanged"]
    assert ollama.snapshot() == before
    assert await digests(house) == first
    blob = ollama.folder / "blobs" / f"sha256-{hashlib.sha256(GGUF).hexdigest()}"
    ours = ollama.folder.parents[1] / "blobs" / blob.name
    assert ours.samefile(blob) or ours.read_bytes() == GGUF


async def test_what_was_made_of_it_since_is_left_alone(house: Any, ollama: Ollama) -> None:
    ollama.model(f"{LIBRARY}/mine/latest", *PARTS)
    await adopted(house, ollama)
    await house.create("mine", **{"from": "mine"}, system="changed")
    assert [event["status"] for event in await adopted(house, ollama)] == ["unchanged"]
    assert (await shown(house, "mine"))["system"] == "changed"


async def test_a_newer_one_becomes_a_revision(house: Any, ollama: Ollama) -> None:
    ollama.model(f"{LIBRARY}/mine/latest", *PARTS)
    await adopted(house, ollama)
    ollama.model(f"{LIBRARY}/mine/latest", PARTS[0], ("system", b"newer"))
    assert [event["status"] for event in await adopted(house, ollama)] == ["adopted"]
    assert (await shown(house, "mine"))["system"] == "newer"
    assert (await shown(house, "mine@1"))["system"] == "Say hi!"


async def test_a_name_of_ones_own_is_not_taken(house: Any, ollama: Ollama) -> None:
    ollama.model(f"{LIBRARY}/test/latest", *PARTS)
    before = await digests(house)
    [event] = await adopted(house, ollama)
    assert event["status"] == "skipped"
    assert "test is here already" in event["reason"]
    assert await digests(house) == before


async def test_parameters_that_are_none_of_ours_are_left_out_aloud(house: Any, ollama: Ollama) -> None:
    ollama.model(f"{LIBRARY}/odd/latest", PARTS[0], ("params", b'{"stop":7,"top_k":5,"warp":1}\n'))
    [event] = await adopted(house, ollama)
    assert len(event["notices"]) == 2
    assert "warp" in event["notices"][1]
    assert "top_k" in (await shown(house, "odd"))["parameters"]


BROKEN = {
    "not json": b"{",
    "a list": b"[]",
    "a digest that climbs": b'{"config":{"mediaType":"application/vnd.docker.container.image.v1+json",'
    b'"digest":"sha256:../../etc/passwd","size":1},"layers":[]}',
    "a size below nothing": b'{"config":{"mediaType":"application/vnd.docker.container.image.v1+json",'
    b'"digest":"sha256:' + b"0" * 64 + b'","size":-1},"layers":[]}',
    "an absent blob": b'{"config":{"mediaType":"application/vnd.docker.container.image.v1+json",'
    b'"digest":"sha256:' + b"0" * 64 + b'","size":1},"layers":[]}',
    "too large": b" " * 2_000_000,
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_manifest_is_skipped_and_the_rest_is_not(
    house: Any, ollama: Ollama, content: bytes
) -> None:
    ollama.manifest(f"{LIBRARY}/broken/latest", content)
    ollama.model(f"{LIBRARY}/good/latest", *PARTS)
    skipped, taken = await adopted(house, ollama)
    assert (skipped["status"], skipped["place"]) == ("skipped", f"{LIBRARY}/broken/latest")
    assert skipped["reason"]
    assert taken["model"] == "good:latest"


async def test_of_two_names_that_differ_in_capitals_one_is_skipped_aloud(house: Any, ollama: Ollama) -> None:
    ollama.model(f"{LIBRARY}/Mario/latest", *PARTS)
    ollama.model(f"{LIBRARY}/mario/latest", ("model", GGUF))
    skipped, taken = await adopted(house, ollama)
    assert (skipped["status"], skipped["place"]) == ("skipped", f"{LIBRARY}/mario/latest")
    assert f"{LIBRARY}/Mario/latest" in skipped["reason"]
    assert taken["model"] == "Mario:latest"


async def test_damaged_bytes_are_not_taken(house: Any, ollama: Ollama) -> None:
    ollama.model(f"{LIBRARY}/bad/latest", *PARTS)
    for name in ("model", "system"):
        content = dict(PARTS)[name]
        blob = ollama.folder / "blobs" / f"sha256-{hashlib.sha256(content).hexdigest()}"
        blob.write_bytes(b"x" + content[1:])
        [event] = await adopted(house, ollama)
        assert event["status"] == "skipped"
        blob.write_bytes(content)
    assert "bad:latest" not in await digests(house)


async def test_weights_that_are_sound_and_not_those_of_their_digest_are_not_taken(
    house: Any, ollama: Ollama
) -> None:
    ollama.model(f"{LIBRARY}/bad/latest", *PARTS)
    blob = ollama.folder / "blobs" / f"sha256-{hashlib.sha256(GGUF).hexdigest()}"
    blob.write_bytes(GGUF.removesuffix(b"test") + b"rest")  # another architecture
    [event] = await adopted(house, ollama)
    assert (event["status"], "digest" in event["reason"]) == ("skipped", True)
    assert "bad:latest" not in await digests(house)


async def test_links_are_not_followed(house: Any, ollama: Ollama, tmp_path: Path) -> None:
    ollama.model("elsewhere/x/y/z", *PARTS)
    (ollama.folder / "manifests/elsewhere").rename(tmp_path / "elsewhere")
    (ollama.folder / "manifests/registry.ollama.ai").symlink_to(tmp_path / "elsewhere")
    [event] = await adopted(house, ollama)
    assert event["status"] == "skipped"
    (ollama.folder / "manifests/registry.ollama.ai").unlink()
    assert await adopted(house, ollama) == []


async def test_a_linked_folder_of_manifests_is_no_store(house: Any, ollama: Ollama, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "manifests").symlink_to(ollama.folder / "manifests")
    answer = await house.client.post(ADOPT, json={"path": str(tmp_path / "linked"), "token": TOKEN})
    assert answer.status_code == 404


async def test_no_store_is_said(house: Any, tmp_path: Path) -> None:
    for path in (str(tmp_path), str(tmp_path / "nothing"), "relative", ""):
        answer = await house.client.post(ADOPT, json={"path": path, "token": TOKEN})
        assert answer.status_code == 404
    answer = await house.client.post(ADOPT, json={"path": str(tmp_path), "token": ""})
    assert answer.status_code == 403


def cases(name: str) -> list[Any]:
    table = TABLES / f"{name}.json"
    if not table.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"{table} is not here"))]
    return [pytest.param(case, id=case["name"]) for case in json.loads(table.read_text())["cases"]]


@pytest.mark.parametrize("case", cases("manifest_listing"))
async def test_manifests_are_found_where_upstream_finds_them(
    house: Any, ollama: Ollama, case: dict[str, Any]
) -> None:
    for name in case["files"]:
        ollama.model(name, PARTS[0])
    found = [event["status"] for event in await adopted(house, ollama)]
    assert found.count("adopted") == case["valid"]
    assert (found.count("skipped") > 0) == (case["invalid"] > 0)


async def test_a_renderer_that_is_not_known_here_is_told_and_kept(house: Any, ollama: Ollama) -> None:
    config = CONFIG.replace('"architecture":"amd64"', '"renderer":"own","architecture":"amd64"')
    own = ollama.model(f"{LIBRARY}/odd/latest", PARTS[0], config=config)
    [event] = await adopted(house, ollama)
    assert event["digest"] == f"sha256:{own}"
    assert ['renderer "own" is not known' in text for text in event["notices"]] == [True]
    asked = await house.client.post("/api/generate", json={"model": "odd", "prompt": "hi"})
    assert (asked.status_code, 'renderer "own" is not known' in asked.json()["error"]) == (400, True)


async def test_what_the_config_says_of_the_model_is_kept(house: Any, ollama: Ollama) -> None:
    said = '"capabilities":["completion","own"],"context_length":77,"base_name":"b","architecture":"amd64"'
    config = CONFIG.replace('"architecture":"amd64"', said)
    own = {
        "base": ollama.model(f"{LIBRARY}/base/latest", PARTS[0], config=config),
        "same": ollama.model(f"{LIBRARY}/same/latest", *PARTS[:2], config=config, origin="base:latest"),
        "less": ollama.model(f"{LIBRARY}/less/latest", *PARTS[:2], origin="base:latest"),
    }
    await adopted(house, ollama)
    assert {name: (await digests(house))[f"{name}:latest"] for name in own} == own
