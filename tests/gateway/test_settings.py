"""What can be set, and what is said of settings that can't be used."""

import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway import settings
from gateway.development.keys import keys
from gateway.settings import BadSettings, Settings, variable
from tests.serving import KEYS

REQUIRED = {**KEYS, "mongo_uri": "mongodb://mongo.example/gateway", "provider": "sandbox", "public_url": "https://gateway.example"}
SECRETS = ("token_key", "signing_key", "fingerprint_key")


CANARY = "canarycanarycanarycanarycanarycanarycanaryA="
DATA_KEYS_THAT_CAN_NOT_BE = (
    *("", ",", "canary", CANARY, f":{CANARY}", f"Canary:{CANARY}", f"canary-canary-canary:{CANARY}", f"a:{CANARY},"),
    *("a:", "a:canary", f"a:{CANARY[:-1]}", f"a:{CANARY[4:]}", f"a:{CANARY}!", f"a:{CANARY} {CANARY}", f"a:{'A' * 43}="),
    *(f"a:{CANARY},a:{CANARY}", f"a:{CANARY};b:{CANARY}", f"a:{CANARY},b:canary"),
)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings."""
    for name in list(os.environ):
        if name.startswith("GATEWAY_"):
            monkeypatch.delenv(name)


def trouble(**changed: Any) -> str:
    """What is said where these differ from settings that can be used."""
    with pytest.raises(BadSettings) as bad:
        settings.served(settings.read({**REQUIRED, **changed}))
    return str(bad.value)


def test_the_first_data_key_that_is_written_is_the_first() -> None:
    one, other = bytes(range(32)), bytes(range(100, 132))

    parsed = settings.data_keys(f"2026-11:{b64encode(other).decode()}, 2026-03:{b64encode(one).decode()}").get_secret_value()

    assert [*parsed.items()] == [("2026-11", other), ("2026-03", one)]


def test_the_example_is_what_the_settings_are() -> None:
    assert (Path(gateway.__file__).parent.parent / ".env.example").read_text() == settings.example()


def test_every_setting_is_described_in_the_example() -> None:
    *lines, _ = settings.example().split("\n")

    for name, field in Settings.model_fields.items():
        [at] = [number for number, line in enumerate(lines) if line.lstrip("#").startswith(f"{variable(name)}=")]
        assert lines[at].startswith("#") is not field.is_required()
        assert lines[at - 1] == f"# {field.description}."
        assert len(field.description or "") > 10


def test_the_example_brings_no_secret() -> None:
    assert all(f"{variable(name)}=\n" in settings.example() for name in (*SECRETS, "data_keys", "mongo_uri"))


def test_the_example_is_settings_once_what_is_required_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings.read(REQUIRED)
    for line in settings.example().splitlines():
        name, is_one, default = line.lstrip("#").partition("=")
        if is_one and name.startswith("GATEWAY_") and default:
            monkeypatch.setenv(name, default)

    assert settings.read(REQUIRED) == before


def test_what_is_given_goes_before_the_environment_and_that_before_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "1")
    monkeypatch.setenv("GATEWAY_SWEEP_SECONDS", "2")

    read = settings.read({**REQUIRED, "port": 3, "sweep_seconds": 4, "request_seconds": 5}, port=6)

    assert (read.port, read.sweep_seconds, read.request_seconds, read.database_seconds) == (6, 2, 5, 15)


def test_each_setting_that_is_missing_is_named() -> None:
    with pytest.raises(BadSettings) as bad:
        settings.read({})

    *missing, trust = [line.strip() for line in str(bad.value).splitlines()[1:]]
    assert missing == [f"{variable(name)}: is missing" for name, field in Settings.model_fields.items() if field.is_required()]
    assert trust.startswith("GATEWAY_TOKEN_JWKS_URL: is missing")


def test_each_key_has_a_value_of_its_own() -> None:
    told = trouble(signing_key=KEYS["token_key"])

    assert [line.strip() for line in told.splitlines()[1:]] == [
        f"GATEWAY_{name}_KEY: has the same value as another key; each needs its own" for name in ("TOKEN", "SIGNING")
    ]


def test_what_looks_like_a_setting_and_is_none_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RETENTION_SECOND", "60")
    monkeypatch.setenv("GATEWAY_PORT", "1")

    assert settings.unknown() == ["GATEWAY_RETENTION_SECOND"]


def test_keys_of_an_issuer_must_come_over_https() -> None:
    assert "GATEWAY_TOKEN_JWKS_URL: must be https" in trouble(token_jwks_url="http://issuer.example/keys")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in SECRETS for value in ("", "canary", "canary" * 5 + "x", "canarycanarycanarycanarycanarycanary")),
        *(("public_url", value) for value in ("canary", "", "ftp://canary.example", "//canary")),
        ("provider", "canary"),
        *(("port", value) for value in ("canary", "-1", "65536", "80.5")),
        *(
            (name, value)
            for name in ("link_window_seconds", "verification_window_seconds", "sweep_seconds", "request_seconds", "database_seconds")
            for value in ("canary", "0", "-3", "nan")
        ),
        *(("retention_seconds", value) for value in ("canary", "0", "-3", "nan", "inf", "1e12")),
        *(("data_keys", value) for value in DATA_KEYS_THAT_CAN_NOT_BE),
        *((name, value) for name in ("max_cost", "rate_burst_cost") for value in ("canary", "0", "-3", "1.5")),
        *(("rate_cost_per_second", value) for value in ("canary", "-1", "nan", "inf")),
        *((name, "canary") for name in ("introspection", "persisted_queries", "documents")),
        ("log_level", "canary"),
        ("log_format", "canary"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named_without_its_value(name: str, value: str) -> None:
    told = trouble(**{name: value})

    assert [line.partition(":")[0].strip() for line in told.splitlines()[1:]] == [variable(name)]
    assert "canary" not in told


@pytest.mark.parametrize("name", [*SECRETS, "data_keys"])
def test_a_key_that_was_made_for_development_does_not_serve(name: str, tmp_path: Path) -> None:
    made = keys(tmp_path)[name]

    told = trouble(**{name: made})

    assert variable(name) in told
    assert made not in told
    settings.read({**REQUIRED, name: made})  # To develop, it will do.


def test_settings_do_not_show_their_secrets() -> None:
    shown = repr(settings.read(REQUIRED))

    assert not any(REQUIRED[name] in shown for name in (*SECRETS, "data_keys", "mongo_uri"))
