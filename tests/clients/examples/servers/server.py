# server.py
import json
import os
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

VERIFICATION_URL = os.environ.get("VERIFICATION_URL", "http://127.0.0.1:8000/graphql")
VERIFICATION_TOKEN = os.environ["VERIFICATION_TOKEN"]
PORT = int(os.environ.get("PORT", "8787"))

CREATE = """mutation ($input: CreateVerificationInput!) {
  answer: createVerification(input: $input) { ... on Verification { id } ... on Refusal { message } }
}"""
ISSUE = """mutation ($id: ID!) {
  answer: issueFollowToken(verificationId: $id) { ... on FollowToken { token } ... on Refusal { message } }
}"""
PERSON = {"firstName": "Ada", "lastName": "Lovelace", "redirectionUrl": "https://example.com/done"}

# This server has one customer with one order. Yours finds both by the customer's session.
order = {"key": str(uuid.uuid4()), "verification_id": None}


def gateway(query: str, variables: dict) -> dict:
    """Execute a mutation with the token of your server, which no browser ever receives."""
    headers = {"authorization": f"Bearer {VERIFICATION_TOKEN}", "content-type": "application/json"}
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urlopen(Request(VERIFICATION_URL, body, headers), timeout=30) as response:
        answer = json.load(response)["data"]["answer"]
    if "message" in answer:
        raise ValueError(answer["message"])
    return answer


def verification() -> dict:
    """Create the verification of the order. Repeated with the same key, it returns the same verification."""
    order["verification_id"] = gateway(CREATE, {"input": {**PERSON, "idempotencyKey": order["key"]}})["id"]
    return {"id": order["verification_id"], "url": VERIFICATION_URL}


def token() -> dict:
    """Issue a token with which the customer's browser can follow this verification and nothing else."""
    return gateway(ISSUE, {"id": order["verification_id"]})


ROUTES = {"/api/verification": verification, "/api/token": token}


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        try:
            status, content = (200, ROUTES[self.path]()) if self.path in ROUTES else (404, {"error": "no such address"})
        except (OSError, ValueError, TypeError) as error:
            status, content = 502, {"error": str(error)}
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


if __name__ == "__main__":
    print(f"http://127.0.0.1:{PORT}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", PORT), Server).serve_forever()
