#!/bin/sh
# Tests of nsswitch.sh: every file is extended as expected, a second time changes nothing, and
# removing gives back every byte. Prints `N passed, N failed`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
file=$(mktemp)
trap 'rm -f "$file" "$file".*' EXIT
passed=0
failed=0

# shellcheck disable=SC2059 # the arguments are formats, with \n in them
# check NAME BEFORE AFTER: both as printf formats; AFTER is compared with what `add` makes of BEFORE.
check() {
    printf "$2" >"$file"
    printf "$2" >"$file.before"
    printf "$3" >"$file.after"
    reason=
    sh "$here/nsswitch.sh" add "$file" || reason="add failed"
    cmp -s "$file" "$file.after" || reason="added: $(cat "$file")"
    sh "$here/nsswitch.sh" add "$file"
    [ -n "$reason" ] || cmp -s "$file" "$file.after" || reason="added twice: $(cat "$file")"
    sh "$here/nsswitch.sh" remove "$file"
    [ -n "$reason" ] || cmp -s "$file" "$file.before" || reason="removed: $(cat "$file")"
    sh "$here/nsswitch.sh" remove "$file"
    [ -n "$reason" ] || cmp -s "$file" "$file.before" || reason="removed twice: $(cat "$file")"
    report "$1" "$reason"
}

report() {
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n%s\n' "$1" "$2"
    fi
}

rest='passwd: files\nshadow: files\n'
check "Debian's own" \
    '# a comment\n\npasswd:         files systemd\ngroup:          files systemd\nshadow:         files systemd\ngshadow:        files systemd\n\nhosts:          files dns\n' \
    '# a comment\n\npasswd:         files roster systemd\ngroup:          files [SUCCESS=merge] roster systemd\nshadow:         files roster systemd\ngshadow:        files systemd\n\nhosts:          files dns\n'
check "files alone, no last newline" \
    'group:\tfiles\nshadow:files\npasswd: files' \
    'group:\tfiles [SUCCESS=merge] roster\nshadow:files roster\npasswd: files roster'
check "odd spacing and comments" \
    '  passwd :  files\t systemd  # files roster\n#passwd: files\ngroup: files# x\nshadow:   \tfiles   \n' \
    '  passwd :  files roster\t systemd  # files roster\n#passwd: files\ngroup: files [SUCCESS=merge] roster# x\nshadow:   \tfiles roster   \n'
check "merging with systemd already" \
    "${rest}group: files [SUCCESS=merge] systemd\n" \
    'passwd: files roster\nshadow: files roster\ngroup: files [SUCCESS=merge] roster [SUCCESS=merge] systemd\n'
check "an action that would have cut us off" \
    'passwd: files [NOTFOUND=return] ldap\ngroup: files[NOTFOUND=return] ldap\nshadow: files\n' \
    'passwd: files roster [NOTFOUND=return] ldap\ngroup: files [SUCCESS=merge] roster[NOTFOUND=return] ldap\nshadow: files roster\n'
check "an initgroups line" \
    "${rest}group: files systemd\ninitgroups: files systemd\n" \
    'passwd: files roster\nshadow: files roster\ngroup: files [SUCCESS=merge] roster systemd\ninitgroups: files [SUCCESS=continue] roster systemd\n'
check "compat, and no files at all" \
    'passwd: compat systemd\ngroup: db\nshadow: compat\n' \
    'passwd: compat roster systemd\ngroup: roster db\nshadow: compat roster\n'
check "missing lines" \
    'hosts: files dns\npasswd: files' \
    'group: files [SUCCESS=merge] roster # roster: this line was missing\nshadow: files roster # roster: this line was missing\nhosts: files dns\npasswd: files roster'
check "names that only look like ours" \
    'passwd: files roster2 myroster\ngroup: files\nshadow: files\nnetgroup: roster\n' \
    'passwd: files roster roster2 myroster\ngroup: files [SUCCESS=merge] roster\nshadow: files roster\nnetgroup: roster\n'

# What the administrator did in between stays.
printf 'passwd: roster files ldap # mine\ngroup: files [SUCCESS=merge] roster [SUCCESS=merge] ldap\nshadow: files  roster\n' >"$file"
cp "$file" "$file.before"
sh "$here/nsswitch.sh" add "$file"
reason=
cmp -s "$file" "$file.before" || reason="changed: $(cat "$file")"
sh "$here/nsswitch.sh" remove "$file"
printf 'passwd: files ldap # mine\ngroup: files [SUCCESS=merge] ldap\nshadow: files\n' >"$file.after"
[ -n "$reason" ] || cmp -s "$file" "$file.after" || reason="removed: $(cat "$file")"
report "an administrator's own edits" "$reason"

# Owner and mode come along, and a symbolic link stays one.
printf 'passwd: files\ngroup: files\nshadow: files\n' >"$file.real"
chmod 640 "$file.real"
ln -sf "$file.real" "$file.link"
sh "$here/nsswitch.sh" add "$file.link"
reason=
[ -L "$file.link" ] || reason="the link was replaced"
[ "$(stat -c %a "$file.real")" = 640 ] || reason="mode $(stat -c %a "$file.real")"
grep -q 'passwd: files roster' "$file.real" || reason="not edited"
report "owner, mode and link" "$reason"

sh "$here/nsswitch.sh" nonsense 2>/dev/null && reason="exit 0" || reason=
report "a wrong command is refused" "$reason"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
