"""Tests which addresses of MongoDB are refused before anything connects, with which advice, and that no message contains a password."""

import traceback

import pytest

from store.deployment.address import BadAddress, mistake
from store.driver import close_client, connect

ESCAPE = "percent-encode the user name and the password"
SCHEME = r"does not begin with mongodb:// or mongodb\+srv://"
PORT = "write each host as host:port, with a port from 1 to 65535"
OPTION = "its database name or one of its options"


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("nonsense", SCHEME),
        ("127.0.0.1:27017", SCHEME),
        ("http://user:canary@127.0.0.1/x", SCHEME),
        ("MONGODB://127.0.0.1", SCHEME),
        ("mongodb:/127.0.0.1", SCHEME),
        ("mongodb://", PORT),
        ("mongodb:///x", PORT),
        ("mongodb://user:canary@", PORT),
        ("mongodb://user:canary@127.0.0.1:0x1", PORT),
        ("mongodb://user:canary@127.0.0.1:0", PORT),
        ("mongodb://user:canary@127.0.0.1:65536/x", PORT),
        ("mongodb://user:canary@127.0.0.1:/x", PORT),
        ("mongodb://user:canary@a:1,b:port/x", PORT),
        ("mongodb://user:canary/secret@127.0.0.1:1/x", ESCAPE),
        ("mongodb://user:canary?secret@127.0.0.1:1/x", ESCAPE),
        ("mongodb://user:canary@secret@127.0.0.1:1/x", ESCAPE),
        ("mongodb://user:canary:secret@127.0.0.1:1/x", ESCAPE),
        ("mongodb://user:canary%zz@127.0.0.1:1/x", ESCAPE),
        ("mongodb+srv://user:canary@one.example,two.example/x", "takes one host name, without a port"),
        ("mongodb+srv://user:canary@one.example:27017/x", "takes one host name, without a port"),
        ("mongodb://user:canary@127.0.0.1:1/a b", OPTION),
        ("mongodb://user:canary@127.0.0.1:1/?replicaSet", OPTION),
        ("mongodb://user:canary@127.0.0.1:1/?tls=maybe", OPTION),
        ("mongodb://user:canary@127.0.0.1:1/?tsl=true", OPTION),
        ("mongodb://user:canary@127.0.0.1:1/?authMechanism=canary", OPTION),
        ("mongodb://user:canary@a:1,b:1/?directConnection=true", OPTION),
    ],
)
def test_an_unreadable_address_is_refused_with_advice_and_without_its_parts(uri: str, advice: str) -> None:
    with pytest.raises(BadAddress, match=advice) as refused:
        connect(uri, timeout_seconds=1)

    shown = "".join(traceback.format_exception(refused.value))
    assert "canary" not in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://127.0.0.1",
        "mongodb://[::1]:27018/x?replicaSet=name",
        "mongodb://us%40er:p%2Fw%3A%3F@a.example:27017,b.example:27017/x?replicaSet=name&tls=true&authSource=admin",
        "mongodb+srv://user:password@cluster.example/x?retryWrites=true&w=majority&appName=Cluster0",
    ],
)
async def test_a_readable_address_is_accepted_without_connecting(uri: str) -> None:
    close_client(connect(uri, timeout_seconds=1))


def test_advice_about_the_password_is_given_even_if_its_rest_reads_like_a_port() -> None:
    assert mistake("mongodb://user:12/34@127.0.0.1:1/x") == ESCAPE
