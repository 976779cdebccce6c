"""`python -m gateway.alive`: a container's health check. It exits with 1 if the gateway on this machine does not answer.

Imports only the standard library, so that each check starts quickly.
"""

import os
import sys
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

TIMEOUT_SECONDS = 2


def alive(port: int) -> bool:
    """Whether a gateway on this machine answers `/livez` on this port within TIMEOUT_SECONDS."""
    try:
        build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/livez", timeout=TIMEOUT_SECONDS).close()
    except (URLError, OSError):
        return False
    return True


if __name__ == "__main__":
    port = os.environ.get("GATEWAY_ADMIN_PORT") or os.environ.get("GATEWAY_PORT") or "8000"
    sys.exit(0 if alive(int(port)) else "the gateway does not answer")
