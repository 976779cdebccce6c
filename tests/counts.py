"""Counts the tests, and the cases that each kind of test generates (such as exchanges and faults): `make counts`.

docs/testing.md shows the output.
"""

import subprocess
import sys
from collections import Counter
from types import SimpleNamespace
from typing import cast

from tests.comparison.mistakes import MISTAKES
from tests.framing import vectors
from tests.framing.callers import Callers
from tests.framing.exchanges import BODIES, exchanges
from tests.framing.requests import OFFERS, Caller
from tests.gateway.test_bad_documents import KINDS
from tests.ledger.nemesis import TABLE
from tests.ledger.planted import BUGS
from tests.smuggle.gateway import FAULTS
from tests.soak.planted import BUGS as SOAK_BUGS


def collected() -> Counter[str]:
    """The number of tests in each folder of tests/, as pytest collects them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    paths = [line.partition("::")[0].split("/") for line in found.splitlines() if line.startswith("tests/")]
    return Counter("/".join(path[:2]) if len(path) > 2 else "tests" for path in paths)


def framings() -> int:
    """The number of exchanges that tests/framing generates: requests in every combination of framing, body and offer of an upgrade."""
    nobody = cast("Callers", SimpleNamespace(smuggler=Caller("nobody", ""), next=lambda: Caller("somebody", "")))
    return sum(1 for offer in OFFERS for body in BODIES for _ in exchanges(offer, body, nobody))


def main() -> None:
    """Print all counts."""
    tests = collected()
    for folder, number in sorted(tests.items()):
        print(f"{number:>7,}  tests in {folder}")
    print(f"{tests.total():>7,}  tests in all")
    print(f"{framings():>7,}  exchanges of the framing matrix, directly and again through nginx")
    print(f"{sum(map(len, vectors.CLASSES.values())):>7,}  heads and bodies that two servers could read differently")
    print(f"{len(KINDS):>7,}  kinds of damaged documents")
    print(f"{len(TABLE):>7,}  kinds of faults in the ledger, {len(BUGS)} planted bugs")
    print(f"{len(SOAK_BUGS):>7,}  bugs planted in the soak of the provider's integration")
    print(f"{len(MISTAKES):>7,}  executors with a planted mistake")
    print(f"{len(FAULTS):>7,}  connection classes with a planted fault")


if __name__ == "__main__":
    main()
