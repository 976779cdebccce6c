"""Tests of the providers file: which content is accepted, and which messages explain the errors."""

import re
from pathlib import Path

import pytest

from providers.file import BadProvidersFile, ExternalSection, SandboxSection, YousignSection, read_providers

KEY, SECRET, OTHER_SECRET = "an-api-key-0123", "a-webhook-secret", "another-webhook-secret"
HOOK_SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
ENVIRONMENT = {"ACME_KEY": KEY, "ACME_SECRET": SECRET, "ACME_OLD_SECRET": OTHER_SECRET, "ACME_HOOK": HOOK_SECRET, "EMPTY": "", "SHORT": "abc"}
YOUSIGN = """
[acme]
provider = "yousign"
base_url = "https://api.provider.example/v3"
api_key_env = "ACME_KEY"
webhook_secret_envs = ["ACME_SECRET"]
"""


def written(folder: Path, content: str) -> Path:
    """Write the content to a providers file. Returns its path."""
    path = folder / "providers.toml"
    path.write_text(content)
    return path


def test_a_file_chooses_a_provider_for_each_workspace(tmp_path: Path) -> None:
    content = YOUSIGN + '[other]\nprovider = "external"\nobserve = false\n[third]\nprovider = "sandbox"\n'

    sections = read_providers(written(tmp_path, content), ENVIRONMENT)

    acme, other, third = sections["acme"], sections["other"], sections["third"]
    assert isinstance(acme, YousignSection)
    assert (str(acme.base_url), acme.api_key.get_secret_value(), acme.observe) == ("https://api.provider.example/v3", KEY, True)
    assert [secret.get_secret_value() for secret in acme.webhook_secrets] == [SECRET]
    assert (acme.reads_per_minute, acme.reads_per_hour, acme.workspace_id, acme.deliveries) == (20, 150, None, None)
    assert isinstance(other, ExternalSection)
    assert not other.observe
    assert isinstance(third, SandboxSection)


def test_secrets_may_be_in_files_beside_the_providers_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "old").write_text(OTHER_SECRET)
    (tmp_path / "new").write_text(SECRET)
    content = YOUSIGN.replace('api_key_env = "ACME_KEY"', 'api_key_file = "key"')
    content = content.replace('webhook_secret_envs = ["ACME_SECRET"]', 'webhook_secret_files = ["new", "old"]')

    acme = read_providers(written(tmp_path, content), {})["acme"]

    assert isinstance(acme, YousignSection)
    assert acme.api_key.get_secret_value() == KEY
    assert [secret.get_secret_value() for secret in acme.webhook_secrets] == [SECRET, OTHER_SECRET]


def test_a_workspace_may_have_deliveries(tmp_path: Path) -> None:
    content = YOUSIGN + '[acme.deliveries]\nurl = "https://backend.acme.example/hooks"\nsecret_env = "ACME_HOOK"\n'

    acme = read_providers(written(tmp_path, content), ENVIRONMENT)["acme"]

    assert acme.deliveries
    assert str(acme.deliveries.url) == "https://backend.acme.example/hooks"
    assert acme.deliveries.secret.get_secret_value() == HOOK_SECRET


def test_an_http_address_of_this_machine_is_accepted(tmp_path: Path) -> None:
    content = YOUSIGN.replace("https://api.provider.example/v3", "http://127.0.0.1:9000/v3")

    assert read_providers(written(tmp_path, content), ENVIRONMENT)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('"yousign"', '"yousgin"', '[acme] provider: must be "yousign", "external" or "sandbox"'),
        ('provider = "yousign"', "", '[acme] provider: must be "yousign", "external" or "sandbox"'),
        ("https://api", "http://api", "[acme] base_url: must be an https URL, or an http URL on this machine"),
        ("https://api", "https://user:secret@api", "[acme] base_url: must have no user, no query and no fragment"),
        ("https://api.provider.example/v3", "https://api.provider.example/v3?", "[acme] base_url: must have no user, no query and no fragment"),
        ("https://api.provider.example/v3", "https://api.provider.example/v3#", "[acme] base_url: must have no user, no query and no fragment"),
        ("https://api.provider.example/v3", "nonsense", "[acme] base_url: "),
        ('api_key_env = "ACME_KEY"', "", "[acme] api_key_env or api_key_file: is missing"),
        ('"ACME_KEY"', '"NOT_SET"', "[acme] api_key_env: the environment variable NOT_SET is not set"),
        ('"ACME_KEY"', '"EMPTY"', "[acme] api_key_env: the environment variable EMPTY is not set"),
        ('"ACME_KEY"', '"aSecretByMistake"', "[acme] api_key_env: the environment variable with this name is not set"),
        ('"ACME_KEY"', '"SHORT"', "[acme] api_key_env or api_key_file: "),
        ('"ACME_KEY"', "7", "[acme] api_key_env: must be a text"),
        ("api_key_env", "api_key", "[acme] api_key must not be in this file; name its source with api_key_env or api_key_file"),
        ('api_key_env = "ACME_KEY"', 'api_key_file = "missing"', "[acme] api_key_file: the file missing can't be read"),
        ('["ACME_SECRET"]', "[]", "[acme] webhook_secret_envs or webhook_secret_files: "),
        ('["ACME_SECRET"]', '"ACME_SECRET"', "[acme] webhook_secret_envs: must be a list of texts"),
        ("provider =", "obserbe = true\nprovider =", "[acme] obserbe: is not a key of this section"),
        ("[acme]", "[acme]\nreads_per_minute = 0", "[acme] reads_per_minute: "),
        ("[acme]", "[acme]\nreads_per_minute = 200", "[acme] reads_per_hour must not be smaller than reads_per_minute"),
        ("[acme]", "[acme]\nworkspace_id = 'x'", "[acme] workspace_id: "),
        ("[acme]", '["a b"]', "[a b] is not a workspace"),
        ("[acme]", "acme = 3\n[rest]", "[acme] must be a section of keys and values"),
        ("[acme]", "[acme", "is not TOML: "),
    ],
)
def test_a_wrong_entry_is_named_by_its_workspace_and_its_key(tmp_path: Path, before: str, after: str, complaint: str) -> None:
    assert before in YOUSIGN

    with pytest.raises(BadProvidersFile) as bad:
        read_providers(written(tmp_path, YOUSIGN.replace(before, after)), ENVIRONMENT)

    assert complaint in str(bad.value)
    assert not [secret for secret in ENVIRONMENT.values() if len(secret) > 3 and secret in str(bad.value)]


@pytest.mark.parametrize(
    ("deliveries", "complaint"),
    [
        (
            'url = "http://backend.acme.example"\nsecret_env = "ACME_HOOK"',
            "[acme] deliveries.url: must be an https URL, or an http URL on this machine",
        ),
        ('url = "https://backend.acme.example"', "[acme] deliveries.secret: is missing"),
        (
            'url = "https://backend.acme.example"\nsecret_env = "ACME_KEY"',
            "[acme] deliveries.secret: must be whsec_ followed by 24 to 64 bytes in base64",
        ),
        ('url = "https://backend.acme.example"\nsecret_env = "NOT_SET"', "[acme] deliveries.secret_env: the environment variable NOT_SET is not set"),
    ],
)
def test_wrong_deliveries_are_named(tmp_path: Path, deliveries: str, complaint: str) -> None:
    with pytest.raises(BadProvidersFile) as bad:
        read_providers(written(tmp_path, f"{YOUSIGN}[acme.deliveries]\n{deliveries}\n"), ENVIRONMENT)

    assert complaint in str(bad.value)


def test_all_wrong_workspaces_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadProvidersFile) as bad:
        read_providers(written(tmp_path, '[a]\nprovider = "x"\n[b]\nprovider = "y"\n'), ENVIRONMENT)

    assert "[a]" in str(bad.value)
    assert "[b]" in str(bad.value)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BadProvidersFile, match="No such file"):
        read_providers(tmp_path / "providers.toml", ENVIRONMENT)


@pytest.mark.parametrize("provider", ["sandbox", "external"])
def test_a_workspace_may_have_an_address_that_renews_follow_tokens(tmp_path: Path, provider: str) -> None:
    content = f'[acme]\nprovider = "{provider}"\nfollow_renewal_url = "https://Shop.example/verification/follow-token"\n'

    assert str(read_providers(written(tmp_path, content), {})["acme"].follow_renewal_url) == "https://shop.example/verification/follow-token"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://shop.example/renew", "must be an https URL, or an http URL on this machine"),
        ("https://user:word@shop.example/renew", "must have no user, no query and no fragment"),
        ("https://shop.example/renew?x=1", "must have no user, no query and no fragment"),
        ("https://shop.example/renew#x", "must have no user, no query and no fragment"),
        ("https://shop.example/a;script-src%20*", "must have a host name or an IPv4 address, and a path without quotes"),
        ("https://shop.example/a,b", "must have a host name or an IPv4 address, and a path without quotes"),
        ("https://shop.example/'self'", "must have a host name or an IPv4 address, and a path without quotes"),
        ("https://[2001:db8::1]/renew", "must have a host name or an IPv4 address, and a path without quotes"),
        ("shop.example", "valid URL"),
    ],
)
def test_an_address_that_a_policy_cannot_name_is_refused(tmp_path: Path, url: str, complaint: str) -> None:
    content = f'[acme]\nprovider = "external"\nfollow_renewal_url = "{url}"\n'

    with pytest.raises(BadProvidersFile, match=rf"\[acme\] follow_renewal_url: .*{re.escape(complaint)}"):
        read_providers(written(tmp_path, content), {})
