# syntax=docker/dockerfile:1
# codis-k8s: all programs in one image. And, for a demo on a cluster that is not the local one, its Codis and its ZooKeeper:
#
#   docker build -t codis-k8s:latest .
#   docker build -t codis-image:latest --target codis .
#   docker build -t codis-zookeeper:latest --target zookeeper .
#   docker build -t codis-k8s-demo:latest --target demo .       # all of these in one, for DEMO_CLUSTER=current make demo
#
# The local Kubernetes of this repository has its images made without Docker: `make image`.

FROM debian:bookworm AS build
COPY tools/deps tools/packages /src/tools/
RUN apt-get update && apt-get install -y --no-install-recommends $(/src/tools/deps list building) \
	&& rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make -j"$(nproc)" BUILD=/out && strip /out/codis-* /out/codisctl

FROM debian:bookworm-slim AS base
RUN apt-get update && apt-get install -y --no-install-recommends \
	libmicrohttpd12 libgnutls30 libssl3 libcjson1 libcurl4 libhiredis0.14 libuv1 libwebsockets17 libwebsockets-evlib-uv \
	libyaml-0-2 libzookeeper-st2 \
	&& rm -rf /var/lib/apt/lists/*

# Codis as the demo plays it, laid out like the real one: codis-sim under the names of Codis' programs.
FROM base AS codis
RUN apt-get update && apt-get install -y --no-install-recommends redis-server redis-tools procps \
	&& rm -rf /var/lib/apt/lists/*
ENV GOPATH=/gopath CODIS=/gopath/src/github.com/CodisLabs/codis PATH=/codis/bin:/usr/local/bin:/usr/bin:/bin:/sbin
COPY --from=build /out/codis-sim /out/codis-sim.so /codis/bin/
COPY --from=build /out/codis-writers /usr/bin/
COPY tests/codis-sim/image/index.html /codis/bin/assets/
COPY tests/codis-sim/image/redis.conf /codis/config/
WORKDIR /codis
RUN mkdir -p log "$(dirname "$CODIS")" && ln -s /codis "$CODIS" \
	&& for name in dashboard proxy admin fe server; do ln -s codis-sim bin/codis-$name; done \
	&& codis-dashboard --default-config > config/dashboard.toml \
	&& codis-proxy --default-config > config/proxy.toml

FROM debian:bookworm-slim AS zookeeper
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless libzookeeper-java hostname netcat-openbsd \
	&& rm -rf /var/lib/apt/lists/*
COPY tests/codis-sim/image/codis-zookeeper /usr/bin/
ENTRYPOINT ["codis-zookeeper"]

FROM codis AS demo
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless libzookeeper-java hostname netcat-openbsd \
	&& rm -rf /var/lib/apt/lists/*
COPY tests/codis-sim/image/codis-zookeeper /usr/bin/
COPY --from=build /out/codis-webhook /out/codis-extender /out/codis-controller /usr/bin/

FROM base
COPY --from=build /out/codis-webhook /out/codis-extender /out/codis-controller /out/codisctl /usr/bin/
RUN ln -s codisctl /usr/bin/kubectl-codis
USER 65532:65532
