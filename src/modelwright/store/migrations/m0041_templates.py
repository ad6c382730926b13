"""Step 0041: model templates and their revisions."""

from typing import Final

from sqlalchemy import Connection

_BYTES: Final = {"sqlite": "BLOB", "postgresql": "BYTEA"}


def apply(connection: Connection) -> None:
    """A revision's content is never changed; the template points to its last one."""
    connection.exec_driver_sql(
        """CREATE TABLE model_templates (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            name_key TEXT NOT NULL,
            owner TEXT NOT NULL,
            account TEXT NOT NULL,
            shared BIGINT NOT NULL,
            current BIGINT NOT NULL,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            deleted_at BIGINT
        )"""
    )
    connection.exec_driver_sql("CREATE INDEX model_templates_by_name ON model_templates (name_key)")
    connection.exec_driver_sql(
        f"""CREATE TABLE template_revisions (
            template_id TEXT NOT NULL REFERENCES model_templates (id),
            number BIGINT NOT NULL,
            canonical {_BYTES[connection.dialect.name]} NOT NULL,
            author TEXT NOT NULL,
            message TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            PRIMARY KEY (template_id, number)
        )"""
    )
