"""What an operator does on the board: retry, close, anonymize, hand out a follow link, and send webhooks again."""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect
from pymongo import MongoClient
from pymongo.database import Database

from domain.caller import Scope
from domain.delivery import DeliveryState
from domain.event import Progress
from domain.status import Status
from domain.webhook import ReceivedWebhook, WebhookState
from store.inbox import entry_id, to_document
from store.indexes import DELIVERIES, INBOX
from store.verifications import utc_now
from tests.browsers.board import BOARD_PACKAGE, SHOWN_MS, BoardProcess, Operator, a_board, operating
from tests.company import CAPTURE_COMPLETED, Company
from tests.factories import WINDOWS, a_verification
from tests.fakes.receiver import ACCEPTED, RECEIVER_SECRET, REFUSED, Receiver, receiving
from tests.serving import Gateway
from tests.storing import until

DELIVERED = "with-backend"
# Prints the dark modules of the QR code of a text, as [x, y], and the size of the code.
MODULES = """
import { generate } from "lean-qr";
const code = generate(process.argv[1]);
const dark = [];
for (let y = 0; y < code.size; y++) for (let x = 0; x < code.size; x++) if (code.get(x, y)) dark.push([x, y]);
console.log(JSON.stringify([dark, code.size]));
"""
# The modules that the dialog draws, in the same form.
DRAWN = """svg => {
  const path = svg.querySelector("path").getAttribute("d");
  return [[...path.matchAll(/M(\\d+) (\\d+)h1v1h-1z/g)].map(([, x, y]) => [Number(x), Number(y)]), svg.viewBox.baseVal.width - 4];
}"""


@pytest.fixture(scope="module")
async def backend() -> AsyncIterator[Receiver]:
    """The backend of the company `DELIVERED`. It refuses webhooks until a test changes that."""
    async with receiving(lambda number, body: REFUSED) as running:
        yield running


@pytest.fixture(scope="module")
async def acting_board(
    shared_database_uri: str, tmp_path_factory: pytest.TempPathFactory, backend: Receiver, shared_gateway: Gateway
) -> AsyncIterator[BoardProcess]:
    """The gateway with the board, which delivers webhooks to the backend. It counts a verification as stuck after a minute."""
    folder = tmp_path_factory.mktemp("board")
    (folder / "secret").write_text(RECEIVER_SECRET)
    file = folder / "providers.toml"
    file.write_text(f'[{DELIVERED}]\nprovider = "sandbox"\n[{DELIVERED}.deliveries]\nurl = "{backend.url}"\nsecret_file = "secret"\n')
    async with a_board(
        shared_database_uri, folder, GATEWAY_PROVIDERS_FILE=str(file), GATEWAY_PROCESSING_SECONDS="60", GATEWAY_SWEEP_SECONDS="0.2"
    ) as process:
        yield process


@pytest.fixture
def board_database(mongo: MongoClient[dict[str, Any]], shared_database_uri: str) -> Database[dict[str, Any]]:
    """The database of the gateway."""
    return mongo[urlsplit(shared_database_uri).path[1:]]


@dataclass
class Mutations:
    """The names of the mutations that a page sends, in the order in which it sends them."""

    names: list[str]

    @classmethod
    def of(cls, operator: Operator) -> "Mutations":
        """Record the mutations of this operator from now on."""
        found = cls([])

        def sent(request: Any) -> None:
            query = (request.post_data_json or {}).get("query", "") if request.method == "POST" else ""
            if query.startswith("mutation"):
                found.names.append(query.split("(")[0].split()[1])

        operator.page.on("request", sent)
        return found


async def confirm(operator: Operator, title: str, button: str, *lines: str) -> None:
    """Check what the dialog says, and press the button twice, as an impatient person does."""
    await expect(operator.dialog.get_by_role("heading")).to_have_text(title)
    for line in lines:
        await expect(operator.dialog.get_by_text(line)).to_be_visible()
    await operator.dialog.get_by_role("button", name=button).dblclick()
    await expect(operator.dialog).to_have_count(0)


async def test_a_retry_is_confirmed_once_and_leads_to_the_next_attempt(browser: Browser, acting_board: BoardProcess, company: Company) -> None:
    id = await company.created(reference="order-1")
    await company.result(id, "FAILED", "IDVV_2101")
    async with operating(browser, acting_board.url, company.token(), f"v/{id}") as operator:
        mutations = Mutations.of(operator)
        await operator.button("Retry…").click()
        await operator.button("Keep it as it is").click()
        assert mutations.names == []
        await operator.button("Retry…").click()
        await confirm(operator, "Retry order-1?", "Start attempt 2", "Attempt 2 starts at", "The person gets a new link.", "keeps its outcome")

        await expect(operator.detail.get_by_role("heading", name="Send the person the link.")).to_be_visible()
        assert mutations.names == ["BoardRetry"]
        [first, second] = company.kept()
        assert (first["_id"], second["attempt"]) == (id, 2)
        assert operator.page.url.endswith(f"#/v/{second['_id']}")
        await expect(operator.detail.get_by_role("link", name="2 Link not opened")).to_have_attribute("aria-current", "true")
        assert operator.tab.problems == []


async def test_closing_says_what_it_does_and_takes_a_note(browser: Browser, acting_board: BoardProcess, company: Company) -> None:
    id = await company.created(reference="order-2")
    async with operating(browser, acting_board.url, company.token(), f"v/{id}") as operator:
        mutations = Mutations.of(operator)
        await operator.button("Close…").click()
        await operator.dialog.get_by_label("Why?").fill("the person gave up")
        lines = ("The outcome becomes inconclusive.", "can no longer finish", "may still be billed")
        await confirm(operator, "Close order-2?", "Close the verification", *lines)

        await expect(operator.detail.get_by_role("heading", name="Let the person try again.")).to_be_visible()
        await expect(operator.detail.get_by_text("the person gave up")).to_be_visible()
        await expect(operator.detail.get_by_text("Your backend closed it.")).to_be_visible()
        assert mutations.names == ["BoardClose"]


async def test_anonymizing_erases_the_names_of_all_attempts(browser: Browser, acting_board: BoardProcess, company: Company) -> None:
    first = await company.created(reference="order-3")
    await company.result(first, "FAILED", "IDVV_2101")
    second = (await company.retry(first))["id"]
    await company.result(second, "VERIFIED")
    async with operating(browser, acting_board.url, company.token(), f"v/{second}") as operator:
        mutations = Mutations.of(operator)
        await expect(operator.row(first)).to_contain_text("Jeanne Moreau")
        await operator.button("Anonymize…").click()
        await confirm(operator, "Anonymize order-3?", "Anonymize for good", "of all 2 attempts are erased", "times stay", "can’t be undone")

        for id in (first, second):
            await expect(operator.row(id)).not_to_contain_text("Jeanne Moreau")
        await expect(operator.button("Anonymize…")).to_have_count(0)
        assert mutations.names == ["BoardAnonymize"]


async def test_an_action_that_the_gateway_refuses_says_why_and_the_dialog_stays(
    browser: Browser, acting_board: BoardProcess, company: Company
) -> None:
    id = await company.created(reference="order-4")
    async with operating(browser, acting_board.url, company.token(), f"v/{id}") as operator:
        await operator.button("Close…").click()
        await operator.page.context.set_offline(True)
        await operator.button("Close the verification").click()
        await expect(operator.dialog.get_by_role("alert")).not_to_be_empty()
        await operator.page.context.set_offline(False)
        await company.result(id, "VERIFIED")
        await operator.button("Close the verification").click()
        await expect(operator.dialog.get_by_role("alert")).to_contain_text("VERIFIED", ignore_case=True)
        await operator.button("Keep it as it is").click()
        await expect(operator.dialog).to_have_count(0)


async def test_without_the_right_to_write_there_is_no_action(
    browser: Browser, acting_board: BoardProcess, company: Company, board_database: Database[dict[str, Any]]
) -> None:
    keep_stuck(company)
    pending = await company.created(reference="order-5")
    async with operating(browser, acting_board.url, company.token(Scope.READ, Scope.SENSITIVE), f"v/{pending}?full") as operator:
        await expect(operator.detail.get_by_role("heading", level=1)).to_have_text("order-5")
        assert [text for text in await operator.detail.get_by_role("button").all_inner_texts() if text] == ["Copy the link"]
        await operator.page.keyboard.press("Escape")
        await expect(operator.page.get_by_text("Need attention")).to_be_visible()
        await expect(operator.button("Close…")).to_have_count(0)


async def test_the_follow_link_opens_the_persons_page_and_its_code_has_the_same_modules(
    browser: Browser, acting_board: BoardProcess, company: Company
) -> None:
    node = shutil.which("node")
    assert node, "the board was built with Node"
    id = await company.created(reference="order-6")
    async with operating(browser, acting_board.url, company.token(), f"v/{id}") as operator:
        await operator.button("Follow link as a QR code").click()
        link = await operator.dialog.get_by_role("link", name="Open it").get_attribute("href")
        assert link
        assert link.startswith(f"{acting_board.url}/follow#ey")
        drawn = await operator.dialog.get_by_role("img").evaluate(DRAWN)
        process = await asyncio.create_subprocess_exec(node, "--input-type=module", "-e", MODULES, link, stdout=PIPE, cwd=BOARD_PACKAGE)
        output, _ = await asyncio.wait_for(process.communicate(), SHOWN_MS / 1000)
        assert drawn == json.loads(output)

        async with operator.page.context.expect_page() as opened:
            await operator.dialog.get_by_role("link", name="Open it").click()
        person = await opened.value
        await expect(person.get_by_role("heading", name="Ready when you are")).to_be_visible()


def keep_stuck(company: Company) -> str:
    """Store a verification that the provider has been checking for an hour. Returns its id."""
    at = utc_now() - timedelta(hours=1)
    stuck = a_verification(workspace=company.workspace, reference="stuck", at=at)
    for step in (Progress.LINK_OPENED, Progress.CAPTURE_STARTED, Progress.CAPTURE_COMPLETED):
        stuck = stuck.progressed(step, WINDOWS, at)
    company.keep(stuck)
    return stuck.id


async def test_what_needs_attention_stands_out_and_is_dealt_with_from_the_list(
    browser: Browser, acting_board: BoardProcess, shared_gateway: Gateway, backend: Receiver, board_database: Database[dict[str, Any]]
) -> None:
    company = Company(shared_gateway, board_database["verifications"], DELIVERED)
    stuck, undelivered = keep_stuck(company), await company.created(reference="undelivered")
    deliveries = board_database[DELIVERIES]
    await until(lambda: deliveries.count_documents({"_id": undelivered, "tries": {"$gte": 1}}) == 1)
    # Store the delivery as it would be after the tries of two days, if all of them had failed.
    given_up = {"state": DeliveryState.FAILED.value, "settled": 1, "failed": [1], "failedAt": utc_now()}
    deliveries.update_one({"_id": undelivered}, {"$set": given_up, "$unset": {"next": "", "due": ""}})
    id, state = entry_id(DELIVERED, "evt-1"), WebhookState.UNMATCHED
    event = ReceivedWebhook(id, DELIVERED, "evt-1", "video.done", "yousign", "idv_8c1f", Status.VERIFIED, (), False, utc_now(), state)
    board_database[INBOX].insert_one(to_document(event))
    async with operating(browser, acting_board.url, company.token()) as operator:
        urgent = operator.page.locator(".row.urgent")
        await expect(urgent).to_have_count(3)
        await expect(urgent.filter(has_text="stuck")).to_contain_text("Too long")
        await expect(urgent.filter(has_text="undelivered")).to_contain_text("Not delivered")

        await urgent.filter(has_text="Unmatched").get_by_role("button", name="Look into it").click()
        await expect(operator.dialog).to_contain_text("idv_8c1f")
        await expect(operator.dialog).to_contain_text("gateway inbox show")
        await operator.dialog.get_by_role("button", name="Done").click()

        await operator.page.context.set_offline(True)
        await urgent.get_by_role("button", name="Send again").click()
        await expect(operator.dialog.get_by_role("alert")).not_to_be_empty()
        await operator.dialog.get_by_role("button", name="Done").click()
        await operator.page.context.set_offline(False)
        backend.answer = lambda number, body: ACCEPTED
        await urgent.get_by_role("button", name="Send again").click()
        await backend.has(undelivered, 1)
        await expect(urgent.filter(has_text="undelivered")).to_have_count(0)

        await urgent.get_by_role("button", name="Close…").click()
        await operator.dialog.get_by_role("button", name="Close the verification").click()
        await expect(urgent).to_have_count(1)
        await expect(operator.row(stuck)).to_contain_text("Inconclusive")


async def test_the_board_speaks_french(browser: Browser, acting_board: BoardProcess, company: Company) -> None:
    id = await company.created(reference="commande-1")
    await company.progress(id, CAPTURE_COMPLETED)
    await company.result(id, "FAILED", "IDVV_2101")
    async with operating(browser, acting_board.url, locale="fr-FR") as operator:
        await operator.page.get_by_label("Jeton d’accès").fill(company.token())
        await operator.page.keyboard.press("Enter")
        await expect(operator.connection).to_have_text("En direct")
        await expect(operator.row(id)).to_contain_text("Échouée")
        await operator.row(id).click()
        await expect(operator.detail.get_by_role("heading", name="Refusez la demande")).to_be_visible()
        assert await operator.page.get_attribute("html", "lang") == "fr"
        await operator.button("English").click()
        await expect(operator.connection).to_have_text("Live")
        await operator.page.reload()
        await operator.is_live()
        assert await operator.page.get_attribute("html", "lang") == "en"
