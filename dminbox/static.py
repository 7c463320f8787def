"""Static files, answered before Django begins: they are asked for by the dozen while a first page waits for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.staticfiles.storage import staticfiles_storage
from servestatic.asgi import FileServerASGI
from servestatic.middleware import ServeStaticMiddleware
from servestatic.responders import StaticFile

from dminbox.bodies import Application, Message, Receive, Scope, Send

BY_PATH = "http.response.pathsend"


def version() -> str:
    """Another one as soon as any static file is; "" where they are served as they lie in the tree."""
    return getattr(staticfiles_storage, "manifest_hash", "")


async def no_page(_: object) -> Any:
    """The files are found as the middleware finds them, which wants something to stand before."""


def with_static_files(pages: Application) -> Application:
    known = ServeStaticMiddleware(no_page)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        file = known.find_file(path) if known.autorefresh else known.files.get(path)
        if file:
            await answer(file, scope, receive, send)
        else:
            await pages(scope, receive, send)

    return application


async def answer(file: StaticFile, scope: Scope, receive: Receive, send: Send) -> None:
    """With the file in one piece: to open and read one of a few kilobytes in a thread takes longer than that."""

    async def send_whole(event: Message) -> None:
        if event["type"] == BY_PATH:
            event = {"type": "http.response.body", "body": Path(event["path"]).read_bytes()}
        await send(event)

    await FileServerASGI(file)(scope | {"extensions": {BY_PATH: {}}}, receive, send_whole)
