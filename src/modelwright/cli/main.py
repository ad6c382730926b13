"""The commands: what there is, and where each is loaded from when it is called.

A table instead of imports, since a command may need the whole server and
`modelwright --help` must not wait for it. The only place that turns errors
into exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from modelwright import __version__
from modelwright.cli.console import print_error
from modelwright.core.errors import ModelwrightError

NAME: Final = "modelwright"


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: `target` is "module:function" in this room; `alias` is hidden."""

    target: str
    help: str
    alias: str = ""


COMMANDS: Final[Mapping[str, Entry]] = {
    "serve": Entry("serve:serve", "Start the server."),
    "create": Entry("create:create", "Make a custom model from a Modelfile."),
    "run": Entry("conversation:run", "Talk to a model, or ask it one thing."),
    "ls": Entry("models:ls", "List the models.", alias="list"),
    "show": Entry("models:show", "Show what a model is made of."),
    "cp": Entry("models:cp", "Give a model a second name."),
    "rm": Entry("models:rm", "Delete models."),
    "ps": Entry("running:ps", "List the models that are loaded."),
    "stop": Entry("running:stop", "Unload a model."),
    "pull": Entry("registry:pull", "Get a model from a registry."),
    "push": Entry("registry:push", "Send a model to a registry."),
    "login": Entry("registry:login", "Keep a password for a registry."),
    "logout": Entry("registry:logout", "Forget the password of a registry."),
    "export": Entry("archive:export", "Write a model to one file."),
    "import": Entry("archive:take", "Make a model of an exported file."),
    "sign": Entry("signing:sign", "Sign a model with a key of your own."),
    "verify": Entry("signing:verify", "See whether a trusted key signed a model."),
    "adopt": Entry("adopt:adopt", "Take over the models of an Ollama on this machine."),
    "history": Entry("revisions:history", "List the revisions of a model."),
    "rollback": Entry("revisions:rollback", "Make a model one of its revisions again."),
    "diff": Entry("revisions:diff", "Show what differs between two models or revisions."),
    "train": Entry("training:train", "Teach a model from a file."),
    "runs": Entry("training:runs", "List the runs of training."),
    "logs": Entry("training:logs", "Show what a run has told."),
    "cancel": Entry("training:cancel", "End a run."),
    "pause": Entry("training:pause", "Let a run rest."),
    "resume": Entry("training:resume", "Let a run go on."),
    "grant": Entry("rights:grant", "Give somebody a right on a model."),
    "quota": Entry("rights:quota", "Limit what a user may have or do."),
    "audit": Entry("rights:audit", "Show who did what."),
    "demo": Entry("demo:demo", "Make a custom model and ask it three questions."),
    "check": Entry("check:check", "See whether everything in the store is as it was written."),
    "gc": Entry("collect:collect", "Remove blobs that nothing needs any more."),
    "doctor": Entry("doctor:doctor", "Find out what keeps modelwright from working here."),
    "config": Entry("configuration:config", "Show every setting and where its value came from."),
    "version": Entry("version:version", "Print the version."),
    "help": Entry("explanation:explain", "Explain a command."),
}

OTHER_WORDS: Final[Mapping[str, str]] = {
    "chat": "run",
    "ask": "run",
    "models": "ls",
    "start": "serve",
    "server": "serve",
    "delete": "rm",
    "remove": "rm",
    "copy": "cp",
    "info": "show",
    "download": "pull",
    "upload": "push",
    "unload": "stop",
    "fine-tune": "train",
    "finetune": "train",
    "users": "user ls",
    "keys": "key ls",
    "groups": "group ls",
    "templates": "template ls",
    "deployments": "deployment ls",
    "deploy": "deployment create",
    "settings": "config",
}
"""What people say who know another program, and the command that they mean."""

GROUPS: Final[Mapping[str, tuple[str, Mapping[str, Entry]]]] = {
    "modelfile": (
        "Work with Modelfiles.",
        {"check": Entry("modelfile:check", "Read a Modelfile and say what it means, or what is wrong.")},
    ),
    "template": (
        "Keep model templates, and make models of them.",
        {
            "ls": Entry("templates:ls", "List the templates that you may use.", alias="list"),
            "show": Entry("templates:show", "Show what a template makes, and its arguments."),
            "create": Entry("templates:create", "Keep a template, or a new revision of it."),
            "new-model": Entry("templates:new_model", "Make a model of a template."),
            "remake": Entry("templates:remake", "Make a model again with other arguments."),
            "rm": Entry("templates:remove", "Forget a template; models made of it stay."),
        },
    ),
    "deployment": (
        "Keep models ready, each at an endpoint of its own.",
        {
            "ls": Entry("deployments:ls", "List the deployments.", alias="list"),
            "show": Entry("deployments:show", "Show a deployment and how much it was used."),
            "create": Entry("deployments:create", "Deploy a model as it is now."),
            "scale": Entry("deployments:scale", "Change how many processes answer, or which revision."),
            "rm": Entry("deployments:remove", "End deployments; their models stay."),
        },
    ),
    "user": (
        "Say who may use the server.",
        {
            "create": Entry("people:create_user", "Add a user; the first is an admin."),
            "ls": Entry("people:list_users", "List the users.", alias="list"),
            "set": Entry("people:change_user", "Give a user another role, email or password."),
            "rm": Entry("people:remove_user", "Delete a user and revoke its keys."),
        },
    ),
    "account": (
        "Manage accounts: tenants, each with its users.",
        {
            "create": Entry("people:create_account", "Add an account."),
            "ls": Entry("people:list_accounts", "List the accounts.", alias="list"),
        },
    ),
    "group": (
        "Put users together, to grant them things together.",
        {
            "create": Entry("people:create_group", "Add a group."),
            "ls": Entry("people:list_groups", "List the groups and who is in them.", alias="list"),
            "set": Entry("people:change_group", "Give a group another name or description."),
            "add": Entry("people:add_members", "Let users join a group."),
            "remove": Entry("people:remove_members", "Let users leave a group."),
            "rm": Entry("people:remove_group", "Delete a group."),
        },
    ),
    "key": (
        "Make and revoke keys.",
        {
            "create": Entry("people:create_key", "Make a key; it is shown once."),
            "ls": Entry("people:list_keys", "List keys by their ids.", alias="list"),
            "revoke": Entry("people:revoke_key", "End a key."),
        },
    ),
}


class LazyCommand(TyperCommand):
    """Stands in the list of commands; becomes the real one when it is called."""

    def __init__(self, name: str, entry: Entry, *, hidden: bool = False) -> None:
        super().__init__(name, help=entry.help, hidden=hidden, rich_markup_mode=None)
        self.entry = entry

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return load(self.entry).make_context(info_name, args, parent=parent, **extra)


class Root(TyperGroup):
    """All commands; knows what is meant by other programs' words."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        meant = OTHER_WORDS.get(args[0])
        if meant:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {meant!r}?")
        return super().resolve_command(ctx, args)


def load(entry: Entry) -> Any:
    """Import a command's module and make the command of its function."""
    module, _, function = entry.target.partition(":")
    app = _app()
    app.command(help=entry.help)(getattr(importlib.import_module(f"modelwright.cli.{module}"), function))
    return typer.main.get_command(app)


def build() -> TyperGroup:
    """Make the whole command line; nothing heavy is loaded."""
    app = _app(add_completion=True, no_args_is_help=True)
    app.callback(help="Make custom language models, and run them.", cls=Root)(_root)
    root = _group(app)
    _fill(root, COMMANDS)
    for name, (text, entries) in GROUPS.items():
        inner = _app(no_args_is_help=True)
        inner.callback(help=text)(_nothing)
        group = _group(inner)
        _fill(group, entries)
        root.add_command(group, name)
    return root


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command, by default the one that the process was started with, and exit."""
    try:
        build().main(arguments, prog_name=NAME)
    except ModelwrightError as error:
        print_error(error)
        sys.exit(1)
    sys.exit(0)


def _app(*, add_completion: bool = False, no_args_is_help: bool = False) -> typer.Typer:
    return typer.Typer(
        name=NAME,
        add_completion=add_completion,
        no_args_is_help=no_args_is_help,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _group(app: typer.Typer) -> TyperGroup:
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)  # an app with a callback is one
    return command


def _fill(group: TyperGroup, entries: Mapping[str, Entry]) -> None:
    for name, entry in entries.items():
        group.add_command(LazyCommand(name, entry), name)
        if entry.alias:
            group.add_command(LazyCommand(entry.alias, entry, hidden=True), entry.alias)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before any command."""


def _nothing() -> None:
    """A group has no options of its own."""
