"""MongoDB's address, a connection string: whether the driver can read it, and what is wrong with it if not."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ConfigurationError

SRV = "mongodb+srv://"
SCHEMES = ("mongodb://", SRV)
# A host, alone or with a port. The port has one to five digits after any leading zeros. An address in brackets is IPv6.
MONGO_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/]+)(:0*[1-9][0-9]{0,4})?")
# A user name, and a password: everything that is not a letter, a digit or one of -._~!$&'()*+,;= is percent-encoded.
MONGO_USER = re.compile(r"([\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*(:([\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?", re.ASCII)


class BadAddress(Exception):
    """MongoDB's address can't be read.

    The message contains no part of the address, and no message of the driver: both can contain the password.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"MongoDB's address (GATEWAY_MONGO_URI, or --mongo-uri of `gateway dev`) can't be read: {reason}")


@contextmanager
def readable(uri: str) -> Iterator[None]:
    """A context in which the driver reads the address. Raises: BadAddress if the driver refuses it, or would ignore a part of it.

    Names are not looked up here: the driver finds out later whether a server answers at the address.
    """
    # The driver would take an address without a scheme as the name of a host, and report no error. So such an address is refused here.
    if not uri.startswith(SCHEMES):
        raise BadAddress(mistake(uri))
    try:
        with warnings.catch_warnings():
            # The driver ignores an option that it does not understand, and only warns. If the option for TLS is misspelled, it would not use TLS.
            warnings.simplefilter("error", UserWarning)
            yield
    except (ConfigurationError, ValueError, UserWarning):
        raise BadAddress(mistake(uri)) from None


def mistake(uri: str) -> str:
    """What is wrong with an address that can't be read, and how to write it."""
    if not uri.strip():
        return "it is empty; write mongodb://host:port/database?replicaSet=name"
    if not uri.startswith(SCHEMES):
        return f"it does not begin with mongodb:// or {SRV}"
    before_options, _, options = uri.partition("://")[2].partition("?")
    authority, _, name = before_options.partition("/")
    user, _, hosts = authority.rpartition("@")
    # If a password contains "/", "?" or "@", and is not percent-encoded, the driver takes what follows for another part of the address.
    if "@" in name or "@" in options or not MONGO_USER.fullmatch(user):
        return "percent-encode the user name and the password"
    if uri.startswith(SRV) and not re.fullmatch(r"[^:,]+", hosts):
        return f"{SRV} takes one host name, without a port"
    if not all(map(port_and_host, hosts.split(","))):
        return "write each host as host:port, with a port from 1 to 65535"
    return "its database name or one of its options is not one that MongoDB's driver accepts"


def port_and_host(text: str) -> bool:
    """Whether the text is a host, alone or with a port from 1 to 65535."""
    found = MONGO_HOST.fullmatch(text)
    return found is not None and int((found[2] or ":1")[1:]) <= 65_535
