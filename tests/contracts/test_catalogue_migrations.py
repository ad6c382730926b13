"""A catalogue comes to be step by step, and survives being stopped in between."""

import pytest
from sqlalchemy import Connection, create_engine, inspect

from modelwright.core.errors import Unsupported
from modelwright.store import migrations
from modelwright.store.catalogue import Catalogue
from modelwright.store.database import Database
from modelwright.store.tables import METADATA
from modelwright.store.template_tables import deployments, model_templates

pytestmark = pytest.mark.anyio


async def test_the_steps_lead_to_the_tables_of_today(catalogue: Catalogue, catalogue_url: str) -> None:
    engine = create_engine(catalogue_url.replace("postgresql:", "postgresql+psycopg:"))
    found = inspect(engine)
    columns = {
        table: {(column["name"], column["nullable"]) for column in found.get_columns(table)}
        for table in found.get_table_names()
    }
    keys = {table: found.get_pk_constraint(table)["constrained_columns"] for table in columns}
    engine.dispose()
    assert {deployments.name, model_templates.name} <= set(METADATA.tables)
    assert set(columns) == set(METADATA.tables)
    for name, table in METADATA.tables.items():
        assert {column for column, _ in columns[name]} == set(table.columns.keys())
        assert keys[name] == [column.name for column in table.primary_key]
        needed = {column.name for column in table.columns if not column.nullable and not column.primary_key}
        assert {column for column, nullable in columns[name] if not nullable} - set(keys[name]) == needed


async def test_steps_are_applied_once_and_in_order(catalogue_url: str) -> None:
    applied: list[str] = []

    def first(connection: Connection) -> None:
        applied.append("first")
        connection.exec_driver_sql("CREATE TABLE one (x BIGINT)")

    def second(connection: Connection) -> None:
        applied.append("second")
        connection.exec_driver_sql("INSERT INTO one VALUES (1)")

    steps = (("0001", first), ("0002", second))
    database = Database.open(catalogue_url)
    for expected in (True, True, False, False):
        assert await database.write(lambda c: migrations.apply_next(c, steps)) is expected
    assert applied == ["first", "second"]
    await database.close()


async def test_a_step_that_fails_leaves_nothing_of_itself(catalogue_url: str) -> None:
    def half(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x BIGINT)")
        raise KeyboardInterrupt

    def whole(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x BIGINT, y BIGINT)")

    database = Database.open(catalogue_url)
    with pytest.raises(KeyboardInterrupt):
        await database.write(lambda c: migrations.apply_next(c, (("0001", half),)))
    assert await database.write(lambda c: migrations.apply_next(c, (("0001", whole),)))
    await database.close()


async def test_a_newer_catalogue_is_left_alone(catalogue_url: str) -> None:
    database = Database.open(catalogue_url)
    await database.write(lambda c: migrations.apply_next(c, (("9999_future", lambda _: None),)))
    await database.close()
    with pytest.raises(Unsupported, match=r"newer modelwright \(step 9999_future\)\. Upgrade"):
        await Catalogue.open(catalogue_url)


async def test_a_catalogue_of_the_first_release_is_brought_up_to_date(catalogue_url: str) -> None:
    database = Database.open(catalogue_url)
    await database.write(lambda c: migrations.apply_next(c, migrations.STEPS[:1]))
    await database.close()
    catalogue = await Catalogue.open(catalogue_url)
    assert not await catalogue.list_models()
    await catalogue.close()
