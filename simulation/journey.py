"""Plays one simulated individual over the API: creates the verification, and carries out every planned step and retry."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field

from simulation.parties import Integrator, Provider, State
from simulation.reasons import tries_again
from simulation.steps import Attempt, Lifecycle, Progress, Step
from simulation.tally import Tally


@dataclass(slots=True)
class Journey:
    """Carries out the plan of one life, which is one simulated verification with its retries.

    `run` is a text that is unique to this simulation. Idempotency keys and event ids contain it, so they differ from those of other simulations.
    `speed` is how much faster than real time the life runs. `in_background` starts a coroutine as a task.
    """

    life: Lifecycle
    integrator: Integrator
    provider: Provider
    tally: Tally
    run: str
    speed: float
    in_background: Callable[[Coroutine[None, None, None]], object]
    states: dict[str, State] = field(default_factory=dict)

    async def go(self) -> None:
        """Carry out the plan, from the creation to the last outcome and the anonymization, or until only a deadline can change the verification."""
        with self.tally.counting():
            current = self._record(await self.integrator.create(self.life, f"{self.run}-{self.life.number}"))
            for attempt in self.life.attempts:
                await self._report(current, attempt.steps)
                if not self.states[current.id].final:
                    await self._leave(current)
                    return
                # Steps that arrive after the outcome are reported in the background, because the person may already be retrying.
                self.in_background(self._report(current, attempt.late))
                if current.attempt == len(self.life.attempts) or not await self._tries_again(current, attempt):
                    break
                current = self._record(await self.integrator.retry(current.id))
            await self._anonymize()

    async def _report(self, verification: State, steps: Iterable[Step]) -> None:
        for step in steps:
            await self._sleep(step.after_seconds)
            event_id = f"{self.run}-{self.life.number}-{verification.attempt}-{step.event}"
            with self.tally.counting():
                if isinstance(step, Progress):
                    self._record(await self.provider.report_progress(verification.id, step.progress, event_id))
                else:
                    self._record(await self.provider.report_result(verification.id, step, event_id))

    async def _tries_again(self, verification: State, attempt: Attempt) -> bool:
        if self.states[verification.id].status == "VERIFIED":
            return False
        await self._sleep(attempt.retry_after_seconds)
        # Read the verification with the integrator's token. `self.states` contains responses to the provider, whose token may lack the right to read
        # the retry advice.
        current = await self.integrator.verification(verification.id)
        return current is not None and current.can_retry and tries_again(attempt.reluctance, current.advice)

    async def _leave(self, verification: State) -> None:
        """Close an attempt that the individual has abandoned, if the plan says so. Otherwise only its deadline can end it."""
        if self.life.closed_after_seconds is None:
            self.tally.left += 1
            return
        await self._sleep(self.life.closed_after_seconds)
        self._record(await self.integrator.close(verification.id, "The customer has not come back."))
        self.tally.closed += 1
        await self._anonymize()

    async def _anonymize(self) -> None:
        if self.life.anonymized_after_seconds is None:
            return
        await self._sleep(self.life.anonymized_after_seconds)
        for id in list(self.states):
            with self.tally.counting():
                self._record(await self.integrator.anonymize(id))
                self.tally.anonymized += 1

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    def _record(self, state: State) -> State:
        name = f"{self.life.person.first_name} {self.life.person.last_name}"
        self.tally.moved(self.states.get(state.id), state, self.life.reference, name)
        # Keep only the newest state: responses to concurrent requests may arrive in any order.
        if state.id not in self.states or state.version > self.states[state.id].version:
            self.states[state.id] = state
        return state
