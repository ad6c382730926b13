"""PromptTable: queued prompts and their answers, in SQL.

It implements core.queued_prompt.PromptBook. Knows no model and no engine.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from modelwright.core.errors import Exhausted, TooLarge, Unavailable
from modelwright.core.queued_prompt import (
    ENDED,
    PromptState,
    QueuedPrompt,
    Room,
    request_of_tree,
    tree_of_request,
)
from modelwright.store.database import Database
from modelwright.store.servers import in_hand_of
from modelwright.store.tables import prompts

_RETRY_SECONDS: Final = 5
_HINT: Final = "Ask again when some of those that wait are answered"
_WAITING: Final = prompts.c.state.not_in(ENDED)
_OLD: Final = prompts.c.state.in_(ENDED)


class PromptTable:
    """The prompts of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, prompt: QueuedPrompt, room: Room) -> None:
        request = orjson.dumps(tree_of_request(prompt.request))
        values = {
            "id": prompt.id,
            "owner": prompt.owner,
            "state": prompt.state,
            "priority": prompt.priority,
            "asked": prompt.asked,
            "request": request,
            "size": len(request),
            "tries": prompt.tries,
            "created_at": prompt.created_at,
        }

        def write(connection: Connection) -> None:
            if connection.dialect.name == "postgresql":  # else two see the same last place
                connection.exec_driver_sql("LOCK TABLE prompts IN SHARE ROW EXCLUSIVE MODE")
            _check_room(connection, prompt.owner, len(request), room)
            _drop_surplus(connection, prompt.owner, room.kept)
            connection.execute(insert(prompts), values)

        await self._database.write(write)

    async def find(self, owner: str, id: str, *, since: datetime) -> QueuedPrompt | None:
        wanted = (prompts.c.id == id) & (prompts.c.owner == owner)
        query = select(prompts).where(wanted, prompts.c.ended_at.is_(None) | (prompts.c.ended_at >= since))
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else _prompt(row)

    async def take(self, holder: str, now: datetime) -> QueuedPrompt | None:
        last = (
            select(prompts.c.owner, func.max(prompts.c.started_at).label("last"))
            .where(prompts.c.started_at.is_not(None))
            .group_by(prompts.c.owner)
            .subquery()
        )
        query = (
            select(prompts)
            .outerjoin(last, last.c.owner == prompts.c.owner)
            .where(prompts.c.state == "queued")
            .order_by(
                last.c.last.nulls_first(),
                prompts.c.priority.desc(),
                prompts.c.created_at,
                prompts.c.id,
            )
            .limit(1)
        )

        def work(connection: Connection) -> QueuedPrompt | None:
            row = connection.execute(query.with_for_update(skip_locked=True, of=prompts)).first()
            if row is None:
                return None  # another server was first
            begun = update(prompts).where(prompts.c.id == row.id)
            values = {"state": "processing", "started_at": now, "tries": row.tries + 1, "holder": holder}
            connection.execute(begun.values(values))
            return _prompt(connection.execute(select(prompts).where(prompts.c.id == row.id)).one())

        if not await self._database.read(lambda connection: connection.execute(query).first()):
            return None
        return await self._database.write(work)

    async def put_back(self, prompt: QueuedPrompt, *, tried: bool) -> None:
        values: dict[Any, Any] = {"state": "queued"}
        if not tried:
            values["tries"] = prompts.c.tries - 1
        await self._change(prompt, values)

    async def end(self, prompt: QueuedPrompt, state: PromptState, outcome: str, now: datetime) -> None:
        content = outcome.encode("utf-8", "replace")
        size = prompts.c.size + len(content)
        await self._change(prompt, {"state": state, "outcome": content, "ended_at": now, "size": size})

    async def in_hand(self, server: str) -> Sequence[QueuedPrompt]:
        query = select(prompts).where(prompts.c.state == "processing", in_hand_of(prompts.c.holder, server))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_prompt(row) for row in rows]

    async def drop(self, before: datetime) -> int:
        statement = delete(prompts).where(_OLD, prompts.c.ended_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def _change(self, prompt: QueuedPrompt, values: dict[Any, Any]) -> None:
        mine = (prompts.c.id == prompt.id) & (prompts.c.holder == prompt.holder)
        statement = update(prompts).where(mine, prompts.c.state == "processing")
        changed = statement.values(values | {"holder": ""})
        await self._database.write(lambda connection: connection.execute(changed))


def _check_room(connection: Connection, owner: str, size: int, room: Room) -> None:
    if size > room.single:
        text = f"the prompt has {size} bytes; one that waits may have {room.single}"
        raise TooLarge(text, field="prompt", hint="Ask for it at /api/generate, where it does not wait")
    waiting = select(func.count(), func.coalesce(func.sum(prompts.c.size), 0)).where(_WAITING)
    count, held = connection.execute(waiting).one()
    if count >= room.prompts or held + size > room.bytes:
        text = f"the queue is full: {count} prompts wait"
        raise Unavailable(text, retry_after=_RETRY_SECONDS, field="prompt", hint=_HINT)
    own = connection.execute(
        select(func.count()).select_from(prompts).where(_WAITING, prompts.c.owner == owner)
    )
    if own.scalar_one() >= room.own:
        text = f"{room.own} prompts of yours wait, which is the most that may"
        raise Exhausted(text, retry_after=_RETRY_SECONDS, field="prompt", hint=_HINT)


def _drop_surplus(connection: Connection, owner: str, most: int) -> None:
    """Remove an owner's oldest answers beyond so many bytes."""
    held = func.sum(prompts.c.size).over(order_by=(prompts.c.ended_at.desc(), prompts.c.id))
    ended = select(prompts.c.id, held.label("held")).where(_OLD, prompts.c.owner == owner).subquery()
    connection.execute(delete(prompts).where(prompts.c.id.in_(select(ended.c.id).where(ended.c.held > most))))


def _prompt(row: Row[Any]) -> QueuedPrompt:
    return QueuedPrompt(
        id=row.id,
        owner=row.owner,
        asked=row.asked,
        request=request_of_tree(orjson.loads(row.request)),
        created_at=row.created_at,
        priority=row.priority,
        state=row.state,
        tries=row.tries,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome="" if row.outcome is None else bytes(row.outcome).decode("utf-8", "replace"),
        holder=row.holder,
    )
