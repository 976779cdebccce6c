"""The verifications of the showcase: one for each situation, and many others from the last two months. They are the same in each run."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from domain.event import Actor, ClosingNote, Progress
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.request import ProviderReference, Request, RetryRequest
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from tests.browsers.showcase.people import DOCUMENTS, PEOPLE, REASONS_OF_FAILED, REASONS_OF_INCONCLUSIVE
from tests.factories import WINDOWS

# The time at which all pictures are taken: a Sunday afternoon.
NOW = datetime(2026, 11, 29, 14, 32, 41, tzinfo=UTC)
COMPANY, ADDRESS = "meridian-bank", "https://meridian-bank.example/welcome"
DAYS = 60
PRODUCTS = ("loan", "rent", "kyc-renew")
OPENED, BEGUN, RECORDED = Progress


def ago(minutes: float) -> datetime:
    """The instant this many minutes before NOW."""
    return NOW - timedelta(minutes=minutes)


@dataclass
class Showcase:
    """Collects the verifications of the showcase, by id. `named`: the ids of those that show a situation, by the name of the situation."""

    random: Random = field(default_factory=lambda: Random(2611))
    stored: dict[str, Verification] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def keep(self, verification: Verification, name: str | None = None) -> Verification:
        """Add a verification, or replace an earlier state of it."""
        self.stored[verification.id] = verification
        if name:
            self.named[name] = verification.id
        return verification

    def created(self, person: tuple[str, str], reference: str | None, at: datetime) -> Verification:
        """A new verification, for which the provider has returned a link."""
        id = self.an_id(at)
        request = Request(DeclaredIdentity(*person), ADDRESS, reference=reference, face_recognition=True)
        return self.started(Verification.created(id, COMPANY, request, ProviderReference("yousign", None, None), WINDOWS, at))

    def started(self, verification: Verification) -> Verification:
        """The verification after the provider has returned a link for it."""
        at = verification.created_at + timedelta(seconds=1)
        own = f"idv_{self.random.getrandbits(48):012x}"
        return verification.accepted(ProviderReference("yousign", own, f"https://verify.example/{own}"), at)

    def retried(self, verification: Verification, at: datetime) -> Verification:
        """The retry of a verification. This method adds the verification with its reference to the retry, but not the retry itself."""
        before, after = verification.retried(self.an_id(at), RetryRequest(), ProviderReference("yousign", None, None), WINDOWS, at)
        self.keep(before)
        return self.started(after)

    def an_id(self, at: datetime) -> str:
        """An id like those of the gateway: it begins with the time of creation."""
        return f"ver_{int(at.timestamp() * 1000):012x}{self.random.getrandbits(80):020x}"


def stepped(verification: Verification, *steps: tuple[Progress, datetime]) -> Verification:
    """The verification after these steps of the person."""
    for step, at in steps:
        verification = verification.progressed(step, WINDOWS, at, may_expire=False)
    return verification


def document_of_person(verification: Verification, type: DocumentType, country: str) -> ExtractedDocument:
    """The data that the provider read from the person's identity document."""
    assert verification.declared
    declared = verification.declared.open()
    return ExtractedDocument(f"{declared.first_name} {declared.last_name}".upper(), "1988-04-17", type, country, "880417512345678")


def showcase() -> Showcase:
    """All verifications of the showcase."""
    case = Showcase()
    for situations in (attention, pending, final):
        situations(case)
    history(case)
    return case


def attention(case: Showcase) -> None:
    """Add verifications that need attention: the provider checks one for too long, and the backend did not accept the events of the other."""
    stuck = case.created(("Inès", "Garnier"), "loan-20481", ago(58))
    case.keep(stepped(stuck, (OPENED, ago(52)), (BEGUN, ago(51)), (RECORDED, ago(47))), "stuck")

    first = case.created(("Piotr", "Zieliński"), "loan-20466", ago(260))
    first = stepped(first, (OPENED, ago(250)), (BEGUN, ago(249)), (RECORDED, ago(246)))
    second = case.retried(first.concluded(Result.reported(Status.FAILED, ["IDVV_1310"]), ago(240)), ago(90))
    second = stepped(second, (OPENED, ago(80)), (BEGUN, ago(79)), (RECORDED, ago(76)))
    case.keep(second.concluded(Result.reported(Status.FAILED, ["IDVV_2101"]), ago(63)), "undelivered")


def pending(case: Showcase) -> None:
    """Add pending verifications in each phase, and two pending retries."""
    case.keep(case.created(("Chiara", "Bianchi"), "loan-20495", ago(8)), "link not opened")
    opened = case.created(("ნინო", "ბერიძე"), "rent-11871", ago(6))
    case.keep(stepped(opened, (OPENED, ago(4)), (BEGUN, ago(1.2))), "recording")
    checked = case.created(("Ελένη", "Παπαδοπούλου"), "rent-11869", ago(16))
    case.keep(stepped(checked, (OPENED, ago(9)), (BEGUN, ago(6)), (RECORDED, ago(1.7))), "checking")

    first = case.created(("Jeanne", "Moreau"), "loan-20484", ago(47))
    first = stepped(first, (OPENED, ago(41)), (BEGUN, ago(40)), (RECORDED, ago(37)))
    failed = first.concluded(Result.reported(Status.FAILED, ["IDVV_1302", "IDVV_1311"]), ago(32))
    second = case.retried(failed, ago(11.5))
    case.keep(stepped(second, (OPENED, ago(3.6))), "link opened")
    case.named["retried"] = failed.id

    again = case.created(("Hanna", "Weiß"), "rent-11852", ago(155))
    again = stepped(again, (OPENED, ago(150)), (BEGUN, ago(148)), (RECORDED, ago(146)))
    again = again.concluded(Result.reported(Status.FAILED, ["IDVV_1302", "IDVV_1311"]), ago(140))
    case.keep(case.retried(again, ago(14)), "try again")


def final(case: Showcase) -> None:
    """Add verifications with each kind of outcome."""
    verified = case.created(("Amadou", "Diallo"), "rent-11873", ago(4))
    verified = stepped(verified, (OPENED, ago(3.5)), (BEGUN, ago(3)), (RECORDED, ago(1.5)))
    case.keep(
        verified.concluded(Result.reported(Status.VERIFIED, [], document_of_person(verified, DocumentType.PASSPORT, "SN")), ago(0.3)), "verified"
    )

    later = case.created(("Marc", "Lefebvre"), "loan-20496", ago(7))
    case.keep(stepped(later, (OPENED, ago(3))).concluded(Result.reported(Status.INCONCLUSIVE, ["IDVV_1111"]), ago(2)), "inconclusive")

    failed = case.created(("Yasmine", "Haddad"), "loan-20493", ago(31))
    failed = stepped(failed, (OPENED, ago(24)), (BEGUN, ago(22)), (RECORDED, ago(19)))
    failed = failed.concluded(Result.reported(Status.FAILED, ["IDVV_1302", "IDVV_1311"]), ago(9))
    case.keep(failed.concluded(Result.reported(Status.VERIFIED, []), ago(7)), "failed")

    withheld = case.created(("Oluwaseun", "Adébáyọ̀"), "kyc-renew-0931", ago(73))
    withheld = stepped(withheld, (OPENED, ago(70)), (BEGUN, ago(68)), (RECORDED, ago(66)))
    case.keep(withheld.concluded(Result.reported(Status.FAILED, ["IDVV_2304", "IDVV_2101"]), ago(44)), "withheld")

    closed = case.created(("محمد", "الهاشمي"), "loan-20488", ago(38))
    closed = stepped(closed, (OPENED, ago(30)), (BEGUN, ago(28)))
    case.keep(closed.closed_by_integrator(ClosingNote("The person called: they will come to the branch."), ago(12)), "closed")

    anonymized = case.created(("Sofia", "Lindqvist"), "rent-11840", ago(400))
    anonymized = stepped(anonymized, (OPENED, ago(390)), (BEGUN, ago(388)), (RECORDED, ago(385)))
    anonymized = anonymized.concluded(Result.reported(Status.VERIFIED, [], document_of_person(anonymized, DocumentType.ID_CARD, "FR")), ago(377))
    case.keep(anonymized.anonymized(Actor.INTEGRATOR, ago(60)), "anonymized")

    three_attempts(case)
    long = case.created(PEOPLE[-1], "application-2026-11-29-branch-montpellier-0000184", ago(52))
    long = stepped(long, (OPENED, ago(50)), (BEGUN, ago(49)), (RECORDED, ago(46)))
    codes = ["IDVV_1310", "IDVV_1311", "IDVV_1312", "IDVV_1402"]
    case.keep(long.concluded(Result.reported(Status.FAILED, codes), ago(28)), "long")
    nameless = case.created(("Noor", "de Vries"), None, ago(64))
    nameless = stepped(nameless, (OPENED, ago(60)))
    case.keep(nameless.expired(ago(45)), "link expired")


def three_attempts(case: Showcase) -> None:
    """Add a chain of three attempts, of which the last one is verified."""
    attempt = case.created(("Tomás", "Ferreira"), "loan-20479", ago(5 * 1440))
    for codes, at in (["IDVV_1113"], 5 * 1440 - 20), (["IDVV_2101"], 1500):
        status = Status.FAILED if codes == ["IDVV_2101"] else Status.INCONCLUSIVE
        attempt = stepped(attempt, (OPENED, ago(at + 9)), *(((BEGUN, ago(at + 8)), (RECORDED, ago(at + 6))) if status is Status.FAILED else ()))
        attempt = case.retried(attempt.concluded(Result.reported(status, codes), ago(at)), ago(at - 1400 if at > 2000 else 36))
    attempt = stepped(attempt, (OPENED, ago(30)), (BEGUN, ago(29)), (RECORDED, ago(26)))
    outcome = Result.reported(Status.VERIFIED, [], document_of_person(attempt, DocumentType.RESIDENCE_PERMIT, "FR"))
    case.keep(attempt.concluded(outcome, ago(18)), "three attempts")


def history(case: Showcase) -> None:
    """Add verifications of the last two months: many on working days, few at weekends."""
    number = 20_460
    for day in range(DAYS):
        midnight = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=day)
        count = case.random.randint(13, 19) if midnight.weekday() >= 5 else case.random.randint(44, 62) - day // 3
        for place in range(count):
            at = midnight + timedelta(hours=7, minutes=(place + case.random.random()) * 14 * 60 / count)
            number -= 1
            if at < ago(130):
                case.keep(outcome_of(case, at, number))


def outcome_of(case: Showcase, at: datetime, number: int) -> Verification:
    """A verification that was created at this instant, and most likely has an outcome by now."""
    random = case.random
    verification = case.created(PEOPLE[number % (len(PEOPLE) - 1)], f"{random.choice(PRODUCTS)}-{number}", at)
    draw = random.random()
    if draw < 0.06 and at > NOW - timedelta(days=7):
        return verification
    if draw < 0.12 and at < NOW - timedelta(days=7):
        return verification.expired(at + timedelta(days=7, seconds=12))
    opened = at + timedelta(minutes=random.randint(2, 10))
    verification = stepped(verification, (OPENED, opened))
    if draw < 0.2:
        return verification.concluded(Result.reported(Status.INCONCLUSIVE, [chosen(random, REASONS_OF_INCONCLUSIVE)]), opened + timedelta(minutes=4))
    begun = opened + timedelta(minutes=1)
    recorded, ended = begun + timedelta(minutes=3), begun + timedelta(minutes=random.randint(6, 24))
    verification = stepped(verification, (BEGUN, begun), (RECORDED, recorded))
    if draw < 0.34:
        return verification.concluded(Result.reported(Status.FAILED, [chosen(random, REASONS_OF_FAILED)]), ended)
    document = document_of_person(verification, *random.choice(DOCUMENTS))
    return verification.concluded(Result.reported(Status.VERIFIED, [], document), ended)


def chosen(random: Random, frequencies: dict[str, int]) -> str:
    """A random code. The probability of each code is proportional to its frequency."""
    return random.choices(list(frequencies), list(frequencies.values()))[0]
