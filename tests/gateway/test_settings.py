"""Settings: the example file, which source has precedence, and the messages for invalid settings."""

import os
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway import settings
from gateway.development.keys import keys
from gateway.settings import BadSettings, Settings, variable
from tests.serving import KEYS, settings_for_tests

REQUIRED = {**KEYS, "mongo_uri": "mongodb://mongo.example/gateway", "public_url": "https://gateway.example"}
SECRETS = ("token_key", "signing_key", "fingerprint_key")


CANARY = "canarycanarycanarycanarycanarycanarycanaryA="
INVALID_DATA_KEYS = (
    *("", ",", "canary", CANARY, f":{CANARY}", f"Canary:{CANARY}", f"canary-canary-canary:{CANARY}", f"a:{CANARY},"),
    *("a:", "a:canary", f"a:{CANARY[:-1]}", f"a:{CANARY[4:]}", f"a:{CANARY}!", f"a:{CANARY} {CANARY}", f"a:{'A' * 43}="),
    *(f"a:{CANARY},a:{CANARY}", f"a:{CANARY};b:{CANARY}", f"a:{CANARY},b:canary"),
)


PERIODS = ("retention_seconds", "delete_seconds", "remove_seconds", "feed_resume_seconds")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all settings from the environment, so that the tests do not depend on where they run."""
    for name in list(os.environ):
        if name.startswith("GATEWAY_"):
            monkeypatch.delenv(name)


def trouble(**changed: Any) -> str:
    """The message with which the settings REQUIRED are refused after these changes. Without the changes, they are valid."""
    with pytest.raises(BadSettings) as bad:
        settings.checked_to_serve(settings.read_settings({**REQUIRED, **changed}))
    return str(bad.value)


def test_the_ages_of_queries_are_a_list_of_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RECONCILE_SECONDS", "0.5, 60,3600")

    assert settings_for_tests("mongodb://unused", 0).query_schedule.ages == tuple(timedelta(seconds=seconds) for seconds in (0.5, 60, 3600))


def test_data_keys_keep_their_order() -> None:
    one, other = sha256(b"one").digest(), sha256(b"other").digest()

    parsed = settings.data_keys(f"2026-11:{b64encode(other).decode()}, 2026-03:{b64encode(one).decode()}").get_secret_value()

    assert [*parsed.items()] == [("2026-11", other), ("2026-03", one)]


def test_the_example_file_is_up_to_date() -> None:
    assert (Path(gateway.__file__).parent.parent / ".env.example").read_text() == settings.example()


def test_every_setting_is_described_in_the_example() -> None:
    *lines, _ = settings.example().split("\n")

    for name, field in Settings.model_fields.items():
        [at] = [number for number, line in enumerate(lines) if line.lstrip("#").startswith(f"{variable(name)}=")]
        assert lines[at].startswith("#") is not field.is_required()
        assert lines[at - 1] == f"# {field.description}."
        assert len(field.description or "") > 10


def test_the_example_contains_no_secret() -> None:
    assert all(f"{variable(name)}=\n" in settings.example() for name in (*SECRETS, "data_keys", "mongo_uri"))


def test_the_example_sets_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings.read_settings(REQUIRED)
    for line in settings.example().splitlines():
        name, is_setting, default = line.lstrip("#").partition("=")
        if is_setting and name.startswith("GATEWAY_") and default:
            monkeypatch.setenv(name, default)

    assert settings.read_settings(REQUIRED) == before


def test_overrides_replace_the_environment_which_replaces_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "1")
    monkeypatch.setenv("GATEWAY_SWEEP_SECONDS", "2")

    read = settings.read_settings({**REQUIRED, "port": 3, "sweep_seconds": 4, "request_seconds": 5}, port=6)

    assert (read.port, read.sweep_seconds, read.request_seconds, read.database_seconds) == (6, 2, 5, 18)


def test_the_message_names_each_missing_setting() -> None:
    with pytest.raises(BadSettings) as bad:
        settings.read_settings({})

    *missing, trust = [line.strip() for line in str(bad.value).splitlines()[1:]]
    assert missing == [f"{variable(name)}: is missing" for name, field in Settings.model_fields.items() if field.is_required()]
    assert trust.startswith("GATEWAY_TOKEN_JWKS_URL: is missing")


def test_two_keys_with_the_same_value_are_refused() -> None:
    message = trouble(signing_key=KEYS["token_key"])

    assert [line.strip() for line in message.splitlines()[1:]] == [
        f"GATEWAY_{name}_KEY: has the same value as another key; each needs its own" for name in ("TOKEN", "SIGNING")
    ]


def test_the_sandbox_is_refused_in_production_unless_it_is_allowed() -> None:
    assert "GATEWAY_PROVIDER: is sandbox, where anyone who has a link chooses the outcome; GATEWAY_ALLOW_SANDBOX=true" in trouble(provider="sandbox")
    for chosen in ({"provider": "sandbox", "allow_sandbox": "true"}, {"provider": "external"}, {}):
        settings.checked_to_serve(settings.read_settings({**REQUIRED, **chosen}))


def test_the_provider_may_be_empty_but_no_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PROVIDER", "")

    assert settings.read_settings(REQUIRED).provider is None
    assert "GATEWAY_PROVIDER: Input should be 'sandbox' or 'external'" in trouble(provider="yousing")


def test_misspelled_settings_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RETENTION_SECOND", "60")
    monkeypatch.setenv("GATEWAY_PORT", "1")

    assert settings.unknown() == ["GATEWAY_RETENTION_SECOND"]


def test_the_url_of_the_issuers_keys_must_be_https() -> None:
    assert "GATEWAY_TOKEN_JWKS_URL: must be https" in trouble(token_jwks_url="http://issuer.example/keys")


@pytest.mark.parametrize("user", ["name:canary@", "canary@", ":canary@"])
def test_addresses_with_a_user_are_refused_and_not_repeated(user: str) -> None:
    complaints = trouble(token_jwks_url=f"https://{user}issuer.example/keys", public_url=f"https://{user}gateway.example")

    assert "GATEWAY_TOKEN_JWKS_URL: must have no user name and no password" in complaints
    assert "GATEWAY_PUBLIC_URL: must have no user name, no password, no query and no fragment" in complaints
    assert "canary" not in complaints


@pytest.mark.parametrize("end", ["?", "?a=b", "#", "#top"])
def test_the_public_url_has_no_query_and_no_fragment(end: str) -> None:
    assert "GATEWAY_PUBLIC_URL: must have no user name" in trouble(public_url=f"https://gateway.example/{end}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, value)
            for name in SECRETS
            for value in ("", "canary", "canary" * 5 + "x", "canarycanarycanarycanarycanarycanary", "12345678canary" * 4)
        ),
        *(("public_url", value) for value in ("canary", "", "ftp://canary.example", "//canary")),
        ("provider", "canary"),
        *(("port", value) for value in ("canary", "-1", "65536", "80.5")),
        *(
            (name, value)
            for name in ("link_window_seconds", "verification_window_seconds", "sweep_seconds", "request_seconds", "database_seconds")
            for value in ("canary", "0", "-3", "nan")
        ),
        *((name, value) for name in PERIODS for value in ("canary", "0", "-3", "nan", "inf", "1e12")),
        *(("data_keys", value) for value in INVALID_DATA_KEYS),
        *(("reconcile_seconds", value) for value in ("canary", "", "0", "-3", "3,3", "60,30", "60,", "60 30", "nan", "60,nan", "1e12", "60,inf")),
        *((name, value) for name in ("max_cost", "rate_burst_cost") for value in ("canary", "0", "-3", "1.5")),
        *(("rate_cost_per_second", value) for value in ("canary", "-1", "nan", "inf")),
        *((name, "canary") for name in ("introspection", "persisted_queries", "documents", "allow_sandbox")),
        ("log_level", "canary"),
        ("log_format", "canary"),
    ],
)
def test_the_message_names_an_invalid_setting_without_its_value(name: str, value: str) -> None:
    message = trouble(**{name: value})

    assert [line.partition(":")[0].strip() for line in message.splitlines()[1:]] == [variable(name)]
    assert "canary" not in message


@pytest.mark.parametrize("name", [*SECRETS, "data_keys"])
def test_a_development_key_is_refused_in_production(name: str, tmp_path: Path) -> None:
    development_key = keys(tmp_path)[name]

    message = trouble(**{name: development_key})

    assert variable(name) in message
    assert development_key not in message
    settings.read_settings({**REQUIRED, name: development_key})  # `gateway dev` calls only `read_settings`, which accepts the key.


def test_the_repr_of_settings_contains_no_secret() -> None:
    shown = repr(settings.read_settings(REQUIRED))

    assert not any(REQUIRED[name] in shown for name in (*SECRETS, "data_keys", "mongo_uri"))


def written(directory: Path, name: str, content: str) -> str:
    """Write a file into the directory. Returns its path."""
    (directory / name).write_text(content)
    return str(directory / name)


def test_every_secret_can_be_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secrets = {**KEYS, "mongo_uri": "mongodb://user:canary@mongo.example/gateway", "previous_signing_key": KEYS["signing_key"][::-1]}
    assert sorted(settings.secret_settings()) == sorted(secrets)
    for name, secret in secrets.items():
        monkeypatch.setenv(variable(f"{name}_file"), written(tmp_path, name, f"{secret}\n"))

    read = settings.read_settings({"public_url": "https://gateway.example"})

    assert settings.unknown() == []
    assert read == settings.read_settings({"public_url": "https://gateway.example", **secrets})
    assert read.token_key
    assert read.token_key.get_secret_value() == KEYS["token_key"]


def test_a_secret_in_a_file_replaces_a_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_MONGO_URI_FILE", written(tmp_path, "uri", "mongodb://other.example/x\r\n"))

    assert settings.read_settings(REQUIRED).mongo_uri.get_secret_value() == "mongodb://other.example/x"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("missing", "names a file that can't be read (No such file or directory)"),
        (".", "names a file that can't be read (Is a directory)"),
        ("empty", "names an empty file"),
        ("binary", "names a file that can't be read (it is not text in UTF-8)"),
    ],
)
@pytest.mark.parametrize("name", ["signing_key", "mongo_uri", "token_key"])
def test_a_file_that_cannot_be_used_is_one_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, file: str, message: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"canary\xff")
    monkeypatch.setenv(variable(f"{name}_file"), str(tmp_path / file))

    with pytest.raises(BadSettings) as bad:
        settings.read_settings({key: value for key, value in REQUIRED.items() if key != name})

    assert str(bad.value).splitlines()[1:] == [f"  {variable(f'{name}_file')}: {message}"]


def test_a_secret_that_is_also_in_a_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_SIGNING_KEY", KEYS["signing_key"])
    monkeypatch.setenv("GATEWAY_SIGNING_KEY_FILE", written(tmp_path, "key", KEYS["token_key"]))

    with pytest.raises(BadSettings, match="GATEWAY_SIGNING_KEY_FILE: can't be set together with GATEWAY_SIGNING_KEY; unset one of them"):
        settings.read_settings(REQUIRED)


def test_only_secrets_can_be_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT_FILE", "/etc/port")

    assert settings.unknown() == ["GATEWAY_PORT_FILE"]
