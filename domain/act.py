"""The acts of callers that the audit log records."""

from enum import StrEnum


class Act(StrEnum):
    """What a caller did with verifications."""

    READ = "read"  # The caller received personal data or internal reasons: fields that need the scope `verification:sensitive`.
    CLOSED = "closed"
    ANONYMIZED = "anonymized"
    FOLLOW_TOKEN_ISSUED = "follow token issued"
