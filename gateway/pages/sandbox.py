"""How the sandbox's page shows a verification."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.deadlines import Windows
from domain.event import Event, Progress
from domain.reasons import CATALOGUE, ReasonCode, ReasonType, explained
from domain.status import Phase, Status
from domain.verification import Verification
from gateway.pages.page import Html, filled, html, joined

# Each step, before and after it was taken.
STEPS = {
    Progress.LINK_OPENED: ("Open the link", "The link was opened"),
    Progress.CAPTURE_STARTED: ("Begin the capture", "The capture has begun"),
    Progress.CAPTURE_COMPLETED: ("Complete the capture", "The capture is complete"),
}

# What a person would say instead of going on, in the person's words.
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


def page(verification: Verification, windows: Windows, now: datetime, trouble: str) -> Html:
    """The page: where the verification stands, and what can be pressed."""
    declared = verification.declared.open() if verification.declared else None
    return filled(
        "sandbox.html",
        refresh=refresh(verification, now),
        id=verification.id,
        status=verification.status.name,
        status_text=verification.status.value,
        meaning=verification.status.meaning,
        phase=words(verification.phase.value),
        attempt=verification.attempt,
        person=f"{declared.first_name} {declared.last_name}" if declared else "removed for good",
        reference=verification.reference or "none",
        deadline=deadline(verification, now),
        trouble=html('<p class="trouble" role="alert"><strong>Nothing was changed:</strong> $trouble.</p>', trouble=trouble) if trouble else Html(),
        content=outcome(verification) if verification.status.final else buttons(verification, windows),
        events=joined(map(entry, reversed(verification.events))),
        version=verification.version,
    )


def notice(title: str, text: str) -> Html:
    """A page for when there is nothing else to show."""
    return filled("notice.html", title=title, text=text)


def buttons(verification: Verification, windows: Windows) -> Html:
    """What can be done with a pending one."""
    taken = tuple(Phase).index(verification.phase)
    return filled(
        "sandbox-pending.html",
        steps=joined(step(progress, *texts, number - taken) for number, (progress, texts) in enumerate(STEPS.items())),
        sayings=joined(
            html('<button name="codes" value="$code"><q>$saying</q> <small>$code</small></button>', code=code, saying=saying)
            for code, saying in SAYINGS.items()
        ),
        failed=choices(Status.FAILED),
        inconclusive=choices(Status.INCONCLUSIVE),
        window=in_words(windows.link),
    )


def step(progress: Progress, asked: str, done: str, ahead: int) -> Html:
    """A step's button: taken, the next one, or further ahead."""
    if ahead < 0:
        return html('<li class="done">$done</li>', done=done)
    kind = "primary" if ahead == 0 else ""
    return html('<li><button class="$kind" name="progress" value="$name">$asked</button></li>', kind=kind, name=progress.name, asked=asked)


def choices(status: Status) -> Html:
    """The codes that go with a status, to tick, by type."""
    families = {family: [reason for reason in CATALOGUE.values() if reason.type is family and status in reason.statuses] for family in ReasonType}
    return joined(
        html("<fieldset><legend>$title</legend>$choices</fieldset>", title=words(family.value), choices=joined(map(choice, reasons)))
        for family, reasons in families.items()
        if reasons
    )


def choice(reason: ReasonCode) -> Html:
    """A code to tick."""
    return html(
        '<label><input type="checkbox" name="codes" value="$code"> <span><code>$code</code> $description</span></label>',
        code=reason.code,
        description=reason.description,
    )


def outcome(verification: Verification) -> Html:
    """What came of it, and the way back."""
    return filled("sandbox-done.html", reasons=explanations(map(explained, verification.reasons)), redirection=verification.redirection_url)


def explanations(reasons: Iterable[ReasonCode]) -> Html:
    """The codes, in words."""
    return joined(
        html(
            "<li><code>$code</code> $description $note</li>",
            code=reason.code,
            description=reason.description,
            note=html('<small class="quiet">(Internal: the gateway keeps it from the person.)</small>') if reason.internal else Html(),
        )
        for reason in reasons
    )


def entry(event: Event) -> Html:
    """A line of the history."""
    status = f": {event.to_status.value} {' '.join(event.reasons)}".rstrip() if isinstance(event.to_status, Status) else ""
    return html("<li>$time <span>$told</span></li>", time=instant(event.at), told=f"{words(event.type.value)} ({event.actor.value}){status}")


def deadline(verification: Verification, now: datetime) -> Html:
    """What has to happen by when, if anything."""
    if not verification.due:
        return html("none")
    what, left = WAITING_FOR[verification.phase], in_words(verification.due - now)
    return html("$what within $left, by $time", what=what, left=left, time=instant(verification.due))


def refresh(verification: Verification, now: datetime) -> Html:
    """A page that is left open shows by itself that its time was up. Not for days: browsers count in 32 bits."""
    if not verification.due or verification.due - now > timedelta(days=1):
        return Html()
    return html('<meta http-equiv="refresh" content="$seconds">', seconds=int((verification.due - now).total_seconds()) + 1)


UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1), "second": timedelta(seconds=1)}


def words(value: str) -> str:
    """A value such as "in_session" as a person would write it."""
    return value.replace("_", " ").capitalize()


def instant(at: datetime) -> Html:
    """An instant, to the second."""
    return html('<time datetime="$iso">$text</time>', iso=at.isoformat(), text=f"{at:%Y-%m-%d %H:%M:%S} UTC")


def in_words(duration: timedelta) -> str:
    """A duration in its largest unit, rounded: "15 minutes"."""
    for name, unit in UNITS.items():
        if (number := round(duration / unit)) and duration >= unit:
            return f"{number} {name}{'s' if number > 1 else ''}"
    return "a second"
