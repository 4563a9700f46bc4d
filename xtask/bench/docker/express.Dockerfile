# The Express application of the examples, with the layers that change least first.
ARG BUILDER
ARG RUN_IMAGE

FROM $BUILDER AS build
USER root
WORKDIR /workspace
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=secret,id=npm-.npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca-certificates-ca.crt,target=/run/secrets/ca.crt \
    export HOME=/root NODE_EXTRA_CA_CERTS=/run/secrets/ca.crt && \
    npm ci --omit=dev --no-audit --no-fund

# As much as any builder does: a command sees the sources, and its result goes into the image.
FROM $BUILDER AS step
USER root
WORKDIR /workspace
COPY . .
RUN true

FROM $RUN_IMAGE AS with-step
WORKDIR /workspace
COPY --from=build /workspace/node_modules node_modules
COPY --from=step /workspace .
USER 1001:1002
CMD ["node", "server.js"]

FROM $RUN_IMAGE
WORKDIR /workspace
COPY --from=build /workspace/node_modules node_modules
COPY . .
USER 1001:1002
CMD ["node", "server.js"]
