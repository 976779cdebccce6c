"""The copies that make a long list."""

from itertools import pairwise
from pathlib import Path

from bench.dataset import database
from bench.growth import TEMPLATES, copies, fill
from bench.machinery import Secrets
from bench.servers import Place
from store.documents import decode
from store.indexes import VERIFICATIONS


def test_copies_are_verifications_of_their_own(tmp_path: Path) -> None:
    place = Place("", Secrets(), tmp_path)

    made = [decode(dict(document), place.keys.sealing) for document in copies(place, TEMPLATES + 5)]

    assert len({verification.id for verification in made}) == len(made)
    assert len({verification.provider.id for verification in made}) == len(made)
    assert all(earlier.created_at < later.created_at for earlier, later in pairwise(made))
    assert all(verification.chain == verification.id for verification in made)


def test_a_database_is_filled_with_as_many_as_were_asked_for(database_uri: str, tmp_path: Path) -> None:
    fill(Place(database_uri, Secrets(), tmp_path), 1200)

    with database(database_uri) as target:
        assert target[VERIFICATIONS].count_documents({"workspace": "bench"}) == 1200
