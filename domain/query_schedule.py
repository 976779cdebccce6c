"""When the gateway queries the provider about a verification that has no result yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor

from domain.deadlines import PROVIDER_PATIENCE
from domain.status import Phase
from domain.verification import Verification

DEFAULT_AGES = tuple(timedelta(seconds=seconds) for seconds in (1200, 3600, 21_600, 86_400, 259_200, 604_800))
AFTER_THE_LAST = timedelta(days=1)
# The provider is queried this long after the individual came back from the provider's page, because a result usually follows within minutes.
AFTER_RETURN = tuple(timedelta(seconds=seconds) for seconds in (60, 300, 900))
# The provider is queried this long after the deadline of the link. The provider begins to count the time of the link a little later than the gateway
# does, so the link expires a little later at the provider.
LINK_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class QuerySchedule:
    """The ages at which a verification is queried, in ascending order. After the last age, it is queried whenever AFTER_THE_LAST has passed again."""

    ages: tuple[timedelta, ...] = DEFAULT_AGES

    def next_after(self, verification: Verification, at: datetime) -> datetime:
        """The earliest scheduled instant after `at`.

        A verification is queried at the ages of the schedule, after the individual's return, after the deadline of the link, and at the instant from
        which the gateway may conclude that no result will come.
        """
        rounds = max(0, floor((at - verification.created_at - self.ages[-1]) / AFTER_THE_LAST)) + 1
        instants = [verification.created_at + age for age in (*self.ages, self.ages[-1] + rounds * AFTER_THE_LAST)]
        # An instant that can't be read counts as absent.
        if isinstance(verification.capture_completed_at, datetime):
            instants += [verification.capture_completed_at + pause for pause in AFTER_RETURN]
        if verification.phase is Phase.IN_SESSION and isinstance(verification.link_deadline, datetime):
            instants.append(verification.link_deadline + LINK_MARGIN)
        if isinstance(verification.expires_at, datetime):
            instants.append(verification.expires_at + PROVIDER_PATIENCE)
        return min(instant for instant in instants if instant > at)
