"""The HTML of the sandbox provider's page for one verification, on which a tester plays the person who is being verified."""

from datetime import datetime, timedelta

from domain.deadlines import Windows
from domain.event import Progress
from domain.instant import instant_text
from domain.reasons import CATALOGUE, ReasonCode, ReasonType, explained
from domain.status import Phase, Status
from domain.verification import Verification
from gateway.pages.page import TEMPLATES, rendered

# Two texts for each step: the text on its button, and the text that is shown after the step was taken.
STEP_LABELS = {
    Progress.LINK_OPENED: ("Open the link", "The link was opened"),
    Progress.CAPTURE_STARTED: ("Begin the capture", "The capture has begun"),
    Progress.CAPTURE_COMPLETED: ("Complete the capture", "The capture is complete"),
}

# For each reason code that has a button: the text on the button. It is a sentence that the person might say instead of continuing.
SAYINGS = {
    "IDVV_1111": "I’ll do this later",
    "IDVV_1112": "I don’t have my document with me",
    "IDVV_1113": "I won’t let you use my camera",
    "IDVV_1202": "My browser can’t stream video",
    "IDVV_1203": "My device has no camera",
    "IDVV_3001": "I don’t want to be verified like this",
}

# For each phase that has a deadline: what must happen before the deadline. The page continues each text with "within … minutes".
WAITING_FOR = {
    Phase.AWAITING_INDIVIDUAL: "The link must be opened, and the capture completed,",
    Phase.IN_SESSION: "The capture must begin",
    Phase.CAPTURING: "The capture must be complete",
}


def page(verification: Verification, windows: Windows, now: datetime, trouble: str) -> str:
    """The page of a verification: its state, and buttons for what can happen next.

    `trouble`: the reason why the last pressed button had no effect, or an empty text.
    """
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
    """A page that shows only a message."""
    return rendered("notice.html", title=title, text=text)


def choices(status: Status) -> dict[ReasonType, list[ReasonCode]]:
    """The reason codes that a result with this status may have, grouped by their type."""
    families = {family: [reason for reason in CATALOGUE.values() if reason.type is family and status in reason.statuses] for family in ReasonType}
    return {family: reasons for family, reasons in families.items() if reasons}


def refresh_seconds(verification: Verification, now: datetime) -> int | None:
    """After how many seconds an open page reloads to show that a deadline has passed. None if there is no deadline within a day.

    Browsers count the time until a reload in milliseconds, in 32 bits. A deadline that is more than 24 days away would not fit.
    """
    if not verification.due or verification.due - now > timedelta(days=1):
        return None
    return int((verification.due - now).total_seconds()) + 1


UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1), "second": timedelta(seconds=1)}


def words(value: str) -> str:
    """An enum value such as "in_session" as text: "In session"."""
    return value.replace("_", " ").capitalize()


def instant(at: datetime) -> str:
    """An instant as text, without fractions of a second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def in_words(duration: timedelta) -> str:
    """A duration as text, rounded to the largest unit that fits into it: "15 minutes"."""
    for name, unit in UNITS.items():
        if (number := round(duration / unit)) and duration >= unit:
            return f"{number} {name}{'s' if number > 1 else ''}"
    return "a second"


TEMPLATES.filters.update({"words": words, "instant": instant, "instant_text": instant_text, "duration": in_words})
TEMPLATES.globals.update(
    {
        "STEPS": [(progress, *texts) for progress, texts in STEP_LABELS.items()],
        "SAYINGS": SAYINGS,
        "WAITING_FOR": WAITING_FOR,
        "FAILED": choices(Status.FAILED),
        "INCONCLUSIVE": choices(Status.INCONCLUSIVE),
    }
)
