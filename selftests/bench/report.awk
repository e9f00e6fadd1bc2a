# SPDX-License-Identifier: GPL-2.0
# report.awk: rows of both VMs (count, wall) to a table and bench.json.

function describe(id, work, against, judge)
{
	order[++n] = id
	works[id] = work
	others[id] = against
	judges[id] = judge
}

BEGIN {
	raw = "import + close of a live key, raw ioctls"
	describe("import/nothing", raw, "two ioctls that do nothing", "count")
	describe("import/shm", raw, "SysV shmat + shmdt", "count")
	describe("import/memfd", raw, "memfd by SCM_RIGHTS + close", "count")
	describe("export/memfd", "export (unwatched) + close, raw ioctls",
		"memfd_create + close", "count")
	describe("many-keys", "import + close, 1,000,000 live keys",
		"10 live keys", "wall")
	describe("two-threads", "two threads on two keys", "one thread", "wall")
	describe("acl-import", "aclrtIpcMemImportByKey + Close, with library",
		"stand-ins alone", "count")
	describe("acl-free", "aclrtFree of memory never exported, with library",
		"stand-ins alone", "count")
	describe("free/exports", "free of 16 GiB by a process of 10,000 exports",
		"of no export", "count")
	describe("watched/unwatched", "export + close + free of a new range",
		"export that is not watched", "count")
	describe("death/open", "open of another while a large exporter dies",
		"twice alone + 10 ms", "wall")
	describe("death/exit", "exit of another while a large exporter dies",
		"twice alone + 10 ms", "wall")
	describe("bytes/export", "kernel bytes per export", "", "count")
	describe("bytes/import", "kernel bytes per import", "", "count")
}

FNR == 1 { vm = nvm++ ? "wall" : "count" }

$1 == "row" {
	value[vm, $2] = $3
	sense[$2] = $4
	bound[$2] = $5
	a[vm, $2] = $6
	b[vm, $2] = $7
	rounds[vm, $2] = $8
}

function shown(vm, id)
{
	if (!((vm, id) in value))
		return "-"
	return sprintf(bound[id] > 10 ? "%.0f" : "%.3f", value[vm, id])
}

function met(id, v)
{
	if (!((judges[id], id) in value))
		return 0
	v = value[judges[id], id]
	return sense[id] == "<=" ? v <= bound[id] : v >= bound[id]
}

function number(vm, id, name)
{
	if ((vm, id) in value)
		printf(", \"%s\": %s", name, value[vm, id]) > json
}

END {
	line = "%-49s %-28s %9s %9s  %-8s %s\n"
	printf(line, "work", "compared with", "counted", "by clock", "bound", "")
	printf("{\"rows\": [") > json
	for (i = 1; i <= n; i++) {
		id = order[i]
		ok = met(id)
		missed += !ok
		printf(line, works[id], others[id], shown("count", id),
			shown("wall", id), sense[id] " " bound[id],
			ok ? "ok" : "MISSED")
		printf("%s\n  {\"id\": \"%s\", \"work\": \"%s\", \"against\": \"%s\"",
			i > 1 ? "," : "", id, works[id], others[id]) > json
		number("count", id, "counted")
		number("wall", id, "clock")
		printf(", \"judged_by\": \"%s\", \"sense\": \"%s\", \"bound\": %s",
			judges[id] == "count" ? "counted" : "clock", sense[id],
			bound[id] == "" ? "null" : bound[id]) > json
		vm = judges[id]
		if (id == "two-threads")
			printf(", \"gain\": %s, \"gain_of_nothing\": %s",
				a[vm, id], b[vm, id]) > json
		else if (a[vm, id] > 0)
			printf(", \"ns\": %s, \"ns_against\": %s", a[vm, id],
				b[vm, id]) > json
		printf(", \"rounds\": %d, \"ok\": %s}", rounds[vm, id],
			ok ? "true" : "false") > json
	}
	printf("\n], \"missed\": %d}\n", missed) > json
	printf("%d of %d rows meet their bound\n", n - missed, n)
	exit missed > 0
}
