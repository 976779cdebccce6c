"""Readers send one query after the other, with short pauses between them, and record each answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from time import time

import httpx2

from tests.ledger.gateways import token

READ = "query($id: ID!) { answer: verification(id: $id) { id version status } }"
LIST = "query { answer: verifications(first: 5) { edges { node { id version } } } }"
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Answered:
    """One query. `code`: the code of the error, or the name of the exception; None if the query was answered."""

    sent_at: float
    answered_at: float
    code: str | None


class Reader:
    """Reads a random verification, or the first page of the list, again and again. `answer_seconds`: how long it waits for each answer."""

    def __init__(self, url: str, client: httpx2.AsyncClient, ids: Sequence[str], seed: int, answer_seconds: float) -> None:
        self.answers: list[Answered] = []
        self._url = f"{url}/graphql"
        self._client = client
        self._ids = ids
        self._random = Random(seed)
        self._answer_seconds = answer_seconds
        self._headers = {"authorization": f"Bearer {token()}"}

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            sent_at = time()
            code = await self._read()
            self.answers.append(Answered(sent_at, time(), code))
            await asyncio.sleep(PAUSE_SECONDS * self._random.uniform(0.5, 1.5))

    async def _read(self) -> str | None:
        single = self._ids and self._random.random() < 0.7
        body = {"query": READ, "variables": {"id": self._random.choice(self._ids)}} if single else {"query": LIST}
        try:
            response = await self._client.post(self._url, json=body, headers=self._headers, timeout=self._answer_seconds)
        except httpx2.HTTPError as error:
            return type(error).__name__
        if "json" not in response.headers["content-type"]:
            return f"status {response.status_code}"
        answer = response.json()
        return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None
