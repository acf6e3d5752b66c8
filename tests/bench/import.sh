#!/bin/bash
# What importing accounts costs, on a throwaway Debian with the package in a release build:
#   sudo tests/bench/import.sh [ACCOUNTS...]
# Without arguments: 1000 10000 100000 1000000, as in RESULTS.md. The machine should be idle.
#   tests/bench/import.sh --records N
# prints so many records and does nothing else.
set -euo pipefail

# Names in no order, as a real list has them, and what a record usually holds.
records() {
    awk -v count="$1" 'BEGIN {
        for (n = 0; n < count; n++) {
            # A bijection of the numbers below 2^31: each name once.
            scrambled = (n * 1103515245 + 12345) % 2147483648
            name = sprintf("u%010d", scrambled)
            printf "{\"name\":\"%s\",\"full_name\":\"Account Number %d\",\"email\":\"%s@example.org\",\"tags\":[\"imported\"]}\n", name, n, name
        }
    }'
}

if [ "${1:-}" = --records ]; then
    records "$2"
    exit
fi
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "run me as root: sudo $0" >&2; exit 1; }
if [ -n "${SUDO_USER:-}" ]; then
    PATH=$(getent passwd "$SUDO_USER" | cut -d: -f6)/.cargo/bin:$PATH
fi
packaging/install.sh --deb-only
cargo build --locked --release -p login_bench
exec cargo run --locked --quiet -p roster_tests --bin bench_import -- \
    "${CARGO_TARGET_DIR:-target}/release/login_bench" "$@"
