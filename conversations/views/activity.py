"""How busy a conversation is lately: a part of its panel, or a page where nothing puts it in there."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import TOKENS_OF_JOINED
from conversations.models import Conversation
from conversations.showing.sparkline import LOOKED_AT, spark_of
from conversations.views.thread import kept_of


@require_safe
def activity(request: HttpRequest, pk: int) -> HttpResponse:
    mine = Conversation.objects.visible_to(request.user).select_related("x_account", "peer").defer(*TOKENS_OF_JOINED)
    conversation = get_object_or_404(mine, pk=pk)
    spark = spark_of(conversation.events.newest_ids(LOOKED_AT), timezone.now())
    template = "_spark.html" if request.headers.get("HX-Request") else "activity.html"
    context = {"conversation": conversation, "spark": spark, "kept": kept_of(request)}
    return render(request, f"conversations/{template}", context)
