"""The sandbox's page of a verification, as HTML."""

from datetime import datetime, timedelta

from domain.deadlines import Windows
from domain.event import Progress
from domain.reasons import CATALOGUE, ReasonCode, ReasonType, explained
from domain.status import Phase, Status
from domain.verification import Verification
from gateway.pages.page import TEMPLATES, rendered

# The text of each step: on its button, and after the step was taken.
STEPS = {
    Progress.LINK_OPENED: ("Open the link", "The link was opened"),
    Progress.CAPTURE_STARTED: ("Begin the capture", "The capture has begun"),
    Progress.CAPTURE_COMPLETED: ("Complete the capture", "The capture is complete"),
}

# For each reason code that an individual causes: a sentence that the person might say instead of continuing.
SAYINGS = {
    "IDVV_1111": "I’ll do this later",
    "IDVV_1112": "I don’t have my document with me",
    "IDVV_1113": "I won’t let you use my camera",
    "IDVV_1202": "My browser can’t stream video",
    "IDVV_1203": "My device has no camera",
    "IDVV_3001": "I don’t want to be verified like this",
}

WAITING_FOR = {
    Phase.AWAITING_INDIVIDUAL: "The link must be opened, and the capture completed,",
    Phase.IN_SESSION: "The capture must begin",
    Phase.CAPTURING: "The capture must be complete",
}


def page(verification: Verification, windows: Windows, now: datetime, trouble: str) -> str:
    """The page of a verification: its state, and buttons for what can happen next. `trouble` is the reason why the last button had no effect."""
    declared = verification.declared.open() if verification.declared else None
    return rendered(
        "sandbox.html",
        verification=verification,
        windows=windows,
        now=now,
        trouble=trouble,
        person=f"{declared.first_name} {declared.last_name}" if declared else "permanently removed",
        reasons=[explained(code) for code in verification.reasons],
        steps_taken=tuple(Phase).index(verification.phase),
        refresh_seconds=refresh_seconds(verification, now),
    )


def notice(title: str, text: str) -> str:
    """A page with only a message."""
    return rendered("notice.html", title=title, text=text)


def choices(status: Status) -> dict[ReasonType, list[ReasonCode]]:
    """The codes that are allowed with a status, grouped by type."""
    families = {family: [reason for reason in CATALOGUE.values() if reason.type is family and status in reason.statuses] for family in ReasonType}
    return {family: reasons for family, reasons in families.items() if reasons}


def refresh_seconds(verification: Verification, now: datetime) -> int | None:
    """After how many seconds an open page reloads: just after the deadline. None beyond a day, since browsers count in 32 bits."""
    if not verification.due or verification.due - now > timedelta(days=1):
        return None
    return int((verification.due - now).total_seconds()) + 1


UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1), "second": timedelta(seconds=1)}


def words(value: str) -> str:
    """An enum value such as "in_session" as text: "In session"."""
    return value.replace("_", " ").capitalize()


def instant(at: datetime) -> str:
    """An instant as text, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def in_words(duration: timedelta) -> str:
    """A duration in its largest unit, rounded: "15 minutes"."""
    for name, unit in UNITS.items():
        if (number := round(duration / unit)) and duration >= unit:
            return f"{number} {name}{'s' if number > 1 else ''}"
    return "a second"


TEMPLATES.filters.update({"words": words, "instant": instant, "duration": in_words})
TEMPLATES.globals.update(
    {
        "STEPS": [(progress, *texts) for progress, texts in STEPS.items()],
        "SAYINGS": SAYINGS,
        "WAITING_FOR": WAITING_FOR,
        "FAILED": choices(Status.FAILED),
        "INCONCLUSIVE": choices(Status.INCONCLUSIVE),
    }
)
