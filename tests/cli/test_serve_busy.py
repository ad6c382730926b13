"""serve with real engines at work: how it ends, and what is left of them."""

import json
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

ANYTHING = {"temperature": 100, "top_k": 0, "top_p": 1, "min_p": 0}
"""Any token is as likely as any other, so the one that ends an answer hardly comes."""
STREAMS = 6


@dataclass
class Stream:
    """One client that reads an answer to its end, whatever that is."""

    url: str
    tokens: int
    lines: list[str] = field(default_factory=list)
    fault: str = ""

    def read(self) -> None:
        options = ANYTHING | {"num_predict": self.tokens}
        body = {"model": "starter", "messages": [{"role": "user", "content": "Go on."}], "options": options}
        try:
            with httpx2.stream(
                "POST", f"{self.url}/api/chat", json=body, timeout=100, trust_env=False
            ) as answer:
                for line in answer.iter_lines():
                    self.lines.append(line)
        except httpx2.HTTPError as error:
            self.fault = type(error).__name__

    @property
    def is_whole(self) -> bool:
        return not self.fault and json.loads(self.lines[-1]).get("done", False)


@dataclass
class Busy:
    """A server whose engine is at work for several clients."""

    process: object
    streams: list[Stream]
    threads: list[threading.Thread]
    children: list[int]

    def wait(self, seconds: float) -> int:
        return self.process.wait(seconds)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(50)
            assert not thread.is_alive(), "a client hangs"


@pytest.fixture
def busy(cli, serve, wait_until):
    """Start a server with these settings, and streams that are under way."""

    def start(slots: int = STREAMS, tokens: int = 400, **settings: str) -> Busy:
        cli.environ = {"MODELWRIGHT_ENGINE": "llamacpp", "MODELWRIGHT_PARALLEL": str(slots), **settings}
        server = serve(cli, "--port", "0")
        pid = server.process.pid
        httpx2.post(f"{server.url}/api/generate", json={"model": "starter"}, timeout=100, trust_env=False)
        streams = [Stream(server.url, tokens) for _ in range(STREAMS)]
        threads = [threading.Thread(target=stream.read) for stream in streams]
        for thread in threads:
            thread.start()
        wait_until(lambda: sum(bool(stream.lines) for stream in streams) >= slots, "no answer begins")
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        assert len(children) == 1
        return Busy(server.process, streams, threads, children)

    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_the_answers_have_ended_and_leaves_no_child(busy, is_alive, number):
    server = busy()
    server.process.send_signal(number)
    assert server.wait(50) == 0
    server.join()
    ends = [stream.fault or stream.lines[-1] for stream in server.streams]
    assert all(stream.is_whole for stream in server.streams), ends
    assert not any(is_alive(child) for child in server.children)


def test_answers_that_take_longer_than_the_drain_are_broken_off(busy, is_alive):
    server = busy(slots=1, tokens=3000, MODELWRIGHT_DRAIN="0.5")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait(25) == 0, "by itself it would wait for 30 s"
    server.join()
    assert not all(stream.is_whole for stream in server.streams)
    assert not any("Internal Server Error" in line for stream in server.streams for line in stream.lines)
    assert not any(is_alive(child) for child in server.children)


def test_a_second_signal_does_not_wait_for_engines_either(busy, is_alive):
    server = busy(slots=1, tokens=3000)
    for _ in range(2):
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    assert server.wait(50) == 0
    server.join()
    assert not any(is_alive(child) for child in server.children)


def test_engines_die_with_a_killed_server_and_the_next_clears_up(busy, is_alive, wait_until, tmp_path):
    (tmp_path / "sockets").mkdir()
    server = busy(TMPDIR=str(tmp_path / "sockets"))
    server.process.send_signal(signal.SIGKILL)
    assert server.wait(50) == -signal.SIGKILL
    wait_until(lambda: not any(is_alive(child) for child in server.children), "an engine lives on")
    server.join()
    (left,) = (tmp_path / "sockets").iterdir()
    again = busy(TMPDIR=str(tmp_path / "sockets"))
    assert not left.exists()
    again.process.send_signal(signal.SIGTERM)
    assert again.wait(50) == 0
    again.join()
    assert not list((tmp_path / "sockets").iterdir())
