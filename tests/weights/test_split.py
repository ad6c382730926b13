"""Parts of a split GGUF become the whole they were."""

import shutil
from pathlib import Path

import pytest

from modelwright.core.errors import Invalid
from modelwright.weights.convert import convert_folder
from modelwright.weights.gguf import read_header
from modelwright.weights.gguf_writer import Metadata, copied_metadata, copied_tensor, i32, u16, write_gguf
from modelwright.weights.split import (
    COUNT,
    NUMBER,
    TENSORS,
    check_parts,
    find_parts,
    is_part,
    merge_parts,
    part_names,
)
from tests.weights.answers import GOLDEN
from tests.weights.engine import ask_engine


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "whole.gguf"
    convert_folder(GOLDEN / "llama", path, name="m")
    return path


@pytest.fixture
def parts(whole: Path, tmp_path: Path) -> list[Path]:
    """Three parts, as llama-gguf-split makes them."""
    header = read_header(whole)
    paths = [tmp_path / name for name in part_names("m-00001-of-00003.gguf")]
    for index, path in enumerate(paths):
        metadata: Metadata = copied_metadata(whole, header) if index == 0 else {}
        metadata |= {NUMBER: u16(index), COUNT: u16(3), TENSORS: i32(len(header.tensors))}
        begin = index * 8
        chosen = header.tensors[begin : begin + 8 if index < 2 else None]
        write_gguf(path, metadata, [copied_tensor(whole, header, tensor) for tensor in chosen])
    return paths


def test_merging_gives_the_whole(whole: Path, parts: list[Path], tmp_path: Path) -> None:
    merge_parts(find_parts(parts[1]), tmp_path / "merged.gguf")
    assert (tmp_path / "merged.gguf").read_bytes() == whole.read_bytes()


def test_the_engine_reads_the_same_parts(whole: Path, parts: list[Path]) -> None:
    prompt = [[9, 10, 11]]
    assert ask_engine(parts[0], prompt, steps=4) == ask_engine(whole, prompt, steps=4)


@pytest.mark.parametrize("name", ["m.gguf", "m-1-of-3.gguf", "m-00001-of-00003.bin", "-00001-of-00003.gguf"])
def test_other_names_are_no_parts(name: str) -> None:
    assert not is_part(name)
    with pytest.raises(Invalid, match="is not the name of a part"):
        part_names(name)


@pytest.mark.parametrize("name", ["m-00000-of-00003.gguf", "m-00004-of-00003.gguf", "m-00001-of-01025.gguf"])
def test_numbers_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="at most 1024 parts"):
        part_names(name)


def test_a_missing_part_is_named(parts: list[Path]) -> None:
    parts[2].unlink()
    with pytest.raises(Invalid, match=r"m-00003-of-00003\.gguf"):
        find_parts(parts[0])


def test_parts_that_are_not_one_models_are_refused(parts: list[Path], whole: Path) -> None:
    with pytest.raises(Invalid, match=r'"split.no" is 2, 1 is expected'):
        check_parts([parts[0], parts[2], parts[1]])
    with pytest.raises(Invalid, match=r'"split.count" is 3, 2 is expected'):
        check_parts(parts[:2])
    shutil.copy(whole, parts[0])
    with pytest.raises(Invalid, match=r'"split.no" is None, 0 is expected'):
        check_parts(parts)


def test_a_tensor_in_two_parts_is_refused(parts: list[Path], whole: Path) -> None:
    header = read_header(whole)
    metadata = {NUMBER: u16(2), COUNT: u16(3)}
    parts[2].unlink()
    write_gguf(parts[2], metadata, [copied_tensor(whole, header, header.tensors[0])])
    with pytest.raises(Invalid, match="is in two parts"):
        check_parts(parts)


def test_a_part_without_its_tensors_is_refused(parts: list[Path]) -> None:
    parts[2].unlink()
    write_gguf(parts[2], {NUMBER: u16(2), COUNT: u16(3)}, [])
    with pytest.raises(Invalid, match="the first announces"):
        check_parts(parts)
