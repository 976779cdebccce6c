# The base image. For builds that can be repeated exactly, name it by its digest, which `docker buildx imagetools inspect` prints:
#   docker build --build-arg PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm@sha256:… .
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

# The board and the person's page. The final image contains what is built here, and no Node.
FROM docker.io/library/node:20-bookworm-slim AS pages
WORKDIR /project
COPY web web
COPY gateway/pages/icon.svg gateway/pages/icon.svg
RUN cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
    && npm run --silent build && npm run --silent build --workspace board --workspace person

# The dependencies, in an environment of their own. This stage is built again only if they change.
FROM ${PYTHON_IMAGE} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /project
COPY requirements requirements
RUN python -m venv /builder && /builder/bin/pip install --no-deps --require-hashes -r requirements/build.lock
# The final image contains no pip, because nothing is installed there.
RUN python -m venv --without-pip /venv \
    && /builder/bin/pip --python /venv/bin/python install --no-deps --require-hashes -r requirements/runtime.lock \
    && echo /application >"$(/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/application.pth" \
    && /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /venv/lib

# The application, in a folder of its own.
FROM dependencies AS application
COPY . .
COPY --from=pages /project/web/board/dist gateway/pages/board
COPY --from=pages /project/web/person/dist gateway/pages/follow
RUN /builder/bin/hatchling build -t wheel \
    && /builder/bin/pip --python /venv/bin/python install --no-deps --no-index --target /application dist/*.whl \
    && /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /application

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="verification-gateway" \
      org.opencontainers.image.description="Video identity verifications, followed live through one typed GraphQL endpoint over MongoDB"
# The base image has no bytecode of Python's standard library. Without it, every process would compile the library again.
RUN python -m compileall -q --invalidation-mode unchecked-hash -x '/(tests?|site-packages|dist-packages)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# Two layers: a release that changes only the application is a small download.
COPY --from=dependencies /venv /venv
COPY --from=application /application /application
# PYTHONDONTWRITEBYTECODE: the bytecode is complete, and the file system of a container may be read-only.
ENV PATH=/application/bin:/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GATEWAY_HOST=0.0.0.0 GATEWAY_PORT=8000 \
    GATEWAY_DRAIN_DELAY_SECONDS=5
# The user is given by number, so that an orchestrator can verify that it isn't root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-m", "gateway.alive"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
