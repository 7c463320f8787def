"""The webhook as the other way in for what X pushes: proof of who sends it, stored raw, answered at once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from conversations.models import ActivityDelivery, PushState
from conversations.sync import push
from conversations.sync.refusals import Refusals
from dminbox.xapi import webhook as xapi
from dminbox.xapi.activity import parse_activity
from dminbox.xapi.app import XApp
from dminbox.xapi.errors import NotThere
from dminbox.xapi.reply import read_pushed_json
from dminbox.xapi.schema import Webhook

log = structlog.get_logger("conversations.push")

LARGEST = 1024 * 1024
"""Bytes of one delivery; a message of 10,000 characters with its people comes to a tenth."""
SIGNATURE = xapi.SIGNATURE_HEADER
CRC_NOTED_EACH = timedelta(seconds=1)
"""Anybody may ask for the proof of the secret: that somebody did is written no more often."""
refusals = Refusals()


@dataclass(frozen=True, slots=True)
class Receipt:
    """status: what X is answered. delivery: to be taken up; None when there is nothing to do."""

    status: int
    delivery: int | None = None


def is_set_up() -> bool:
    return settings.X_PUSH == "webhook" and bool(settings.X_CONSUMER_SECRET)


def answer_crc(crc_token: str) -> str | None:
    """The response_token that proves to X that the secret is here; None for what is no token of X's."""
    try:
        answer = xapi.crc_response(settings.X_CONSUMER_SECRET, crc_token)
    except ValueError:
        refusals.count("webhook_bad_crc")
        return None
    _note_crc()
    return answer


def _note_crc() -> None:
    now = timezone.now()
    noted = PushState.objects.filter(pk=1).values_list("webhook_last_crc_at", flat=True).first()
    if noted is None or abs(now - noted) >= CRC_NOTED_EACH:
        PushState.objects.bulk_create([PushState(pk=1)], ignore_conflicts=True)
        PushState.objects.filter(pk=1).update(webhook_last_crc_at=now)


def refuse_size() -> Receipt:
    refusals.count("webhook_oversized")
    return Receipt(413)


def refuse_unsigned() -> Receipt:
    refusals.count("webhook_unsigned")
    return Receipt(403)


def receive(raw: bytes, signature: str) -> Receipt:
    """Checks the signature over the raw bytes, stores what came, and says what to answer."""
    if not xapi.is_signed(settings.X_CONSUMER_SECRET, raw, signature):
        return refuse_unsigned()
    try:
        activity = parse_activity(read_pushed_json(raw.decode()))
    except ValueError:
        return _keep_odd(raw)
    if push.is_strange(activity):
        push.count(strangers=1)
        return Receipt(200)
    try:
        with transaction.atomic():
            delivery = push.delivery_of(activity, ActivityDelivery.Source.WEBHOOK)
            delivery.save(force_insert=True)
    except IntegrityError:
        push.count(webhook_replayed=1)
        return Receipt(200)
    return Receipt(200, delivery.pk)


def _keep_odd(raw: bytes) -> Receipt:
    """X signed it, so it is answered with 200: X would only send the same again."""
    push.count(webhook_odd=1)
    text = raw.decode(errors="backslashreplace").replace("\0", "\\x00")
    push.keep_odd({"body": text}, "no activity can be read out of it", ActivityDelivery.Source.WEBHOOK)
    return Receipt(200)


def address() -> str:
    return settings.PUBLIC_URL + reverse("x_webhook")


def known_id() -> str | None:
    """X's id of the webhook that is registered for us, as far as we know."""
    return PushState.objects.filter(pk=1).values_list("webhook_id", flat=True).first() or None


def repair(app: XApp) -> None:
    """Registers our address at X, has it checked again where X holds it for broken, and notes how it stands. The one of
    an address that we had before goes first: X may allow no second one.
    """
    listed, noted = app.webhooks(), known_id()
    ours = next((one for one in listed if one.url == address()), None)
    _delete(app, [one for one in listed if one.id == noted and one is not ours])
    if ours is None:
        ours = app.register_webhook(address())
    elif not ours.is_valid:
        app.revalidate_webhook(ours.id)
    told = {"webhook_id": ours.id, "webhook_is_valid": ours.is_valid, "webhook_listed_at": timezone.now()}
    PushState.objects.filter(pk=1).update(**told, detail="")


def end(app: XApp) -> None:
    """X shall call us no more: neither at the address we know of, nor where a lost answer left us without its id."""
    noted = known_id()
    _delete(app, [one for one in app.webhooks() if one.url == address() or one.id == noted])
    PushState.objects.filter(pk=1).update(webhook_id="", webhook_is_valid=False)


def _delete(app: XApp, webhooks: Iterable[Webhook]) -> None:
    for one in webhooks:
        with suppress(NotThere):
            app.delete_webhook(one.id)
        log.info("webhook_deleted")
