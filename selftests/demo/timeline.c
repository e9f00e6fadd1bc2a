// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what happened in the cases of one act, and whether it is what the act
 * is to show:
 *
 *   timeline bare|ordered|killed DIR...
 *
 * Each DIR has: trace (from tracefs), roles ("PID NAME"), status ("NAME CODE"),
 * NAME.log (what the programs said), violations and counts (from debugfs, at
 * the end), title.  Kernel events decide; what programs said is put in quotes.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINES	4096
#define MAX_ROLES	8

struct line {
	double time;
	int order;
	char role[24];
	char name[24];			/* of the tracepoint; "said" */
	char text[256];			/* its fields */
	char words[160];		/* empty: not for the reader */
};

static struct role {
	int pid, status;
	char name[24];
} roles[MAX_ROLES];
static int nr_roles;
static struct line lines[MAX_LINES];
static int nr_lines;
static char why[256];			/* the first thing that is wrong */

static void wrong(const char *fmt, ...)
{
	va_list args;

	if (why[0])
		return;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
}

static FILE *open_in(const char *dir, const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f) {
		fprintf(stderr, "timeline: no %s\n", path);
		exit(2);
	}
	return f;
}

static const char *role_of(int pid)
{
	int i;

	for (i = 0; i < nr_roles; i++)
		if (roles[i].pid == pid)
			return roles[i].name;
	return "?";
}

static long long field(const struct line *l, const char *name)
{
	char key[32];
	const char *p;

	snprintf(key, sizeof(key), "%s=", name);
	for (p = l->text; (p = strstr(p, key)); p++)
		if (p == l->text || p[-1] == ' ')
			return strtoll(p + strlen(key), NULL, 0);
	return -1;
}

static bool has(const struct line *l, const char *text)
{
	return strstr(l->text, text);
}

static struct line *new_line(double time)
{
	struct line *l;

	if (nr_lines == MAX_LINES)
		exit(2);
	l = &lines[nr_lines];
	memset(l, 0, sizeof(*l));
	l->order = nr_lines++;
	l->time = time;
	return l;
}

static void read_roles(const char *dir)
{
	FILE *f = open_in(dir, "roles");
	char name[24];
	int code, i;

	nr_roles = 0;
	while (nr_roles < MAX_ROLES &&
	       fscanf(f, "%d %23[^\n]", &roles[nr_roles].pid,
		      roles[nr_roles].name) == 2)
		roles[nr_roles++].status = -1;
	fclose(f);
	f = open_in(dir, "status");
	while (fscanf(f, "%d %23[^\n]", &code, name) == 2)
		for (i = 0; i < nr_roles; i++)
			if (!strcmp(roles[i].name, name))
				roles[i].status = code;
	fclose(f);
}

/* "COMM-PID [CPU] FLAGS SECONDS: NAME: FIELDS" */
static void read_trace(const char *dir)
{
	FILE *f = open_in(dir, "trace");
	char buf[512], *p;
	struct line *l;
	double time;
	int n;

	while (fgets(buf, sizeof(buf), f)) {
		char name[24];

		p = strstr(buf, "] ");
		if (buf[0] == '#' || !p)
			continue;
		p += 2;
		if (strspn(p, " 0123456789.:") < 8)
			p += strcspn(p, " ");
		if (sscanf(p, "%lf: %23[a-z_]: %n", &time, name, &n) != 2)
			continue;
		l = new_line(time);
		strcpy(l->name, name);
		snprintf(l->text, sizeof(l->text), "%s", p + n);
		l->text[strcspn(l->text, "\n")] = 0;
		strcpy(l->role, role_of((int)field(l, "pid")));
	}
	fclose(f);
}

static void read_logs(const char *dir)
{
	char path[64], buf[256];
	struct line *l;
	double time;
	int i, n;
	FILE *f;

	for (i = 0; i < nr_roles; i++) {
		snprintf(path, sizeof(path), "%s.log", roles[i].name);
		f = open_in(dir, path);
		while (fgets(buf, sizeof(buf), f)) {
			if (sscanf(buf, "%lf %n", &time, &n) != 1)
				continue;
			l = new_line(time);
			strcpy(l->role, roles[i].name);
			strcpy(l->name, "said");
			snprintf(l->text, sizeof(l->text), "%s", buf + n);
			l->text[strcspn(l->text, "\n")] = 0;
		}
		fclose(f);
	}
}

static long long read_count(const char *dir, const char *file,
			    const char *name)
{
	FILE *f = open_in(dir, file);
	long long value, found = -1;
	char word[64];

	while (fscanf(f, "%63s %lld", word, &value) == 2)
		if (!strcmp(word, name))
			found = value;
	fclose(f);
	return found;
}

static int compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order - y->order;
}

/* The first or the last line of this kind; NULL: none. */
static struct line *find(const char *name, const char *role, const char *text,
			 bool last)
{
	struct line *found = NULL;
	int i;

	for (i = 0; i < nr_lines; i++) {
		if (strcmp(lines[i].name, name) ||
		    (role && strcmp(lines[i].role, role)) ||
		    (text && !has(&lines[i], text)))
			continue;
		found = &lines[i];
		if (!last)
			break;
	}
	return found;
}

/* What the reader is told of each event */

static void say(struct line *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(l->words, sizeof(l->words), fmt, args);
	va_end(args);
}

static void say_driver(struct line *l)
{
	long long mib = field(l, "len") >> 20;

	if (!strcmp(l->name, "create"))
		say(l, "the driver makes a key for %lld MiB", mib);
	else if (!strcmp(l->name, "open"))
		say(l, "the driver maps the memory");
	else if (!strcmp(l->name, "destroy"))
		say(l, "THE DRIVER DESTROYS THE KEY");
	else if (!strcmp(l->name, "cutoff"))
		say(l, "the driver cuts its mapping off");
	else if (!strcmp(l->name, "fault"))
		say(l, "DEVICE PAGE FAULT, its copy fails");
	else if (!strcmp(l->name, "recycle"))
		say(l, "the same memory is handed out for the next tensor");
	else if (!strcmp(l->name, "teardown"))
		say(l, "the driver has dismantled the dead one's mapping");
	else if (!strcmp(l->name, "free"))
		say(l, "THE DRIVER FREES %lld MiB", mib);
}

static void say_aclipc(struct line *l)
{
	long long imports = field(l, "imports");
	const char *s = imports == 1 ? "" : "s";

	if (!strcmp(l->name, "aclipc_import"))
		say(l, "imports the key: %lld import%s", imports, s);
	else if (!strcmp(l->name, "aclipc_close"))
		say(l, "closes its import: %lld left", imports);
	else if (!strcmp(l->name, "aclipc_settled"))
		say(l, "settled: its import is taken back, %lld left", imports);
	else if (!strcmp(l->name, "aclipc_begin") && has(l, "answer=pending"))
		say(l, "wants to close: %lld import%s, put off", imports, s);
	else if (!strcmp(l->name, "aclipc_end") && has(l, "exiting=1"))
		say(l, "is dead, without having closed");
}

static bool same_as_before(const struct line *l)
{
	const struct line *p;

	for (p = l - 1; p >= lines && l->time - p->time < 0.2; p--)
		if (!strcmp(p->role, l->role) && p->words[0])
			return !strcmp(p->words, l->words);
	return false;
}

static bool said_before(const struct line *l)
{
	const struct line *p;

	for (p = lines; p < l; p++)
		if (!strcmp(p->role, l->role) && !strcmp(p->words, l->words))
			return true;
	return false;
}

/*
 * The end of the programs themselves is of no interest, but for those that are
 * killed; nor is anything told twice, or what a tracepoint tells already.
 */
static bool boring(const char *act, const struct line *l)
{
	bool victim = false;
	int i;

	for (i = 0; i < nr_roles; i++)
		if (!strcmp(roles[i].name, l->role))
			victim = roles[i].status == 137;
	if (!strcmp(l->name, "aclipc_end"))
		return !victim;
	if (!strcmp(l->name, "open"))
		return strcmp(act, "bare");
	if (!strcmp(l->name, "free") || !strcmp(l->name, "cutoff"))
		return field(l, "len") < 1 << 20;
	/* the library asks again now and then */
	if (!strcmp(l->name, "aclipc_begin") && has(l, "answer=pending"))
		return find("aclipc_begin", NULL, "answer=pending", false) != l;
	if (!strcmp(l->name, "said"))
		return said_before(l) || has(l, "exits") ||
			has(l, "filled") || has(l, "aclrtMemcpy");
	return false;
}

static void put_into_words(const char *act)
{
	struct line *l;
	int i;

	for (i = 0; i < nr_lines; i++) {
		l = &lines[i];
		if (!strcmp(l->role, "?"))
			continue;
		if (!strcmp(l->name, "said"))
			say(l, "\"%s\"", l->text);
		else if (!strncmp(l->name, "aclipc_", 7))
			say_aclipc(l);
		else
			say_driver(l);
		if (boring(act, l) || same_as_before(l))
			l->words[0] = 0;
	}
}

static void print_timeline(void)
{
	double zero = -1;
	int i;

	for (i = 0; i < nr_lines; i++) {
		if (!lines[i].words[0])
			continue;
		if (zero < 0)
			zero = lines[i].time;
		printf("%9.1f  %-10s  %s\n", (lines[i].time - zero) * 1000,
		       lines[i].role, lines[i].words);
	}
}

/* What must be true */

static void check_order(const char *earlier, const struct line *a,
			const char *later, const struct line *b)
{
	if (!a || !b)
		wrong("no sign of: %s", !a ? earlier : later);
	else if (b < a)
		wrong("%s came before %s", later, earlier);
}

/* Every importer, in the end, saw this. */
static void check_all_saw(const char *text)
{
	int i;

	for (i = 0; i < nr_roles; i++) {
		if (!strcmp(roles[i].name, "exporter"))
			continue;
		if (!find("said", roles[i].name, text, false))
			wrong("%s did not say: %s", roles[i].name, text);
		if (roles[i].status != 3)
			wrong("%s ended with %d", roles[i].name,
			      roles[i].status);
	}
}

/* Without aclipc nothing keeps the memory while importers hold the key. */
static void check_bare(const char *dir, int number)
{
	const struct line *first_close = find("close", NULL, NULL, false);

	if (find("aclipc_export", NULL, NULL, false))
		wrong("aclipc was in use");
	if (number == 0) {
		check_order("the driver's destroy",
			    find("destroy", "exporter", NULL, false),
			    "device page fault",
			    find("fault", NULL, NULL, false));
		check_order("the driver's free",
			    find("free", "exporter", NULL, false),
			    "the first close of an importer", first_close);
		check_all_saw("aclrtMemcpy of the tensor failed");
	} else {
		check_order("reuse of the memory",
			    find("recycle", "exporter", NULL, false),
			    "the first close of an importer", first_close);
		check_all_saw("another tensor's bytes");
	}
	if (read_count(dir, "violations", "total") < 1)
		wrong("the driver saw nothing wrong");
}

static void check_importers(void)
{
	const struct line *l;
	int i;

	for (i = 0; i < nr_roles; i++) {
		if (roles[i].status == 137)
			continue;
		if (roles[i].status)
			wrong("%s ended with %d", roles[i].name,
			      roles[i].status);
		if (!strcmp(roles[i].name, "exporter"))
			continue;
		l = find("said", roles[i].name, "every byte right", true);
		check_order("the import",
			    find("aclipc_import", roles[i].name, NULL, false),
			    "right bytes", l);
		check_order("right bytes", l, "its close",
			    find("aclipc_close", roles[i].name, NULL, false));
	}
}

/* The driver's destroy and free, after the last import was taken back */
static void check_teardown(const char *dir, const struct line *last)
{
	const struct line *create = find("create", "exporter", NULL, false);
	const struct line *destroy = find("destroy", NULL, NULL, false);
	const struct line *l;
	bool freed = false;
	int i;

	check_order("the key", create, "the last close", last);
	check_order("the last close", last, "the driver's destroy", destroy);
	for (i = 0; create && destroy && i < nr_lines; i++) {
		l = &lines[i];
		if (strcmp(l->name, "free") ||
		    field(l, "va") != field(create, "va"))
			continue;
		freed = true;
		check_order("the driver's destroy", destroy,
			    "the driver's free", l);
	}
	if (!freed)
		wrong("the driver never freed it");
	if (find("recycle", NULL, NULL, false) ||
	    find("fault", NULL, NULL, false))
		wrong("memory was reused, or an importer faulted");
	if (read_count(dir, "violations", "total") != 0)
		wrong("the driver saw violations");
}

static void check_nothing_left(const char *dir)
{
	static const char *const names[] = {
		"owners", "sessions", "shares", "imports", "settling",
		"watches", "tombstones",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (read_count(dir, "counts", names[i]) != 0)
			wrong("%s are left", names[i]);
}

static void check_ordered(const char *dir, int number)
{
	const struct line *last = find("aclipc_close", NULL, NULL, true);

	check_importers();
	if (number == 0)
		check_order("the exporter's close",
			    find("said", "exporter",
				 "aclrtIpcMemClose returned 0", false),
			    "the first close of an importer",
			    find("aclipc_close", NULL, NULL, false));
	check_order("the exporter's free",
		    find("said", "exporter", "aclrtFree returned 0", false),
		    "the first close of an importer",
		    find("aclipc_close", NULL, NULL, false));
	if (last && field(last, "imports"))
		wrong("imports are left after the last close");
	check_teardown(dir, last);
	check_nothing_left(dir);
}

static void check_killed(const char *dir, int number)
{
	const struct line *settled = find("aclipc_settled", NULL, NULL, true);
	const struct line *end, *closed;
	long long settle_ms = read_count(dir, "settings", "settle_ms");
	double ms;

	check_importers();
	end = settled ? find("aclipc_end", settled->role, "exiting=1", false) :
	      NULL;
	check_order("the victim's end", end, "settling", settled);
	closed = find("said", "exporter", "aclrtIpcMemClose returned 0",
		      false);
	if (number == 0)
		check_order("the exporter's close", closed, "the kill", end);
	else
		check_order("the kill", end, "the exporter's close", closed);
	if (end && settled) {
		ms = (settled->time - end->time) * 1000;
		if (ms < settle_ms || ms > settle_ms + 60000)
			wrong("settled after %.0f ms, not %lld", ms,
			      settle_ms);
	}
	check_teardown(dir, settled);
	check_nothing_left(dir);
}

static void one_case(const char *act, const char *dir, int number)
{
	char title[128] = "";
	FILE *f = open_in(dir, "title");

	if (fgets(title, sizeof(title), f))
		printf("  %s", title);
	fclose(f);
	nr_lines = 0;
	read_roles(dir);
	read_trace(dir);
	read_logs(dir);
	qsort(lines, nr_lines, sizeof(lines[0]), compare);
	put_into_words(act);
	print_timeline();

	if (!strcmp(act, "bare"))
		check_bare(dir, number);
	else if (!strcmp(act, "ordered"))
		check_ordered(dir, number);
	else
		check_killed(dir, number);
}

int main(int argc, char **argv)
{
	static const char good_bare[] =
		"without aclipc the importers were cut off, and read another tensor's bytes";
	static const char good_ordered[] =
		"every byte right; destroy and free came after the last close; no violation";
	static const char good_killed[] =
		"the killed importer's hold settled, then destroy and free; nothing is left";
	const char *good;
	int i;

	if (argc < 3)
		return 2;
	for (i = 2; i < argc; i++)
		one_case(argv[1], argv[i], i - 2);
	good = !strcmp(argv[1], "bare") ? good_bare :
	       !strcmp(argv[1], "ordered") ? good_ordered : good_killed;
	printf("%s: %s\n", why[0] ? "NOT AS DESCRIBED" : "AS DESCRIBED",
	       why[0] ? why : good);
	return why[0] ? 1 : 0;
}
