"""Books of training in SQL: runs with their events, and datasets.

Implements core.training_ports.Runs and DatasetBook. Knows no state machine: what
may follow what was checked before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, or_, select, update

from modelwright.core.audit import Entry
from modelwright.core.errors import Exhausted, Lost
from modelwright.core.runs import DatasetRecord, EventKind, Run, RunEvent, RunState, TrainingPlan
from modelwright.store import audit, queries
from modelwright.store.database import Database
from modelwright.store.servers import in_hand_of
from modelwright.store.tables import datasets, run_events, runs

_QUOTA_SECONDS: Final = 60
"""When to try again where a run has to end first."""


class RunBook:
    """Runs and what they told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        run: Run,
        *events: tuple[EventKind, Mapping[str, Any]],
        most: int | None = None,
        line: Entry | None = None,
    ) -> None:
        def write(connection: Connection) -> None:
            if line is not None:
                audit.note(connection, line)
            _check_room(connection, run.owner, most)
            connection.execute(insert(runs).values(_run_values(run)))
            _add_events(connection, run.id, 0, events, run.created_at)

        await self._database.write(write)

    async def find(self, run: str) -> Run | None:
        query = select(runs).where(runs.c.id == run)
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _read_run(row)

    async def list_runs(
        self,
        *,
        owner: str | None = None,
        states: Sequence[RunState] = (),
        after: str = "",
        limit: int = 100,
    ) -> Sequence[Run]:
        only = runs.c.state.in_(states) if states else None
        found = await _page(self._database, runs, owner, after, limit, only=only)
        return [_read_run(row) for row in found]

    async def take(self, holder: str, at: datetime) -> Run | None:
        query = (
            select(runs)
            .where(runs.c.state == "queued")
            .order_by(runs.c.priority.desc(), runs.c.created_at, runs.c.id)
            .limit(1)
        )

        def work(connection: Connection) -> Run | None:
            row = connection.execute(query.with_for_update(skip_locked=True)).first()
            if row is None:
                return None  # another server was first
            queued = _read_run(row)
            begun = replace(
                queued, state="running", holder=holder, started_at=queued.started_at or at, error=""
            )
            connection.execute(update(runs).where(runs.c.id == begun.id).values(_run_values(begun)))
            return begun

        if await self._database.read(lambda c: c.execute(query).first()) is None:
            return None
        return await self._database.write(work)

    async def in_hand(self, server: str) -> Sequence[Run]:
        query = select(runs).where(runs.c.state == "running", in_hand_of(runs.c.holder, server))
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [_read_run(row) for row in rows]

    async def ask(self, run: Run, wanted: RunState, line: Entry | None = None) -> None:
        mine = (runs.c.id == run.id) & (runs.c.holder == run.holder) & (runs.c.state == "running")
        asked = update(runs).where(mine).values(wanted=wanted)

        def write(connection: Connection) -> None:
            if connection.execute(asked).rowcount and line is not None:
                audit.note(connection, line)

        await self._database.write(write)

    async def save(
        self,
        run: Run,
        *events: tuple[EventKind, Mapping[str, Any]],
        at: datetime,
        was: RunState | None = None,
        most: int | None = None,
        line: Entry | None = None,
    ) -> None:
        held = and_(runs.c.id == run.id, runs.c.holder == run.holder)
        if was is not None:
            held = and_(held, runs.c.state == was)

        def write(connection: Connection) -> None:
            if line is not None:
                audit.note(connection, line)
            _check_room(connection, run.owner, most)
            if not connection.execute(update(runs).where(held).values(_run_values(run))).rowcount:
                raise Lost(f'run "{run.id}" was changed by another server meanwhile', field="run")
            highest = select(func.coalesce(func.max(run_events.c.number), 0)).where(
                run_events.c.run_id == run.id
            )
            _add_events(connection, run.id, connection.execute(highest).scalar_one(), events, at)

        await self._database.write(write)

    async def events(self, run: str, *, after: int = 0, limit: int = 1000) -> Sequence[RunEvent]:
        query = (
            select(run_events)
            .where(run_events.c.run_id == run, run_events.c.number > after)
            .order_by(run_events.c.number)
            .limit(limit)
        )
        found = await self._database.read(lambda c: c.execute(query).all())
        return [RunEvent(row.number, row.at, row.kind, json.loads(row.content)) for row in found]


class DatasetTable:
    """Datasets; their bytes are blobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: DatasetRecord) -> None:
        values = asdict(record) | {"digest": record.digest, "extras": json.dumps(dict(record.extras))}
        await self._database.write(lambda c: c.execute(insert(datasets).values(values)))

    async def find(self, dataset: str) -> DatasetRecord | None:
        query = select(datasets).where(datasets.c.id == dataset)
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _read_dataset(row)

    async def list_datasets(
        self,
        *,
        owner: str | None = None,
        purpose: str = "",
        after: str = "",
        limit: int = 100,
        oldest: bool = False,
    ) -> Sequence[DatasetRecord]:
        only = datasets.c.purpose == purpose if purpose else None
        rows = await _page(self._database, datasets, owner, after, limit, oldest=oldest, only=only)
        return [_read_dataset(row) for row in rows]

    async def delete(self, dataset: str) -> bool:
        query = delete(datasets).where(datasets.c.id == dataset)
        return await self._database.write(lambda c: c.execute(query).rowcount > 0)


async def _page(
    database: Database,
    table: Table,
    owner: str | None,
    after: str,
    limit: int,
    *,
    oldest: bool = False,
    only: Any = None,
) -> Sequence[Row[Any]]:
    """A page of rows in order of time; an unknown `after` begins at the start."""
    query = select(table).limit(limit)
    if owner is not None:
        query = query.where(table.c.owner == owner)
    if only is not None:
        query = query.where(only)
    if after:
        mark = select(table.c.created_at).where(table.c.id == after).scalar_subquery()
        beyond = table.c.created_at > mark if oldest else table.c.created_at < mark
        beside = table.c.id > after if oldest else table.c.id < after
        query = query.where(or_(mark.is_(None), beyond, and_(table.c.created_at == mark, beside)))
    order = (table.c.created_at, table.c.id)
    query = query.order_by(*(order if oldest else [column.desc() for column in order]))
    return await database.read(lambda c: c.execute(query).all())


def _check_room(connection: Connection, owner: str, most: int | None) -> None:
    """See that one more run may wait or run; whoever else asks for it waits."""
    if most is None:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(queries.LOCK_NAME, {"key": f"runs of {owner}"})
    at_work = runs.c.state.in_(("queued", "running"))
    count = connection.execute(
        select(func.count()).select_from(runs).where(runs.c.owner == owner, at_work)
    ).scalar_one()
    if count >= most:
        raise Exhausted(
            f"the quota jobs = {most} is used up: {count} of your runs wait or run",
            retry_after=_QUOTA_SECONDS,
            field="jobs",
            hint="Wait for one of them, cancel one, or ask an admin for more",
        )


def _add_events(
    connection: Connection,
    run: str,
    last: int,
    events: Sequence[tuple[EventKind, Mapping[str, Any]]],
    at: datetime,
) -> None:
    rows = [
        {"run_id": run, "number": number, "at": at, "kind": kind, "content": json.dumps(dict(content))}
        for number, (kind, content) in enumerate(events, last + 1)
    ]
    if rows:
        connection.execute(insert(run_events), rows)


def _run_values(run: Run) -> dict[str, Any]:
    values = {each.name: getattr(run, each.name) for each in fields(run)}
    plan, metrics, extras = (
        json.dumps(tree) for tree in (run.plan.as_tree(), dict(run.metrics), dict(run.extras))
    )
    values |= {"plan": plan, "metrics": metrics, "extras": extras}
    if run.state != "running":
        return values | {"holder": "", "wanted": ""}
    del values["wanted"]  # `ask` alone says so
    return values


def _read_run(row: Row[Any]) -> Run:
    values = dict(row._mapping)
    plan = TrainingPlan.of_tree(json.loads(values.pop("plan")))
    metrics, extras = json.loads(values.pop("metrics")), json.loads(values.pop("extras"))
    return Run(plan=plan, metrics=metrics, extras=extras, **values)


def _read_dataset(row: Row[Any]) -> DatasetRecord:
    values = dict(row._mapping)
    return DatasetRecord(**{**values, "extras": json.loads(values["extras"])})
