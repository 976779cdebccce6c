"""The acts of callers that the audit log records."""

from enum import StrEnum


class Act(StrEnum):
    """What a caller did with verifications."""

    READ = "read"  # The caller received personal data, or what only callers who may see internal reasons receive.
    CLOSED = "closed"
    ANONYMIZED = "anonymized"
    FOLLOW_TOKEN_ISSUED = "follow token issued"
