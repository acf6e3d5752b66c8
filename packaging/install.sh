#!/bin/bash
# Builds Roster from this checkout, packages it, installs the package and starts the service. Run as
# root on Debian 12 or 13 with a Rust toolchain; running it again upgrades to what is in the
# checkout. --deb-only stops after writing target/debian/roster_*.deb.
set -euo pipefail

usage() {
    sed -n '2,4s/^# //p' "$0"
    echo "usage: sudo $0 [--deb-only]"
}

deb_only=
for argument in "$@"; do
    case $argument in
    --deb-only) deb_only=1 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
[ "$(id -u)" = 0 ] || { usage >&2; exit 1; }
root=$(cd "$(dirname "$0")/.." && pwd)

"$root/packaging/need.sh" gcc libc6-dev libpam0g-dev dpkg-dev git

# Under sudo the toolchain is often the invoking user's, and what is built should stay theirs.
as_builder=()
path=$PATH
builder_home=${HOME:-/root}
if [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ] && [ "$(stat -c %U "$root")" = "$SUDO_USER" ]; then
    builder_home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    as_builder=(runuser -u "$SUDO_USER" --)
fi
for home in "$builder_home" ${SUDO_USER:+"$(getent passwd "$SUDO_USER" | cut -d: -f6)"}; do
    [ ! -d "$home/.cargo/bin" ] || path=$home/.cargo/bin:$path
done
if ! env PATH="$path" sh -c 'command -v cargo' >/dev/null; then
    echo "no cargo found: install a Rust toolchain (rustup, or Debian's rustup package) first" >&2
    exit 1
fi
"${as_builder[@]}" env HOME="$builder_home" PATH="$path" "$root/packaging/build-deb.sh"
[ -z "$deb_only" ] || exit 0

deb=$(echo "$root"/target/debian/roster_*.deb)
# A copy that apt's own unprivileged user can read, wherever the checkout lies.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
chmod 755 "$copy"
install -m 644 "$deb" "$copy/"
DEBIAN_FRONTEND=noninteractive apt-get install --yes --reinstall --allow-downgrades "$copy/$(basename "$deb")"
if [ -d /run/systemd/system ]; then
    systemctl --no-pager --lines=0 status rosterd.service
fi
echo "Roster is installed. Next: roster user create alice --home-create"
