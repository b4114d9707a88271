#!/usr/bin/env bash
# Test fixture, not for production: stand-ins for the Dockerfile's base images, for a machine that reaches no
# image registry. They carry the very names of the Dockerfile's FROM lines, so that the Dockerfile and
# docker-compose.yml build unchanged:
#   debian:<suite>-slim    a minimal Debian from Debian's own package archive (debootstrap)
#   rust:<version>-slim-*  the same with a C compiler and a copy of this machine's Rust toolchain
# An image that exists already, or can be pulled, is left as it is. Stand-ins wear the label
# `org.log-sentinel.stand-in=true`; remove them with
#   docker image rm $(docker image ls -q --filter label=org.log-sentinel.stand-in=true)
# Environment: PULL_TIMEOUT_S (30), DEBIAN_MIRROR (this machine's, else http://deb.debian.org/debian).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly LABEL="org.log-sentinel.stand-in=true"
readonly DEFAULT_MIRROR="http://deb.debian.org/debian"
readonly PULL_TIMEOUT_S="${PULL_TIMEOUT_S:-30}"

say() { printf 'stand-in-images: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

# base_images FILE: what its FROM lines name, without the names of its own stages.
base_images() {
  awk 'toupper($1) == "FROM" {
         if (!($2 in stages) && $2 != "scratch") print $2
         if (toupper($3) == "AS") stages[$4] = 1
       }' "$1" | sort -u
}

is_here() { docker image inspect "$1" >/dev/null 2>&1; }

need_root() { [ "$(id -u)" -eq 0 ] || die "making $1 needs root (debootstrap)"; }

# mirror_for SUITE: the archive this machine's own apt takes that suite from.
mirror_for() {
  local mirror=""
  if command -v apt-get >/dev/null; then
    # shellcheck disable=SC2016  # $(REPO_URI) is apt's own notation
    mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
                "Codename: $1" 'Component: main' 2>/dev/null | head -n 1 || true)"
  fi
  printf '%s\n' "${DEBIAN_MIRROR:-${mirror:-$DEFAULT_MIRROR}}"
}

install_debootstrap() {
  command -v debootstrap >/dev/null && return
  command -v apt-get >/dev/null || die "debootstrap is missing, and there is no apt to install it with"
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap debian-archive-keyring >/dev/null
}

make_debian() {
  local image="$1" suite="${1#debian:}" root="$scratch/debian"
  suite="${suite%-slim}"
  need_root "$image"
  install_debootstrap
  debootstrap --variant=minbase "$suite" "$root" "$(mirror_for "$suite")" >"$scratch/debootstrap.log" 2>&1 \
    || { tail -n 20 "$scratch/debootstrap.log" >&2; die "debootstrap failed"; }
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/locale/*
  tar -C "$root" --numeric-owner --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' -c . \
    | docker import --change "LABEL $LABEL" --change 'CMD ["bash"]' - "$image" >/dev/null
  rm -rf "$root"
}

make_rust() {
  local image="$1" debian="$2" context="$scratch/rust" wanted="${1#rust:}" sysroot host version
  wanted="${wanted%%-*}"
  command -v rustc >/dev/null || die "$image needs this machine's Rust toolchain, and there is none"
  sysroot="$(rustc --print sysroot)"
  host="$(rustc -vV | sed -n 's/^host: //p')"
  version="$(rustc -vV | sed -n 's/^release: //p')"
  case "$version" in
    "$wanted" | "$wanted".*) ;;
    *) say "WARNING: $image gets Rust $version, the one toolchain that is here" ;;
  esac
  mkdir -p "$context"/{bin,cargo,lib/rustlib}
  # The compiler and this platform's standard library; no documentation, no sources, no other targets.
  find "$sysroot/lib" -maxdepth 1 -name '*.so*' -exec cp {} "$context/lib/" \;
  cp -r "$sysroot/lib/rustlib/$host" "$context/lib/rustlib/"
  cp "$sysroot/bin/cargo" "$sysroot/bin/rustc" "$context/bin/"
  # The way to the package archive is this machine's own: its certificates and Cargo's settings, if it has any.
  cp -L /etc/ssl/certs/ca-certificates.crt "$context/ca-certificates.crt"
  for settings in "${CARGO_HOME:-$HOME/.cargo}"/config.toml "${CARGO_HOME:-$HOME/.cargo}"/config; do
    [ ! -f "$settings" ] || cp "$settings" "$context/cargo/config.toml"
  done
  cat >"$context/Dockerfile" <<DOCKERFILE
FROM $debian
RUN apt-get update -q \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ca-certificates gcc libc6-dev \\
 && rm -rf /var/lib/apt/lists/*
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY bin /usr/local/bin
COPY lib /usr/local/lib
COPY cargo /usr/local/cargo
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LABEL $LABEL
RUN cargo --version && rustc --version
DOCKERFILE
  DOCKER_BUILDKIT=0 docker build -t "$image" "$context" >"$scratch/rust.log" 2>&1 \
    || { tail -n 20 "$scratch/rust.log" >&2; die "building $image failed"; }
}

make_stand_in() {
  case "$1" in
    debian:*) make_debian "$1" ;;
    rust:*)
      local debian="debian:${1##*-}-slim"
      ensure "$debian"
      make_rust "$1" "$debian"
      ;;
    *) die "no stand-in is known for $1" ;;
  esac
}

ensure() {
  local image="$1" started=$SECONDS
  if is_here "$image"; then say "$image is here"; return; fi
  if timeout "$PULL_TIMEOUT_S" docker pull -q "$image" >/dev/null 2>&1; then say "$image was pulled"; return; fi
  say "$image cannot be pulled: making a stand-in"
  make_stand_in "$image"
  say "$image is a STAND-IN, made in $((SECONDS - started)) s"
}

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
images="$(base_images Dockerfile)"
for image in $images; do
  ensure "$image"
done
