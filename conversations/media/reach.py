"""Which files a conversation shows: the only way from a person to a file."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from conversations.models import (
    Conversation,
    DmEvent,
    EventMedia,
    EventParticipant,
    EventPost,
    LinkPicture,
    MediaFile,
    Participant,
    Post,
    PostMedia,
    XUser,
    XUserLook,
)


def files_shown_in(conversations: QuerySet[Conversation]) -> QuerySet[MediaFile]:
    """Media and linked pages of messages, of posts shared there and of those they quote; avatars of whoever appears,
    and those that people had before.
    """
    posts = _posts_shown_in(conversations)
    return MediaFile.objects.filter(
        Exists(EventMedia.objects.filter(_is_this_file(), event__conversation__in=conversations))
        | Exists(PostMedia.objects.filter(_is_this_file(), post__in=posts))
        | Exists(_link_pictures_in(conversations, posts).filter(file=OuterRef("pk")))
        | Exists(_people_shown_in(conversations, posts).filter(avatar=OuterRef("pk")))
        | Exists(_former_looks_in(conversations).filter(avatar=OuterRef("pk")))
    )


def _is_this_file() -> Q:
    this = OuterRef("pk")
    return Q(media__file=this) | Q(media__light=this) | Q(media__preview=this)


def _link_pictures_in(conversations: QuerySet[Conversation], posts: QuerySet[Post]) -> QuerySet[LinkPicture]:
    return LinkPicture.objects.filter(Q(event__conversation__in=conversations) | Q(post__in=posts))


def _posts_shown_in(conversations: QuerySet[Conversation]) -> QuerySet[Post]:
    shared = EventPost.objects.filter(event__conversation__in=conversations).values("post")
    quoted = Post.objects.filter(pk__in=shared, quoted__isnull=False).values("quoted")
    return Post.objects.filter(Q(pk__in=shared) | Q(pk__in=quoted))


def _people_shown_in(conversations: QuerySet[Conversation], posts: QuerySet[Post]) -> QuerySet[XUser]:
    this = OuterRef("pk")
    participants = Participant.objects.filter(conversation__in=conversations)
    return XUser.objects.filter(
        Exists(participants.filter(x_user=this))
        | Exists(participants.filter(invited_by=this))
        | Exists(conversations.filter(peer=this))
        | Exists(conversations.annotate(our_user_id=F("x_account__x_user_id")).filter(our_user_id=this))
        | Exists(DmEvent.objects.filter(conversation__in=conversations, sender=this))
        | Exists(EventParticipant.objects.filter(event__conversation__in=conversations, x_user=this))
        | Exists(posts.filter(author=this))
    )


def _former_looks_in(conversations: QuerySet[Conversation]) -> QuerySet[XUserLook]:
    """Of those whose page leads to one of these conversations."""
    participants = Participant.objects.filter(conversation__in=conversations)
    return XUserLook.objects.filter(Exists(participants.filter(x_user=OuterRef("x_user"))))
