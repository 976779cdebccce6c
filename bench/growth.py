"""Measures how the gateway scales.

It compares the response times of lists of 10,000 to 1,000,000 verifications, and of page 1 to page 1,000. It also compares the throughput of one
process with that of two.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import islice
from random import Random
from statistics import median
from time import perf_counter

import bson
from bson.raw_bson import RawBSONDocument

from bench.agreement import Disagreement, answer_to, answers_to, connected
from bench.dataset import Company, database, prepare
from bench.load import CONNECTIONS, Load, Request, loaded
from bench.machinery import WORKSPACE, Served, gateway
from bench.processors import LOAD, SERVER
from bench.rounds import in_turn
from bench.servers import Setup
from bench.workloads import PAGE_AFTER, ROWS, operation
from domain.deadlines import whole_milliseconds
from domain.filter import Order
from store import cursor
from store.documents import encode, milliseconds
from store.indexes import VERIFICATIONS
from store.verifications import utc_now

SIZES = (10_000, 100_000, 1_000_000)
PAGES = {"first": 1, "hundredth": 100, "thousandth": 1000}
TEMPLATES = 500
BATCH = 5000
EACH_ROUND = 30
# How long ago the oldest verification of a list was created. The verifications are a second apart, so that a million of them fit into this time.
LONGEST = timedelta(days=15)

# The bytes that precede the two dates in a BSON document: the type of the value, the name of the field, a zero byte. `copies` replaces the dates.
CREATED, UPDATED = b"\x09createdAt\0", b"\x09updatedAt\0"

Times = dict[str, dict[str, list[float]]]


def measured(setup: Setup, rounds: int) -> dict[str, Times]:
    """Measure page 1 of lists of each size (`sizes`), and early and late pages of the longest list (`pages`)."""
    setups = {size: setup.with_database(f"rows_{size}") for size in SIZES}
    for size, each in setups.items():
        fill(each, size)
    with ExitStack() as stack:
        servers = {size: stack.enter_context(gateway(each.mongo_uri, each.keys, SERVER)) for size, each in setups.items()}
        longest = SIZES[-1]
        pages = {name: page_request(setups[longest], servers[longest], number) for name, number in PAGES.items()}
        return {
            "sizes": in_rounds({str(size): (server, pages["first"]) for size, server in servers.items()}, rounds),
            "pages": in_rounds({name: (servers[longest], request) for name, request in pages.items()}, rounds),
        }


def in_rounds(cases: Mapping[str, tuple[Served, Request]], rounds: int) -> Times:
    """The response times of each case, one for each round. The first round is a warm-up, and its times are dropped."""
    found = in_turn({name: partial(milliseconds_of, *case) for name, case in cases.items()}, rounds + 1)
    return {name: {"ms": times[1:]} for name, times in found.items()}


def milliseconds_of(target: Served, request: Request, number: int) -> float:
    """Send the request EACH_ROUND times over one connection, one after the other. Returns the median response time.

    `number`: the number of the round. `in_turn` passes it, but it is not needed here.
    """
    times = []
    with connected(target) as connection:
        for _ in range(EACH_ROUND):
            begun = perf_counter()
            answer_to(connection, target, request)
            times.append((perf_counter() - begun) * 1000)
    return median(times)


def page_request(setup: Setup, target: Served, number: int) -> Request:
    """The request for the page with this number. Raises: Disagreement if the server answers it with the wrong rows."""
    before = (number - 1) * ROWS
    with database(setup.mongo_uri) as opened:
        rows = opened[VERIFICATIONS].find({"workspace": WORKSPACE}, {"createdAt": 1}).sort([("createdAt", -1), ("_id", -1)])
        *previous, first = rows.skip(max(before - 1, 0)).limit(2 if before else 1)
    after = next((cursor.encode_cursor(cursor.SortPosition(Order.CREATED_NEWEST, row["createdAt"], row["_id"])) for row in previous), None)
    request = operation(PAGE_AFTER, first=ROWS, after=after)
    [answer] = answers_to(target, [request])
    if f'"id":"{first["_id"]}"'.encode() not in answer or answer.count(b'"cursor"') != ROWS:
        raise Disagreement(f"page {number} is {answer[:400]!r}")
    return request


def fill(setup: Setup, rows: int) -> None:
    """Store `rows` verifications and create the indexes.

    The verifications are copies of a few templates, with different ids and times. Their encrypted fields are bound to the template's id, so the
    gateway cannot decrypt them. The measured queries do not select these fields.
    """
    with database(setup.mongo_uri) as target:
        copying = copies(setup, rows)
        while batch := list(islice(copying, BATCH)):
            target.command("insert", VERIFICATIONS, documents=batch, ordered=False)
        # The indexes are created after the inserts, because that is much faster than updating them at every insert.
        prepare(target)


def copies(setup: Setup, rows: int) -> Iterator[RawBSONDocument]:
    """Copies of the templates as MongoDB documents, oldest first."""
    company = Company(WORKSPACE, Random(5), whole_milliseconds(utc_now()) - LONGEST)
    models = [company.lived(company.created()) for _ in range(TEMPLATES)]
    raw = [(model.id.encode(), bytearray(bson.encode(encode(model, setup.keys.sealing)))) for model in models]
    offsets = [(document.index(CREATED) + len(CREATED), document.index(UPDATED) + len(UPDATED)) for _, document in raw]
    began = milliseconds(company.began)
    for number in range(rows):
        at = began + number * 1000 + 1
        (id, document), (created, updated) = raw[number % TEMPLATES], offsets[number % TEMPLATES]
        document[created : created + 8] = at.to_bytes(8, "little")
        document[updated : updated + 8] = (at + 500).to_bytes(8, "little")
        yield RawBSONDocument(bytes(document.replace(id, b"ver_%012x%020x" % (at, number))))


def processes(setup: Setup, load: Load, rounds: int, seconds: int) -> Times:
    """Measure the answers per second of one gateway process, and of two.

    The first process has a processor of its own. The second one shares those of MongoDB and the load generator. The number of connections
    is the same in both cases. The first round is a warm-up, and its figures are dropped.
    """
    with gateway(setup.mongo_uri, setup.keys, SERVER) as first, gateway(setup.mongo_uri, setup.keys, LOAD) as second:
        cases = {"one": partial(total_per_second, [first], load, seconds), "two": partial(total_per_second, [first, second], load, seconds)}
        return {name: {"per_second": found[1:]} for name, found in in_turn(cases, rounds + 1).items()}


def total_per_second(servers: list[Served], load: Load, seconds: int, number: int) -> float:
    """Load all servers at the same time. Returns the sum of their answers per second."""
    with ThreadPoolExecutor() as pool:
        each = CONNECTIONS // len(servers)
        loads = [pool.submit(loaded, server, load, seconds, number, each) for server in servers]
        return sum(figures.result().per_second for figures in loads)
