"""What every book of people, keys, quotas and of the log does, on each kind of database."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from modelwright.core.access import viewer_of
from modelwright.core.audit import Entry, Tokens
from modelwright.core.digest import Digest
from modelwright.core.errors import Conflict, Exhausted, Invalid, NotFound, Unauthenticated, Unavailable
from modelwright.core.grants import LOCAL_ADMIN, Grant, Level, Principal, Scopes, Subject, Verb, scopes_of
from modelwright.core.lineage import resolve
from modelwright.core.names import Name
from modelwright.core.revision import BlobRecord, NewRevision
from modelwright.core.spec import CLEARED, AdapterLayer, ModelSpec, PinnedParent, WeightLayer
from modelwright.service.access import Access
from modelwright.service.accounts import Accounts
from modelwright.service.rights import Books, Rights, build_rights
from modelwright.store.audit import AuditBook
from modelwright.store.catalogue import Catalogue
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook
from modelwright.store.migrations import m0040_layers

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Settable:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Settable:
    return Settable()


def books(catalogue: Catalogue) -> Books:
    database = catalogue.database
    return Books(KeyBook(database), GrantBook(database), AuditBook(database))


@pytest.fixture
async def rights(catalogue: Catalogue, clock: Settable) -> Rights:
    return build_rights(books(catalogue), Access(catalogue), clock)


def new(name: str, owner: str = "local", **fields: object) -> NewRevision:
    values = {"base": None, "parent": "", "manifest": None, "size": 0, "author": "x", "kind": "create"}
    values |= {"spec": ModelSpec(system=name)}
    return NewRevision(Name.parse(name), created_at=NOON, owner=owner, **values | fields)


async def test_the_first_user_is_an_admin_and_ends_the_keyless_time(rights: Rights) -> None:
    accounts = rights.accounts
    assert await accounts.is_keyless()
    with pytest.raises(Invalid, match="the first user must be an admin"):
        await accounts.add_user(LOCAL_ADMIN, "bob", "user")
    assert (await accounts.add_user(LOCAL_ADMIN, "ann")).role == "admin"
    assert not await accounts.is_keyless()
    assert (await accounts.add_user(LOCAL_ADMIN, "bob")).role == "user"


class Hesitant(KeyBook):
    """Says what it saw only when it is told to, the first time."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(catalogue.database)
        self.looked, self.told = asyncio.Event(), asyncio.Event()

    async def has_anybody(self) -> bool:
        found = await super().has_anybody()
        if not self.looked.is_set():
            self.looked.set()
            await self.told.wait()
        return found


async def test_who_looked_before_the_first_user_came_lets_nobody_in_after(
    catalogue: Catalogue, clock: Settable
) -> None:
    people = Hesitant(catalogue)
    accounts = Accounts(people, AuditBook(catalogue.database), clock)
    asking = asyncio.create_task(accounts.is_keyless())
    await people.looked.wait()
    await accounts.add_user(LOCAL_ADMIN, "ann")
    people.told.set()
    assert not await asking
    assert not await accounts.is_keyless()


async def test_names_emails_and_namespaces_are_nobody_elses(rights: Rights, catalogue: Catalogue) -> None:
    accounts = rights.accounts
    await catalogue.commit(new("carl/old"))
    ann = await accounts.add_user(LOCAL_ADMIN, "Ann", email="ann@example.com")
    for name, email in (("ANN", ""), ("anne", "ANN@example.com")):
        with pytest.raises(Conflict):
            await accounts.add_user(LOCAL_ADMIN, name, email=email)
    spaces = [(await accounts.add_user(LOCAL_ADMIN, name)).namespace for name in ("a n n", "Carl", "library")]
    assert [ann.namespace, *spaces] == ["ann", "a-n-n", "carl-2", "library-1"]
    await accounts.delete_user(LOCAL_ADMIN, "Carl")
    again = await accounts.add_user(LOCAL_ADMIN, "Carl")
    assert again.namespace == "carl-3", "nobody inherits what stands in another's namespace"


async def test_the_last_admin_stays(rights: Rights) -> None:
    await rights.accounts.add_user(LOCAL_ADMIN, "ann")
    with pytest.raises(Conflict, match="the last admin"):
        await rights.accounts.change_user(LOCAL_ADMIN, "ann", role="user")
    with pytest.raises(Conflict, match="the last admin"):
        await rights.accounts.delete_user(LOCAL_ADMIN, "ann")


async def test_a_key_is_shown_once_and_kept_as_a_hash(rights: Rights, catalogue: Catalogue) -> None:
    ann = await rights.accounts.add_user(LOCAL_ADMIN, "ann")
    made = await rights.accounts.add_key(LOCAL_ADMIN, ann, label="laptop", scopes=scopes_of(verbs=["use"]))
    found = await rights.accounts.principal(made.secret, local=False)
    assert found is not None
    assert (found.name, found.role, found.scopes) == ("ann", "admin", Scopes(verbs=frozenset({"use"})))
    held = await catalogue.database.read(lambda c: list(c.execute(text("SELECT * FROM keys"))))
    assert made.secret not in str(held)
    assert made.secret.split("-", 2)[2] not in str(held)
    assert [key.label for key in await rights.accounts.keys(LOCAL_ADMIN)] == ["laptop"]


@pytest.mark.parametrize(
    "wrong", ["", "mw-", "mw-000000000000-" + "A" * 43, "ollama", "\udcff", "x" * 10_000]
)
async def test_what_is_no_key_is_nobody(rights: Rights, wrong: str) -> None:
    ann = await rights.accounts.add_user(LOCAL_ADMIN, "ann")
    made = await rights.accounts.add_key(LOCAL_ADMIN, ann)
    forged = made.secret[:-1] + ("A" if made.secret[-1] != "A" else "B")
    for credential in (wrong, forged, made.secret.upper(), f" {made.secret}"):
        assert await rights.accounts.principal(credential, local=True) is None


async def test_a_key_ends_everywhere_within_a_second(
    rights: Rights, catalogue: Catalogue, clock: Settable
) -> None:
    now = [0.0]
    other = Accounts(
        KeyBook(catalogue.database), AuditBook(catalogue.database), clock, seconds=lambda: now[0]
    )
    ann = await rights.accounts.add_user(LOCAL_ADMIN, "ann")
    made = await rights.accounts.add_key(LOCAL_ADMIN, ann)
    for accounts in (rights.accounts, other):
        assert await accounts.principal(made.secret, local=False)
    await rights.accounts.revoke_key(LOCAL_ADMIN, made.secret)
    assert await rights.accounts.principal(made.secret, local=False) is None
    now[0] = 1.0
    assert await other.principal(made.secret, local=False) is None
    with pytest.raises(NotFound):
        await rights.accounts.revoke_key(LOCAL_ADMIN, "000000000000")


async def test_nobody_could_be_let_in_by_a_key_that_has_ended(rights: Rights, clock: Settable) -> None:
    """Else a server without a good key would listen where others reach it."""
    accounts = rights.accounts
    ann = await accounts.add_user(LOCAL_ADMIN, "ann", email="ann@x.org")
    assert not await accounts.has_keys()
    await accounts.add_key(LOCAL_ADMIN, ann, expires_at=NOON + timedelta(hours=1))
    assert await accounts.has_keys()
    clock.at += timedelta(hours=1)
    assert not await accounts.has_keys()
    other = await accounts.add_key(LOCAL_ADMIN, ann)
    assert await accounts.has_keys()
    await accounts.revoke_key(LOCAL_ADMIN, other.key.id)
    assert not await accounts.has_keys()


async def test_a_key_expires(rights: Rights, clock: Settable) -> None:
    ann = await rights.accounts.add_user(LOCAL_ADMIN, "ann")
    made = await rights.accounts.add_key(LOCAL_ADMIN, ann, expires_at=NOON + timedelta(hours=1))
    assert await rights.accounts.principal(made.secret, local=False)
    clock.at = NOON + timedelta(hours=1)
    assert await rights.accounts.principal(made.secret, local=False) is None


async def test_whoever_is_deleted_acts_no_more(rights: Rights) -> None:
    await rights.accounts.add_user(LOCAL_ADMIN, "ann")
    bob = await rights.accounts.add_user(LOCAL_ADMIN, "bob")
    made = await rights.accounts.add_key(LOCAL_ADMIN, bob)
    assert await rights.accounts.principal(made.secret, local=False)
    await rights.accounts.delete_user(LOCAL_ADMIN, "bob")
    assert await rights.accounts.principal(made.secret, local=False) is None


async def test_signing_in_gives_a_session_and_a_wrong_password_nothing(
    rights: Rights, clock: Settable, catalogue: Catalogue
) -> None:
    accounts = rights.accounts
    await accounts.add_user(LOCAL_ADMIN, "ann", email="Ann@example.com", password="correct horse")
    user, session = await accounts.sign_in("ann@EXAMPLE.com", "correct horse")
    assert user.name == "ann"
    assert await accounts.principal(session.secret, local=False)
    clock.at = NOON + timedelta(days=8)
    assert await accounts.principal(session.secret, local=False) is None
    refused = []
    for email, password in (("ann@example.com", "wrong horse"), ("bob@example.com", "correct horse")):
        with pytest.raises(Unauthenticated) as error:
            await accounts.sign_in(email, password)
        refused.append(str(error.value))
    assert refused[0] == refused[1]
    held = await catalogue.database.read(
        lambda c: c.execute(text("SELECT password FROM principals")).scalar()
    )
    assert held.startswith("$argon2id$")


async def test_grants_name_people_groups_accounts_and_everyone(rights: Rights, catalogue: Catalogue) -> None:
    accounts = rights.accounts
    await accounts.add_user(LOCAL_ADMIN, "ann")
    await accounts.add_account(LOCAL_ADMIN, "acme")
    bob = await accounts.add_user(LOCAL_ADMIN, "bob", account="acme")
    await accounts.add_group(LOCAL_ADMIN, "devs")
    await catalogue.commit(new("mario"))
    for principal, level in (("bob", "use"), ("group:devs", "read"), ("acme", "derive"), ("everyone", "use")):
        await rights.sharing.grant(LOCAL_ADMIN, "mario", principal, level)
    found = await rights.sharing.shares(LOCAL_ADMIN, "mario")
    kinds = {grant.subject.kind: grant.level for grant in found.grants}
    assert kinds == {
        "user": Level.USE, "group": Level.READ, "account": Level.DERIVE, "everyone": Level.USE
    }  # fmt: skip
    access = Access(catalogue)
    assert (await access.find(bob.acting(), "mario", Verb.DERIVE)).name == Name.parse("mario")
    for nobody in ("zed", "group:zed", "robot:bob", "", "user:", "../", "a" * 300):
        with pytest.raises(NotFound, match="principal"):
            await rights.sharing.grant(LOCAL_ADMIN, "mario", nobody, "use")
    with pytest.raises(Invalid, match="everyone cannot be given"):
        await rights.sharing.grant(LOCAL_ADMIN, "mario", "everyone", "own")


async def test_n_models_pass_and_the_next_does_not_however_many_ask_at_once(catalogue: Catalogue) -> None:
    asked = [catalogue.commit(new(f"bob/m{n}", "bob", most_models=5)) for n in range(32)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, Exhausted) for each in done) == 27
    assert sum(model.owner == "bob" for model in await catalogue.list_models()) == 5
    await catalogue.commit(new("ann/m", "ann", most_models=5))
    await catalogue.commit(new("bob/other", "bob"))


async def test_uploaded_bytes_stop_at_the_quota(catalogue: Catalogue) -> None:
    records = [BlobRecord(Digest.of(bytes([n])), 10, None) for n in range(16)]
    asked = [catalogue.add_upload(record, "bob", 50) for record in records]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, Exhausted) for each in done) == 11
    assert await catalogue.uploaded_bytes("bob") == 50
    first = next(record for record, each in zip(records, done, strict=True) if each is None)
    await catalogue.add_upload(first, "bob", 50)  # the same bytes count once


async def test_a_change_of_a_quota_is_written_down(rights: Rights) -> None:
    ann = (await rights.accounts.add_user(LOCAL_ADMIN, "ann")).acting()
    bob = (await rights.accounts.add_user(LOCAL_ADMIN, "bob")).acting()
    await rights.quotas.set(bob, "models", 3, ann)
    await rights.quotas.set(bob, "models", None, ann)
    lines = [line for line in await rights.audit.entries() if line.action == "quota"]
    assert [(line.name, line.thing, line.detail["most"]) for line in lines] == [
        ("ann", f"user:{bob.id}", "none"),
        ("ann", f"user:{bob.id}", 3),
    ]


async def test_the_log_says_who_did_what_and_is_never_rewritten(rights: Rights, catalogue: Catalogue) -> None:
    stored = (await catalogue.commit(new("mario"))).model
    await catalogue.commit(new("mario"))  # the same again is no change
    await rights.sharing.grant(LOCAL_ADMIN, "mario", "everyone", "use")
    for _ in range(3):
        rights.audit.ledger.note(LOCAL_ADMIN, stored, 1, 5, 2)
    await catalogue.delete(stored.name.key)
    lines = await rights.audit.entries(model="mario")
    assert [line.action for line in lines] == ["use", "delete", "grant", "create"]
    assert lines[0].detail == {"requests": 3, "prompt_tokens": 15, "completion_tokens": 6}
    assert {line.revision for line in lines} == {1, None}
    for statement in ("UPDATE audit SET name = 'x'", "DELETE FROM audit"):
        with pytest.raises(Unavailable, match=r"append-only|failed"):
            await catalogue.database.write(lambda c, s=statement: c.execute(text(s)))


async def test_tokens_add_up(catalogue: Catalogue) -> None:
    log = AuditBook(catalogue.database)
    entry = Entry(NOON, "bob", "bob", "use", "mario:latest", None, 1, {"requests": 1})
    await log.append([entry], [Tokens("bob", 1, 5), Tokens("bob", 2, 1)])
    await log.append([], [Tokens("bob", 1, 7)])
    assert [await log.tokens("bob", day) for day in (1, 2, 3)] == [12, 1, 0]
    assert (await log.entries(limit=5))[0].thing == "mario:latest"


async def test_blobs_are_reached_by_who_brought_them_or_may_derive(catalogue: Catalogue) -> None:
    digest, other = Digest.of(b"weights"), Digest.of(b"others")
    bob = Principal("bob", "bob")
    await catalogue.add_blob(BlobRecord(digest, 7, None))
    viewer = viewer_of(bob, Level.DERIVE)
    assert viewer is not None
    assert await catalogue.reachable(viewer, (digest, other)) == frozenset()
    await catalogue.add_upload(BlobRecord(digest, 7, None), "bob")
    assert await catalogue.reachable(viewer, (digest, other)) == {digest}


async def test_adapters_and_projectors_are_reached_by_who_may_derive(catalogue: Catalogue) -> None:
    """By their digest, as bases are; also those that a model has from its ancestors."""
    weights, eyes, tuned, unused = (Digest.of(name) for name in (b"w", b"eyes", b"lora", b"left out"))
    for digest in (weights, eyes, tuned, unused):
        await catalogue.add_blob(BlobRecord(digest, 1, None))
    base = ModelSpec(weights=(WeightLayer("model", weights, 1), WeightLayer("projector", eyes, 1)))
    first = ModelSpec(parent=PinnedParent(base.digest, "base"), adapters=(AdapterLayer(unused, 1),))
    plain = ModelSpec(parent=PinnedParent(first.digest, "first"), adapters=CLEARED)
    second = ModelSpec(parent=PinnedParent(plain.digest, "plain"), adapters=(AdapterLayer(tuned, 1),))
    last = ModelSpec(parent=PinnedParent(second.digest, "second"), system="x")
    chain, stored = [last, second, plain, first, base], {}
    for number, lineage in enumerate(chain[start:] for start in range(4, -1, -1)):
        resolved = resolve(lineage)
        made = new(f"m{number}", spec=lineage[0], base=resolved.base)
        stored[number] = (await catalogue.commit(replace(made, layers=resolved.layers))).model
    bob = viewer_of(Principal("bob", "bob"), Level.DERIVE)
    wanted = (weights, eyes, tuned, unused)
    assert await catalogue.reachable(bob, wanted) == frozenset()
    book = GrantBook(catalogue.database)
    await book.put(stored[4], Grant(Subject("user", "bob"), Level.READ), LOCAL_ADMIN, NOON)
    await book.put(stored[4], Grant(Subject("group", "x"), Level.DERIVE), LOCAL_ADMIN, NOON)
    assert await catalogue.reachable(bob, wanted) == frozenset(), "to read is not to derive"
    member = viewer_of(Principal("bob", "bob", groups=("x",)), Level.DERIVE)
    assert await catalogue.reachable(member, wanted) == {weights, eyes, tuned}
    # What an older modelwright wrote is found from the specs alone.
    await catalogue.database.write(lambda c: c.execute(text("DROP TABLE layers")))
    await catalogue.database.write(lambda c: c.execute(text("DROP INDEX revisions_of_spec")))
    await catalogue.database.write(m0040_layers.apply)
    assert await catalogue.reachable(member, wanted) == {weights, eyes, tuned}
