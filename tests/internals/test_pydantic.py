"""Tests from where pydantic-settings reads settings, and what pydantic's errors contain. See `docs/libraries.md`."""

from typing import Annotated, Any, cast

import pytest
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """A settings class with the same features as the gateway's settings."""

    model_config = SettingsConfigDict(env_prefix="INTERNALS_", env_ignore_empty=True, extra="forbid", hide_input_in_errors=True)

    key: SecretStr = Field(min_length=8)
    names: Annotated[tuple[str, ...], NoDecode] = ()
    url: AnyHttpUrl | None = None

    @field_validator("names", mode="before")
    @classmethod
    def split(cls, text: object) -> object:
        """Split the value of a list setting at its commas, if it is a text. Other values stay unchanged."""
        return tuple(text.split(",")) if isinstance(text, str) else text


def test_pydantic_settings_source_is_called_for_the_variables_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("INTERNALS_KEY", "long enough"), ("internals_names", "a,b"), ("INTERNALS_URL", "")):
        monkeypatch.setenv(name, value)

    values = EnvSettingsSource(Settings)()

    assert values == {"key": "long enough", "names": "a,b"}


def test_pydantic_settings_prefer_arguments_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERNALS_KEY", "from the environment")

    assert Settings(key=SecretStr("from an argument")).key.get_secret_value() == "from an argument"


@pytest.mark.parametrize(("values", "type"), [({}, "missing"), ({"key": "secret"}, "too_short")])
def test_pydantics_errors_have_the_type(values: dict[str, Any], type: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**values)

    assert [(problem["loc"], problem["type"]) for problem in refused.value.errors()] == [(("key",), type)]


def test_pydantics_message_of_a_value_error_has_a_prefix_and_contains_no_value() -> None:
    class Model(BaseModel):
        model_config = ConfigDict(hide_input_in_errors=True)
        number: int
        key: str

        @field_validator("key")
        @classmethod
        def check(cls, key: str) -> str:
            """Reject every value, so that the test sees whether the error message shows it."""
            raise ValueError("is bad")

    with pytest.raises(ValidationError) as refused:
        Model(**cast("Any", {"number": "secret", "key": "secret"}))

    assert refused.value.errors()[1]["msg"] == "Value error, is bad"
    assert not [problem for problem in refused.value.errors() if "secret" in problem["msg"]]
    assert "secret" not in str(refused.value)
