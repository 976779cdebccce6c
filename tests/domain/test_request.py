from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.request import ExternalProvider, RetryRequest

URL = "https://provider.example/sessions/1"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"first_name": "Jeanne"},
        {"last_name": "Moreau", "redirection_url": "https://company.example/done"},
        {"external": ExternalProvider(URL)},
        {"external": ExternalProvider("http://localhost:9000/" + "a" * 1978, "x" * 255)},
    ],
)
def test_valid_values_of_a_retry_are_returned_unchanged(values: dict[str, Any]) -> None:
    retry = RetryRequest(**values)

    assert retry.checked() == retry


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"first_name": " "}, "firstName"),
        ({"last_name": "a\x00"}, "lastName"),
        ({"redirection_url": "ftp://x"}, "redirectionUrl"),
        *(
            ({"external": ExternalProvider(url)}, "external.verificationUrl")
            for url in (
                "",
                "javascript:alert(1)",
                "ftp://x",
                "//provider.example",
                "https://",
                "https://x.example/ y",
                "https://x.example/" + "a" * 1983,
            )
        ),
        *(({"external": ExternalProvider(URL, id)}, "external.id") for id in ("", " ", "x" * 256, "a\x00", "a\nb")),
    ],
)
def test_an_invalid_value_of_a_retry_is_refused_with_its_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        RetryRequest(**values).checked()

    assert refused.value.field == field
