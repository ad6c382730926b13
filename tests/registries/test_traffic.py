"""Where traffic may go: every spelling of an address means that address."""

import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path

import httpx2
import pytest

from modelwright.core.errors import Denied, Unavailable
from modelwright.registries.challenge import Challenge, check_realm, is_same_host
from modelwright.registries.pinned import pinned_client
from modelwright.registries.traffic import Guarded, Traffic, is_public
from tests.registries.scripted import Scripted

pytestmark = pytest.mark.anyio
TABLE = Path(__file__).parents[3] / "shared" / "conformance" / "ollama" / "registry_auth.json"

LOOPBACK = (
    "127.0.0.1", "127.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
    "017700000001", "0", "0.0.0.0", "localhost", "::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1",
    "0:0:0:0:0:ffff:7f00:1",
)  # fmt: skip
PRIVATE = (
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "fd00::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1", "2001:db8::1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.mark.parametrize("spelling", LOOPBACK)
async def test_loopback_is_refused_in_every_spelling(spelling: str) -> None:
    with pytest.raises((Denied, Unavailable)) as refused:
        await Traffic(["*"]).addresses(spelling, 80)
    assert spelling in refused.value.message


@pytest.mark.parametrize("text", PRIVATE)
async def test_what_is_not_on_the_internet_is_refused(text: str) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["1.1.1.1", text]

    assert not is_public(ipaddress.ip_address(text))
    with pytest.raises(Denied, match="not on the public internet"):
        await Traffic(["*", "registry.example"], resolve=resolve).addresses("evil.example", 443)
    listed = Traffic(["registry.example"], resolve=resolve)
    assert await listed.addresses("registry.example", 443) == ("1.1.1.1", text)
    with pytest.raises(Denied):
        await listed.addresses("registry.example", 22)


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_on_the_internet_is_not_refused(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


async def _both(host: str, port: int) -> Sequence[str]:
    return ["::1", "127.0.0.1"]


async def test_a_name_with_two_addresses_is_reached_at_the_one_that_answers(scripted: Scripted) -> None:
    port, came = scripted.host.rpartition(":")[2], []
    scripted.on("POST ", lambda it: (came.append(it.body()), it.give(200)))
    traffic = Traffic([f"localhost:{port}"], resolve=_both)
    async with httpx2.AsyncClient(transport=Guarded(traffic)) as client:
        for _ in range(2):
            assert (await client.post(f"http://localhost:{port}/v2/", content=b"x")).is_success
        with pytest.raises(Denied):
            await client.get("http://localhost:9/")
    assert came == [b"x", b"x"]


def test_so_is_it_for_a_library_of_its_own(scripted: Scripted) -> None:
    port = scripted.host.rpartition(":")[2]
    with pinned_client(Traffic([f"localhost:{port}"], resolve=_both)) as client:
        assert client.get(f"http://localhost:{port}/v2/").is_success


def test_only_what_is_listed_is_a_registry() -> None:
    traffic = Traffic(["registry.example", "Localhost:5000"])
    for host in ("registry.example", "REGISTRY.example", "registry.example:443", "localhost:5000"):
        traffic.check(host)
    for host in ("registry.example:8443", "localhost", "localhost:5001", "xregistry.example", "example"):
        with pytest.raises(Denied, match="not among those"):
            traffic.check(host)


def _table() -> list[dict[str, str]]:
    return json.loads(TABLE.read_text())["cases"] if TABLE.exists() else []


@pytest.mark.skipif(not TABLE.exists(), reason="the conformance tables are not beside this checkout")
def test_challenges_are_read_as_ollama_reads_them() -> None:
    cases = _table()
    for case in cases:
        if case["kind"] == "parse_www_authenticate":
            found = Challenge.parse(case["input"])
            assert (found.realm, found.service, found.scope) == (
                case["wantRealm"],
                case["wantService"],
                case["wantScope"],
            )
        else:
            assert case["kind"] == "realm_host_check"
            assert is_same_host(case["realm"], case["originalHost"]) is not case["wantMismatch"]
    assert len(cases) == 8


@pytest.mark.parametrize(
    "realm",
    [
        "http://r.example/token",
        "https://other.example/t",
        "https://r.example.evil/t",
        "https://r.example@evil/t",
        "https://evil\\@r.example/t",
        "//r.example/t",
        "r.example",
        "",
        "file:///r.example",
        "https://[r.example/t",
    ],
)
def test_no_other_realm_sees_credentials(realm: str) -> None:
    with pytest.raises(Denied):
        check_realm(realm, "r.example", listed=False, insecure=False)
