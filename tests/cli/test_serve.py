"""serve: where it listens, how it is found, how it ends."""

import json
import signal
import socket
import stat
import subprocess
import time
from contextlib import contextmanager

import httpx2
import pytest

SLOW = {"model": "starter", "messages": [{"role": "user", "content": "word " * 60}]}


def port_of(url):
    return int(url.rpartition(":")[2])


@contextmanager
def asking(url):
    """A request whose answer is under way."""
    with httpx2.stream("POST", f"{url}/api/chat", json=SLOW, timeout=30, trust_env=False) as answer:
        yield answer.iter_lines()


@pytest.fixture
def taken():
    """A port where something else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_it_says_where_it_listens_and_leaves_a_note(cli, serve):
    started = time.monotonic()
    server = serve(cli, "--port", "0")
    record = cli.record()
    assert record["url"] == server.url
    assert record["pid"] == server.process.pid
    assert stat.S_IMODE((cli.home / "server.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.home.stat().st_mode) == 0o700
    assert httpx2.get(f"{server.url}/readyz", trust_env=False).json() == {"status": "ready"}
    assert time.monotonic() - started < 10
    assert server.stop() == 0
    assert not (cli.home / "server.json").exists()


def test_commands_find_the_server_of_their_data_folder(cli, serve):
    serve(cli, "--port", "0")
    cli.environ = {"MODELWRIGHT_ENGINE": "llamacpp"}  # the server's own setting counts, not the client's
    assert cli.ok("run", "starter", "say it back") == "say it back\n"


def test_a_taken_default_port_moves_it_to_the_next_one(cli, serve, taken):
    cli.home.mkdir()
    cli.environ = {"OLLAMA_HOST": "127.0.0.1"}
    server = serve(cli)
    assert port_of(server.url) >= 11434
    if port_of(server.url) != 11434:
        assert server.ready[0].startswith("port 11434 is taken")


def test_a_taken_port_that_was_asked_for_is_an_error(cli, taken):
    done = cli("serve", "--port", str(taken))
    assert done.returncode == 1
    assert f"port {taken} of 127.0.0.1 is taken (--port)" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]:80", ":8080", "192.0.2.1"])
def test_other_machines_are_kept_out_while_there_are_no_keys(cli, host):
    done = cli("serve", "--host", host)
    assert done.returncode == 1
    assert "without keys" in done.stderr
    assert "SSH tunnel" in done.stderr


def test_a_data_folder_has_one_server(cli, serve):
    first = serve(cli, "--port", "0")
    done = cli("serve", "--port", "0")
    assert done.returncode == 1
    assert f"a server runs on {cli.home} already (process {first.process.pid})" in done.stderr


def test_a_killed_server_leaves_nothing_in_the_way(cli, serve):
    serve(cli, "--port", "0").stop(signal.SIGKILL)
    assert (cli.home / "server.json").exists()
    assert "no server is running" in cli("ps").stderr
    second = serve(cli, "--port", "0")
    assert cli.record()["url"] == second.url


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_answers_under_way_are_finished_before_it_ends(cli, serve, number):
    server = serve(cli, "--port", "0", "--engine", "echo:10ms")
    with asking(server.url) as lines:
        next(lines)
        server.process.send_signal(number)
        assert json.loads(list(lines)[-1])["done"]
    assert server.process.wait(10) == 0


def test_a_second_signal_ends_it_at_once(cli, serve):
    server = serve(cli, "--port", "0", "--engine", "echo:10s")
    with asking(server.url) as lines:
        next(lines)
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.5)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == 0


def test_what_is_ignored_is_said_at_the_start(cli, serve):
    cli.environ = {"MODELWRIGHT_PROT": "1", "OLLAMA_MAX_QUEUE": "many"}
    said = serve(cli, "--port", "0").ready
    assert "MODELWRIGHT_PROT is not a setting; did you mean MODELWRIGHT_PORT?" in said
    assert 'ignored: max_queue is "many" (OLLAMA_MAX_QUEUE)' in said


def test_a_data_folder_that_cannot_be_made(cli):
    cli.home.write_text("a file")
    done = cli("serve", "--port", "0")
    assert done.returncode == 1
    assert f"the data folder {cli.home} cannot be used" in done.stderr
