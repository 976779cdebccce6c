"""The commands `gateway inbox …`: list, show and apply the webhooks that providers sent."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from domain.errors import Conflict, DomainError, Unavailable
from domain.webhook import ReceivedWebhook, WebhookState
from gateway.application import RECORD_WEBHOOK_SECONDS
from gateway.process.metrics import Providing
from gateway.provision import Provision, provider_client
from gateway.settings import Settings
from lifecycle.changes import Changes
from lifecycle.creation import Creation
from lifecycle.intake import Intake
from store.driver import close_client, connect
from store.sealing import SealingKeys
from store.verifications import Store

MAX_LISTED = 1000


class InboxError(Exception):
    """A command on the inbox can't do what it should. The message is for the user."""


@asynccontextmanager
async def opened_intake(settings: Settings) -> AsyncIterator[tuple[Store, Intake]]:
    """A context with the store and the intake of these settings. Raises: InboxError if MongoDB does not answer."""
    client = connect(settings.mongo_uri.get_secret_value(), settings.database_seconds)
    metrics = Providing(CollectorRegistry())
    try:
        async with provider_client() as http_client:
            store = Store(client, SealingKeys(settings.data_keys.get_secret_value()), patience_seconds=settings.request_seconds / 2)
            provision = Provision(settings, http_client, metrics, local=False)
            providers = provision.providers
            creation = Creation(store, providers, provision.links, metrics.count_creation)
            changes = Changes(store, providers, creation, settings.windows, lambda: None, settings.anonymize_references)
            yield store, Intake(store, providers, changes, metrics.count_webhook, metrics.unusual_results.inc, RECORD_WEBHOOK_SECONDS)
    except Unavailable:
        raise InboxError("MongoDB did not answer in time; check GATEWAY_MONGO_URI and the replica set") from None
    finally:
        close_client(client)


async def list_webhooks(settings: Settings, workspace: str | None, states: Sequence[WebhookState], limit: int) -> list[str]:
    """A line for each webhook, at most `limit`, the newest first. Raises: InboxError.

    `workspace`: None for all workspaces. `states`: only webhooks in these states are listed; if empty, all.
    """
    async with opened_intake(settings) as (store, _):
        return [line_of(webhook) for webhook in await store.inbox.newest(workspace, states or list(WebhookState), limit)]


async def show_webhook(settings: Settings, id: str) -> list[str]:
    """The lines that show one webhook. Raises: InboxError."""
    async with opened_intake(settings) as (store, _):
        return [*lines_of(await required_webhook(store, id))]


async def apply_webhooks(settings: Settings, id: str | None, workspace: str | None) -> list[str]:
    """Apply the webhook with this id; if `id` is None, all webhooks that match no verification, the newest first. Raises: InboxError.

    Returns a line for each webhook: its new state, or why it could not be applied.
    """
    async with opened_intake(settings) as (store, intake):
        if id is not None:
            return [await applied_line(store, intake, await required_webhook(store, id))]
        return [await applied_line(store, intake, webhook) async for webhook in all_unmatched(store, workspace)]


async def all_unmatched(store: Store, workspace: str | None) -> AsyncIterator[ReceivedWebhook]:
    """The webhooks that match no verification, the newest first; of all workspaces if `workspace` is None. They are read in pages."""
    page = await store.inbox.newest(workspace, [WebhookState.UNMATCHED], MAX_LISTED)
    while page:
        for webhook in page:
            yield webhook
        page = await store.inbox.newest(workspace, [WebhookState.UNMATCHED], MAX_LISTED, behind=page[-1])


async def applied_line(store: Store, intake: Intake, webhook: ReceivedWebhook) -> str:
    """Apply a webhook now. Returns a line that shows its new state, or why it could not be applied."""
    try:
        if not await intake.reapply(webhook.id):
            return f"{webhook.id}: announces no outcome; there is nothing to apply"
    except (DomainError, Conflict) as error:
        return f"{webhook.id}: {error}"
    return line_of(await required_webhook(store, webhook.id))


async def required_webhook(store: Store, id: str) -> ReceivedWebhook:
    """The webhook with this id. Raises: InboxError if there is none."""
    webhook = await store.inbox.get(id)
    if not webhook:
        raise InboxError(f"the inbox has no webhook {id[:300]!r}; its id is the first column of `gateway inbox list`")
    return webhook


def line_of(webhook: ReceivedWebhook) -> str:
    """The line of a webhook in a list. Its columns are separated by tabs."""
    outcome = webhook.status.value if webhook.status else webhook.event_name or "-"
    columns = (webhook.id, f"{webhook.received_at:%Y-%m-%dT%H:%M:%SZ}", webhook.state.value, webhook.provider, webhook.provider_id or "-", outcome)
    return "\t".join(map(printable, columns))


def lines_of(webhook: ReceivedWebhook) -> Iterator[str]:
    """The lines that show all values of a webhook."""
    values = {
        "id": webhook.id,
        "received at": f"{webhook.received_at:%Y-%m-%dT%H:%M:%SZ}",
        "state": f"{webhook.state.value} ({webhook.state.meaning})",
        "event": webhook.event_name,
        "provider": webhook.provider,
        "provider's id": webhook.provider_id,
        "status": webhook.status and webhook.status.value,
        "codes": ", ".join(webhook.codes),
        "from the provider's sandbox": "yes" if webhook.sandbox else "no",
        "verification": webhook.verification_id,
        "tries": str(webhook.tries),
        "next try": webhook.next and f"{webhook.next:%Y-%m-%dT%H:%M:%SZ}",
        "note": webhook.note,
    }
    for name, value in values.items():
        yield f"{name}: {printable(value or '-')}"


def printable(text: str) -> str:
    """The text without characters that could control a terminal: providers choose some of the values."""
    return "".join(character if character.isprintable() else "?" for character in text)
