"""A webhook of our own: answers challenges, and keeps what was posted to it."""

import base64
import contextlib
import hashlib
import hmac
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SECRET = "dminbox-demo-consumer-secret"
PATIENCE = 10


def signature(message, secret=SECRET):
    return "sha256=" + base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


class Receiver:
    """`secret`, `challenge_status` and `statuses` (of the next POSTs, then 200) can be changed at any time."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/x-webhook?of=dminbox"
        self.secret = SECRET
        self.challenge_status = 200
        self.statuses = []
        self.challenges = []
        self.posts = queue.Queue()

    def post(self):
        """(headers, raw body) of the next one."""
        return self.posts.get(timeout=PATIENCE)

    def event(self):
        return json.loads(self.post()[1])["data"]


@contextlib.contextmanager
def receiving():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            (token,) = parse_qs(urlsplit(self.path).query)["crc_token"]
            receiver.challenges.append(token)
            self._answer(receiver.challenge_status, {"response_token": signature(token.encode(), receiver.secret)})

        def do_POST(self):
            raw = self.rfile.read(int(self.headers["content-length"]))
            receiver.posts.put((dict(self.headers), raw))
            self._answer(receiver.statuses.pop(0) if receiver.statuses else 200, {})

        def _answer(self, status, body):
            self.send_response(status)
            self.send_header("location", "/elsewhere")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
