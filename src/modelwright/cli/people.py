"""`user`, `group`, `key`: who may use a server, and what proves it."""

import sys
from typing import Annotated, Any, TypeAlias

import typer

from modelwright.cli.client import NATIVE
from modelwright.cli.console import JsonOption, note, print_json, print_table, say
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import Invalid

UserArgument: TypeAlias = Annotated[
    str, typer.Argument(help="A user, by name, email or id.", show_default=False)
]
GroupArgument: TypeAlias = Annotated[str, typer.Argument(help="A group, by name or id.", show_default=False)]
NewName: TypeAlias = Annotated[str, typer.Argument(help="The name.", show_default=False)]
MembersArgument: TypeAlias = Annotated[list[str], typer.Argument(help="Users.", show_default=False)]
RoleOption: TypeAlias = Annotated[
    str, typer.Option("--role", help="admin, user, pending or service.", show_default=False)
]
EmailOption: TypeAlias = Annotated[
    str, typer.Option("--email", help="What one signs in with.", show_default=False)
]
AccountOption: TypeAlias = Annotated[
    str, typer.Option("--account", help="The tenant it belongs to.", show_default=False)
]
DescriptionOption: TypeAlias = Annotated[
    str | None, typer.Option("--description", help="What it is for.", show_default=False)
]
PasswordOption: TypeAlias = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin, one line.")
]


def create_user(
    name: NewName,
    role: RoleOption = "",
    email: EmailOption = "",
    password_stdin: PasswordOption = False,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Add a user, or with the role service a service account; the first is an admin."""
    body = _given(name=name, role=role, email=email, password=_password(password_stdin))
    with connect(host) as client:
        added = client.ask("POST", f"{NATIVE}/users", body)
    if as_json:
        print_json(added)
        return
    note(f"{added['name']} is here, with the role {added['role']}")
    note(f'make a key with "modelwright key create --user {added["name"]}"')


def list_users(as_json: JsonOption = False, host: HostOption = "") -> None:
    """List the users."""
    with connect(host) as client:
        users = client.ask("GET", f"{NATIVE}/users")["users"]
    if as_json:
        print_json(users)
        return
    rows = [(each["name"], each["role"], each["email"], each["namespace"], each["id"][:12]) for each in users]
    print_table(("NAME", "ROLE", "EMAIL", "NAMESPACE", "ID"), rows)


def change_user(
    user: UserArgument,
    role: RoleOption = "",
    email: EmailOption = "",
    account: AccountOption = "",
    password_stdin: PasswordOption = False,
    host: HostOption = "",
) -> None:
    """Give a user another role, email, account or password."""
    password = _password(password_stdin)
    body = _given(user=user, role=role, email=email, account=account, password=password)
    with connect(host) as client:
        changed = client.ask("PATCH", f"{NATIVE}/users", body)
    note(f"{changed['name']} has the role {changed['role']}")


def remove_user(user: UserArgument, host: HostOption = "") -> None:
    """Delete a user and revoke its keys; what it made stays."""
    with connect(host) as client:
        client.ask("DELETE", f"{NATIVE}/users", {"user": user})
    note(f"{user} is gone")


def create_group(name: NewName, description: DescriptionOption = None, host: HostOption = "") -> None:
    """Add a group."""
    body = {"name": name, "description": description or ""}
    with connect(host) as client:
        client.ask("POST", f"{NATIVE}/groups", body)
    note(f"the group {name} is here")


def list_groups(as_json: JsonOption = False, host: HostOption = "") -> None:
    """List the groups and who is in them."""
    with connect(host) as client:
        groups = client.ask("GET", f"{NATIVE}/groups")["groups"]
    if as_json:
        print_json(groups)
    else:
        rows = [(each["name"], ", ".join(each["members"]), each["description"]) for each in groups]
        print_table(("NAME", "MEMBERS", "DESCRIPTION"), rows)


def change_group(
    group: GroupArgument,
    name: Annotated[str, typer.Option("--name", help="What it is to be called.", show_default=False)] = "",
    description: DescriptionOption = None,
    host: HostOption = "",
) -> None:
    """Give a group another name or description."""
    body: dict[str, Any] = {"group": group, **_given(name=name)}
    if description is not None:
        body["description"] = description
    with connect(host) as client:
        changed = client.ask("PATCH", f"{NATIVE}/groups", body)
    note(f"{changed['name']}: {changed['description'] or 'nothing is told of it'}")


def create_account(name: NewName, host: HostOption = "") -> None:
    """Add an account: a tenant, whose users can be given a right together."""
    with connect(host) as client:
        client.ask("POST", f"{NATIVE}/accounts", {"name": name})
    note(f'the account {name} is here; put a user into it with "modelwright user set USER --account {name}"')


def list_accounts(as_json: JsonOption = False, host: HostOption = "") -> None:
    """List the accounts."""
    with connect(host) as client:
        accounts = client.ask("GET", f"{NATIVE}/accounts")["accounts"]
    if as_json:
        print_json(accounts)
    else:
        print_table(("NAME", "ID"), [(each["name"], each["id"][:12]) for each in accounts])


def add_members(group: GroupArgument, users: MembersArgument, host: HostOption = "") -> None:
    """Let users join a group."""
    _change_group(host, {"group": group, "add": users})


def remove_members(group: GroupArgument, users: MembersArgument, host: HostOption = "") -> None:
    """Let users leave a group."""
    _change_group(host, {"group": group, "remove": users})


def remove_group(group: GroupArgument, host: HostOption = "") -> None:
    """Delete a group, and what was granted to it."""
    with connect(host) as client:
        client.ask("DELETE", f"{NATIVE}/groups", {"group": group})
    note(f"the group {group} is gone")


def create_key(
    user: Annotated[str, typer.Option("--user", help="Whose it is; made if there is none.")] = "",
    role: RoleOption = "",
    label: Annotated[str, typer.Option("--label", help="What it is for.", show_default=False)] = "",
    expires: Annotated[str, typer.Option("--expires", help="How long it is good, such as 720h.")] = "",
    dialect: Annotated[list[str] | None, typer.Option("--dialect", help="Only through this one.")] = None,
    verb: Annotated[list[str] | None, typer.Option("--verb", help="Only to do this: use, list.")] = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="Only with this model.")] = None,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Make a key and print it. It is shown once, and kept only as a hash."""
    body = _given(user=user, role=role, label=label, expires=expires)
    body |= _given(dialects=dialect or [], verbs=verb or [], models=model or [])
    with connect(host) as client:
        made = client.ask("POST", f"{NATIVE}/keys", body)
    if as_json:
        print_json(made)
        return
    say(made["key"])
    note(f"this key of {made['user']} is shown once; clients send it as MODELWRIGHT_KEY")


def list_keys(
    user: Annotated[str, typer.Option("--user", help="Only those of this user.")] = "",
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """List keys by their ids; the keys themselves are not known."""
    with connect(host) as client:
        keys = client.ask("GET", f"{NATIVE}/keys", query={"user": user} if user else None)["keys"]
    if as_json:
        print_json(keys)
        return
    rows = [
        (each["id"], each["label"], each["user"][:12], _state(each), each["used_at"] or "never")
        for each in keys
    ]
    print_table(("ID", "LABEL", "USER", "STATE", "LAST USED"), rows)


def revoke_key(
    key: Annotated[str, typer.Argument(help="A key, or its id.", show_default=False)], host: HostOption = ""
) -> None:
    """End a key; it is refused within a second."""
    with connect(host) as client:
        revoked = client.ask("DELETE", f"{NATIVE}/keys", {"key": key})
    note(f"the key {revoked['revoked']} is revoked")


def _change_group(host: str, body: dict[str, Any]) -> None:
    with connect(host) as client:
        changed = client.ask("PATCH", f"{NATIVE}/groups", body)
    note(f"in {changed['name']}: {', '.join(changed['members']) or 'nobody'}")


def _given(**fields: object) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _password(wanted: bool) -> str:
    if not wanted:
        return ""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Invalid("there is no password on stdin", field="password")
    return password


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return "revoked"
    return f"until {key['expires_at']}" if key["expires_at"] else "good"
