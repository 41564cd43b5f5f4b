# codis-k8s: all programs in one image.
#
#   docker build -t codis-k8s:latest .
#   docker build -t codis-k8s-demo:latest --target demo .    # with codis-sim, for `make demo` on another cluster
#
# The test cluster of this repository makes its images without Docker (tests/cluster/mkimage).

FROM debian:bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
	gcc make libc6-dev pkg-config git ca-certificates \
	libmicrohttpd-dev libgnutls28-dev libssl-dev libcjson-dev libcurl4-openssl-dev libhiredis-dev libuv1-dev \
	libyaml-dev libzookeeper-st-dev \
	&& rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make -j"$(nproc)" BUILD=/out && strip /out/codis-*

FROM debian:bookworm-slim AS base
RUN apt-get update && apt-get install -y --no-install-recommends \
	libmicrohttpd12 libgnutls30 libssl3 libcjson1 libcurl4 libhiredis0.14 libuv1 libyaml-0-2 libzookeeper-st2 \
	&& rm -rf /var/lib/apt/lists/*

# Codis as the demo plays it: codis-sim under the names of Codis' programs, redis-server as codis-server.
FROM base AS demo
RUN apt-get update && apt-get install -y --no-install-recommends redis-server redis-tools procps \
	&& rm -rf /var/lib/apt/lists/*
COPY --from=build /out/codis-* /usr/bin/
WORKDIR /codis

FROM base
COPY --from=build /out/codis-webhook /out/codis-extender /out/codis-controller /out/codis-writers /usr/bin/
USER 65532:65532
