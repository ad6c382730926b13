"""Preparation: rows of a dataset become token rows, as the model will be asked.

The engine that will serve the result lays out each conversation and cuts it into
tokens, so training sees what serving sees: prompt template, system text, opening
token. One row comes of each answer that is taught.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from modelwright.core.chat import AnswerOptions, ChatRequest, Message
from modelwright.core.dataset import Dialogue, PlainText, Preference, RewardGroup, RewardPrompt, Row
from modelwright.core.dataset_file import rows as read_rows
from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.core.hyperparameters import RULES, Hyperparameters, Method
from modelwright.core.ports import Blobs, Catalogue, WeightFiles
from modelwright.core.revision import BlobRecord
from modelwright.core.token_rows import GroupRow, PairRow, QuestionRow, TaughtRow, TokenRow, Tokens, to_line
from modelwright.core.training_ports import Lines
from modelwright.core.wordings import wordings
from modelwright.service.chat import Chat
from modelwright.service.resolver import Resolver

AT_ONCE: Final = 16
"""Rows that are laid out at the same time."""
MOST_WORDINGS: Final = 8
_TYPES: Final = "tokenizer.ggml.token_type"
_END: Final = "tokenizer.ggml.eos_token_id"
_SPECIAL: Final = (3, 4)
"""Types of tokens that are no text: control and user-defined (ggml's llama_token_type)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A blob of token rows; `tokens` counts all of them."""

    digest: Digest
    rows: int
    tokens: int


class Preparation:
    """Lays rows out for one model, for somebody who may use it."""

    def __init__(
        self,
        chat: Chat,
        resolver: Resolver,
        catalogue: Catalogue,
        blobs: Blobs,
        lines: Lines,
        files: WeightFiles,
    ) -> None:
        self._chat = chat
        self._resolver = resolver
        self._catalogue = catalogue
        self._blobs = blobs
        self._lines = lines
        self._files = files

    async def dataset(
        self,
        principal: Principal,
        model: str,
        dataset: Digest,
        method: Method,
        settings: Hyperparameters,
        *,
        plain: bool = False,
    ) -> Prepared:
        """The token rows of a dataset; raises Invalid with the line of a bad one."""
        return await self.rows(principal, model, await self._read(dataset, method, plain), settings)

    async def parted(
        self,
        principal: Principal,
        model: str,
        dataset: Digest,
        method: Method,
        settings: Hyperparameters,
        *,
        plain: bool = False,
    ) -> tuple[Prepared, Prepared | None]:
        """The same, and apart from them the share that is held back to measure by."""
        found = await self._read(dataset, method, plain)
        values = settings.as_dict()
        held = min(round(len(found) * values["validation"]), len(found) - 1) if method != "reward" else 0
        if held < 1:
            return await self.rows(principal, model, found, settings), None
        random.Random(values["seed"]).shuffle(found)
        learned = await self.rows(principal, model, found[held:], settings)
        return learned, await self.rows(principal, model, found[:held], settings)

    async def rows(
        self, principal: Principal, model: str, rows: Iterable[Row], settings: Hyperparameters
    ) -> Prepared:
        """The token rows of these rows, stored."""
        found = await self._laid_out(principal, model, rows, settings)
        content = b"".join(map(to_line, found))
        digest, size = await self._blobs.put(_stream(content))
        await self._catalogue.add_blob(BlobRecord(digest, size, None))
        return Prepared(digest, len(found), sum(map(_length, found)))

    async def count(
        self, principal: Principal, model: str, dataset: Digest, method: Method, *, plain: bool = False
    ) -> int:
        """The tokens of a dataset as this model would learn from it."""
        rows = await self._read(dataset, method, plain)
        return sum(map(_length, await self._laid_out(principal, model, rows, Hyperparameters())))

    async def _read(self, dataset: Digest, method: Method, plain: bool) -> list[Row]:
        return await self._lines.over_lines(
            dataset, lambda lines: list(read_rows(lines, method, plain=plain))
        )

    async def _laid_out(
        self, principal: Principal, model: str, rows: Iterable[Row], settings: Hyperparameters
    ) -> list[TokenRow]:
        layout = Layout(self._chat, principal, model, await self.ending(principal, model), settings)
        found: list[TokenRow] = []
        pending = list(rows)
        for first in range(0, len(pending), AT_ONCE):
            made = await asyncio.gather(*(layout.rows(row) for row in pending[first : first + AT_ONCE]))
            found += [row for each in made for row in each]
        return found

    async def ending(self, principal: Principal, model: str) -> int:
        """The token that ends an answer: what the prompt template writes after one."""
        layout = Layout(self._chat, principal, model, 0, Hyperparameters())
        opening, said = Message("user", "Hello."), Message("assistant", "Yes.")
        before = await layout.text((opening,)) + said.content
        after = await layout.text((opening, said, opening))
        base = await self._base(principal, model)
        if after.startswith(before):
            shorter, longer = await self._chat.tokenize(principal, model, (before, after))
            kinds = (await self._files.anatomy(base)).arrays.get(_TYPES, ())
            follows = longer[len(shorter)] if longer[: len(shorter)] == shorter else len(kinds)
            if follows < len(kinds) and kinds[follows] in _SPECIAL:
                return follows
        facts = await self._resolver.facts(base)
        ending = facts.metadata.get(_END) if facts is not None else None
        if not isinstance(ending, int):
            raise Corrupt("the weights name no token that ends an answer")
        return ending

    async def _base(self, principal: Principal, model: str) -> Digest:
        stored, revision = await self._resolver.find(principal, model, Verb.USE)
        resolved = await self._resolver.resolve(principal, revision, stored)
        if resolved.base is None:
            raise NotFound("base of model", model, hint="Create or restore the base first")
        return resolved.base


class Layout:
    """How one model's conversations look as tokens."""

    def __init__(
        self, chat: Chat, principal: Principal, model: str, end: int, settings: Hyperparameters
    ) -> None:
        self._chat = chat
        self._principal = principal
        self._model = model
        self._end = end
        values = {name: rule.default for name, rule in RULES.items()} | settings.as_dict()
        self._share = float(values["word_dropout"])
        self._seed = int(values["seed"])
        self._longest = int(values["max_length"]) - 1

    async def rows(self, row: Row) -> list[TokenRow]:
        """The token rows of one row."""
        match row:
            case Dialogue():
                return [await self._taught(row.messages, place) for place in row.learned]
            case PlainText():
                (tokens,) = await self._tokens([row.text])
                whole = (*tokens, self._end)
                pieces = range(0, len(whole), self._longest)
                return [TaughtRow(((),), whole[first : first + self._longest]) for first in pieces]
            case Preference():
                prompt = await self.text(row.messages)
                (before, chosen), (_, rejected) = await self._split(prompt, [row.chosen, row.rejected])
                return [PairRow(before, chosen, rejected)]
            case RewardGroup():
                prompt = await self.text(row.messages)
                parts = await self._split(prompt, [response.text for response in row.responses])
                rewards = tuple(response.reward for response in row.responses)
                return [GroupRow(parts[0][0], tuple(answer for _, answer in parts), rewards)]
            case RewardPrompt():
                (tokens,) = await self._tokens([await self.text(row.messages)])
                return [QuestionRow(tokens, row.reference)]

    async def text(self, messages: Sequence[Message]) -> str:
        """A conversation up to where the model goes on, whole."""
        options = AnswerOptions(truncate=False)
        request = ChatRequest(self._model, tuple(messages), options=options)
        return await self._chat.render(self._principal, request)

    async def _taught(self, messages: Sequence[Message], place: int) -> TaughtRow:
        prompt, answer = list(messages[:place]), messages[place].content
        ((first, tokens),) = await self._split(await self.text(prompt), [answer])
        if not self._share or not prompt or prompt[-1].role != "user":
            return TaughtRow((first,), tokens)
        said = wordings(prompt[-1].content, MOST_WORDINGS, self._share, self._seed)
        texts = [await self.text([*prompt[:-1], replace(prompt[-1], content=each)]) for each in said[1:]]
        return TaughtRow((first, *await self._tokens(texts)), tokens)

    async def _split(self, prompt: str, answers: Sequence[str]) -> list[tuple[Tokens, Tokens]]:
        """Prompt and answer as tokens, for each answer; the end is part of the latter.

        The two are cut together, as far as the engine would have been given the
        same beginning: an answer's first word may be cut otherwise alone.
        """
        before, *wholes = await self._tokens([prompt, *(prompt + answer for answer in answers)])
        found = []
        for whole in wholes:
            shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(before, whole, strict=False))))
            found.append((before[:shared], (*whole[shared:], self._end)))
        return found

    async def _tokens(self, texts: Sequence[str]) -> tuple[Tokens, ...]:
        return await self._chat.tokenize(self._principal, self._model, texts)


def _length(row: TokenRow) -> int:
    match row:
        case TaughtRow():
            return len(row.prompts[0]) + len(row.answer)
        case PairRow():
            return 2 * len(row.prompt) + len(row.chosen) + len(row.rejected)
        case GroupRow():
            return sum(len(row.prompt) + len(answer) for answer in row.answers)
        case QuestionRow():
            return len(row.prompt)


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content
