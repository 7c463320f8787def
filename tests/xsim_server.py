"""A local X for tests: the real process on a free port, and the control API in a few words."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import urllib3

ROOT = Path(__file__).parent.parent
TIMEOUT = 20


class SimServer:
    """`url` is the origin; `get`, `post` and `delete` speak to the control API, `api` to X's own as a user."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process
        self.session = requests.Session()
        self.session.trust_env = False
        # Of requests the layer below: tens of thousands of times something is told, in half the work.
        self.control = urllib3.connection_from_url(url)

    def get(self, path: str) -> Any:
        return self._control("GET", path, None)

    def post(self, path: str, json: Any = None) -> Any:
        return self._control("POST", path, json)

    def delete(self, path: str) -> Any:
        return self._control("DELETE", path, None)

    def grant(self, user_id: str, scopes: list[str] | None = None) -> dict[str, Any]:
        """A pair of tokens without the consent page: the answer of the token endpoint."""
        return self.post("grants", {"user_id": user_id, "scopes": scopes})

    def app_token(self) -> str:
        """The bearer of the app by itself, with the preset key and secret."""
        form, pair = {"grant_type": "client_credentials"}, ("dminbox-demo-key", "dminbox-demo-consumer-secret")
        return str(self.api(None, "/oauth2/token", "POST", data=form, auth=pair).json()["access_token"])

    def subscribe(self, token: str, user_id: str | None, *event_types: str, **members: Any) -> list[requests.Response]:
        """With the user's token, or for `oauth.revoke` (without a user id) with the app's."""
        about = {"filter": {"user_id": user_id}} if user_id else {}
        return [
            self.api(token, "/2/activity/subscriptions", "POST", json={"event_type": kind, **about, **members})
            for kind in event_types
        ]

    def stream(self, backfill_minutes: int | None = None, token: str | None = None) -> requests.Response:
        """An open stream on a connection of its own; the caller closes it."""
        headers = {"authorization": f"Bearer {token or self.app_token()}"}
        params = {} if backfill_minutes is None else {"backfill_minutes": backfill_minutes}
        with requests.Session() as session:
            session.trust_env = False
            return session.get(
                f"{self.url}/2/activity/stream", headers=headers, params=params, stream=True, timeout=TIMEOUT
            )

    def api(self, token: str | None, path: str, method: str = "GET", **options: Any) -> requests.Response:
        """A call of X's API by plain HTTP. `path` begins with a slash; `options` are those of requests."""
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        options = {"timeout": TIMEOUT, "allow_redirects": False, **options}
        return self.session.request(method, self.url + path, headers=headers, **options)

    def reset(self) -> None:
        """An empty world, no grants, no faults, preset settings, the real time."""
        self.post("reset")

    def _control(self, method: str, path: str, json: Any) -> Any:
        """`path` with or without `/_sim/` before it. AssertionError with the words of a refusal."""
        path = path.removeprefix("/").removeprefix("_sim/")
        answer = self.control.request(method, f"/_sim/{path}", json=json, timeout=TIMEOUT, retries=False)
        assert answer.status < 400, f"{method} /_sim/{path}: {answer.status} {answer.data.decode()}"
        return answer.json()


@contextlib.contextmanager
def start_xsim(
    *,
    world: str = "empty",
    port: int = 0,
    host: str = "127.0.0.1",
    state: Path | None = None,
    origin: str | None = None,
    control_from: tuple[str, ...] = (),
    port_file: Path | None = None,
) -> Iterator[SimServer]:
    """Ends with the block, cleanly; the process is `.process` for who wants to end it otherwise."""
    command = [sys.executable, "-m", "dminbox.xsim", "--host", host, "--port", str(port), "--world", world]
    command += ["--state", str(state)] if state else []
    command += ["--origin", origin] if origin else []
    command += ["--port-file", str(port_file)] if port_file else []
    command += ["--control-from", *control_from] if control_from else []
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield SimServer(_announced(process, errors), process)
        finally:
            _end(process)


def _announced(process: subprocess.Popen[str], errors: Any) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if "local X on " not in line:
        process.wait(TIMEOUT)
        errors.seek(0)
        raise RuntimeError(f"the local X did not start: {errors.read()}")
    return line.split()[-1]


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()
