"""Tests that bench/growth.py fills long lists with copies of verifications that differ in their ids and times."""

from itertools import pairwise
from pathlib import Path

from bench.dataset import database
from bench.growth import TEMPLATES, copies, fill
from bench.machinery import Secrets
from bench.servers import Setup
from store.documents import decode
from store.indexes import VERIFICATIONS


def test_copies_are_distinct_verifications(tmp_path: Path) -> None:
    setup = Setup("", Secrets(), tmp_path)

    made = [decode(dict(document), setup.keys.sealing) for document in copies(setup, TEMPLATES + 5)]

    assert len({verification.id for verification in made}) == len(made)
    assert len({verification.provider.id for verification in made}) == len(made)
    assert all(earlier.created_at < later.created_at for earlier, later in pairwise(made))
    assert all(verification.chain == verification.id for verification in made)


def test_a_database_is_filled_with_the_requested_number(database_uri: str, tmp_path: Path) -> None:
    fill(Setup(database_uri, Secrets(), tmp_path), 1200)

    with database(database_uri) as target:
        assert target[VERIFICATIONS].count_documents({"workspace": "bench"}) == 1200
