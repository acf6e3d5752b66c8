#!/bin/bash
# What a lookup costs through Roster, beside a module that answers a constant and beside files, extrausers,
# SSSD and systemd-userdb with the same accounts, on a throwaway Debian:
#   sudo tests/bench/run.sh [NUMBER OF ACCOUNTS]…
# Without arguments: 1,000, 10,000, 100,000 and 1,000,000, as in RESULTS.md. Takes some ten minutes; the
# machine should be idle. ROSTER_E2E_CACHE says where the Debian is kept (default target/e2e) and
# ROSTER_E2E_SUITE which release it is (default bookworm); it should be the host's, whose compiler is used.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "run me as root: sudo $0" >&2; exit 1; }
if [ -n "${SUDO_USER:-}" ]; then
    PATH=$(getent passwd "$SUDO_USER" | cut -d: -f6)/.cargo/bin:$PATH
fi
packaging/need.sh gcc libc6-dev binutils mmdebstrap systemd-container util-linux

target=${CARGO_TARGET_DIR:-$PWD/target}
folder=$target/bench
rm -rf "$folder"
mkdir -p "$folder"
# The module as it ships, and the reference that keeps its mapping as ours does.
cargo build --locked --quiet --profile nss -p nss_roster
cargo build --locked --quiet --release -p nss_reference --features kept --target-dir "$target/kept"
strip --strip-unneeded -o "$folder/libnss_roster.so.2" "$target/nss/libnss_roster.so"
cp "$target/kept/release/libnss_reference.so" "$folder/libnss_reference.so.2"
gcc -O2 -Wall -Wextra -shared -fPIC -Wl,-soname,libnss_floor.so.2 \
    -o "$folder/libnss_floor.so.2" tests/bench/lookups/floor.c
gcc -O2 -Wall -Wextra -o "$folder/lookups" \
    tests/bench/lookups/{main,accounts,view,operations,enumeration,turns}.c

[ "$#" -gt 0 ] || set -- 1000 10000 100000 1000000
status=0
cargo run --locked --quiet --release -p roster_tests --bin bench_lookups -- "$folder" "$@" || status=$?
rm -rf "$folder"
exit "$status"
