"""The rules of the house that no other tool checks: sizes, names, effects, reasons."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "modelwright"

FILE_AIM, FILE_STOP = 400, 600
FUNCTION_AIM, FUNCTION_STOP = 40, 60
DOCSTRING_LINE = 80

# What is longer than the aim needs a reason here; what is longer than the stop has none.
LONG_FILES: dict[str, str] = {
    "src/modelwright/settings.py": "one table, with a few lines for each setting",
    "tools/docs/rights_walk.py": "one table, with a line for what each route is sent",
    "tests/dialects/test_bad_bodies.py": "one table, with a line for each field of each route",
}
LONG_FUNCTIONS: dict[str, str] = {
    "src/modelwright/app.py:open_app": "the one list of all services, by name",
}

BANNED_NAMES = {"utils", "util", "helpers", "misc", "common", "manager", "handler", "data", "info", "obj"}

SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
OTHERS = sorted(path for room in ("tools", "bench") for path in (ROOT / room).rglob("*.py"))
EVERYTHING = SOURCES + TESTS + OTHERS


def called(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def comments(path: Path) -> Iterator[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return ((token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT)


def test_no_file_is_too_long() -> None:
    lengths = {called(path): len(path.read_text().splitlines()) for path in EVERYTHING}
    assert not {name: n for name, n in lengths.items() if n > FILE_STOP}, "over the hard stop"
    over = {name for name, n in lengths.items() if n > FILE_AIM}
    assert over == set(LONG_FILES), "a file over the aim has its reason in LONG_FILES, and no other has"


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{called(path)}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in SOURCES + OTHERS
        for function in functions(path)
    }
    assert not {name: n for name, n in lengths.items() if n > FUNCTION_STOP}, "over the hard stop"
    over = {name for name, n in lengths.items() if n > FUNCTION_AIM}
    assert over == set(LONG_FUNCTIONS), "a function over the aim has its reason in LONG_FUNCTIONS"


def test_files_are_named_after_what_they_hold() -> None:
    names = {called(path): set(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES + OTHERS}
    assert not {name for name, parts in names.items() if parts & BANNED_NAMES}


def test_nothing_is_global() -> None:
    assert not [
        f"{called(path)}:{node.lineno}"
        for path in EVERYTHING
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Global)
    ]


def test_no_own_import_hides_in_a_function() -> None:
    """A hidden import is how a cycle hides; a heavy library may be imported late."""
    assert not [
        f"{called(path)}:{node.lineno}"
        for path in SOURCES
        for function in functions(path)
        for node in ast.walk(function)
        if (
            isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("modelwright"))
        )
        or (isinstance(node, ast.Import) and any(name.name.startswith("modelwright") for name in node.names))
    ]


PATCHES = re.compile(r"\bmock\b|\bMagicMock\b|\bpatch\(|monkeypatch\.setattr")


@pytest.mark.parametrize("path", [path for path in TESTS if path.name != "test_house.py"], ids=called)
def test_tests_patch_nothing(path: Path) -> None:
    assert not PATCHES.findall(path.read_text()), "where a patch is needed, a port is missing"


UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|pragma: no cover")


def test_nothing_is_left_unfinished() -> None:
    assert not [called(path) for path in SOURCES if UNFINISHED.search(path.read_text())]


GOOD_EXCUSE = re.compile(
    r"#\s*(type:\s*ignore\[[\w, -]+\]|noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)\s+[#-]\s*\S.{7,}"
)


def test_every_excuse_gives_its_codes_and_its_reason() -> None:
    """As in `# noqa: B008 - the framework asks for it`, on the line itself."""
    assert not [
        f"{called(path)}:{line}"
        for path in EVERYTHING
        for line, text in comments(path)
        if re.search(r"type:\s*ignore|noqa", text) and not GOOD_EXCUSE.search(text)
    ]


@pytest.mark.parametrize("path", SOURCES, ids=called)
def test_a_module_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(tree(path))
    assert docstring, "a module opens with what it is"
    assert len(docstring.splitlines()[0]) <= DOCSTRING_LINE


def test_first_docstring_lines_are_short() -> None:
    assert not [
        f"{called(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and len((ast.get_docstring(node) or "").partition("\n")[0]) > DOCSTRING_LINE
    ]


# Runs in a fresh interpreter: imports modules and prints each effect that a module of ours
# causes while it is imported. A frame of importlib ends the search, so what a library does
# when we import it, and the reading of the source file itself, are not held against us; nor is
# pydantic's search for plugins, which the first class of a program sets off, whoever's it is.
WATCH = """
import importlib, sys, threading
watched = {"open", "os.mkdir", "socket.__new__", "socket.connect", "sqlite3.connect", "subprocess.Popen",
           "os.fork", "os.posix_spawn", "thread.start", "signal.signal", "tempfile.mkstemp"}
effects = []
def hook(event, arguments):
    if event not in watched:
        return
    frame = sys._getframe(1)
    while frame and not any(name in frame.f_code.co_filename for name in LIBRARIES):
        if PACKAGE in frame.f_code.co_filename:
            effects.append(f"{frame.f_code.co_filename}:{frame.f_lineno} {event} {arguments[:1]}")
            return
        frame = frame.f_back
PACKAGE = sys.argv[1]
LIBRARIES = ("importlib._bootstrap", "pydantic/plugin/")
sys.path[:0] = sys.argv[2].split()
sys.addaudithook(hook)
start = threading.Thread.start
threading.Thread.start = lambda thread: (sys.audit("thread.start", thread.name), start(thread))
for name in sys.argv[3:]:
    importlib.import_module(name)
print("\\n".join(effects), file=sys.stderr)
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported(*modules: str, package: Path = PACKAGE, path: str = "") -> tuple[set[str], str]:
    """Import these in a new interpreter; gives the top-level names loaded, and the effects."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(package), path, *modules],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()), done.stderr.strip()


# The training child is a program of its own: nobody but its `__main__` imports these modules,
# and what it needs of torch it needs at once. In the server they are never loaded.
TRAINING_CHILD = "modelwright.trainers.child."


def test_importing_any_module_has_no_effect() -> None:
    modules = [module_name(path) for path in SOURCES if path.name != "__main__.py"]
    loaded, effects = imported(*(name for name in modules if not name.startswith(TRAINING_CHILD)))
    assert effects == ""
    assert not loaded & {"xllamacpp", "torch", "transformers", "peft", "safetensors"}


def test_nor_has_importing_the_training_child() -> None:
    pytest.importorskip("torch", reason="the extra [train] is not installed")
    modules = [module_name(path) for path in SOURCES if path.name != "__main__.py"]
    _, effects = imported(*(name for name in modules if name.startswith(TRAINING_CHILD)))
    assert effects == ""


def test_the_watch_sees_an_effect(tmp_path: Path) -> None:
    (tmp_path / "careless.py").write_text("import threading\nthreading.Thread(target=print).start()\n")
    _, effects = imported("careless", package=tmp_path, path=str(tmp_path))
    assert "careless.py:2 thread.start" in effects


@pytest.mark.skipif(not (PACKAGE / "cli").exists(), reason="there is no command line yet")
def test_the_command_line_starts_light() -> None:
    loaded, _ = imported("modelwright.cli.main")
    heavy = {
        "sqlalchemy",
        "fastapi",
        "starlette",
        "pydantic",
        "uvicorn",
        "numpy",
        "gguf",
        "xllamacpp",
        "torch",
    }
    assert not loaded & heavy


MACHINE_PATH = re.compile(r"/(home|root|Users|work|mnt)/[\w.-]+|/tmp/[\w.-]+")
PLAIN = {".py", ".md", ".toml", ".sh", ".json", ".txt", ".cfg", ".yml", ".html", ".js", ".css", ""}


def test_no_tracked_file_names_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    found = {
        called(path): match.group()
        for path in paths
        if path.is_file() and path.suffix in PLAIN and path != Path(__file__).resolve()
        for match in MACHINE_PATH.finditer(path.read_text(errors="replace"))
    }
    assert not found
