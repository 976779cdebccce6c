"""Adds a comment to the commands of a collection, by which MongoDB's log, profiler and list of operations show what a command belongs to."""

from collections.abc import Callable
from typing import Any

from pymongo.collection import Collection as PyMongoCollection
from pymongo.database import Database as PyMongoDatabase

# Returns the comment for a command that is sent now; None if the command gets no comment.
CommentOf = Callable[[], str | None]

# The methods of collections whose commands get a comment.
COMMENTED = (
    "aggregate",
    "bulk_write",
    "count_documents",
    "create_indexes",
    "delete_many",
    "delete_one",
    "distinct",
    "find",
    "find_one",
    "find_one_and_replace",
    "find_one_and_update",
    "insert_many",
    "insert_one",
    "replace_one",
    "update_many",
    "update_one",
)


class CommentedCollection(PyMongoCollection[dict[str, Any]]):
    """A collection whose methods in COMMENTED add a comment, unless their caller passes one."""

    def __init__(self, database: PyMongoDatabase[dict[str, Any]], name: str, comment_of: CommentOf, **options: Any) -> None:
        super().__init__(database, name, **options)
        self._comment_of = comment_of

    def with_options(self, *arguments: Any, **options: Any) -> "CommentedCollection":  # type: ignore[override]
        """The same collection with other options."""
        plain = super().with_options(*arguments, **options)
        return CommentedCollection(
            self.database,
            self.name,
            self._comment_of,
            codec_options=plain.codec_options,
            read_preference=plain.read_preference,
            write_concern=plain.write_concern,
            read_concern=plain.read_concern,
        )

    def commented(self, options: dict[str, Any]) -> dict[str, Any]:
        """The keyword arguments of a call, with the comment added unless they have one. Motor passes the comment None if its caller passes none."""
        comment = self._comment_of()
        return options if comment is None or options.get("comment") is not None else {**options, "comment": comment}


def _commenting(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        return method(self, *arguments, **self.commented(options))

    return call


def add_comments(kind: type, base: type) -> None:
    """Make the methods of a class of collections add the comment. `kind` is a subclass of `base`, and has a method `commented`."""
    for name in COMMENTED:
        setattr(kind, name, _commenting(getattr(base, name)))


add_comments(CommentedCollection, PyMongoCollection)
