"""A model that was shown and made again from its Modelfile is the same model."""

import asyncio
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.chat import Message
from modelwright.core.description import Description
from modelwright.core.digest import Digest
from modelwright.core.draft import CLEARABLE, SpecDraft, draft_from_commands
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.modelfile import parse
from modelwright.core.parameters import Parameters
from modelwright.core.recipe import print_recipe
from modelwright.core.revision import BlobRecord
from modelwright.core.spec import CLEARED, UNSET
from modelwright.core.weight_files import NamedAdapter, NamedBlob
from modelwright.core.weights import WeightFacts
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue

PROVE = bool(os.environ.get("PROVE"))
BASE, PROJECTOR, LORA, OTHER = (Digest.of(name) for name in (b"base", b"projector", b"lora", b"other"))
KINDS = {BASE: "model", PROJECTOR: "projector", LORA: "adapter", OTHER: "adapter"}


class Fitting:
    """Weight files that all fit: the blobs of these tests are names without bytes."""

    async def check_adapter(self, adapter: Digest, base: Digest) -> None:
        assert (KINDS[adapter], KINDS[base]) == ("adapter", "model")


class Now:
    def now(self) -> Any:
        return datetime.now(UTC)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
spellable = st.one_of(
    texts, st.sampled_from(['"', '"""', 'a"', ' "x" ', "two\nlines", "\n", "# no comment", "FROM x"])
)
parameters = st.fixed_dictionaries(
    {},
    optional={
        "num_ctx": st.integers(1, 10**7),
        "temperature": st.floats(0, 2),
        "stop": st.lists(texts, max_size=3),
        "use_mmap": st.booleans(),
    },
).map(Parameters.of)
adapters = st.lists(
    st.builds(
        NamedAdapter,
        st.sampled_from([LORA, OTHER]).map(lambda digest: (NamedBlob("", digest),)),
        st.floats(-4, 4),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda adapter: adapter.files,
).map(tuple)


def perhaps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([UNSET, UNSET, CLEARED]) | values


messages = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), spellable)
fields = st.fixed_dictionaries(
    {
        "system": perhaps(spellable),
        "prompt_template": perhaps(st.sampled_from(["{{ .Prompt }}", "{{ .System }}\n{{ .Prompt }} "])),
        "parameters": perhaps(parameters),
        "messages": perhaps(st.lists(messages, min_size=1, max_size=2).map(tuple)),
        "licences": perhaps(st.lists(spellable, min_size=1, max_size=2).map(tuple)),
        "adapters": perhaps(adapters),
        "renderer": perhaps(st.sampled_from(["qwen3-coder", "gemma4"])),
        "parser": perhaps(st.sampled_from(["qwen3", "harmony"])),
        "requires": perhaps(st.sampled_from(["0.14.0", "0.34.2"])),
        "description": perhaps(
            st.sampled_from(
                [
                    Description(base_name='b "q" é', context_length=7),
                    Description(capabilities=("tools", "own")),
                ]
            )
        ),
    }
)


class World:
    """A catalogue, and what can be made in it."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        files: Any = Fitting()
        self.catalogue = catalogue
        self.models = Models(catalogue, BlobStore(folder), files, Resolver(catalogue), Now())

    async def create(self, name: str, draft: SpecDraft) -> None:
        async for _ in self.models.create(LOCAL_ADMIN, name, draft):
            pass

    async def digest(self, name: str) -> Digest:
        return (await self.models.summary(LOCAL_ADMIN, name)).digest

    async def modelfile(self, name: str) -> str:
        view = await self.models.show(LOCAL_ADMIN, name)
        return print_recipe(view.resolved, view.origin)


async def in_a_world(work: Any, architecture: str = "llama") -> None:
    with tempfile.TemporaryDirectory() as folder:
        catalogue = await Catalogue.open(f"sqlite:///{folder}/catalogue.db")
        try:
            for digest, kind in KINDS.items():
                facts = WeightFacts(kind, "gguf", architecture, 1000, "F16")
                await catalogue.add_blob(BlobRecord(digest, 4, facts))
            await work(World(catalogue, Path(folder)))
        finally:
            await catalogue.close()


def unspellable(modelfile: str) -> bool:
    return any(line.startswith("# ") and "cannot hold" in line for line in modelfile.splitlines())


@pytest.mark.limit(2400 if PROVE else 600)
@given(st.lists(fields, min_size=1, max_size=3), st.booleans(), st.sampled_from(["", "changed", "gone"]))
@settings(max_examples=1000 if PROVE else 30)
def test_create_of_show_is_the_same_model(generations: list[Any], seeing: bool, first: str) -> None:
    async def work(world: World) -> None:
        files = (NamedBlob("", BASE), *([NamedBlob("", PROJECTOR)] if seeing else []))
        parent: dict[str, Any] = {"files": files}
        for number, said in enumerate(generations):
            await world.create(f"m{number}", SpecDraft(**parent, **said))
            parent = {"parent": f"m{number}"}
        last = f"m{len(generations) - 1}"
        if first == "changed":  # a parent that is another one by now is named by its revision
            await world.create("m0", SpecDraft(files=files, system="something else altogether"))
            last += "@1" if len(generations) == 1 else ""
        elif first == "gone" and len(generations) > 1:
            await world.models.delete(LOCAL_ADMIN, f"m{len(generations) - 2}")
        modelfile = await world.modelfile(last)
        await world.create("again", draft_from_commands(parse(modelfile)))
        before = await world.models.show(LOCAL_ADMIN, last)
        after = await world.models.show(LOCAL_ADMIN, "again")
        if unspellable(modelfile):
            return
        assert before.resolved == after.resolved
        assert before.summary.digest == after.summary.digest
        assert await world.modelfile("again") == modelfile

    asyncio.run(in_a_world(work))


def test_a_parent_that_is_gone_leaves_the_weights_to_stand_on() -> None:
    async def work(world: World) -> None:
        await world.create("m0", SpecDraft(files=(NamedBlob("", BASE),), system="hi"))
        await world.create("m1", SpecDraft(parent="m0", parameters=Parameters.of({"seed": 1})))
        await world.models.delete(LOCAL_ADMIN, "m0")
        assert await world.modelfile("m1") == f"FROM @{BASE} AS m0:latest\nSYSTEM hi\nPARAMETER seed 1\n"

    asyncio.run(in_a_world(work))


def test_what_weights_are_given_stays_away_too() -> None:
    async def work(world: World) -> None:
        await world.create("m0", SpecDraft(files=(NamedBlob("", BASE),)))
        await world.create("m1", SpecDraft(parent="m0", renderer=CLEARED))
        await world.models.delete(LOCAL_ADMIN, "m0")
        await world.create("again", draft_from_commands(parse(await world.modelfile("m1"))))
        assert await world.digest("again") == await world.digest("m1")

    asyncio.run(in_a_world(work, "gemma4"))


def test_what_is_taken_away_stays_away() -> None:
    async def work(world: World) -> None:
        await world.create("m0", SpecDraft(files=(NamedBlob("", BASE),), system="hi", licences=("MIT",)))
        await world.create("m1", SpecDraft(parent="m0", system=CLEARED, licences=CLEARED))
        assert await world.modelfile("m1") == 'FROM m0:latest\nSYSTEM ""\nLICENSE ""\n'

    asyncio.run(in_a_world(work))


@pytest.mark.parametrize("field", sorted(set(CLEARABLE.values())))
def test_everything_that_is_inherited_can_be_taken_away(field: str) -> None:
    full = SpecDraft(
        files=(NamedBlob("", BASE),),
        system="s",
        prompt_template="{{ .Prompt }}",
        parameters=Parameters.of({"seed": 1}),
        messages=(Message("user", "q"),),
        licences=("MIT",),
        adapters=(NamedAdapter((NamedBlob("", LORA),)),),
        renderer="r",
        parser="p",
        requires="0.1.0",
        description=Description(base_name="b"),
    )

    async def work(world: World) -> None:
        await world.create("full", full)
        await world.create("less", SpecDraft(parent="full", **{field: CLEARED}))
        view = await world.models.show(LOCAL_ADMIN, "less")
        kept = {name for name in set(CLEARABLE.values()) if getattr(view.resolved, name)}
        assert kept == set(CLEARABLE.values()) - {field}

    asyncio.run(in_a_world(work))


def test_a_text_without_a_spelling_is_a_comment_and_the_rest_is_shown() -> None:
    async def work(world: World) -> None:
        draft = SpecDraft(files=(NamedBlob("", BASE),), system='a"""\nb', requires="0.1.0")
        await world.create("odd", draft)
        lines = (await world.modelfile("odd")).splitlines()
        assert lines[0] == f"FROM @{BASE}"
        assert lines[1].startswith("# SYSTEM: a Modelfile cannot hold")
        assert lines[2] == "REQUIRES 0.1.0"

    asyncio.run(in_a_world(work))
