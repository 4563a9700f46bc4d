# The Flask application of the examples, with the layers that change least first.
ARG BUILDER
ARG RUN_IMAGE

FROM $BUILDER AS build
USER root
WORKDIR /workspace
COPY requirements.txt .
RUN --mount=type=secret,id=pip-pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca-certificates-ca.crt,target=/etc/ssl/certs/ca-certificates.crt \
    export PIP_CERT=/etc/ssl/certs/ca-certificates.crt && \
    python3 -m venv --without-pip /environment && \
    python3 -m pip --python /environment/bin/python install --no-cache-dir --only-binary :all: \
        --requirement requirements.txt

# As much as any builder does: a command sees the sources, and its result goes into the image.
FROM $BUILDER AS step
USER root
WORKDIR /workspace
COPY . .
RUN true

FROM $RUN_IMAGE AS with-step
WORKDIR /workspace
COPY --from=build /environment /environment
COPY --from=step /workspace .
ENV PATH=/environment/bin:$PATH PYTHONUNBUFFERED=1
USER 1001:1002
CMD gunicorn --bind "0.0.0.0:${PORT:-8080}" --access-logfile - app:app

FROM $RUN_IMAGE
WORKDIR /workspace
COPY --from=build /environment /environment
COPY . .
ENV PATH=/environment/bin:$PATH PYTHONUNBUFFERED=1
USER 1001:1002
CMD gunicorn --bind "0.0.0.0:${PORT:-8080}" --access-logfile - app:app
