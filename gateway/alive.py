"""`python -m gateway.alive`: whether the gateway on this machine answers. For a container's health check, so it imports next to nothing."""

import os
import sys
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

PATIENCE_SECONDS = 2


def alive(port: int) -> bool:
    """Whether a gateway answers at the port of this machine."""
    try:
        build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/livez", timeout=PATIENCE_SECONDS).close()
    except (URLError, OSError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(0 if alive(int(os.environ.get("GATEWAY_PORT", "8000"))) else "the gateway does not answer")
