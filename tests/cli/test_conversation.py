"""run: one question, a pipe, or a conversation at a terminal. The echo engine answers."""

import os
import pty
import select
import time
from contextlib import suppress

import pytest


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, command, environment):
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, environment)

    def until(self, text, seconds=60):
        """What is shown up to and including `text`."""
        shown, deadline = "", time.monotonic() + seconds
        while text not in shown:
            assert time.monotonic() < deadline, f"no {text!r} in {shown!r}"
            if select.select([self.screen], [], [], 0.1)[0]:
                with suppress(OSError):  # the other end is closed
                    shown += os.read(self.screen, 4096).decode()
        return shown

    def type(self, text):
        os.write(self.screen, text.encode())

    def leave(self, text="\x04"):
        """End the conversation; the exit code."""
        self.type(text)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.screen)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def terminal(shared, command):
    started = Terminal([command, "run", "starter"], shared.environment | {"TERM": "dumb"})
    started.until(">>> ")
    return started


def test_one_question(shared):
    assert shared.ok("run", "starter", "What", "is", "this?") == "What is this?\n"


def test_a_pipe_is_one_question(shared):
    assert shared.ok("run", "starter", stdin="from a pipe") == "from a pipe\n"


def test_a_dash_stands_for_the_pipe(shared):
    assert shared.ok("run", "starter", "Read:", "-", stdin="a file") == "Read: a file\n"


def test_nothing_to_ask_loads_the_model(shared):
    shared.ok("run", "starter", stdin="")
    assert "starter:latest" in shared.ok("ps")
    shared.ok("stop", "starter")


def test_an_old_revision_answers_too(shared):
    assert shared.ok("run", "starter@1", "hello") == "hello\n"


def test_a_conversation(terminal):
    terminal.type("hello there\n")
    assert "\nhello there\r\n" in terminal.until("\n>>> ")
    assert terminal.leave() == 0


def test_several_lines_between_quotes(terminal):
    terminal.type('"""one\n')
    terminal.until("... ")
    terminal.type('two"""\n')
    assert "\none\r\ntwo\r\n" in terminal.until("\n>>> ")
    assert terminal.leave("/bye\n") == 0


def test_commands_within_a_conversation(terminal):
    for typed, said in [
        ("/?", "/clear"),
        ("/set parameter num_predict 1", "num_predict is 1"),
        ("one two", "one \r\n"),
        ("/set parameter nun_predict 1", 'Did you mean "num_predict"?'),
        ("/set system Be kind.", "system prompt set"),
        ("/show parameters", "num_predict"),
        ("/show bones", "there is no bones to show"),
        ("/clear", "forgotten"),
        ("/dance", "Type /? for what is"),
    ]:
        terminal.type(f"{typed}\n")
        assert said in terminal.until("\n>>> ")
    assert terminal.leave() == 0


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_errors_are_red_where_that_is_wanted(shared, command, variables, coloured):
    screen = Terminal([command, "ls", "--host", "127.0.0.1:9"], shared.environment | variables)
    assert ("\x1b[31mError:" in screen.until("modelwright serve")) == coloured
    assert screen.leave() == 1


def test_ctrl_c_does_not_end_a_conversation(terminal):
    # Python's readline shows its prompt a moment before it listens; a Ctrl-C in between is noticed
    # with the next key only.
    time.sleep(1)
    terminal.type("\x03")
    assert "/bye" in terminal.until(">>> ")
    terminal.type("still here\n")
    terminal.until("still here\r\n>>> ")
    assert terminal.leave() == 0


def test_what_was_typed_is_kept_for_the_next_time(terminal, shared):
    terminal.type("remember me\n")
    terminal.until("\n>>> ")
    assert terminal.leave() == 0
    assert "remember me" in (shared.home / "history").read_text()
    assert (shared.home / "history").stat().st_mode & 0o077 == 0


def test_a_models_text_does_not_steer_the_terminal():
    from modelwright.cli.console import printable

    assert printable("a\x1b[2Jb\r\x07c\n\td\x9b\x7fé") == "a[2Jbc\n\tdé"
