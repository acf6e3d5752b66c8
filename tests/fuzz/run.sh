#!/bin/bash
# Fuzzes the reader of the account index for ROSTER_FUZZ_SECONDS (20), from the committed corpus on; further
# arguments go to libFuzzer. Works with a stable toolchain and g++. What it finds is kept in the build
# directory, and is asked for again by giving it as the argument.
# The corpus is made anew, which a change of the layout asks for, by
#     cargo run -p nss_tests --example seed_corpus
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

target=$(rustc -vV | sed -n 's/^host: //p')
build=${CARGO_TARGET_DIR:-$here/../../target}/fuzz
mkdir -p "$build/found"
# Not for build scripts, whom --target keeps out of this.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
    cargo build --locked --quiet --release --target "$target" --target-dir "$build"

if [ $# -gt 0 ]; then
    exec "$build/$target/release/reader" "$@"
fi
grown=$(mktemp -d)
trap 'rm -rf "$grown"' EXIT
"$build/$target/release/reader" -max_total_time="${ROSTER_FUZZ_SECONDS:-20}" -max_len=16384 -timeout=10 \
    -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$build/found/" "$grown" "$here/corpus" 2>&1 |
    grep -Ev '^(#[0-9]+[[:space:]]+(REDUCE|NEW|pulse|RELOAD)|#####|".*# Uses)'
