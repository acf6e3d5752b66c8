#!/bin/bash
# Everything the tests need, then all of them: checks, unit tests, the package, the end-to-end suites.
# Run as root on Debian with a Rust toolchain. The last line is `N passed, N failed`; the exit status is 0
# only when nothing failed. ROSTER_E2E_SUITE picks the Debian release of the end-to-end suites.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit
[ "$(id -u)" = 0 ] || { echo "run me as root: sudo $0" >&2; exit 1; }
if [ -n "${SUDO_USER:-}" ]; then
    PATH=$(getent passwd "$SUDO_USER" | cut -d: -f6)/.cargo/bin:$PATH
fi
export PATH=${HOME:-/root}/.cargo/bin:$PATH
export RUST_BACKTRACE=${RUST_BACKTRACE:-0}

passed=0
failed=0
failures=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# step NAME COMMAND…: runs it, shows what it prints, and counts it: by the lines of cargo test
# (`test result: …`) and of the shell tests (`N passed, N failed`) where there are any, else as one. A
# step that says `NOT RUN: …` instead counts as nothing.
step() {
    local name=$1 status counted start=$SECONDS
    shift
    echo "== $name"
    "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    counted=$(awk '
        /^test result: / { p += $4; f += $6; found = 1 }
        /^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; found = 1 }
        /^NOT RUN: / { skipped = 1 }
        END { if (found) print p, f; else if (skipped) print 0, 0 }' "$log")
    if [ -z "$counted" ]; then
        counted="$((status == 0)) $((status != 0))"
    elif [ "$status" -ne 0 ] && [ "${counted#* }" = 0 ]; then
        # It broke without a failing test: a build error, or a runner that died.
        counted="${counted% *} 1"
    fi
    passed=$((passed + ${counted% *}))
    failed=$((failed + ${counted#* }))
    if [ "$status" -ne 0 ] || [ "${counted#* }" -ne 0 ]; then
        failures+=("$name")
    fi
    echo "== $name: ${counted% *} passed, ${counted#* } failed, $((SECONDS - start)) s"
}

# Licences, sources and bans need nothing but the lock file. The advisories are in a database of their
# own, which not every machine can fetch.
dependencies_are_allowed() {
    command -v cargo-deny >/dev/null ||
        CARGO_TARGET_DIR=$root/target/tools cargo install --locked --quiet cargo-deny || return 1
    cargo deny --log-level error check bans licenses sources || return 1
    if timeout 60 cargo deny --log-level off fetch db >/dev/null 2>&1; then
        cargo deny --log-level error check advisories
    else
        echo "NOT CHECKED: the advisory database cannot be fetched from here"
    fi
}

shell_scripts() {
    shellcheck packaging/*.sh tests/*.sh tests/bench/*.sh tests/fuzz/*.sh .ci/run packaging/debian/*.sh \
        packaging/debian/{preinst,postinst,prerm,postrm}
}

step "packages" packaging/need.sh gcc libc6-dev libpam0g-dev dpkg-dev git binutils mmdebstrap \
    systemd-container uidmap util-linux shellcheck sudo valgrind g++
step "formatting" cargo fmt --all --check
step "shell scripts" shell_scripts
step "dependencies" dependencies_are_allowed
step "lints" cargo clippy --locked --workspace --all-targets -- -D warnings
step "nsswitch.conf edits" sh packaging/debian/nsswitch_test.sh
step "unit tests" cargo test --locked --workspace --no-fail-fast
step "model of the publication protocol" env RUSTFLAGS="--cfg loom" \
    cargo test --locked -p snapshot --lib --target-dir target/loom model
step "sanitizers" tests/sanitizers.sh
step "fuzzing" tests/fuzz/run.sh
step "package" packaging/install.sh --deb-only
step "end to end on ${ROSTER_E2E_SUITE:-bookworm}" \
    cargo test --locked -p roster_tests --test e2e --no-fail-fast -- --test-threads=4

if [ "$failed" -gt 0 ]; then
    echo "failed: ${failures[*]}"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
