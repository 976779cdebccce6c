"""Errors in the form that clients receive: a code for programs, a message for developers, and no internal details."""

import logging
from collections.abc import Collection
from typing import Any

from graphql import GraphQLError

from domain.errors import RequestError

logger = logging.getLogger(__name__)

Formatted = dict[str, Any]

UNEXPECTED = "something unexpected went wrong; it was logged under the request id in `extensions.requestId`"


class RequestRefused(Exception):
    """A request that is not executed, with the HTTP status and the errors of its response."""

    def __init__(self, status: int, errors: list[Formatted], headers: dict[str, str] | None = None) -> None:
        super().__init__(errors)
        self.status = status
        self.errors = errors
        self.headers = headers or {}


def refused(code: str, message: str, status: int = 400, **headers: str) -> RequestRefused:
    """A refusal with one error. `headers`: headers of the response, with `_` for `-` in their names."""
    return RequestRefused(status, [error(code, message)], {name.replace("_", "-"): value for name, value in headers.items()})


def error(code: str, message: str, **extensions: Any) -> Formatted:
    """An error without a path or a location in the operation document."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def formatted(errors: Collection[GraphQLError], default: str, request_id: str) -> list[Formatted]:
    """Errors of graphql-core in the form that clients receive. `default` is the code of errors that are about the request itself.

    An exception of a resolver that is not a RequestError is unexpected. It is logged without its message, which may contain anything.
    """
    formatted_errors = [_formatted(each, default, request_id) for each in errors]
    for each in errors:
        # A traceback holds the frames of the execution, and these hold the error. Only the garbage collector could free the response then.
        each.__traceback__ = each.__context__ = None
        if each.original_error:
            each.original_error.__traceback__ = each.original_error.__context__ = None
    return formatted_errors


def unexpected(cause: BaseException, request_id: str) -> Formatted:
    """An error without details, for the client. The type and the place of the exception are logged under the request id."""
    logger.error("unexpected %s", type(cause).__name__, extra={"request_id": request_id, "at": _place(cause)})
    return error("INTERNAL_SERVER_ERROR", UNEXPECTED, requestId=request_id)


def _formatted(graphql_error: GraphQLError, default: str, request_id: str) -> Formatted:
    cause = graphql_error.original_error
    # The original error of a bad variable is another GraphQLError, which has no original error.
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
    """Where an exception was raised: modules and lines, innermost last. They contain no values."""
    places, trace = [], cause.__traceback__
    while trace:
        places.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-8:]
