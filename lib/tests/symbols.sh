#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only
# Exactly the hooks and aclipc_* are exported; only aclipc_* has a version.
lib=$1
src=$2
nr=0
bad=0

result() {
	nr=$((nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $nr - $2"
	else
		echo "not ok $nr - $2"
		bad=1
	fi
}

exports=$(readelf -W --dyn-syms "$lib" |
	  awk '$7 != "UND" && $5 == "GLOBAL" && $4 != "OBJECT" { print $8 }
	       $7 != "UND" && $5 == "WEAK" { print "weak:" $8 }' | sort)
hooks=$(sed -n 's/^HOOK.* \**\([a-zA-Z0-9]*\)(.*/\1/p' "$src"/*.c | sort)
api=$(sed -n 's/^API.*[ *]\(aclipc_[a-z_0-9]*\)(.*/\1@@LIBACLIPC_0.1/p' \
      "$src"/*.c | sort -u)
wanted=$(printf '%s\n%s\n' "$hooks" "$api" | sort)

[ -n "$hooks" ] && [ -n "$api" ] && [ "$exports" = "$wanted" ]
result $? "exports are the hooks and the API, and only the API has a version"
if [ "$exports" != "$wanted" ]; then
	t=$(mktemp -d)
	echo "$exports" > "$t/exported"
	echo "$wanted" > "$t/wanted"
	diff "$t/wanted" "$t/exported" | sed 's/^/# /'
	rm -r "$t"
fi

# index 1 of .gnu.version: global, no version
readelf -W -V "$lib" | grep -q 'Name: LIBACLIPC_0.1' &&
	! echo "$exports" | grep -v '^aclipc_' | grep -q '@'
result $? "hooks carry no version"

readelf -W -d "$lib" | grep -q 'SONAME.*\[libaclipc\.so\.0\]'
result $? "soname"
readelf -W -d "$lib" | grep -q NODELETE
result $? "nodelete"
readelf -W -d "$lib" | grep -q STATIC_TLS
result $? "thread variables in the static block"
! readelf -W -d "$lib" | grep -q TEXTREL
result $? "no text relocations"
echo "1..$nr"
exit $bad
