# SPDX-License-Identifier: GPL-2.0
# Count the TAP of test programs between "@@ begin NAME" and "@@ end NAME RC".
# Prints failures, with the last of what the test said, and skips; last
# "N passed, N failed, N skipped".
function fail(what,  i) {
	failed++
	print "FAILED " where what
	for (i = said > 30 ? said - 29 : 1; i <= said; i++)
		print "FAILED   | " line[i]
	said = 0
}
function skip(what) { skipped++; print "SKIPPED " where what }

function ended() {
	if (rc == "none") return "did not end"
	if (rc == 137) return "was killed, probably for its time-out"
	return "ended with status " rc
}

function finish() {
	if (name == "") return
	if (seen < plan)
		fail(name ": " ended() ", " plan - seen " of " plan \
			" tests did not finish")
	else if (rc == "none" || (rc != 0 && rc != 4 && !bad))
		fail(name ": " ended())
	else if (!seen && !skips)
		fail(name ": ran no test")
	name = ""
}

$1 == "@@" && $2 == "begin" {
	finish()
	programs++
	name = $3; rc = "none"
	plan = seen = bad = skips = said = 0
	next
}
$1 == "@@" && $2 == "end" { rc = $4; finish(); next }
name == "" { next }
/^1\.\.0/ && /SKIP/ { skips++; skip(name ": " $0); next }
/^1\.\.[0-9]+/ { split($1, p, /\.\./); plan += p[2]; next }
/^ok [0-9]+/ {
	seen++
	said = 0
	if ($0 ~ /# *SKIP/)
		skip(name ": " $0)
	else
		passed++
	next
}
/^not ok [0-9]+/ { seen++; bad++; fail(name ": " $0); next }
/^Bail out!/ { bad++; fail(name ": " $0); next }
{ line[++said] = $0 }

END {
	finish()
	if (!programs)
		fail("nothing ran")
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0
}
