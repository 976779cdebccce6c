"""A client of MongoDB that waits while the servers refuse commands for a moment, for example just after a restart of the replica set.

The driver itself waits for a new primary, and repeats what a lost connection interrupted. After other transient errors, it neither waits nor repeats.
Source: error_codes.yml of MongoDB's source code; MongoDB's specifications "Retryable Reads" and "Retryable Writes".
"""

from time import sleep
from typing import Any

from pymongo import MongoClient, _csot
from pymongo.errors import OperationFailure

REPETITION_SECONDS = 0.1

# The server refused the command before it executed it, so that any command can be sent again: the replica set is not initiated or has no primary yet
# (94, 133, 149, 216), a restarted member has not loaded the keys that sign the cluster's time (209, 210, 211), the connection has to authenticate
# again (391), and the server has too many sessions, connections or requests (261, 433, 449, 450, 462).
NOT_EXECUTED = frozenset({94, 133, 149, 209, 210, 211, 216, 261, 391, 433, 449, 450, 462})
# The network failed, or the server shut down, stepped down, or is no member that can answer.
UNREACHABLE = frozenset({6, 7, 89, 90, 91, 145, 189, 190, 199, 317, 384, 407, 9001, 10058, 10107, 11600, 11602, 13435, 13436})
# The server could not execute the command at this moment, because of locks, conflicts or a lack of resources, during an initial sync, or during a
# change of the replica set, of the data files or of the shards.
BUSY = frozenset(
    {24, 46, 107, 109, 112, 117, 134, 150, 164, 175, 208, 215, 239, 246, 249, 250, 259, 264, 267, 272, 303, 308, 310, 314, 319, 343, 355}
)
BUSY |= frozenset({358, 363, 365, 371, 402, 406, 412, 442, 453, 12586, 12587, 13388, 50915, 91331, 10045600})
# The operation took too long or was ended, or its cursor or transaction is gone. A new operation may succeed; the same command would fail again.
ENDED = frozenset({43, 50, 143, 202, 222, 234, 237, 251, 262, 279, 281, 282, 290, 11601, 46841})
# The acknowledgement of a majority is missing, or can't be had at the moment.
UNACKNOWLEDGED = frozenset({64, 100})

READ_AGAIN = NOT_EXECUTED | UNREACHABLE | BUSY
# The codes of all errors after which a later request may succeed, without a change by an operator or by the client.
TRANSIENT = READ_AGAIN | ENDED | UNACKNOWLEDGED

# A label of errors. The driver's method `with_transaction` runs the whole transaction again after an error with this label.
BEGIN_AGAIN = "TransientTransactionError"


class WaitingClient(MongoClient[dict[str, Any]]):
    """A client that sends a command again until the server executes it, or until the command's time-out passes.

    Reads are repeated after all errors of READ_AGAIN. Other commands, and reads of further batches (`getMore`), are repeated only after those of
    NOT_EXECUTED. In a transaction, the error gets the label BEGIN_AGAIN instead, because only the whole transaction can be run again.
    """

    @_csot.apply
    def _retry_internal(self, func: Any, session: Any, bulk: Any, operation: str, is_read: bool = False, *arguments: Any, **options: Any) -> Any:
        codes = READ_AGAIN if is_read and operation != "getMore" else NOT_EXECUTED
        while True:
            try:
                return super()._retry_internal(func, session, bulk, operation, is_read, *arguments, **options)
            except OperationFailure as failure:
                left = _csot.remaining()
                if failure.code not in codes or left is None or left <= REPETITION_SECONDS:
                    raise
                sleep(REPETITION_SECONDS)
                if session and session.in_transaction:
                    failure._add_error_label(BEGIN_AGAIN)
                    raise
