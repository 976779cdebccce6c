"""Finds out which privileges the MongoDB user of the gateway lacks."""

from store.driver import Database, Document, answering, suitable
from store.indexes import DELIVERY_POSITIONS, INDEXES, QUERY_BUDGETS, UPKEEP

# The actions that the user must be allowed to do on the whole database: the change stream watches the database.
DATABASE_ACTIONS = ("changeStream", "find", "listCollections")
# The actions that the user must be allowed to do on each collection.
COLLECTION_ACTIONS = ("createIndex", "insert", "listIndexes", "remove", "update")
COLLECTIONS = (*INDEXES, DELIVERY_POSITIONS, QUERY_BUDGETS, UPKEEP)


async def lacking(database: Database) -> list[str] | None:
    """The actions that the user may not do, in words, such as "insert on verifications". None if the connection has no user.

    Raises: Unavailable, Unsuitable.
    """
    with suitable(), answering():
        status: Document = (await database.command("connectionStatus", showPrivileges=True))["authInfo"]
    if not status["authenticatedUsers"]:
        return None
    granted = [privilege for privilege in status["authenticatedUserPrivileges"] if isinstance(privilege["resource"], dict)]
    return [text for action in (*DATABASE_ACTIONS, *COLLECTION_ACTIONS) if (text := shortage(granted, database.name, action))]


def shortage(granted: list[Document], database_name: str, action: str) -> str | None:
    """Where the user may not do this action, in words; None if the user may do it wherever the gateway needs it.

    `granted`: the user's privileges, as the command `connectionStatus` lists them.
    """
    resources = [privilege["resource"] for privilege in granted if action in privilege["actions"]]
    if any(covers(resource, database_name, "") for resource in resources):
        return None
    if action in DATABASE_ACTIONS:
        return f"{action} on the database"
    open_to = [name for name in COLLECTIONS if any(covers(resource, database_name, name) for resource in resources)]
    closed = [name for name in COLLECTIONS if name not in open_to]
    return f"{action} on {', '.join(closed) if open_to else 'all collections'}" if closed else None


def covers(resource: Document, database_name: str, collection: str) -> bool:
    """Whether a resource of a privilege contains this collection. The empty name stands for all collections of the database."""
    if resource.get("anyResource"):
        return True
    return resource.get("db") in ("", database_name) and resource.get("collection") in ("", collection)
