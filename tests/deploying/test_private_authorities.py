"""Tests what docs/deploying.md says about private certificate authorities: of the token issuer, and of MongoDB."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from gateway.commands.findings import Problem
from gateway.development.mongod import find_mongod, listening, unused
from gateway.development.mongod import running as running_mongod
from tests.deploying.recipes import write_certificate
from tests.gateway.callers.test_keys import RSA, response_of
from tests.processes.process import running
from tests.processes.service import settings_at

UNREACHABLE = "mongodb://127.0.0.1:1/gateway"


@asynccontextmanager
async def an_encrypted_issuer(directory: Path) -> AsyncIterator[int]:
    """A context in which an issuer publishes its keys over TLS, with a certificate that no public authority signed. Yields its port."""
    write_certificate(directory)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "certificate", directory / "key")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response_of(orjson.dumps({"keys": [RSA.as_dict(private=False)]})))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def checked(directory: Path, **environment: str) -> tuple[int, str]:
    """Run `gateway check`. Returns its exit status, and the lines that it prints."""
    settings = {**settings_at(0), "GATEWAY_MONGO_URI": UNREACHABLE, "GATEWAY_DATABASE_SECONDS": "5", **environment}
    async with running(directory, "check", **settings) as command:
        status = await command.ended()
    return status, command.errors.read_text()


async def test_an_issuer_with_a_private_authority_is_trusted_if_ssl_cert_file_names_it(tmp_path: Path) -> None:
    async with an_encrypted_issuer(tmp_path) as port:
        url = f"https://127.0.0.1:{port}/keys"
        refused = await checked(tmp_path, GATEWAY_TOKEN_JWKS_URL=url, SSL_CERT_FILE="")
        trusted = await checked(tmp_path, GATEWAY_TOKEN_JWKS_URL=url, SSL_CERT_FILE=str(tmp_path / "certificate"))

    assert refused[0] == Problem.ISSUER_KEYS
    assert "the certificate is not trusted" in refused[1]
    assert trusted[0] == Problem.MONGO_UNREACHABLE
    assert "issuer's keys: 1 usable" in trusted[1]


async def test_a_mongodb_with_a_private_authority_is_trusted_if_the_address_names_it(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    (tmp_path / "data").mkdir()
    port = unused(0)
    # fmt: off
    command = [
        str(find_mongod()), "--dbpath", str(tmp_path / "data"), "--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket",
        "--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(tmp_path / "both"),
    ]
    # fmt: on
    with running_mongod(command, tmp_path / "log") as process:
        assert listening(process, tmp_path / "log"), (tmp_path / "log").read_text()[-2000:]
        uri = f"mongodb://127.0.0.1:{port}/gateway?tls=true"
        refused, _ = await checked(tmp_path, GATEWAY_MONGO_URI=uri)
        trusted, lines = await checked(tmp_path, GATEWAY_MONGO_URI=f"{uri}&tlsCAFile={tmp_path}/certificate")

    assert refused == Problem.MONGO_UNREACHABLE
    # This MongoDB is no replica set. Only from an answer of MongoDB can the gateway know this, so the connection was trusted.
    assert trusted == Problem.MONGO_DEPLOYMENT, lines
