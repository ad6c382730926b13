"""Which files a Modelfile means, on a real file system, and the request that is made of them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from modelwright.cli.local_files import LocalFiles
from modelwright.core.create_request import CreatePlan, plan_create
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid
from modelwright.core.model_folder import choose_model_files, kind_of, without_company
from modelwright.core.modelfile import parse

TABLES = Path(__file__).parents[2] / "../shared/conformance/ollama"
ZEROS = "sha256:" + "0" * 64


def cases(name: str) -> list[Any]:
    table = TABLES / f"{name}.json"
    if not table.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"{table} is not here"))]
    return [pytest.param(case, id=case["name"]) for case in json.loads(table.read_text())["cases"]]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(base64.b64decode(content))


def plan(text: str, folder: Path | str) -> CreatePlan:
    return plan_create(parse(text), LocalFiles(str(folder)).find)


def body(made: CreatePlan) -> dict[str, Any]:
    return made.body({path: Digest.of(Path(path).read_bytes()) for path in made.paths})


@pytest.mark.parametrize("case", cases("modelfile_dir_files"))
def test_a_folder_means_the_files_that_upstream_takes(case: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, case["files_base64"])
    files = {path: base64.b64decode(content) for path, content in case["files_base64"].items()}
    if "error" in case:
        with pytest.raises(Invalid, match="no Modelfile or safetensors files found"):
            LocalFiles(str(tmp_path)).find(".", "model")
        return
    chosen = choose_model_files(files, lambda path: kind_of(files[path]))
    assert set(chosen) == set(case["selected"])
    found = LocalFiles(str(tmp_path)).find(".", "model")
    assert {Path(path).relative_to(tmp_path).as_posix() for path in found} == set(without_company(chosen))


def test_what_stands_beside_a_gguf_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF\3\0")
    (tmp_path / "below").mkdir()
    for name in ("config.json", "below/server.json", "chat_template.jinja"):
        (tmp_path / name).write_text("{}")
    assert plan("FROM .", tmp_path).paths == (str(tmp_path / "a.gguf"),)


@pytest.mark.parametrize("case", cases("modelfile_create_request"))
def test_the_request_is_upstreams(case: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, case.get("local_files_base64", {}))
    text = case["modelfile"].replace("{DIR}", str(tmp_path))
    if "error_contains" in case:
        with pytest.raises(Invalid, match=case["error_contains"]):
            plan(text, tmp_path)
        return
    made = plan(text, tmp_path)
    wanted = json.loads(json.dumps(case["request"]).replace("{DIR}/", ""))
    assert body(made) == wanted


def test_a_name_stays_a_name_where_a_folder_without_weights_has_it(tmp_path: Path) -> None:
    (tmp_path / "starter").mkdir()
    assert plan("FROM starter", tmp_path).fields == {"from": "starter"}
    (tmp_path / "starter" / "a.gguf").write_bytes(b"GGUF\3\0\0\0")
    assert plan("FROM starter", tmp_path).paths == (str(tmp_path / "starter/a.gguf"),)


@pytest.mark.parametrize("text", ["./nothing", "nothing.gguf", "~/nothing", "./no-*.gguf"])
def test_a_path_where_nothing_is_is_said_with_its_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"line 2: .*no (such )?file"):
        plan(f"# a base\nFROM {text}", tmp_path)


def test_all_parts_of_a_split_file_are_sent(tmp_path: Path) -> None:
    for at in (1, 2):
        (tmp_path / f"m-0000{at}-of-00002.gguf").write_bytes(b"GGUF" + bytes([at]))
    both = {f"m-0000{at}-of-00002.gguf" for at in (1, 2)}
    assert set(body(plan("FROM ./m-00001-of-00002.gguf", tmp_path))["files"]) == both
    assert set(body(plan("FROM ./m-*.gguf", tmp_path))["files"]) == both
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(Invalid, match=r"m-00002-of-00002\.gguf is missing"):
        plan("FROM ./m-00001-of-00002.gguf", tmp_path)


def test_a_pointer_of_git_lfs_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(Invalid, match="Git LFS pointer"):
        plan("FROM .", tmp_path)


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    (tmp_path / "peft").mkdir()
    (tmp_path / "peft/adapter_config.json").write_text("{}")
    (tmp_path / "peft/adapter_model.safetensors").write_bytes(b"\0")
    (tmp_path / "peft/README.md").write_text("an adapter")
    (tmp_path / "lora.gguf").write_bytes(b"GGUF")
    return tmp_path


def test_one_adapter_in_full_is_said_as_upstream_says_it(adapters: Path) -> None:
    gguf = body(plan("FROM x\nADAPTER ./lora.gguf", adapters))
    assert gguf["adapters"] == {"lora.gguf": str(Digest.of(b"GGUF"))}
    peft = body(plan("FROM x\nADAPTER peft", adapters))
    assert set(peft["adapters"]) == {"adapter_config.json", "adapter_model.safetensors"}


def test_several_adapters_and_scales_are_a_list(adapters: Path) -> None:
    text = f"FROM x\nADAPTER ./lora.gguf SCALE 0.5\nADAPTER ./peft scale 2\nADAPTER @{ZEROS}"
    first, second, third = body(plan(text, adapters))["adapters"]
    assert first == {"digest": str(Digest.of(b"GGUF")), "scale": 0.5}
    assert (set(second["files"]), second["scale"]) == (
        {"adapter_config.json", "adapter_model.safetensors"},
        2,
    )
    assert third == {"digest": ZEROS, "scale": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ADAPTER ./none.gguf", "no such file"),
        ("ADAPTER ./lora.gguf SCALE much", 'not "much"'),
        ("ADAPTER ./lora.gguf SCALE nan", "number"),
        ("ADAPTER .", "no adapter files found"),
        ("FROM y", "a second FROM"),
        ("PARAMETER top_k many", "top_k"),
    ],
)
def test_a_fault_names_its_line(adapters: Path, text: str, said: str) -> None:
    with pytest.raises(Invalid, match=rf"line 2: .*{said}"):
        plan(f"FROM x\n{text}", adapters)


def test_an_empty_text_clears(tmp_path: Path) -> None:
    made = plan('FROM x\nSYSTEM one\nSYSTEM ""\nTEMPLATE ""', tmp_path)
    assert made.fields == {"from": "x", "clear": ["system", "template"]}
    assert plan('FROM x\nSYSTEM ""\nSYSTEM two', tmp_path).fields == {"from": "x", "system": "two"}


def test_a_blob_is_named_by_its_digest(tmp_path: Path) -> None:
    for text in (f"@{ZEROS}", ZEROS, ZEROS.replace(":", "-")):
        assert list(body(plan(f"FROM {text}", tmp_path))["files"].values()) == [ZEROS]
