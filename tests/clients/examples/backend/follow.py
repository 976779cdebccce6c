# follow.py
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

VERIFICATION_URL = os.environ.get("VERIFICATION_URL", "http://127.0.0.1:8000/graphql")
VERIFICATION_TOKEN = os.environ["VERIFICATION_TOKEN"]
MAX_WAIT_SECONDS = 30
# The gateway sends a comment every 12 seconds, so a connection that is silent for longer is dead.
SILENT_SECONDS = 30

FEED = """subscription ($after: String) {
  verificationsUpdated(after: $after) { cursor verification { id status phase } }
}"""


def messages(cursor: str | None) -> Iterator[dict]:
    """The messages of one connection, until it ends."""
    headers = {"authorization": f"Bearer {VERIFICATION_TOKEN}", "accept": "text/event-stream"}
    body = json.dumps({"query": FEED, "variables": {"after": cursor}}).encode()
    with urlopen(Request(VERIFICATION_URL, body, {**headers, "content-type": "application/json"}), timeout=SILENT_SECONDS) as stream:
        for line in stream:
            if line.startswith(b"data: {"):
                yield json.loads(line.removeprefix(b"data: "))


def follow() -> None:
    """Print each change of a verification of your workspace. After a lost connection, resume after the last message."""
    cursor, failures = None, 0
    while True:
        try:
            for message in messages(cursor):
                if "errors" in message:
                    sys.exit(message["errors"][0]["message"])
                item = message["data"]["verificationsUpdated"]
                cursor, failures = item["cursor"], 0
                # The first message holds only the cursor.
                if item["verification"]:
                    print(json.dumps(item["verification"]), flush=True)
        except HTTPError as error:
            if error.code < 500 and error.code != 429:
                sys.exit(error.read().decode())
        except (OSError, HTTPException):
            pass
        time.sleep(random.uniform(0.5, 1) * min(2**failures, MAX_WAIT_SECONDS))
        failures += 1


if __name__ == "__main__":
    follow()
