"""`user`, `group`, `key`, `grant`, `quota`, `audit`, beside a server that they make ask for keys."""

import json
from dataclasses import replace

import httpx2
import pytest


@pytest.fixture
def town(quick, serve):
    """A server with an admin and bob, and their keys."""
    server = serve(quick, "--port", "0")
    keys = {
        user: quick.json("key", "create", "--user", user, "--role", role)["key"]
        for user, role in (("ann", "admin"), ("bob", "user"))
    }
    return server.url, keys


def tags(url, key=""):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.get(f"{url}/api/tags", headers=headers, trust_env=False)


def test_keys_end_the_time_in_which_nobody_is_asked(quick, town):
    url, keys = town
    assert tags(url).status_code == 401
    assert {tags(url, key).status_code for key in keys.values()} == {200}
    assert "starter" in quick.ok("ls"), "who owns the data folder needs no key"
    stranger = replace(quick, environ={"MODELWRIGHT_KEY": keys["bob"]})
    assert "only an admin may do this" in stranger("user", "ls").stderr


def test_the_first_user_is_an_admin_and_ends_it_too(quick, serve):
    server = serve(quick, "--port", "0")
    assert tags(server.url).status_code == 200
    assert "the first user must be an admin" in quick("user", "create", "bob", "--role", "user").stderr
    assert tags(server.url).status_code == 200
    assert quick.json("user", "create", "ann")["role"] == "admin"
    assert tags(server.url).status_code == 401
    assert quick.json("user", "create", "bob")["role"] == "user"


def test_a_model_is_shared_and_taken_back(quick, town):
    _, keys = town
    bob = replace(quick, environ={"MODELWRIGHT_KEY": keys["bob"]})
    quick.ok("cp", "starter", "mario")
    assert "mario" not in bob.ok("ls")
    quick.ok("grant", "mario", "bob", "use")
    assert "mario" in bob.ok("ls")
    assert "you may not" in bob("rm", "mario").stderr
    shown = quick.json("grant", "mario")
    assert [(each["name"], each["level"]) for each in shown["grants"]] == [("bob", "use")]
    quick.ok("grant", "mario", "bob", "none")
    assert "mario" not in bob.ok("ls")
    assert "grant" in [entry["action"] for entry in quick.json("audit", "--model", "mario")]


def test_a_revoked_key_is_refused(quick, town):
    url, keys = town
    quick.ok("key", "revoke", keys["bob"])
    assert tags(url, keys["bob"]).status_code == 401
    states = {key["id"]: bool(key["revoked_at"]) for key in quick.json("key", "ls")}
    assert states == {keys["bob"].split("-")[1]: True, keys["ann"].split("-")[1]: False}
    assert keys["bob"] not in json.dumps(quick.json("key", "ls"))


def test_groups_quotas_and_users(quick, town):
    url, keys = town
    quick.ok("group", "create", "devs")
    quick.ok("group", "add", "devs", "bob")
    assert [(g["name"], g["members"]) for g in quick.json("group", "ls")] == [("devs", ["bob"])]
    quick.ok("group", "set", "devs", "--name", "builders", "--description", "Who builds")
    assert [(g["name"], g["description"]) for g in quick.json("group", "ls")] == [("builders", "Who builds")]
    quick.ok("quota", "bob", "requests_per_minute", "1")
    assert [tags(url, keys["bob"]).status_code for _ in range(2)] == [200, 429]
    assert quick.json("quota", "bob")["quotas"]["requests_per_minute"] == 1
    assert "the last admin" in quick("user", "rm", "ann").stderr
    quick.ok("user", "rm", "bob")
    assert [user["name"] for user in quick.json("user", "ls")] == ["ann"]


def test_an_account_is_given_a_right_as_a_whole(quick, town):
    _, keys = town
    bob = replace(quick, environ={"MODELWRIGHT_KEY": keys["bob"]})
    quick.ok("account", "create", "acme")
    assert [each["name"] for each in quick.json("account", "ls")] == ["acme"]
    quick.ok("cp", "starter", "mario")
    quick.ok("grant", "mario", "account:acme", "use")
    assert "mario" not in bob.ok("ls")
    quick.ok("user", "set", "bob", "--account", "acme")
    assert "mario" in bob.ok("ls")


WRONG = [
    (["user", "create", "a/b"], "invalid name of a user"),
    (["user", "create", "x", "--email", "nobody"], "invalid email"),
    (["user", "create", "x", "--role", "king"], "unknown role"),
    (["key", "create", "--user", "ann", "--role", "user"], "has the role"),
    (["key", "create", "--user", "ann", "--expires", "soon"], "soon"),
    (["key", "create", "--user", "ann", "--verb", "fly"], "unknown verb"),
    (["key", "revoke", "nothing"], "not found"),
    (["grant", "starter", "nobody", "use"], "principal 'nobody' not found"),
    (["grant", "starter", "ann", "fly"], "unknown level"),
    (["grant", "nothing", "ann", "use"], "model 'nothing' not found"),
    (["quota", "ann", "gold", "1"], "unknown quota"),
    (["quota", "ann", "models", "many"], "whole number"),
    (["group", "add", "nothing", "ann"], "group 'nothing' not found"),
    (["audit", "--user", "nobody"], "user 'nobody' not found"),
]


def test_what_is_wrong_is_said(quick, town):
    for command, said in WRONG:
        done = quick(*command)
        assert (done.returncode, said in done.stderr) == (1, True), (command, done.stderr)


def test_a_password_comes_from_stdin(quick, town):
    quick.ok("user", "set", "bob", "--email", "bob@example.com", "--password-stdin", stdin="long enough\n")
    answer = httpx2.post(
        f"{town[0]}/api/modelwright/signin",
        json={"email": "bob@example.com", "password": "long enough"},
        trust_env=False,
    )
    assert answer.json()["user"]["name"] == "bob"
    assert "there is no password" in quick("user", "set", "bob", "--password-stdin").stderr
