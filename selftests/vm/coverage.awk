# SPDX-License-Identifier: GPL-2.0
# coverage.awk [-v list=FILE] [-v missed=FILE] [-v lines=N] [-v branches=N]
# FILE.gcov...: what "gcov -b -c" wrote, as a table.  With limits, exit status 1
# below them.  With a list of lines that are not reached, exit status 1 if a line
# is neither run nor listed, or listed and run, unless its reason begins with
# "luck".  What was missed is written to a file.  A function of a header has as
# many copies as users: it is enough if one of them was there.  Branches inside
# macros that only the kernel fills (tracepoints, WARN_ON) do not count.

function percent(part, all) { return all ? 100 * part / all : 100 }

function row(name, l, nl, b, nb) {
	printf "%-22s %5d of %5d %6.1f %%   %5d of %5d %6.1f %%\n", name,
		l, nl, percent(l, nl), b, nb, percent(b, nb)
}

function complain(what) { bad[++nbad] = what }

function read_list(	entry, part) {
	while ((getline entry < list) > 0) {
		if (entry ~ /^(#|$)/)
			continue
		if (split(entry, part, /\t+/) != 4)
			complain("not file, function, line, reason: " entry)
		why[part[1] "\t" part[2] "\t" part[3]] = part[4]
	}
}

function not_run(f, n, key) {
	print f ":" n ": " in_fn[f, n] ": not run: " text[f, n] > missed
	used[key] = 1
	if (list != "" && !(key in why))
		complain("neither run nor listed: " f ":" n ": " key)
}

# what a macro of the kernel makes of itself is not ours to take
function has_macro(f, n) {
	return text[f, n] ~ /^(TRACE_EVENT|DECLARE_EVENT_CLASS|DEFINE_EVENT)\(/ ||
		text[f, n] ~ /^(WARN_ON|flush_workqueue)\(/
}

function count_line(f, n,	i, key) {
	nl++
	key = f "\t" in_fn[f, n] "\t" text[f, n]
	there[key] = 1
	if (run[f, n])
		l++
	else
		not_run(f, n, key)
	for (i = 0; i <= last[f, n] && !has_macro(f, n); i++) {
		if (!seen[f, n, i] || dropped[f, n, i])
			continue
		nb++
		if (taken[f, n, i])
			b++
		else
			print f ":" n ": " in_fn[f, n] ": branch " i \
				" not taken: " text[f, n] > missed
	}
}

BEGIN {
	if (missed == "")
		missed = "/dev/null"
	if (list != "")
		read_list()
}

/^ *-: *0:Source:/ {
	file = $0
	sub(/.*Source:/, "", file)
	files[++nr_files] = file
	next
}

/^function / { fn = $2; next }

/^branch/ {
	# calls are numbered as well
	seen[file, nr, $2] = 1
	last[file, nr] = $2
	if (!/never executed|taken 0( |$)/)
		taken[file, nr, $2] = 1
	# a call that may throw is no branch
	if (/\(throw\)/)
		dropped[file, nr, $2] = dropped[file, nr, $2 - 1] = 1
	next
}

/^ *[^ :]+: *[1-9][0-9]*:/ {
	count = nr = what = $0
	gsub(/:.*| /, "", count)
	sub(/^[^:]*: */, "", nr)
	sub(/:.*/, "", nr)
	sub(/^[^:]*: *[0-9]+:[ \t]*/, "", what)
	gsub(/\t/, " ", what)
	if (count == "-")
		next
	if (!((file, nr) in text))
		line[file, ++nr_lines[file]] = nr
	text[file, nr] = what
	in_fn[file, nr] = fn
	if (count !~ /^[#=]/)
		run[file, nr] = 1
}

END {
	printf "%-22s %23s   %23s\n", "", "lines", "branches"
	for (i = 1; i <= nr_files; i++) {
		f = files[i]
		l = nl = b = nb = 0
		for (j = 1; j <= nr_lines[f]; j++)
			count_line(f, line[f, j])
		if (nl)
			row(f, l, nl, b, nb)
		al += l; anl += nl; ab += b; anb += nb
	}
	row("all", al, anl, ab, anb)
	for (key in why)
		if (!(key in there))
			complain("listed, but not there: " key)
		else if (!(key in used) && why[key] !~ /^luck/)
			complain("listed, but run: " key)
	if (percent(al, anl) < lines)
		complain("less than " lines " % of the lines")
	if (percent(ab, anb) < branches)
		complain("less than " branches " % of the branches")
	if (!anl)
		complain("nothing was counted")
	for (i = 1; i <= nbad; i++)
		print bad[i]
	exit nbad > 0
}
