#!/bin/bash
# The tests of the account index under AddressSanitizer, ThreadSanitizer and Miri, as far as a nightly
# toolchain is there: only that has them. What is not run is said: "NOT RUN: …".
set -uo pipefail
cd "$(dirname "$0")/.." || exit

target=x86_64-unknown-linux-gnu
failed=0

# sanitized NAME RUSTFLAGS TEST-OPTION…: the tests of the crate snapshot, in a build directory of their own.
sanitized() {
    local name=$1 flags=$2
    shift 2
    echo "-- $name"
    RUSTFLAGS=$flags CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/sanitizers/$name \
        cargo +nightly test --locked --no-fail-fast --package snapshot --target "$target" "$@" || failed=1
}

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "NOT RUN: sanitizers and Miri (rustup toolchain install nightly --component miri)"
    exit 0
fi

if [ "$(uname -m)" = x86_64 ]; then
    # Leaks are the tests' own: paths and statics that live as long as a process does.
    ASAN_OPTIONS=detect_leaks=0 sanitized address -Zsanitizer=address

    # The standard library is not instrumented, so what synchronises inside of it is not seen; and a
    # descriptor that was closed by a bare system call seems to be still open when its number returns.
    suppressions=$(mktemp)
    trap 'rm -f "$suppressions"' EXIT
    printf 'race:%s\n' std::sync::mpmc alloc::sync::Arc std::thread::Packet \
        std::os::fd::owned::OwnedFd std::sys::fs::unix::DirStream >"$suppressions"
    # All but what has no threads and much to do.
    tests=(--lib)
    for file in crates/snapshot/tests/*.rs; do
        name=$(basename "$file" .rs)
        case $name in
        edits | hostile | roundtrip) ;;
        *) tests+=(--test "$name") ;;
        esac
    done
    # Newer compilers ask to be told that the standard library is left as it is.
    flags="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
    # shellcheck disable=SC2086 # two options
    rustc +nightly $flags --target "$target" --print cfg >/dev/null 2>&1 || flags=-Zsanitizer=thread
    TSAN_OPTIONS=suppressions=$suppressions sanitized thread "$flags" "${tests[@]}"
else
    echo "NOT RUN: sanitizers (set up for x86_64 only)"
fi

if cargo +nightly miri --version >/dev/null 2>&1; then
    echo "-- Miri"
    # Without proptest's thousands of cases and without what needs files: Miri maps none.
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/sanitizers/miri \
        cargo +nightly miri test --locked --package snapshot --lib || failed=1
else
    echo "NOT RUN: Miri (rustup component add --toolchain nightly miri)"
fi
exit "$failed"
