"""What an engine child is started with, and what a machine that lacks something is told."""

from pathlib import Path
from typing import Any

import pytest
import xllamacpp

from modelwright.core.parameters import Parameters
from modelwright.engines.exchange import Address
from modelwright.engines.launch import Load, task_of
from modelwright.engines.serving import import_fault, settings_of

WEIGHTS = Path("weights.gguf")


def settings(**more: Any) -> Any:
    """The engine library's settings for a load."""
    load = Load(**{"weights": WEIGHTS, "context": 1024, "slots": 4, "runtime_dir": Path(), **more})
    return settings_of(xllamacpp, task_of(load, Address(path="socket")))


def test_a_missing_system_library_is_named_with_the_command_that_installs_it() -> None:
    error = ImportError("libgomp.so.1: cannot open shared object file: No such file or directory")
    assert "apt-get install libgomp1" in import_fault(error)


def test_any_other_fault_of_the_library_is_shown() -> None:
    assert "GLIBC_2.38" in import_fault(ImportError("version `GLIBC_2.38' not found"))


def test_a_model_says_how_much_of_it_goes_to_which_gpu() -> None:
    given = settings(start_parameters=Parameters.of({"num_gpu": 7, "main_gpu": 2, "num_thread": 3}))
    assert (given.n_gpu_layers, given.main_gpu, given.cpuparams.n_threads) == (7, 2, 3)
    silent = settings()
    assert (silent.n_gpu_layers, silent.main_gpu) == (-1, 0), "as many as fit"


def test_the_server_says_how_gpus_share_a_model() -> None:
    given = settings(tensor_split=(3.0, 1.0), split_mode="row")
    assert list(given.tensor_split[:3]) == [3, 1, 0]
    assert given.split_mode == xllamacpp.llama_split_mode.LLAMA_SPLIT_MODE_ROW
    assert not any(settings().tensor_split)
    for mode in ("layer", "none"):
        assert settings(split_mode=mode).split_mode != given.split_mode


@pytest.mark.parametrize(("kind", "number"), [("f16", 1), ("q8_0", 8), ("q4_0", 2)])
def test_a_context_is_kept_in_the_type_that_was_chosen(kind: str, number: int) -> None:
    given = settings(cache_type=kind)
    assert (given.cache_type_k, given.cache_type_v) == (number, number)


def test_an_engine_sleeps_only_when_it_is_told_to() -> None:
    assert settings().sleep_idle_seconds == -1
    assert settings(sleep_seconds=90.0).sleep_idle_seconds == 90
    assert settings(sleep_seconds=0.2).sleep_idle_seconds == 1


def test_slots_share_a_cache_only_where_vectors_are_pooled() -> None:
    assert settings(kind="embed").kv_unified
    assert settings(kind="rerank").kv_unified
    assert not settings(kind="chat").kv_unified
