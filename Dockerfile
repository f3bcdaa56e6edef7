# The console as a container: no root, no package manager, nothing but /data is written to.
#
#     docker build --tag chaosiq-console .
#     docker run --read-only --tmpfs /tmp --volume chaosiq:/data --publish 8080:8080 chaosiq-console

FROM python:3.13-slim AS build
COPY . /src
RUN python -m venv /opt/console \
    && /opt/console/bin/pip install --no-cache-dir "/src[console,postgresql,notifications]" \
    && /opt/console/bin/pip uninstall --yes pip

FROM python:3.13-slim
RUN python -m pip uninstall --yes pip \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin console \
    && install --directory --owner=console --group=console --mode=0700 /data
COPY --from=build /opt/console /opt/console
ENV CHAOSIQ_CONSOLE_DATA=/data \
    CHAOSIQ_CONSOLE_HOST=0.0.0.0 \
    CHAOSIQ_CONSOLE_PORT=8080 \
    HOME=/data \
    PATH=/opt/console/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['CHAOSIQ_CONSOLE_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["chaosiq-console"]
CMD ["serve"]
