# One image for web, workers, listener, beat, migrate and the local X of the demo.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir uv==0.13.8 \
 && /opt/venv/bin/uv pip install --quiet --no-cache --python /opt/venv/bin/python --system-certs --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
WORKDIR /app
# A fixed number, so that files on volumes keep their owner over rebuilds.
RUN useradd --uid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin dminbox \
 && install -d -o dminbox -g dminbox /data
COPY --from=build /opt/venv /opt/venv
COPY manage.py ./
COPY dminbox dminbox
COPY accounts accounts
COPY conversations conversations
COPY templates templates
COPY static static
RUN python -m dminbox.catalogues
# The keys are for this step alone; nothing of it stays but the files.
RUN SECRET_KEY=for-this-step-alone-never-for-an-installation ENCRYPTION_KEYS=$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') \
    DEMO=yes DATA_DIR=/tmp/build python manage.py collectstatic --noinput --verbosity 0 \
 && rm -rf /tmp/build
USER dminbox
EXPOSE 8000
# TRUSTED_PROXY_COUNT alone says who is believed about a client, so uvicorn reads no proxy's headers.
CMD ["uvicorn", "dminbox.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "5", "--lifespan", "off", \
     "--no-proxy-headers"]
