"""Tests that compose.yaml is valid, and that its processes work together when they are started in its order."""

import asyncio
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import httpx2

from gateway.settings import secret_settings, variable
from tests.deploying.containers import COMPOSE, Containers, composed, services
from tests.wire import GENEROUS_SECONDS


def validated(file: Path) -> subprocess.CompletedProcess[str]:
    """Check a file with the JSON schema of the Compose Specification, which the validator contains."""
    command = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_file_follows_the_compose_specification(tmp_path: Path) -> None:
    assert validated(COMPOSE).returncode == 0

    (tmp_path / "bad.yaml").write_text(COMPOSE.read_text().replace("depends_on", "depends-on"))
    assert validated(tmp_path / "bad.yaml").returncode == 1, "the validator finds no mistake"


def test_no_secret_is_in_the_file_and_each_service_sees_only_its_own_keys() -> None:
    secrets = set(map(variable, secret_settings()))
    assert not any(secrets & set(service.get("environment", {})) for service in services().values())
    volumes = {name: [volume for volume in service["volumes"] if "-keys:" in volume] for name, service in services().items() if name != "keys"}
    assert all(len(found) == 1 and found[0].endswith(":ro") for found in volumes.values()), volumes


async def token(containers: Containers) -> str:
    """A token, made as docs/deploying.md says: by the command `gateway token` in the container of the gateway."""
    command = containers.command(
        "gateway", "gateway", "token", "--workspace", "demo", "--scope", "verification:read", "--scope", "verification:write"
    )
    process = await asyncio.create_subprocess_exec(*command, env=containers.environment("gateway"), stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode().strip()


async def created(containers: Containers, key: str) -> str:
    """Create a verification through the proxy. Returns its id. The same key returns the same verification."""
    certificate = (containers.directory / "volumes" / "keys" / "proxy" / "certificate.pem").read_text()
    trust = ssl.create_default_context(cadata=certificate)
    payload = "... on Verification { id } ... on Refusal { code message }"
    query = f"mutation($input: CreateVerificationInput!) {{ createVerification(input: $input) {{ {payload} }} }}"
    person = {"firstName": "Ada", "lastName": "Lovelace", "redirectionUrl": "https://example.com", "idempotencyKey": key}
    variables = {"input": {**person, "external": {"verificationUrl": f"https://provider.example/{key}"}}}
    async with httpx2.AsyncClient(verify=trust, trust_env=False, timeout=GENEROUS_SECONDS) as client:
        headers = {"authorization": f"Bearer {await token(containers)}"}
        response = await client.post(f"https://localhost:{containers.port}/graphql", json={"query": query, "variables": variables}, headers=headers)
        for path in ("/livez", "/readyz", "/healthz", "/metrics"):
            assert (await client.get(f"https://localhost:{containers.port}{path}")).status_code == 404
    assert "errors" not in response.json(), response.json()
    id: str = response.json()["data"]["createVerification"]["id"]
    return id


async def test_the_services_start_in_their_order_and_start_again_with_the_same_keys_and_data(tmp_path: Path) -> None:
    containers = Containers(tmp_path)
    async with composed(containers):
        id = await created(containers, "order-1")
        statuses = await containers.down()
        readable = {file.name: file.stat().st_mode for file in (tmp_path / "volumes" / "keys").rglob("*") if file.is_file()}

    assert statuses["keys"] == statuses["mongodb-setup"] == 0
    assert len(readable) == 10
    assert all(stat.S_IMODE(mode) == 0o400 for mode in readable.values())

    async with composed(containers):
        assert await created(containers, "order-1") == id
