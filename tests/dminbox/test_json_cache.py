"""What the cache keeps in Redis is read as data, never as code."""

from __future__ import annotations

import pickle
import time

import pytest
from django.conf import settings
from django.core.cache import cache, caches
from django.core.cache.backends.redis import RedisCache

from dminbox.json_cache import Serializer


@pytest.mark.parametrize("value", [True, 7, [], [time.time(), 1.5], "text", None])
def test_what_is_kept_comes_back_as_it_was(value):
    serializer = Serializer()
    assert serializer.loads(serializer.dumps(value)) == value


def test_a_pickle_is_refused():
    with pytest.raises(ValueError, match="decode"):
        Serializer().loads(pickle.dumps([1.5]))


@pytest.mark.services
def test_the_cache_keeps_times_and_counts():
    assert isinstance(caches["default"], RedisCache) == bool(settings.REDIS_URL)
    times = [time.time()]
    cache.set("times", times, 60)
    assert cache.get("times") == times
    assert cache.add("lock", True, 60)
    assert not cache.add("lock", True, 60)
    cache.set("count", 1, 60)
    assert cache.incr("count") == 2
    if settings.REDIS_URL:
        client = cache._cache.get_client()
        assert client.get(cache.make_key("times")) == str(times).encode()
