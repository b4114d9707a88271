# One file, one target per program:
#   docker build --target ingest-svc .      (query-svc, simulator, sentinel)
# Builds with and without BuildKit. Images that are published: --build-arg PROFILE=published

# --- skeleton: manifests and empty sources. It changes when a dependency does, and so the layer of compiled
# --- dependencies below is kept while only our own code changes.
FROM rust:1.95-slim-bookworm AS skeleton
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path '*/src/lib.rs' ! -path '*/src/main.rs' \
      \( ! -name '*.rs' -o -path '*/src/*' \) -delete \
 && for file in $(find . -name '*.rs'); do echo '#![allow(warnings)] fn main() {}' > "$file"; done \
 && find . -type d -empty -delete

# --- build: the dependencies, then the programs
FROM rust:1.95-slim-bookworm AS build
ARG PROFILE=release
ENV PACKAGES="-p ingest-svc -p query-svc -p simulator -p sentinel-cli"
WORKDIR /src
COPY --from=skeleton /src .
RUN cargo build --locked --profile "$PROFILE" --bins $PACKAGES
COPY . .
# Cargo compares times: without `touch`, a source older than the skeleton's build would count as built.
RUN find . -name '*.rs' -not -path './target/*' -exec touch {} + \
 && cargo build --locked --profile "$PROFILE" --bins $PACKAGES \
 && cd "target/$PROFILE" \
 && install -D -t /out ingest-svc query-svc simulator sentinel

# What the programs need beside themselves: the C library's files, certificates to trust, and a place for the data.
RUN mkdir -p /root-files/etc/ssl/certs /owned-files/data \
 && ldd /out/* | grep -o '/[^ ]*\.so[^ ]*' | sort -u | xargs cp -L --parents -t /root-files \
 && cp -L /etc/ssl/certs/ca-certificates.crt /root-files/etc/ssl/certs/ \
 && echo 'hosts: files dns' > /root-files/etc/nsswitch.conf \
 && echo 'sentinel:x:10001:10001::/data:/nonexistent' > /root-files/etc/passwd \
 && echo 'sentinel:x:10001:' > /root-files/etc/group \
 && chmod 0750 /owned-files/data

# --- runtime: what the four have in common. Neither a shell nor a package manager: there is nothing to run but the
# --- program. One uid for all: they share SQLite's files.
FROM scratch AS runtime
COPY --from=build /root-files/ /
COPY --from=build --chown=10001:10001 /owned-files/ /
USER 10001:10001

FROM runtime AS ingest-svc
COPY --from=build /out/ingest-svc /usr/local/bin/
EXPOSE 8001 4318
ENTRYPOINT ["/usr/local/bin/ingest-svc"]

FROM runtime AS query-svc
COPY --from=build /out/query-svc /usr/local/bin/
EXPOSE 8000
ENTRYPOINT ["/usr/local/bin/query-svc"]

FROM runtime AS simulator
COPY --from=build /out/simulator /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/simulator"]

FROM runtime AS sentinel
COPY --from=build /out/sentinel /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/sentinel"]
