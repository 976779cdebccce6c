"""Tests how joserfc treats weak keys, restricts algorithms, and reads the time. See `docs/libraries.md`."""

import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import JWKRegistry, OctKey, RSAKey


@pytest.fixture(scope="module")
def weak_key() -> dict[str, Any]:
    """The JWK of an RSA key with 1024 bits, which is too small to be secure."""
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(RSAKey.import_key(numbers.public_key()).as_dict(private=False))


def test_joserfc_warns_of_a_key_that_is_too_small(weak_key: dict[str, Any]) -> None:
    with pytest.warns(SecurityWarning):
        JWKRegistry.import_key(weak_key)


def test_joserfc_decodes_only_with_the_algorithms_of_a_set() -> None:
    key = OctKey.import_key("k" * 64)
    token = jwt.encode({"alg": "HS512"}, {}, key, ["HS512"])

    with pytest.raises(JoseError):
        jwt.decode(token, key, frozenset({"HS256"}))


def test_joserfc_reads_the_time_from_a_function_each_time() -> None:
    now = [100]
    claims = jwt.JWTClaimsRegistry(lambda: now[0], 0, exp={"essential": True})
    claims.validate({"exp": 150})

    now[0] = 200

    with pytest.raises(JoseError):
        claims.validate({"exp": 150})
