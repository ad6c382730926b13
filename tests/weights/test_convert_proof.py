"""Every case of tools/weights/tiny_models.py, made anew with torch: the long proof."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelwright.weights.adapters import check_adapter, convert_adapter, read_base
from modelwright.weights.convert import convert_folder
from tests.weights.answers import compare, compare_vectors, expectations
from tests.weights.engine import ask_engine

ROOT = Path(__file__).parents[2]
NEEDED = ("torch", "transformers", "peft", "sentencepiece", "tokenizers")
ABSENT = [name for name in NEEDED if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.skipif(bool(ABSENT), reason=f"the proof against transformers needs {', '.join(ABSENT)}"),
    pytest.mark.limit(600),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All cases, written by a child: torch stays out of this process."""
    folder = tmp_path_factory.mktemp("tiny")
    command = [sys.executable, "-m", "tools.weights.tiny_models", str(folder)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return sorted(folder.iterdir())


def test_every_case_answers_as_transformers(made: list[Path], tmp_path: Path) -> None:
    assert len(made) >= 16
    for folder in made:
        target, expected = tmp_path / f"{folder.name}.gguf", expectations(folder)
        convert_folder(folder, target, wanted="F32")
        if "vectors" in expected:
            assert compare_vectors(target, expected["vectors"]) < 1e-3
            continue
        share, worst, _ = compare(target, expected["contexts"])
        assert (share, worst < 1e-3) == (1, True), (folder.name, share, worst)
        by_default, _, _ = compare(target, expected["contexts"], exact=False)
        assert by_default >= 0.98, (folder.name, by_default)
        assert ask_engine(target, [], texts=list(expected["texts"]))["texts"] == expected["texts"]


def test_every_adapter_equals_the_merged_model(made: list[Path], tmp_path: Path) -> None:
    adapted = [folder for folder in made if (folder / "adapter").exists()]
    assert len(adapted) >= 7
    for folder in adapted:
        base, target = tmp_path / f"{folder.name}.gguf", tmp_path / f"{folder.name}-lora.gguf"
        convert_folder(folder, base, wanted="F32")
        convert_adapter(folder / "adapter", base, target)
        check_adapter(target, read_base(base))
        share, worst, _ = compare(base, expectations(folder)["adapted"], adapter=str(target))
        assert (share, worst < 1e-3) == (1, True), (folder.name, share, worst)
