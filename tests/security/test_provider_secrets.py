"""The secrets of providers, of webhooks and of links appear in no output, log, error or metric, whatever happens at providers and backends.

Case S28 in tests/security/README.md. `test_canaries.py` covers the other secrets, and personal data.
"""

import asyncio
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.fakes.receiver import RECEIVER_SECRET, Answer, Receiver, receiving
from tests.fakes.yousign import FakeYousign, Fault, fake_yousign, providers_file
from tests.processes.process import READY_SECONDS, REQUEST, Api, Command, running
from tests.processes.service import api_at, free_port, settings_at

CREATE = """
mutation ($input: CreateVerificationInput!) {
  createVerification(input: $input) { ... on Verification { id verificationUrl provider { id } } ... on Refusal { message } }
}
"""
DELIVERIES = "{ webhookDeliveries { lastStatus lastError tries } }"
# Faults of a providers file that the gateway reads again: an operator wrote a secret into the file, or did not finish it. Each of BAD_KEYS takes the
# place of KEY_LINE, and each of BAD_SECTIONS is appended.
KEY_LINE = 'api_key_file = "api-key"\n'
BAD_KEYS = ('api_key = "canary-inline-key"\n', 'api_key_env = "canary-inline-variable"\n', 'api_key_file = ["canary-list"]\n')
BAD_SECTIONS = ('[other]\nprovider = "canary-provider"\n', '[other]\nwebhook_secrets = ["canary-inline-secret"]\n', '"canary-unfinished')
UNCHANGED = "The providers stay as they were."


@dataclass
class Running:
    """A gateway process, its provider and its backend. `secrets`: all values that must not be written anywhere. `answers`: the gateway's answers."""

    command: Command
    api: Api
    fake: FakeYousign
    client: httpx2.AsyncClient
    secrets: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def create(self, **changed: Any) -> dict[str, Any]:
        """Create a verification. Returns it, or the refusal."""
        created: dict[str, Any] = await self.api.execute(CREATE, input={**REQUEST, **changed})
        return created

    async def send_webhook(self, content: bytes, headers: dict[str, str]) -> None:
        """Send a webhook to the gateway, and record the gateway's answer in `answers`."""
        response = await self.client.post("/webhooks/acme", content=content, headers=headers)
        self.answers.append(f"{response.headers}{response.text}")

    async def log_has(self, text: str, count: int = 1) -> None:
        """Wait until the gateway has logged a text at least `count` times."""
        await self.command.until(lambda: self.command.errors.read_text().count(text) >= count)


async def follow_links(gateway: Running) -> str:
    """Create a verification, and request both of its observed links, also with mistakes in them. Returns the provider's id."""
    created = await gateway.create()
    start, back = urlsplit(created["verificationUrl"]).path, urlsplit(gateway.fake.bodies[created["provider"]["id"]]["redirection_url"]).path
    gateway.secrets += [path.rpartition(".")[2] for path in (start, back)]
    for path in (start, back, f"{start}x", f"{back}x", start.replace("/v/", "/r/")):
        for method in ("GET", "POST", "PUT"):
            await gateway.client.request(method, path, headers={"referer": f"http://gateway.example{path}"})
    provider_id: str = created["provider"]["id"]
    return provider_id


async def send_webhooks(gateway: Running, provider_id: str) -> None:
    """Send webhooks that are signed, not signed, wrongly signed, damaged, and for an unknown verification."""
    fake = gateway.fake
    fake.decide(provider_id, "verified", document={"full_name": "Jeanne Moreau"})
    content, headers = fake.webhook(provider_id)
    signature = headers["x-yousign-signature-256"]
    gateway.secrets.append(signature.removeprefix("sha256="))
    await gateway.send_webhook(content, {})
    await gateway.send_webhook(content + b" ", headers)
    await gateway.send_webhook(content, {**headers, "x-yousign-signature-256": f"{signature}0"})
    fake.order("GET", Fault.DENIED, Fault.BAD_BODY)
    await gateway.send_webhook(content, headers)
    await gateway.send_webhook(b"{", fake.signed(b"{"))


async def fail_at_the_provider(gateway: Running) -> None:
    """Let creations fail: by faults of the provider, then because of a bad requirement, and finally because the API key is no longer accepted."""
    faults = (Fault.ERROR, Fault.AWAY, Fault.LIMITED, Fault.CUT, Fault.BAD_BODY, Fault.BAD_SHAPE)
    gateway.fake.order("POST", *faults)
    gateway.answers += map(str, await asyncio.gather(*(gateway.create() for _ in faults)))
    gateway.answers.append(str(await gateway.create(requirements={"minAge": 130})))
    gateway.fake.api_key = "replaced-at-the-provider"
    gateway.answers.append(str(await gateway.create()))
    await gateway.log_has("the API key is not accepted")


async def read_bad_files(gateway: Running, file: Path, good: str) -> None:
    """Let the gateway read providers files that can't be used. `good`: the usable content, which the file has again in the end."""
    for count, bad in enumerate((*(good.replace(KEY_LINE, line) for line in BAD_KEYS), *(good + section for section in BAD_SECTIONS)), 1):
        await asyncio.to_thread(file.write_text, bad)
        gateway.command.process.send_signal(signal.SIGHUP)
        await gateway.log_has(UNCHANGED, count)
    await asyncio.to_thread(file.write_text, good)


async def commands_output(folder: Path, environment: dict[str, str]) -> str:
    """Run the commands that deal with providers, webhooks and deliveries. Returns what they print."""
    written = []
    for arguments in (("check",), ("inbox", "list"), ("deliveries", "list"), ("check", "--provider", "acme", "--live")):
        async with running(folder, *arguments, **environment) as command:
            await command.ended()
        written += [command.output.read_text(), command.errors.read_text()]
    return "\n".join(written)


async def test_secrets_of_providers_webhooks_and_links_appear_nowhere(tmp_path: Path, database_uri: str) -> None:
    port, other = free_port(), tmp_path / "commands"
    other.mkdir()
    (tmp_path / "hooks").write_text(RECEIVER_SECRET)
    async with (
        fake_yousign() as fake,
        # The backend's answer contains the secret that signs the webhooks, which a backend should never send.
        receiving(lambda number, body: Answer(status=500, body=RECEIVER_SECRET.encode())) as backend,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client,
    ):
        file = providers_file(tmp_path, fake, more=f'[acme.deliveries]\nurl = "{backend.url}"\nsecret_file = "hooks"\n')
        content = file.read_text()
        environment = settings_at(port) | {
            "GATEWAY_MONGO_URI": database_uri,
            "GATEWAY_PROVIDERS_FILE": str(file),
            "GATEWAY_LOG_LEVEL": "debug",
        }
        secrets = [fake.api_key, fake.secret, RECEIVER_SECRET, RECEIVER_SECRET.removeprefix("whsec_"), "canary", "replaced-at-the-provider"]
        async with running(tmp_path, "serve", **environment) as command:
            gateway = Running(command, api_at(port), fake, client, secrets)
            await command.ready(gateway.api.url)
            await send_webhooks(gateway, await follow_links(gateway))
            await has_tried(gateway, backend)
            await fail_at_the_provider(gateway)
            await read_bad_files(gateway, file, content)
            metrics = (await client.get("/metrics")).text
            await command.end(signal.SIGTERM)
        printed = await commands_output(other, environment)

    log = command.output.read_text() + command.errors.read_text()
    places = {"log": log, "metrics": metrics, "commands": printed, "answers": "\n".join(gateway.answers)}
    # The signature of each webhook to the backend is a secret until its timestamp is too old.
    secrets += [request.headers["webhook-signature"].removeprefix("v1,") for request in backend.requests]
    assert [(name, secret) for name, text in places.items() for secret in secrets if secret in text] == []
    # The log must contain the failures. Otherwise, the search above would prove nothing.
    for text in ("can't be started", "the API key is not accepted (status 401)", UNCHANGED):
        assert text in log
    assert "can't be used: the API key is not accepted" in printed


async def has_tried(gateway: Running, backend: Receiver) -> None:
    """Wait until the backend has refused a webhook, and read what the gateway says about it."""
    async with asyncio.timeout(READY_SECONDS):
        while not backend.requests:
            await asyncio.sleep(0.05)
        while not (shown := await gateway.api.execute(DELIVERIES)) or shown[0]["lastStatus"] != 500:
            await asyncio.sleep(0.05)
    gateway.answers.append(str(shown))
