#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh CONFORM: does the checker refuse what cannot be, and for the right
# reason?  Each bad trace is the good one with one thing changed.  As TAP.
set -eu

conform=$1
good=$(dirname "$0")/good
nr=0
failed=0

# WHAT IT HAS TO SAY | CHANGE, a line of sed
cases() {
	cat <<- 'END'
	session opened twice|/^3:/p
	session ended twice|/^30:/p
	session ended before it was opened|/^1:/d; s/^2:.*/2: aclipc_end: session=1 pid=10 exiting=0/
	the generation was given out twice|/^11:/p
	40 maps it, and is not counted|/^13:/s/pid=20/pid=40/
	20 had no 1 imports before|/^1[23]:/d
	2 imports are counted, not 3|/^14:/s/imports=2/imports=3/
	imported by a session that has ended|/^15:/{ h; s/.*/14: aclipc_end: session=3 pid=30 exiting=0/p; g }
	imported while closing|/^23:/s/.*/23: aclipc_import: generation=1 pid=30 count=2 imports=4/
	it was live, not held|/^20:/s/from=live/from=held/
	no way leads from live to live|/^20:/s/to=closing/to=live/
	30 was not told that it is closing|/^22:/d
	20 was told what is not so: it is closing|/^21:/s/type=closing/type=revoked/
	40 was told, and is no importer|/^22:/s/pid=30/pid=40/
	20 was told drained|/^32:/s/pid=10/pid=20/
	drained, and 2 imports remain|/^23:/s/.*/23: aclipc_event: generation=1 pid=10 type=drained reason=none/
	20 had no 1 imports to take back|/^26:/p
	2 imports are counted, not 1|/^24:/s/imports=2/imports=1/
	no session of 30 has ended|/^30:/d
	settled, and the driver maps it for 30|/^31:/d
	closed, and the driver maps it for 20|/^25:/d
	held while 1 imports are counted|/^33:/d; /^32:/d
	answered pending without imports|/^23:/s/imports=3/imports=0/
	two were answered held|/^41:/p
	answered held with 1 imports|/^41:/s/imports=0/imports=1/
	live again without an abort|/^42:/s/.*/42: aclipc_state: generation=1 from=held to=live reason=none/
	closing again without an abort|/^42:/s/.*/42: aclipc_state: generation=1 from=held to=closing reason=none/
	it should have been live or closing again first|/^4[34]:/d; /^42:/s/.*/42: aclipc_abort: generation=1 pid=10/
	it should have been live or closing again first|/^43:/d; /^42:/s/.*/42: aclipc_abort: generation=1 pid=10/
	its key was destroyed while live|/^42:/d; /^17:/{ p; s/.*/18: destroy: pid=10 id=7/ }
	its key was destroyed twice|/^42:/p
	its memory was freed while closing|/^43:/d; /^23:/{ p; s/.*/23: free: pid=10 id=0 va=0x1000 len=4096 key=/ }
	freed before its key was destroyed|/^42:/d
	finished before its key was destroyed|/^4[23]:/d
	finished while closing|/^40:/s/.*/40: aclipc_finish: generation=1 pid=10/
	closed without a finish|/^44:/d
	it should have been revoked first|/^45:/d
	its id was given out twice|/^4:/p
	called back, and it was not watched|/^4:/d
	called back, and it was not watched|/^175:/{ p; s/.*/175: aclipc_callback: watch=1 pid=10 exiting=0/ }
	called back twice|/^171:/p
	20 was told of the driver, which was silent|/^171:/d
	20 was told of the driver, which was silent|/^171:/s/exiting=0/exiting=1/
	20 was told of the driver, which was silent|/^4:/s/0x1000 end=0x2000/0x2000 end=0x3000/
	20 was not told of the driver|/^172:/d
	40 was told, and is no importer|/^172:/s/pid=20/pid=40/
	10 was told of the driver after all|/^45:/{ p; s/.*/45: aclipc_event: generation=1 pid=10 type=driver reason=none/ }
	ended before it was called back|/^17[1-3]:/d
	not watched, and ended|/^175:/p
	put before the driver was done|/^174:/d
	put twice|/^176:/p
	watch 1 never ended|/^175:/d
	registration 1 was never put|/^176:/d
	its memory was freed while live|/^171:/s/exiting=0/exiting=1/; /^172:/s/.*/172: exit: pid=10 id=0/; /^173:/s/.*/173: free: pid=10 id=0 va=0x1000 len=4096 key=/
	imports are left|/^46:/d
	was never exported|/^11:/d
	session 2 never ended|/^50:/d
	is closing for ever|/^17:/d; /^4[0-6]:/d
	held, and nobody was told|/^41:/d
	an event that is not known: aclipc_other|/^46:/s/aclipc_close/aclipc_other/
	cannot judge, events were lost|/^46:/s/.*/CPU:1 [LOST 3 EVENTS]/
	END
}

result() { # STATUS NAME
	nr=$((nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $nr $2"
	else
		echo "not ok $nr $2"
		failed=1
	fi
}

# Is the sequence refused, by these words?
refused() { # WORDS CHANGE FIELDS
	local out rc=0 expect=1

	case $1 in cannot*) expect=3 ;; esac
	out=$("$conform" --check <(sed "$2" "$good" | sed "$3")) || rc=$?
	[ "$rc" = "$expect" ] && [[ $out == *"$1"* ]] && return
	printf '%s\n' "$out" | sed 's/^/# /'
	return 1
}

try_all() { # FIELDS NAME
	local rc=0 words change

	"$conform" --check <(sed "$1" "$good") > /dev/null || rc=$?
	result "$rc" "$2: a good sequence passes"
	while IFS='|' read -r words change; do
		rc=0
		refused "$words" "$change" "$1" || rc=$?
		result "$rc" "$2: refused: $words"
	done <<< "$(cases)"
}

# WHAT IS ALLOWED | CHANGE
variants() {
	cat <<- 'END'
	freed under importers by who was given up|/^43:/d; /^23:/s/$/\n24: lost: pid=10 id=0\n24: free: pid=10 id=0 va=0x1000 len=4096 key=/
	freed by an exit that was told to nobody|/^43:/d; /^[45]:/d; /^17.:/d; /^20:/s/^/20: exit: pid=10 id=0\n20: free: pid=10 id=0 va=0x1000 len=4096 key=\n/
	news for who came after the callback|/^173:/p
	refused by the driver|/^17.:/d; /^5:/s/.*/5: aclipc_unwatch: watch=1 pid=10 refused=1/
	END
}

echo "@@ begin conform"
echo "1..$((2 * $(cases | wc -l) + $(variants | wc -l) + 3))"
try_all '' 'by process'
# a trace that names the session, too
with='s/pid=\([1-4]\)0/session=\1 pid=\10/'
with="/aclipc_\(import\|close\|settled\|event\):/$with"
try_all "$with" 'by session'
while IFS='|' read -r words change; do
	rc=0
	"$conform" --check <(sed "$change" "$good") > /dev/null || rc=$?
	result "$rc" "passes: $words"
done <<< "$(variants)"
rc=0
refused "closed by a session that has ended" \
	'/^26:/{ h; s/.*/25: aclipc_end: session=2 pid=20 exiting=0/p; g }' \
	"$with" || rc=$?
result "$rc" "by session: refused: closed by a session that has ended"
echo "@@ end conform 0"
exit $failed
