#!/bin/sh
# nsswitch add|remove [FILE]: put Roster into the name service switch, or take it out again.
#
# Adding inserts tokens and never rewrites anything else, removing takes exactly those tokens away,
# so that adding and removing leaves every byte (spacing, comments, a missing last newline) as it was,
# and what an administrator changed in between stays. Both may be run any number of times.
#
# We stand right behind `files`: a local account wins over one of ours, and an action that follows
# `files`, such as [NOTFOUND=return], then applies to us too instead of cutting us off. In `group`, files and
# roster are merged, since a group of /etc/group may have members in both. An `initgroups` line is
# only extended when there is one: without it the C library uses `group`.
set -eu

command=${1:-}
file=${2:-/etc/nsswitch.conf}

# The start of a database's line up to a blank or the colon, comments excluded.
line_of() { printf '^([[:blank:]]*%s[[:blank:]]*:([^#]*[[:blank:]])?)' "$1"; }
end='([][:blank:]#[]|$)'
mark='# roster: this line was missing'

# extend DATABASE TOKENS-IN-FRONT: the sed commands that put us behind files (or compat), else first.
extend() {
    cat <<EOF
/$(line_of "$1")roster$end/!{
    s/$(line_of "$1")(files|compat)$end/\\1\\3$2 roster\\4/
    t
    s/^([[:blank:]]*$1[[:blank:]]*:)/\\1 roster/
}
EOF
}

has_line() { grep -Eq "^[[:blank:]]*$1[[:blank:]]*:" "$file"; }

# The C library looks only into files for a database without a line.
missing_lines() {
    has_line passwd || printf 'passwd: files roster %s\\n' "$mark"
    has_line group || printf 'group: files [SUCCESS=merge] roster %s\\n' "$mark"
    has_line shadow || printf 'shadow: files roster %s\\n' "$mark"
}

script_to_add() {
    lines=$(missing_lines)
    # At the top: the last line may lack its newline.
    [ -z "$lines" ] || printf '1i\\\n%s\n' "${lines%\\n}"
    extend passwd ''
    extend shadow ''
    extend group ' [SUCCESS=merge]'
    extend initgroups ' [SUCCESS=continue]'
}

script_to_remove() {
    printf '/%s$/d\n' "$mark"
    for database in passwd shadow group initgroups; do
        printf 's/^([[:blank:]]*%s[[:blank:]]*:[^#]*)[[:blank:]]\\[SUCCESS=(merge|continue)\\] roster%s/\\1\\3/\n' \
            "$database" "$end"
        printf 's/^([[:blank:]]*%s[[:blank:]]*:([^#]*[^#[:blank:]])?)[[:blank:]]+roster%s/\\1\\3/\n' \
            "$database" "$end"
    done
}

# A new file under a temporary name, the owner and mode of the old one, then one rename: whoever looks
# anything up meanwhile sees the old file or the new one.
replace_with() {
    target=$(readlink -f "$file")
    new=$target.roster-new
    trap 'rm -f "$new"' EXIT
    cp -p "$target" "$new"
    printf '%s\n' "$1" | sed -E -f /dev/stdin "$target" >"$new"
    if cmp -s "$target" "$new"; then
        return
    fi
    sync "$new"
    mv "$new" "$target"
}

case $command in
add)
    [ -s "$file" ] || exit 0
    replace_with "$(script_to_add)"
    ;;
remove)
    [ -s "$file" ] || exit 0
    replace_with "$(script_to_remove)"
    ;;
*)
    echo "usage: nsswitch add|remove [FILE]" >&2
    exit 2
    ;;
esac
