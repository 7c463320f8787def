"""The one way in for browsers: Django behind ASGI."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dminbox.settings")
application = get_asgi_application()
