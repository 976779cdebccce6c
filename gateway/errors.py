"""Refused requests, and errors in the form that clients receive: a code for programs, a message for developers, and no internal details."""

import logging
from collections.abc import Collection
from typing import Any

from graphql import GraphQLError

from compiler.arguments import about_arguments
from domain.errors import RequestError
from store.driver import driver_fault

logger = logging.getLogger(__name__)

# An error as an object in the list `errors` of a GraphQL response.
Formatted = dict[str, Any]

# Errors with these codes are logged, with the request's id and with the driver's error that caused them, so that operators can find the cause.
LOGGED_CODES = frozenset({"TIMEOUT", "UNAVAILABLE"})
UNEXPECTED = "something unexpected went wrong; it was logged under the request id in `extensions.requestId`"


class RequestRefused(Exception):
    """Raised when a request is not executed, or takes too long. Contains the HTTP status, the errors and the headers of the response."""

    def __init__(self, status: int, errors: list[Formatted], headers: dict[str, str] | None = None) -> None:
        super().__init__(errors)
        self.status = status
        self.errors = errors
        self.headers = headers or {}


def refused(code: str, message: str, status: int = 400, **headers: str) -> RequestRefused:
    """The exception to raise for a refusal with one error. `headers`: headers of the response, with `_` instead of `-` in their names."""
    return RequestRefused(status, [error(code, message)], {name.replace("_", "-"): value for name, value in headers.items()})


def error(code: str, message: str, **extensions: Any) -> Formatted:
    """An error in the form that clients receive, without a path and without a location in the operation document."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def formatted(errors: Collection[GraphQLError], default: str, request_id: str) -> list[Formatted]:
    """Converts errors of graphql-core to the form that clients receive. `default`: the code for errors that no field caused, such as a syntax error.

    If an argument has a value that it can't have, the code is BAD_USER_INPUT. If a resolver raised anything but a RequestError, that exception is
    unexpected. It is logged without its message, which may contain personal data or secrets.
    """
    formatted_errors = [_formatted(each, default, request_id) for each in errors]
    for each in errors:
        # Break a reference cycle: a traceback refers to the frames of the execution, and these refer to the error. Otherwise only the garbage
        # collector could free the memory of the response.
        each.__traceback__ = each.__context__ = None
        if each.original_error:
            each.original_error.__traceback__ = each.original_error.__context__ = None
    return formatted_errors


def unexpected(cause: BaseException, request_id: str) -> Formatted:
    """Log the type and the source lines of an unexpected exception under the request id. Returns the error for the client, which has no details."""
    logger.error("unexpected %s", type(cause).__name__, extra={"request_id": request_id, "at": _place(cause), **driver_fault(cause)})
    return error("INTERNAL_SERVER_ERROR", UNEXPECTED, requestId=request_id)


def log_failure(code: str, request_id: str, cause: BaseException | None = None) -> None:
    """Log that a request is answered with one of LOGGED_CODES. `cause`: the error behind it, of which only the driver's type and code are logged."""
    logger.warning("answered with %s", code, extra={"request_id": request_id, **driver_fault(cause)})


def _formatted(graphql_error: GraphQLError, default: str, request_id: str) -> Formatted:
    cause = graphql_error.original_error
    # For an invalid variable, graphql-core wraps one GraphQLError in another. The inner GraphQLError has no original error, so the cause is None.
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    shown: Formatted = dict(graphql_error.formatted)
    if isinstance(cause, RequestError):
        if cause.code in LOGGED_CODES:
            log_failure(cause.code, request_id, cause)
        shown["extensions"] = {"code": cause.code, **cause.details}
    elif about_arguments(graphql_error):
        shown["extensions"] = {"code": "BAD_USER_INPUT"}
    elif cause is None and not graphql_error.path:
        shown["extensions"] = {"code": default, **(graphql_error.extensions or {})}
    else:
        shown |= unexpected(cause or graphql_error, request_id)
    return shown


def _place(cause: BaseException) -> list[str]:
    """Where an exception was raised, for the log: the modules and lines of the eight innermost calls, the innermost last. No values of variables."""
    places, trace = [], cause.__traceback__
    while trace:
        places.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-8:]
