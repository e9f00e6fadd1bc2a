#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: check the model of the protocol, and that it fails without any one of
# its rules.  As TAP.  ONLY: a regular expression for names, instead of all.
# MUTATIONS=no: the model alone.  JOBS: how many searches at a time (2).
# All is in build/model/NAME: in there, spin -t -p -g OPTIONS FILE shows how it
# failed.
set -eu
# shellcheck source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

model=$(cd "$(dirname "$0")" && pwd)
out=$build/model
jobs=${JOBS:-2}

# NAME FILE OPTIONS; with LIVENESS the formula of the file, else safety and
# absence of deadlock
scenarios() {
	cat <<- 'END'
	close close.pml -DIMPORTERS=2 -DCLOSERS=1
	closers close.pml -DIMPORTERS=1 -DCLOSERS=2
	close-self close.pml -DIMPORTERS=2 -DCLOSERS=1 -DSELF
	events events.pml
	events-told events.pml -DLIVENESS
	cycle cycle.pml
	cycle-abort cycle.pml -DABORTS=1
	importer importer.pml
	importer-v3 importer.pml -DSVM=3
	exporter exporter.pml
	watch watch.pml
	reexport reexport.pml
	job job.pml -DCLOSES=1 -DCOARSE
	job-fine-v2 job.pml -DCLOSES=0 -DSVM=2
	job-fine-v3 job.pml -DCLOSES=0 -DSVM=3
	job-ends-v2 job.pml -DCLOSES=0 -DCOARSE -DSVM=2 -DLIVENESS
	job-ends-v3 job.pml -DCLOSES=0 -DCOARSE -DSVM=3 -DLIVENESS
	END
}

# RULE SCENARIO WHAT-BREAKS: I1 to I5, states, watch, deadlock or liveness
mutations() {
	cat <<- 'END'
	HELD_UNCOUNTED close I1
	HELD_REFUSES close I1
	CLOSING_REFUSES cycle deadlock
	ONE_HELD closers I3
	SELF_NEVER_BLOCKS closers deadlock
	OWN_BY_PROCESS close-self I4
	LIVE_AGAIN close states
	TOLD_LIVE close states
	WAKE_DRAINED closers deadlock
	SURPLUS_REFUSED closers I2
	TRY_STAYS_LIVE close states
	ABORT_ENDS_HELD closers deadlock
	FINISH_LAST close I1
	DRAINED_TOLD events-told liveness
	DRAINED_REVOKED events-told liveness
	CLEAR_AFTER_COPY events-told liveness
	CLEAR_SAME events deadlock
	CYCLE_FOUND cycle deadlock
	WALK_OTHERS cycle deadlock
	ABORT_KEEPS_CLOSING cycle-abort deadlock
	ENDS_SETTLE importer I1
	CLOCK_FROM_EXIT importer I1
	CLOCK_AGAIN importer I1
	EXIT_NOTICED importer deadlock
	EXEC_NOTICED importer deadlock
	BY_REFERENCE importer deadlock
	ZOMBIE_COUNTS importer deadlock
	DEATH_REVOKES exporter I1
	REVOKE_TELLS exporter I1
	ALL_AT_ONCE exporter I1
	GRACE exporter I1
	GRACE_BOUNDED exporter deadlock
	GRACE_ONE exporter I4
	TOMBSTONE exporter I1
	TOMBSTONE_ENDS exporter I2
	GRACE_SKIPS_EXITING job-ends-v2 liveness
	STALE_UNCLEAR reexport I5
	SECOND_PUTS watch watch
	PUT_AFTER_TAIL watch watch
	ONE_FOR_RANGE watch watch
	NEWS_ONLY watch states
	NEWS_TOLD watch I1
	ASK_DRIVER importer I1
	KNEW importer I1
	NOT_REUSED importer I1
	SETTLE_MAX importer deadlock
	NO_LOCK exporter I4
	PUT_AFTER_CALLBACK exporter watch
	END
}

# verify NAME FILE OPTIONS: run pan in a folder of its own, its output in "out"
verify() {
	local dir=$out/$1 file=$2 opts search speed=-O1

	# what fails does so at once
	case $1 in without-*) speed=-O0 ;; esac
	shift 2
	mkdir -p "$dir"
	cp "$model"/*.pml "$dir"
	cd "$dir"
	opts="-DSAFETY"
	search=
	case " $* " in
	*" -DLIVENESS "*) opts="-DNFAIR=3" search="-a -f" ;;
	esac
	spin -a "$@" "$file" > spin.out 2>&1 || return 1
	# shellcheck disable=SC2086 # lists
	gcc $speed -w -DCOLLAPSE -DMEMLIM=4000 $opts -o pan pan.c &&
		timeout 200 ./pan $search -m100000 -w22 > out 2>&1
}

# What the search found: nothing, what broke, or that it says nothing
verdict() { # NAME
	local file=$out/$1/out

	if [ ! -s "$file" ]; then
		echo "no result"
	elif grep -q 'assertion violated' "$file"; then
		sed -n 's/.*assertion violated (*\([0-9]\)&&.*/\1/p' "$file" |
			sed 's/^[1-5]/I&/; s/6/states/; s/7/watch/; q' |
			grep . || echo "another assertion"
	elif grep -q '^pan:1: invalid end state' "$file"; then
		echo deadlock
	elif grep -q '^pan:1: acceptance cycle' "$file"; then
		echo liveness
	elif grep -q '^pan:1:' "$file"; then
		sed -n 's/^pan:1: //p' "$file"
	elif grep -qE 'max search depth|not completed|out of memory' "$file" ||
		! grep -q 'errors: 0' "$file"; then
		echo "incomplete"
	else
		echo nothing
	fi
}

figures() { # NAME
	awk '/states, stored/ { s = $1 } /elapsed time/ { t = $4 }
		END { printf "%d states, %.1f s", s, t }' "$out/$1/out"
}

# wanted NAME
wanted() { echo "$1" | grep -qE -- "${ONLY:-.}"; }

# list: NAME WHAT FILE OPTIONS, what is to be found
list() {
	local name file rest rule where what

	scenarios | while read -r name file rest; do
		echo "$name nothing $file $rest"
	done
	[ "${MUTATIONS:-}" != no ] || return 0
	mutations | while read -r rule where what; do
		scenarios | while read -r name file rest; do
			[ "$name" != "$where" ] ||
				echo "without-$rule $what $file -DM=$rule $rest"
		done
	done
}

# Each rule is taken away somewhere, and nothing else is.
complete() {
	local rules

	rules=$(sed -n 's/^#define \([A-Z_]*\)[\t ]*[0-9]*[\t ]*\/\*.*/\1/p' \
		"$model/rules.pml" | sort)
	[ -n "$rules" ] &&
		[ "$rules" = "$(mutations | cut -d ' ' -f 1 | sort)" ] &&
		[ "$(list | grep -c '^without-')" = "$(mutations | wc -l)" ]
}

report() { # NR NAME WHAT
	local found

	found=$(verdict "$2")
	if [ "$found" != "$3" ]; then
		sed 's/^/# /' "$out/$2/spin.out" "$out/$2/out" 2> /dev/null |
			head -n 12
		echo "not ok $1 $2: $found, expected $3"
		failed=1
	elif [ "$3" = nothing ]; then
		echo "ok $1 $2: $(figures "$2")"
	else
		echo "ok $1 $2: breaks $3"
	fi
}

command -v spin > /dev/null || die "spin is not installed"
(MUTATIONS='' complete) || die "the rules and the list of mutations differ"
rm -rf "$out"
mkdir -p "$out"
failed=0
nr=0
list | while read -r name what rest; do
	if wanted "$name"; then echo "$name $what $rest"; fi
done > "$out/list"
echo "@@ begin model"
echo "1..$(wc -l < "$out/list")"
# shellcheck disable=SC2086 # a list
while read -r name what rest; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
	verify "$name" $rest &
done < "$out/list"
wait
while read -r name what rest; do
	nr=$((nr + 1))
	report $nr "$name" "$what"
done < "$out/list"
echo "@@ end model 0"
exit $failed
