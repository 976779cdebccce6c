"""Tests that each unreadable document or value is counted every time it is found, but logged only once."""

import pytest

from domain.errors import BadDocument, BadValue
from store import bad_documents
from store.bad_documents import BadDocuments


def test_each_verification_and_field_is_logged_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    bad = BadDocuments()

    for _ in range(3):
        bad.found(BadDocument("ver_1", "status"))
        bad.found(BadValue("ver_1", "openedAt"))
        bad.found(BadValue("ver_2", "openedAt"))

    assert bad.count == 9
    assert caplog.messages == [
        "status of verification ver_1 can't be read",
        "openedAt of verification ver_1 can't be read",
        "openedAt of verification ver_2 can't be read",
    ]


def test_a_forgotten_document_is_logged_again_since_memory_is_bounded(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bad_documents, "MAX_LOGGED", 2)
    bad = BadDocuments()

    for id in ("ver_1", "ver_2", "ver_3", "ver_3", "ver_1"):
        bad.found(BadDocument(id, "status"))

    assert [message.split()[3] for message in caplog.messages] == ["ver_1", "ver_2", "ver_3", "ver_1"]


@pytest.mark.parametrize(("id", "shown"), [("v" * 100, "v" * 64), (7, "<int>"), ({"name": "Jeanne Moreau"}, "<dict>"), (None, "<NoneType>")])
def test_an_error_shows_64_characters_of_an_id_and_only_the_type_of_a_damaged_id(id: object, shown: str) -> None:
    assert BadDocument(id, "_id").verification_id == shown
