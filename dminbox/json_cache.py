"""What the cache keeps in Redis, as JSON: who can write there shall not run code here, as Django's pickles would."""

from __future__ import annotations

import json


class Serializer:
    """For counts of tries: numbers, lists of times, True. A whole number stays one for Redis, which adds to it."""

    def dumps(self, value: object) -> bytes:
        return json.dumps(value).encode()

    def loads(self, stored: bytes) -> object:
        return json.loads(stored)
