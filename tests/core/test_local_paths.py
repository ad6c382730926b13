"""What paths in a Modelfile mean, and what their files are called on the wire."""

import json
import posixpath
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import Invalid
from modelwright.core.local_paths import expand_path, file_names, looks_like_path, shards_of

TABLES = Path(__file__).parents[2] / "../shared/conformance/ollama"
HOME, PWD = "/" + "home", "/somewhere/here"
HOMES = {user: f"{HOME}/{user or 'testuser'}" for user in ("", "testuser", "anotheruser")}


def cases(name: str) -> list[Any]:
    table = TABLES / f"{name}.json"
    if not table.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason=f"{table} is not here"))]
    return [pytest.param(case, id=str(at)) for at, case in enumerate(json.loads(table.read_text())["cases"])]


@pytest.mark.parametrize("case", cases("expand_path"))
def test_paths_are_expanded_as_upstream(case: dict[str, Any]) -> None:
    folder = case["relative_dir"].replace("{PWD}", PWD)
    if case.get("error"):
        with pytest.raises(Invalid, match="nonexistentuser"):
            expand_path(case["path"], folder, working=PWD, home_of=HOMES.get)
    else:
        found = expand_path(case["path"], folder, working=PWD, home_of=HOMES.get)
        assert found == case["expected"].replace("{PWD}", PWD)


@pytest.mark.parametrize("case", cases("create_file_names"))
def test_files_are_named_as_upstream(case: dict[str, Any]) -> None:
    assert list(file_names([path.replace("{DIR}", "/some/dir") for path in case["files"]])) == case["names"]


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, unique_by=tuple))
def test_names_differ_and_stay_below_a_folder(parts: list[list[str]]) -> None:
    paths = ["/root/" + "/".join(each) + "/file.x" for each in parts]
    names = file_names(paths)
    assert len(set(names)) == len(paths)
    assert not [name for name in names if name.startswith(("/", ".."))]
    assert all(posixpath.normpath(name) == name for name in names)


def test_one_part_of_a_split_file_means_all_of_them() -> None:
    assert shards_of("/m/a-00002-of-00003.gguf") == tuple(f"/m/a-0000{at}-of-00003.gguf" for at in (1, 2, 3))
    assert shards_of("/m/a.gguf") == ("/m/a.gguf",)
    assert shards_of("/m/a-00001-of-99999.gguf") == ("/m/a-00001-of-99999.gguf",)


@pytest.mark.parametrize("text", ["./x", "../x", ".", "/x", "~/x", "~ann/x", "x.gguf", "a/b.safetensors"])
def test_some_texts_are_meant_as_paths(text: str) -> None:
    assert looks_like_path(text)


@pytest.mark.parametrize("text", ["starter", "a/b:c", "host/ns/name", "mario@2", "llama3.2", ".x"])
def test_others_may_be_names(text: str) -> None:
    assert not looks_like_path(text)
