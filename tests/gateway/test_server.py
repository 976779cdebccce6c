"""Tests of the server: the socket on which it listens, the limit of open files, and how the process ends."""

import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from gateway.server import AddressTaken, end_in_order, listening_socket, make_room
from gateway.transports.websocket import Close
from tests.serving import serving
from tests.wire import wired


def test_a_socket_listens_on_its_address() -> None:
    with listening_socket("127.0.0.1", 0) as bound, socket.create_connection(bound.getsockname()) as client:
        assert client.getpeername() == bound.getsockname()


def test_an_address_in_use_is_reported_with_the_setting_that_changes_it() -> None:
    with listening_socket("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]

        with pytest.raises(AddressTaken, match=rf"127\.0\.0\.1:{port} \(Address already in use\); .* GATEWAY_PORT, or with `gateway dev --port`"):
            listening_socket("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "place"),
    [
        # 192.0.2.1 and 2001:db8::1 are reserved for documentation (RFC 5737, RFC 3849), so no machine has these addresses.
        ("192.0.2.1", r"192\.0\.2\.1:0"),
        ("2001:db8::1", r"\[2001:db8::1\]:0"),
        ("a" * 64, "a{64}:0"),
    ],
)
def test_a_host_on_which_this_machine_cannot_listen_is_reported_with_the_setting_that_changes_it(host: str, place: str) -> None:
    with pytest.raises(AddressTaken, match=rf"can't listen on {place} \(.+\); choose another host with GATEWAY_HOST, or with `gateway dev --host`"):
        listening_socket(host, 0)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no TCP_USER_TIMEOUT")
def test_the_kernel_closes_a_connection_whose_peer_reads_nothing() -> None:
    with listening_socket("127.0.0.1", 0, unread_seconds=1.5) as bound:
        assert bound.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1500


@pytest.fixture
def low_file_limit() -> Iterator[int]:
    """Lowers the soft limit of open files below the hard limit during a test. Yields the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard - 1), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_process_may_open_as_many_files_as_the_system_allows(low_file_limit: int) -> None:
    make_room()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (low_file_limit, low_file_limit)


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Restores the handler of SIGTERM after a test that replaces it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("own_signals")
def test_sigterm_raises_system_exit() -> None:
    end_in_order()

    with pytest.raises(SystemExit) as end:
        signal.raise_signal(signal.SIGTERM)

    assert end.value.code == 128 + signal.SIGTERM


async def test_a_server_that_ends_closes_its_sockets_with_service_restart(database_uri: str) -> None:
    async with AsyncExitStack() as stack:
        async with serving(database_uri) as gateway:
            wire = await stack.enter_async_context(wired(gateway, gateway.token()))

        assert await wire.closed() == Close.SERVICE_RESTART
