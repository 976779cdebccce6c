import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from simulation.credentials import Credentials
from simulation.errors import BadCredentials

CONTENT: dict[str, Any] = {
    "url": "http://127.0.0.1:8000",
    "graphql": "http://127.0.0.1:8000/graphql",
    "websocket": "ws://127.0.0.1:8000/graphql",
    "workspace": "acme",
    "tokens": {"integrator": "integrator.token", "operator": "operator.token", "provider": "provider.token", "other": "other.token"},
}


def a_file(folder: Path, content: object) -> Path:
    file = folder / "credentials.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_credentials_as_a_dict_equal_the_file(tmp_path: Path) -> None:
    assert asdict(Credentials.read(a_file(tmp_path, CONTENT))) == CONTENT


def test_a_url_and_two_tokens_are_enough(tmp_path: Path) -> None:
    tokens = {"integrator": "a", "provider": "b"}

    credentials = Credentials.read(a_file(tmp_path, {"url": "https://verify.example.com/", "tokens": tokens}))

    assert credentials.graphql == "https://verify.example.com/graphql"
    assert (credentials.tokens.integrator, credentials.tokens.provider) == ("a", "b")


@pytest.mark.parametrize("url", ["https://verify.example.com", "https://verify.example.com/", "https://verify.example.com/graphql"])
def test_credentials_can_be_used_for_another_url(tmp_path: Path, url: str) -> None:
    credentials = Credentials.read(a_file(tmp_path, CONTENT)).at(url)

    assert credentials.url == "https://verify.example.com"
    assert credentials.graphql == "https://verify.example.com/graphql"
    assert credentials.websocket == "wss://verify.example.com/graphql"
    assert credentials.tokens.integrator == "integrator.token"


def test_the_repr_does_not_show_tokens(tmp_path: Path) -> None:
    assert ".token" not in repr(Credentials.read(a_file(tmp_path, CONTENT)))


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://example.com", "http://", "http://[bad", "http://host:99999", "http://a b"])
def test_an_invalid_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadCredentials, match="use a URL such as"):
        Credentials.read(a_file(tmp_path, CONTENT)).at(url)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "needs"),
        ({"url": "http://127.0.0.1:8000"}, "needs"),
        (CONTENT | {"url": None, "graphql": None}, "has no 'url'"),
        (CONTENT | {"url": "127.0.0.1"}, "is not a gateway's URL"),
        (CONTENT | {"tokens": {"integrator": "a"}}, "has no token 'provider'"),
        (CONTENT | {"tokens": {"integrator": " ", "provider": "b"}}, "has no token 'integrator'"),
        (CONTENT | {"tokens": {"integrator": "a\nb", "provider": "b"}}, "characters that are not allowed in tokens"),
    ],
)
def test_an_incomplete_file_is_refused_with_the_missing_field(tmp_path: Path, content: object, problem: str) -> None:
    with pytest.raises(BadCredentials, match=problem):
        Credentials.read(a_file(tmp_path, content))


def test_for_a_missing_file_the_error_names_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(BadCredentials, match=r"No such file.*gateway dev --credentials-file"):
        Credentials.read(tmp_path / "nothing.json")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "credentials.json"
    file.write_bytes(content)

    with pytest.raises(BadCredentials, match="is not JSON"):
        Credentials.read(file)
