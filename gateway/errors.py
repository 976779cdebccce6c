"""Errors as clients see them: a code to decide by, words for developers, and nothing of the inside."""

import logging
from collections.abc import Collection
from typing import Any

from graphql import GraphQLError

from domain.errors import RequestError

logger = logging.getLogger(__name__)

Formatted = dict[str, Any]

UNEXPECTED = "something unexpected went wrong; it was logged under the request id in `extensions.requestId`"


class RequestRefused(Exception):
    """A request that is not executed: an HTTP status and the errors that say why."""

    def __init__(self, status: int, errors: list[Formatted], headers: dict[str, str] | None = None) -> None:
        super().__init__(errors)
        self.status = status
        self.errors = errors
        self.headers = headers or {}


def refused(code: str, message: str, status: int = 400, **headers: str) -> RequestRefused:
    """A refusal of one error."""
    return RequestRefused(status, [error(code, message)], {name.replace("_", "-"): value for name, value in headers.items()})


def error(code: str, message: str, **extensions: Any) -> Formatted:
    """An error that stands for itself, without a place in the operation."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def formatted(errors: Collection[GraphQLError], default: str, request_id: str) -> list[Formatted]:
    """Errors of graphql-core for the client. `default` is the code of those that are about the request itself.

    What a resolver raised beside a RequestError is unexpected: it is logged, without its words, since these may hold anything.
    """
    told = [_formatted(each, default, request_id) for each in errors]
    for each in errors:
        # Their traces hold the frames of the execution, which hold the errors: what is answered would wait for the garbage collector.
        each.__traceback__ = each.__context__ = None
        if each.original_error:
            each.original_error.__traceback__ = each.original_error.__context__ = None
    return told


def unexpected(cause: BaseException, request_id: str) -> Formatted:
    """An error that tells nothing, and a line in the log that tells where to look."""
    logger.error("unexpected %s", type(cause).__name__, extra={"request_id": request_id, "at": _place(cause)})
    return error("INTERNAL_SERVER_ERROR", UNEXPECTED, requestId=request_id)


def _formatted(graphql_error: GraphQLError, default: str, request_id: str) -> Formatted:
    cause = graphql_error.original_error
    # Of a variable that can't be used, the cause is one more GraphQLError, and nothing lies behind it.
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    shown: Formatted = dict(graphql_error.formatted)
    if isinstance(cause, RequestError):
        shown["extensions"] = {"code": cause.code}
    elif cause is None and not graphql_error.path:
        shown["extensions"] = {"code": default, **(graphql_error.extensions or {})}
    else:
        shown |= unexpected(cause or graphql_error, request_id)
    return shown


def _place(cause: BaseException) -> list[str]:
    """Where it was raised, innermost last: files and lines, no values."""
    places, trace = [], cause.__traceback__
    while trace:
        places.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-8:]
