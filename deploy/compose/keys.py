"""Makes the keys, passwords and the certificate of compose.yaml at its first start. What exists already is kept.

Each service has a folder of its own, so that no service can read the secrets of another one.
"""

import os
import secrets
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

# The ids of the users as which the images of MongoDB and of the gateway run. nginx reads its files as root.
MONGODB_USER, GATEWAY_USER_ID, ROOT = 999, 10001, 0
CERTIFICATE_DAYS = 825


def main() -> None:
    """Make what is missing. Arguments: the folder for all keys, MongoDB's address, and the name under which browsers reach the proxy."""
    keys, mongodb, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    write(keys / "mongodb" / "keyfile", b64encode(secrets.token_bytes(512)).decode(), MONGODB_USER)
    password = write(keys / "setup" / "mongodb-gateway", secrets.token_urlsafe(32), GATEWAY_USER_ID)
    write(keys / "setup" / "mongodb-administrator", secrets.token_urlsafe(32), GATEWAY_USER_ID)
    uri = f"mongodb://gateway:{password}@{mongodb}/gateway?replicaSet=gateway&authSource=admin"
    write(keys / "gateway" / "mongo-uri", uri, GATEWAY_USER_ID)
    for key in ("signing-key", "fingerprint-key", "token-key"):
        write(keys / "gateway" / key, secrets.token_urlsafe(48), GATEWAY_USER_ID)
    write(keys / "gateway" / "data-keys", f"first:{b64encode(secrets.token_bytes(32)).decode()}", GATEWAY_USER_ID)
    if not (keys / "proxy" / "key.pem").exists():
        certificate, key = self_signed(name)
        write(keys / "proxy" / "certificate.pem", certificate, ROOT)
        write(keys / "proxy" / "key.pem", key, ROOT)


def write(file: Path, content: str, user: int) -> str:
    """Write a file that only this user can read, unless it exists. Returns the content of the file."""
    if file.exists():
        return file.read_text()
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    # The file is created with these permissions. If they were set after the creation, another user could read the file before.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400), "w") as opened:
        opened.write(content)
    if os.geteuid() == ROOT:
        os.chown(new, user, user)
    # The file gets its name only when it is complete, so that a start that is interrupted leaves no half of a key.
    new.rename(file)
    return content


def self_signed(name: str) -> tuple[str, str]:
    """A certificate for this name and for localhost, and its key, both in PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(
            subject, subject, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=CERTIFICATE_DAYS)
        )
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), secret.decode()


if __name__ == "__main__":
    main()
