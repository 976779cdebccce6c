FROM docker.io/library/python:3.11-slim-bookworm AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /project
COPY requirements requirements
RUN python -m venv /builder && /builder/bin/pip install --no-deps --require-hashes -r requirements/build.lock
# The final image contains no pip, because nothing is installed there.
RUN python -m venv --without-pip /venv \
    && /builder/bin/pip --python /venv/bin/python install --no-deps --require-hashes -r requirements/runtime.lock
COPY . .
RUN /builder/bin/hatchling build -t wheel \
    && /builder/bin/pip --python /venv/bin/python install --no-deps --no-index dist/*.whl

FROM docker.io/library/python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="verification-gateway" \
      org.opencontainers.image.description="Video identity verifications, followed live through one typed GraphQL endpoint over MongoDB"
COPY --from=builder /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GATEWAY_HOST=0.0.0.0 GATEWAY_PORT=8000 \
    GATEWAY_DRAIN_DELAY_SECONDS=5
# The user is given by number, so that an orchestrator can verify that it isn't root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-m", "gateway.alive"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
