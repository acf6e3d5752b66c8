#!/bin/bash
# Builds target/debian/roster_VERSION_ARCH.deb from the checkout. Needs a Rust toolchain, gcc,
# libpam0g-dev and dpkg-dev, and no root. --no-compile takes the binaries that are there.
set -euo pipefail
shopt -s nullglob

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
packaging=$root/packaging
target=${CARGO_TARGET_DIR:-$root/target}
arch=$(dpkg --print-architecture)
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

# The build date of the package is the commit's, so that the same source gives the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH

if [ "${1:-}" != --no-compile ]; then
    cargo build --locked --release -p rosterd -p roster -p roster_mailer -p authorized_keys -p pam_roster
    # Its own profile: the link of this one fails when a panic path survives.
    cargo build --locked --profile nss -p nss_roster
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/stage

put() { install -D -m "$1" "$2" "$stage/$3"; }

put 755 "$target/release/rosterd" usr/libexec/roster/rosterd
put 755 "$target/release/authorized-keys" usr/libexec/roster/authorized-keys
put 755 "$target/release/mailer" usr/libexec/roster/mailer
put 755 "$target/release/roster" usr/bin/roster
put 644 "$target/release/libpam_roster.so" "usr/lib/$multiarch/security/pam_roster.so"
put 644 "$target/nss/libnss_roster.so" "usr/lib/$multiarch/libnss_roster.so.2"
put 755 "$packaging/debian/nsswitch.sh" usr/libexec/roster/nsswitch
strip --strip-unneeded --remove-section=.comment --remove-section=.note \
    "$stage"/usr/libexec/roster/{rosterd,authorized-keys,mailer} "$stage/usr/bin/roster" \
    "$stage/usr/lib/$multiarch"/{security/pam_roster.so,libnss_roster.so.2}

for unit in "$packaging"/systemd/*.{service,socket}; do
    put 644 "$unit" "usr/lib/systemd/system/${unit##*/}"
done
put 644 "$packaging/systemd/sysusers.conf" usr/lib/sysusers.d/roster.conf
put 644 "$packaging/systemd/tmpfiles.conf" usr/lib/tmpfiles.d/roster.conf
put 644 "$packaging/dbus/org.roster.Accounts1.conf" usr/share/dbus-1/system.d/org.roster.Accounts1.conf
put 644 "$packaging/dbus/org.roster.Accounts1.service" usr/share/dbus-1/system-services/org.roster.Accounts1.service
for interface in "$packaging"/dbus/*.xml; do
    put 644 "$interface" "usr/share/dbus-1/interfaces/${interface##*/}"
done
for actions in "$packaging"/polkit/*.policy; do
    put 644 "$actions" "usr/share/polkit-1/actions/${actions##*/}"
done
put 644 "$packaging/pam/roster" usr/share/pam-configs/roster
put 644 "$packaging/pam/roster-password" usr/share/pam-configs/roster-password
put 644 "$packaging/pam/roster-unknown" usr/share/pam-configs/roster-unknown
put 644 "$packaging/sshd/10-roster.conf" etc/ssh/sshd_config.d/10-roster.conf

# The manual: made from the grammar, and by hand where there is none.
manual=$work/manual
mkdir "$manual"
"$target/release/roster" man-pages "$manual" >/dev/null
for page in "$manual"/*.1; do
    put 644 "$page" "usr/share/man/man1/${page##*/}"
done
put 644 "$packaging/man/roster.toml.5" usr/share/man/man5/roster.toml.5
put 644 "$packaging/man/rosterd.8" usr/share/man/man8/rosterd.8
find "$stage/usr/share/man" -type f -exec gzip -9n {} +

complete() {
    "$target/release/roster" completions "$1" >"$work/completions"
    put 644 "$work/completions" "$2"
}
complete bash usr/share/bash-completion/completions/roster
complete zsh usr/share/zsh/vendor-completions/_roster
complete fish usr/share/fish/vendor_completions.d/roster.fish

for name in $("$target/release/roster" schema --output plain | cut -f1); do
    "$target/release/roster" schema "$name" >"$work/schema"
    put 644 "$work/schema" "usr/share/roster/schema/$name.json"
done

doc=usr/share/doc/roster
install -d "$stage/$doc"
sed -e "/^@MIT@$/{
    r /dev/stdin
    d
}" "$packaging/debian/copyright" >"$stage/$doc/copyright" < <(sed 's/^$/./; s/^/ /' LICENSE-MIT)

noted=$(dpkg-parsechangelog -l "$packaging/debian/changelog" -S Version)
if [ "$noted" != "$version" ]; then
    echo "packaging/debian/changelog is of version $noted, Cargo.toml of $version" >&2
    exit 1
fi
gzip -9nc "$packaging/debian/changelog" >"$work/changelog.gz"
put 644 "$work/changelog.gz" "$doc/changelog.gz"
put 644 "$packaging/debian/lintian-overrides" usr/share/lintian/overrides/roster

# What the binaries need, read off them.
mkdir -p "$work/debian"
printf 'Source: roster\n\nPackage: roster\nArchitecture: any\n' >"$work/debian/control"
shlibs=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info \
    stage/usr/libexec/roster/{rosterd,authorized-keys,mailer} stage/usr/bin/roster \
    "stage/usr/lib/$multiarch/security/pam_roster.so" "stage/usr/lib/$multiarch/libnss_roster.so.2" \
    2>"$work/shlibdeps.log") || { cat "$work/shlibdeps.log" >&2; exit 1; }
shlibs=${shlibs#shlibs:Depends=}

install -d "$stage/DEBIAN"
sed -e "s/@VERSION@/$version/; s/@ARCHITECTURE@/$arch/; s/@SHLIBS@/$shlibs/" \
    -e "s/@SIZE@/$(du -sk --apparent-size "$stage" | cut -f1)/" \
    "$packaging/debian/control.in" >"$stage/DEBIAN/control"
echo /etc/ssh/sshd_config.d/10-roster.conf >"$stage/DEBIAN/conffiles"
echo 'activate-noawait ldconfig' >"$stage/DEBIAN/triggers"
for script in preinst postinst prerm postrm; do
    install -m 755 "$packaging/debian/$script" "$stage/DEBIAN/$script"
done
(cd "$stage" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\n' | LC_ALL=C sort |
    xargs md5sum >DEBIAN/md5sums)
# Directories as every umask leaves them, dates as the source's.
find "$stage" -type d -exec chmod 755 {} +
find "$stage" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

deb=$root/target/debian/roster_${version}_$arch.deb
mkdir -p "$(dirname "$deb")"
rm -f "$root"/target/debian/roster_*.deb
dpkg-deb --root-owner-group --build "$stage" "$deb" >/dev/null
echo "$deb"
