"""One life, led through the API as its plan says."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from simulation.parties import Integrator, Provider, State
from simulation.reasons import tries_again
from simulation.steps import Attempt, Lifecycle, Progress, Step
from simulation.tally import Tally


@dataclass(slots=True)
class Journey:
    """The way through one life. `run` tells this simulation's ids from those of any other; `speed` is how much faster than life it goes."""

    life: Lifecycle
    integrator: Integrator
    provider: Provider
    tally: Tally
    run: str
    speed: float
    aside: Callable[[Coroutine[None, None, None]], object]
    known: dict[str, State] = field(default_factory=dict)

    async def go(self) -> None:
        """From the creation to the last outcome, or to where only a deadline can go on."""
        with self.tally.counting():
            current = self._seen(await self.integrator.create(self.life, f"{self.run}-{self.life.number}"))
            for attempt in self.life.attempts:
                await self._reported(current, attempt.steps)
                if not self.known[current.id].final:
                    self.tally.left += 1
                    return
                # What comes late comes while the person may be trying again already.
                self.aside(self._reported(current, attempt.late))
                if current.attempt == len(self.life.attempts) or not await self._tries_again(current, attempt):
                    break
                current = self._seen(await self.integrator.retry(current.id))
            await self._anonymized()

    async def _reported(self, verification: State, steps: Iterable[Step]) -> None:
        for step in steps:
            await self._pass(step.after_seconds)
            event_id = f"{self.run}-{self.life.number}-{verification.attempt}-{step.event}"
            with self.tally.counting():
                if isinstance(step, Progress):
                    self._seen(await self.provider.report_progress(verification.id, step.progress, event_id))
                else:
                    self._seen(await self.provider.report_result(verification.id, step, event_id))

    async def _tries_again(self, verification: State, attempt: Attempt) -> bool:
        if self.known[verification.id].status == "VERIFIED":
            return False
        await self._pass(attempt.retry_after_seconds)
        # The provider is not shown everything: what to do next is for the company to read.
        now = await self.integrator.verification(verification.id)
        return now is not None and now.can_retry and tries_again(attempt.persistence, now.advice)

    async def _anonymized(self) -> None:
        if self.life.anonymized_after_seconds is None:
            return
        await self._pass(self.life.anonymized_after_seconds)
        for id in list(self.known):
            with self.tally.counting():
                self._seen(await self.integrator.anonymize(id))
                self.tally.anonymized += 1

    async def _pass(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    def _seen(self, state: State) -> State:
        name = f"{self.life.person.first_name} {self.life.person.last_name}"
        self.tally.moved(self.known.get(state.id), state, self.life.reference, name)
        # Answers to calls made side by side may come back in either order.
        if state.id not in self.known or state.version > self.known[state.id].version:
            self.known[state.id] = state
        return state
