"""Where X's webhook calls: the proof of the secret, and signed deliveries. Nobody is signed in here."""

from __future__ import annotations

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from kombu.exceptions import OperationalError

from conversations import tasks
from conversations.sync import webhooks

log = structlog.get_logger("conversations.push")


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def x_webhook(request: HttpRequest) -> HttpResponse:
    if not webhooks.is_set_up():
        raise Http404
    return _prove(request) if request.method == "GET" else _receive(request)


def _prove(request: HttpRequest) -> HttpResponse:
    answer = webhooks.answer_crc(request.GET.get("crc_token", ""))
    return HttpResponse(status=400) if answer is None else JsonResponse({"response_token": answer})


def _receive(request: HttpRequest) -> HttpResponse:
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > webhooks.LARGEST:
        return HttpResponse(status=webhooks.refuse_size().status)
    signature = request.headers.get(webhooks.SIGNATURE)
    if not signature:
        return HttpResponse(status=webhooks.refuse_unsigned().status)
    receipt = webhooks.receive(request.body, signature)
    if receipt.delivery is not None:
        _queue(receipt.delivery)
    return HttpResponse(status=receipt.status)


def _queue(delivery: int) -> None:
    """It is stored: where the broker is away, the sweep finds it."""
    try:
        tasks.take_up_activity.apply_async((delivery,), retry=False, expires=tasks.SECONDS_TO_START)
    except OperationalError:
        log.warning("broker_away", delivery_id=delivery)
