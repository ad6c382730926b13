"""A machine that lacks what the engine needs is told how to get it."""

from modelwright.engines.serving import import_fault


def test_a_missing_system_library_is_named_with_the_command_that_installs_it() -> None:
    error = ImportError("libgomp.so.1: cannot open shared object file: No such file or directory")
    assert "apt-get install libgomp1" in import_fault(error)


def test_any_other_fault_of_the_library_is_shown() -> None:
    assert "GLIBC_2.38" in import_fault(ImportError("version `GLIBC_2.38' not found"))
