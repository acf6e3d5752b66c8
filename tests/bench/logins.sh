#!/bin/bash
# What a login costs and what its time tells, on a throwaway Debian with the package in a release build:
#   sudo tests/bench/logins.sh [cost RUNS] [load LOGINS] [oracle TRIES]
# Without arguments: all three, as in RESULTS.md. Takes about a quarter of an hour; the machine should be idle.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "run me as root: sudo $0" >&2; exit 1; }
if [ -n "${SUDO_USER:-}" ]; then
    PATH=$(getent passwd "$SUDO_USER" | cut -d: -f6)/.cargo/bin:$PATH
fi
packaging/install.sh --deb-only
cargo build --locked --release -p login_bench
exec cargo run --locked --quiet -p roster_tests --bin bench_logins -- \
    "${CARGO_TARGET_DIR:-target}/release/login_bench" "$@"
