"""The commands `gateway deliveries …`: list and show the deliveries to the integrators' backends, and send events again."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from domain.delivery import DeliveryState, WebhookDelivery
from domain.errors import DomainError, Unavailable
from domain.instant import instant_text
from gateway.settings import Settings
from lifecycle.deliveries import OutgoingWebhooks
from store.driver import close_client, connect, watching
from store.feed import Feed
from store.sealing import SealingKeys
from store.verifications import Store

MAX_DELIVERIES = 1000


class DeliveryError(Exception):
    """A command on deliveries can't do what it should. The message is for the user."""


@asynccontextmanager
async def opened_deliveries(settings: Settings) -> AsyncIterator[OutgoingWebhooks]:
    """A context with the deliveries in the database of these settings. Raises: DeliveryError if MongoDB does not answer."""
    uri = settings.mongo_uri.get_secret_value()
    client, watcher = connect(uri, settings.database_seconds), watching(uri)
    try:
        store = Store(client, SealingKeys(settings.data_keys.get_secret_value()), patience_seconds=settings.request_seconds / 2)
        yield OutgoingWebhooks(store, Feed(store, watcher), dict, lambda outcome, attempt: None)
    except Unavailable:
        raise DeliveryError("MongoDB did not answer in time; check GATEWAY_MONGO_URI and the replica set") from None
    finally:
        close_client(client)
        close_client(watcher)


async def list_deliveries(settings: Settings, workspace: str | None, states: Sequence[DeliveryState], limit: int) -> list[str]:
    """A line for each delivery, at most `limit`, the last changed first. Raises: DeliveryError.

    `workspace`: None for all workspaces. `states`: only deliveries in these states are listed; if empty, all.
    """
    async with opened_deliveries(settings) as outgoing:
        return [delivery_line(delivery) for delivery in await outgoing.newest(workspace, states or list(DeliveryState), limit)]


async def show_delivery(settings: Settings, id: str) -> list[str]:
    """The lines that show the delivery of the verification with this id. Raises: DeliveryError."""
    async with opened_deliveries(settings) as outgoing:
        return [*delivery_lines(await required_delivery(outgoing, id))]


async def resend_one(settings: Settings, id: str, workspace: str | None, from_version: int | None) -> list[str]:
    """Send the events of one verification again. Returns one line, which shows its delivery. Raises: DeliveryError.

    `workspace`: needed only if the verification has no delivery yet. `from_version`: the first event to send; None: the first that was not accepted.
    """
    async with opened_deliveries(settings) as outgoing:
        try:
            await outgoing.resend(workspace or (await required_delivery(outgoing, id)).workspace, id, from_version)
        except DomainError as error:
            raise DeliveryError(str(error)) from None
        return [delivery_line(await required_delivery(outgoing, id))]


async def resend_all_failed(settings: Settings, since: datetime, workspace: str | None) -> list[str]:
    """Send again the events that were given up since this instant, and those after them. Returns the ids of the verifications.

    `workspace`: None for all workspaces. Raises: DeliveryError.
    """
    async with opened_deliveries(settings) as outgoing:
        return await outgoing.resend_failed(workspace, since)


async def required_delivery(outgoing: OutgoingWebhooks, id: str) -> WebhookDelivery:
    """The delivery of the verification with this id. Raises: DeliveryError if there is none."""
    delivery = await outgoing.delivery(id)
    if not delivery:
        raise DeliveryError(f"the verification {id[:100]!r} has no delivery; to send all of its events, name its workspace: resend --workspace")
    return delivery


def delivery_line(delivery: WebhookDelivery) -> str:
    """The line of a delivery in a list. Its columns are separated by tabs."""
    next_try = instant_text(delivery.next_try_at) if delivery.next_try_at else "-"
    versions = f"{delivery.delivered_version}/{delivery.version}"
    return "\t".join((delivery.verification_id, delivery.workspace, delivery.state.value, versions, next_try, delivery.last_error or "-"))


def delivery_lines(delivery: WebhookDelivery) -> Iterator[str]:
    """The lines that show all values of a delivery."""
    values = {
        "verification": delivery.verification_id,
        "workspace": delivery.workspace,
        "state": f"{delivery.state.value} ({delivery.state.meaning})",
        "newest event": delivery.version,
        "newest event that was accepted": delivery.delivered_version,
        "events that were given up": ", ".join(map(str, delivery.failed_versions)),
        "tries of the next event": delivery.tries,
        "next try": delivery.next_try_at and instant_text(delivery.next_try_at),
        "last status": delivery.last_status,
        "last error": delivery.last_error,
        "changed at": delivery.changed_at and instant_text(delivery.changed_at),
    }
    for name, value in values.items():
        yield f"{name}: {'-' if value in (None, '') else value}"
