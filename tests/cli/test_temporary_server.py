"""A command without a server starts one, shares it, and leaves none behind."""

import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

from tests.cli.conftest import COMMAND

HOLD = """
import sys
from modelwright.cli.server import connect
with connect() as client:
    print(client.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold():
    """Start commands that use a server until their input ends."""
    started = []

    def start(cli):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            env=cli.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_command_leaves_no_server_behind_but_what_it_did(quick, is_alive):
    quick.ok("create", "mario", "-f", "-", stdin="FROM starter\nSYSTEM You are Mario.")
    assert not (quick.home / "server.json").exists()
    assert not is_alive(int((quick.home / "server.lock").read_text()))
    assert quick.home.stat().st_mode & 0o077 == 0
    assert quick.ok("show", "mario", "--system") == "You are Mario.\n"


def test_who_waits_at_a_terminal_for_its_start_is_told(cli):
    screen, line = pty.openpty()
    done = subprocess.run(
        [COMMAND, "ls"], env=cli.environment, stdout=subprocess.PIPE, stderr=line, timeout=50
    )
    os.close(line)
    told = os.read(screen, 65536).decode()
    os.close(screen)
    assert done.returncode == 0, told
    assert "starting a server" in told
    assert b"starting" not in done.stdout


def test_commands_share_one_until_the_last_has_left(cli, hold, wait_until, is_alive):
    first, url = hold(cli)
    second, same = hold(cli)
    assert url == same == cli.record()["url"]
    pid = cli.record()["pid"]
    first.communicate()
    assert cli.json("ls", "--host", url)
    second.communicate()
    wait_until(lambda: not is_alive(pid), "the server goes on without clients")


def test_it_ends_when_its_command_is_killed(cli, hold, wait_until, is_alive):
    process, _ = hold(cli)
    pid = cli.record()["pid"]
    process.kill()
    wait_until(lambda: not is_alive(pid), "the server goes on without clients")


def test_many_commands_at_once_need_but_one_server(cli):
    found = []
    commands = [threading.Thread(target=lambda: found.append(cli.json("ls"))) for _ in range(4)]
    for command in commands:
        command.start()
    for command in commands:
        command.join()
    assert [models[0]["name"] for models in found] == ["starter:latest"] * 4
    assert (cli.home / "server.log").read_text().count("listens on") <= 2


def test_a_server_that_cannot_start_says_why(quick):
    quick.home.mkdir()
    (quick.home / "catalogue.db").write_text("this is no database, and it is long enough to be seen as none")
    done = quick("ls")
    assert done.returncode == 1
    assert "Error: a server could not be started" in done.stderr
    assert f"The end of {quick.home / 'server.log'}:" in done.stderr
    assert "is not a SQLite database" in done.stderr


@pytest.mark.parametrize("command", ["ps", "stop mario"])
def test_what_is_loaded_is_not_asked_of_a_server_that_is_not_there(quick, command):
    done = quick(*command.split())
    assert done.returncode == 1
    assert "no server is running" in done.stderr
    assert not quick.home.exists()


def test_a_named_server_must_be_there(quick):
    done = quick("ls", "--host", "127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: no server answers at http://127.0.0.1:9\n")


def test_a_server_named_in_the_environment_is_used_when_it_is_ours(shared, quick):
    url = shared.record()["url"]
    for variable in ("MODELWRIGHT_HOST", "OLLAMA_HOST"):
        quick.environ = {variable: url}
        quick.ok("ls")
    assert not quick.home.exists()
    quick.environ = {"OLLAMA_HOST": "127.0.0.1:9"}
    quick.ok("ls")
    assert quick.home.exists()


def test_interrupting_a_command_is_130_and_stops_its_server(cli, wait_until, is_alive):
    process = cli.start("run", "starter", "word " * 200)
    pid = cli.record()["pid"]
    process.stdout.read(5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=50)
    assert process.returncode == 130
    wait_until(lambda: not is_alive(pid), "the server goes on without clients")


def test_a_server_at_the_usual_port_is_used_unless_a_folder_was_chosen(shared, quick, tmp_path):
    port = shared.record()["url"].rpartition(":")[2]
    quick.environ = {"MODELWRIGHT_HOME": "", "MODELWRIGHT_PORT": port}
    quick.ok("ls")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_dies_in_mid_answer_is_an_error(cli, serve):
    server = serve(cli, "--port", "0", "--engine", "echo:50ms")
    process = cli.start("run", "starter", "word " * 200)
    assert process.stdout.read(5) == "word "
    server.process.kill()
    _, said = process.communicate(timeout=50)
    assert process.returncode == 1
    assert f"Error: the server at {server.url} broke off" in said
