"""Tests that a webhook is applied although the gateway that answered it was killed before it could apply it."""

import asyncio
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pymongo import MongoClient

from store.indexes import INBOX
from tests.fakes.yousign import Fault, fake_yousign, providers_file
from tests.processes.process import READY_SECONDS, REQUEST, running
from tests.processes.service import api_at, free_port, settings_at

CREATE = "mutation ($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id provider { id } } } }"
READ = "query ($id: ID!) { verification(id: $id) { status events { type } } }"


async def test_a_webhook_survives_the_kill_of_its_gateway(tmp_path: Path, database_uri: str, mongo: MongoClient[dict[str, Any]]) -> None:
    inbox = mongo[urlsplit(database_uri).path[1:]][INBOX]
    async with fake_yousign() as fake:
        fake.late_seconds = READY_SECONDS
        environment = {"GATEWAY_MONGO_URI": database_uri, "GATEWAY_PROVIDERS_FILE": str(providers_file(tmp_path, fake))}
        killed_port, port = free_port(), free_port()

        async with running(tmp_path, "serve", **settings_at(killed_port), **environment) as command:
            await command.ready(f"http://127.0.0.1:{killed_port}")
            created = await api_at(killed_port).execute(CREATE, input=REQUEST)
            provider_id = created["provider"]["id"]
            fake.decide(provider_id, "verified", document={"full_name": "Jeanne Moreau"})
            # The gateway waits some seconds for the document of the verdict, so it can be killed before it applies the verdict.
            fake.order("GET", Fault.LATE)
            async with httpx2.AsyncClient(trust_env=False) as client:
                content, headers = fake.webhook(provider_id)
                answer = await client.post(f"http://127.0.0.1:{killed_port}/webhooks/acme", content=content, headers=headers)
            await command.end(signal.SIGKILL)
        [entry] = inbox.find()
        assert (answer.status_code, entry["state"]) == (200, "waiting")
        # End the lease of the killed process now, so that the test need not wait until the lease ends.
        inbox.update_one({}, {"$set": {"next": entry["receivedAt"]}})

        async with running(tmp_path, "serve", **settings_at(port), **environment) as command:
            await command.ready(f"http://127.0.0.1:{port}")
            async with asyncio.timeout(READY_SECONDS):
                while (verification := await api_at(port).execute(READ, id=created["id"]))["status"] == "PENDING":
                    await asyncio.sleep(0.05)

    assert verification["status"] == "VERIFIED"
    assert [event["type"] for event in verification["events"]] == ["CREATED", "PROVIDER_STARTED", "STATUS_CHANGED"]
