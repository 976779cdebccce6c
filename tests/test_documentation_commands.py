"""Runs the shell commands of the documentation: every block of the language `sh`, unless a comment before it says why it is not run.

The blocks of a page run one after the other in one shell, in an empty folder. Only addresses, ids and passwords of examples are replaced. A command
that fails, fails the test.
"""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import NamedTuple

import pytest

from domain.caller import Scope
from gateway.development.mongod import find_mongod, listening, unused
from gateway.development.mongod import running as running_mongod
from store.driver import close_client, connect, database
from store.indexes import ensure
from tests.authenticated import AuthenticatedMongo
from tests.deploying.recipes import executable
from tests.fakes.receiver import RECEIVER_SECRET
from tests.serving import ISSUER, KEYS, Gateway, serving
from tests.test_documentation import PAGES, ROOT

# A block of shell commands, and the comment before it, if there is one. The comment says why the block is not run.
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?^```sh\n(?P<commands>.+?)^```$", re.MULTILINE | re.DOTALL)
# The page whose commands this file does not run: its tutorial needs two terminals and an editor. tests/browsers/test_examples.py takes its steps.
ELSEWHERE = {"docs/frontends.md"}
EXAMPLE_URI = "mongodb://gateway:PASSWORD@mongo1.example,mongo2.example,mongo3.example/gateway?replicaSet=gateway&authSource=admin"
EXAMPLE_ID = "ver_0198…"
MUTATION = """mutation { createVerification(input: { firstName: "Ada", lastName: "Lovelace", redirectionUrl: "https://example.com" }) {
  ... on Verification { id }
} }"""
PROVIDERS = """
[acme]
provider = "external"
[acme.deliveries]
url = "http://127.0.0.1:9/hooks"
secret_env = "HOOK_SECRET"
"""


class Block(NamedTuple):
    """A block of shell commands. `reason`: why it is not run; None if it is."""

    reason: str | None
    commands: str


def blocks(page: Path) -> list[Block]:
    """The blocks of shell commands of a page."""
    return [Block(found["reason"], found["commands"]) for found in BLOCK.finditer(page.read_text())]


async def run(commands: str, folder: Path, **environment: str) -> str:
    """Run commands in a shell that ends at the first failure. Returns their output. Fails the test if a command fails."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", commands),
        cwd=folder,
        env={**inherited, "PATH": programs, **environment},
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await shell.communicate()
    assert shell.returncode == 0, f"{commands}\nended with {shell.returncode}:\n{output.decode()}"
    return output.decode()


def of(name: str) -> str:
    """All commands of a page that are run."""
    return "\n".join(block.commands for block in blocks(ROOT / name) if not block.reason)


async def test_a_command_that_fails_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ended with 1"):
        await run("true\nfalse | cat\ntrue", tmp_path)


def test_only_these_pages_have_commands_that_are_run() -> None:
    """A page that is added to this set needs a test below, which runs its commands."""
    assert {str(page.relative_to(ROOT)) for page in PAGES if of(str(page))} - ELSEWHERE == {"README.md", "docs/deploying.md", "docs/webhooks.md"}


async def test_the_commands_of_the_readme(gateway: Gateway, tmp_path: Path) -> None:
    executable("curl")
    await gateway.query(MUTATION)

    output = await run(of("README.md").replace("http://127.0.0.1:8000", gateway.url), tmp_path, TOKEN=gateway.token(Scope.READ))

    assert '"status":"PENDING"' in output


async def test_the_commands_of_the_page_on_deploying(authenticated: AuthenticatedMongo, tmp_path: Path) -> None:
    executable("openssl")
    commands = of("docs/deploying.md")
    assert EXAMPLE_URI in commands

    output = await run(commands.replace(EXAMPLE_URI, authenticated.uri()), tmp_path)

    assert "✓ write and change stream" in output
    assert "✗" not in output
    # The last line is a token: three parts in base64.
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", output.strip().splitlines()[-1])
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "keys").iterdir()} == {0o600}


async def test_the_commands_of_the_page_on_webhooks(database_uri: str, tmp_path: Path) -> None:
    client = connect(database_uri, 10)
    await ensure(database(client))
    close_client(client)
    async with serving(database_uri) as gateway:
        id = (await gateway.query(MUTATION))["createVerification"]["id"]
    (tmp_path / "providers.toml").write_text(PROVIDERS)
    environment = {
        **{f"GATEWAY_{name.upper()}": key for name, key in KEYS.items()},
        "GATEWAY_MONGO_URI": database_uri,
        "GATEWAY_TOKEN_ISSUER": ISSUER,
        "GATEWAY_PUBLIC_URL": "https://gateway.example.com",
        "GATEWAY_PROVIDERS_FILE": "providers.toml",
        "HOOK_SECRET": RECEIVER_SECRET,
    }
    commands = of("docs/webhooks.md")
    assert EXAMPLE_ID in commands

    output = await run(f"gateway deliveries resend {EXAMPLE_ID} --workspace acme\n{commands}".replace(EXAMPLE_ID, id), tmp_path, **environment)

    assert f"{id}\tacme\twaiting" in output


def test_the_configuration_of_mongodb_is_valid(tmp_path: Path) -> None:
    [content] = re.findall(r"^```yaml\n# mongod.conf\n(.+?)^```$", (ROOT / "docs" / "deploying.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "mongod.conf").write_text(content)
    (tmp_path / "data").mkdir()
    places = ["--dbpath", str(tmp_path / "data"), "--bind_ip", "127.0.0.1", "--port", str(unused(0)), "--nounixsocket"]
    command = [str(find_mongod()), "--config", str(tmp_path / "mongod.conf"), *places]

    with running_mongod(command, tmp_path / "log") as process:
        assert listening(process, tmp_path / "log"), (tmp_path / "log").read_text()
