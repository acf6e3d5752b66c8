#!/bin/bash
# Boots a throwaway Debian with Roster in it and walks through the main job, with the commands shown.
# Run as root; nothing of this machine is touched. --shell leaves you inside afterwards, until you exit.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
case ${1:-} in
'' | --shell) ;;
*) sed -n '2,3s/^# //p' "$0"; echo "usage: sudo $0 [--shell]"; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || { echo "run me as root: sudo $0" >&2; exit 1; }
if [ -n "${SUDO_USER:-}" ]; then
    PATH=$(getent passwd "$SUDO_USER" | cut -d: -f6)/.cargo/bin:$PATH
fi
export PATH=${HOME:-/root}/.cargo/bin:$PATH

"$root/packaging/need.sh" mmdebstrap systemd-container uidmap util-linux
echo "Building the package and the Debian around it; the first time takes some minutes."
"$root/packaging/install.sh" --deb-only
cd "$root"
exec cargo run --locked --quiet -p roster_tests --bin demo -- "$@"
