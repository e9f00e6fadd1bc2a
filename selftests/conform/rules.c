// SPDX-License-Identifier: GPL-2.0
/*
 * What may follow what.  Events that are traced under the lock of a share
 * (state, import, close, settled, finish, abort, event) come in the order in
 * which things happened; begin and export are traced after it, and may come late.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

#define SESSIONS	(1 << 20)

static struct session {
	int pid;
	bool open, ended;
} *sessions;

/* how many sessions of a process are open, ended, ended while it lived */
static struct process {
	unsigned int open, ended, left;
} *processes;

static unsigned long nr_events, nr_exports;
static int svm = 2;

void rules_svm(int version)
{
	svm = version;
}

bool rules_svm_is(int version)
{
	return svm == version;
}

/* Zeroed memory costs nothing until it is written to. */
void *entry(void *table, size_t size, unsigned long long i,
	    unsigned long long max)
{
	char **p = table;

	if (!*p)
		*p = calloc(max, size);
	if (!*p || i >= max) {
		fprintf(stderr, "conform: no room for number %llu\n", i);
		exit(3);
	}
	return *p + i * size;
}

static struct session *session_get(unsigned long long id)
{
	return entry(&sessions, sizeof(*sessions), id, SESSIONS);
}

static struct process *process_get(int pid)
{
	return entry(&processes, sizeof(*processes), pid, PIDS);
}

bool process_ended(int pid)
{
	return !process_get(pid)->open;
}

static bool on_open(const struct event *e)
{
	struct session *s = session_get(event_number(e, "session"));

	if (s->open)
		return wrong(NULL, "session opened twice: %s", e->text);
	s->open = true;
	s->pid = event_number(e, "pid");
	if (process_ended(s->pid))
		driver_new(s->pid);
	process_get(s->pid)->open++;
	return true;
}

static bool on_end(const struct event *e)
{
	struct session *s = session_get(event_number(e, "session"));
	struct process *process;

	if (!s->open || s->ended)
		return wrong(NULL, "session ended %s: %s",
			     s->open ? "twice" : "before it was opened",
			     e->text);
	s->ended = true;
	process = process_get(s->pid);
	process->open--;
	process->ended++;
	process->left += !event_number(e, "exiting");
	return true;
}

static bool on_export(struct share *share, const struct event *e)
{
	if (share->exported)
		return wrong(share, "the generation was given out twice");
	share->exported = true;
	share->pid = event_number(e, "pid");
	share->addr = event_number(e, "addr");
	share->length = event_number(e, "length");
	share->watched = event_number(e, "watched");
	nr_exports++;
	driver_export(share);
	return true;
}

static bool may_turn(enum state from, enum state to)
{
	switch (to) {
	case LIVE:
		return from == CLOSING || from == HELD;
	case CLOSING:
		return from == LIVE || from == HELD;
	case HELD:
		return from == LIVE || from == CLOSING;
	case REVOKED:
		return from != REVOKED;
	default:
		return false;
	}
}

bool holder_ended(const struct holder *h)
{
	return h->session ? session_get(h->session)->ended :
			    process_get(h->pid)->ended;
}

/* All others who hold it have to hear of this change. */
static void owe_events(struct share *share)
{
	struct holder *h;

	for (h = share->holders; h; h = h->next)
		h->untold = share->pid && h->pid != share->pid &&
			    !holder_ended(h);
}

static bool on_state(struct share *share, const struct event *e)
{
	enum state from = state_of(e, "from"), to = state_of(e, "to");

	if (from != share->state)
		return wrong(share, "it was %s, not %s",
			     state_name(share->state), state_name(from));
	if (!may_turn(from, to))
		return wrong(share, "no way leads from %s to %s",
			     state_name(from), state_name(to));
	if (to == HELD && share->imports)
		return wrong(share, "held while %llu imports are counted",
			     share->imports);
	if (from == HELD && to != REVOKED && share->owed != OWED_ABORTED)
		return wrong(share, "%s again without an abort",
			     state_name(to));
	if (to == REVOKED && event_is(e, "reason", "closed") &&
	    !share->finished)
		return wrong(share, "closed without a finish");
	share->state = to;
	share->held += to == HELD;
	share->owed = NOTHING;
	if (to != HELD)
		owe_events(share);
	return true;
}

static bool is_self(const struct share *share, int pid, long long imports)
{
	if (share->pid)
		return share->pid == pid;
	/* export is traced after the share can be found */
	return imports == (long long)share->imports;
}

static bool on_import(struct share *share, const struct event *e)
{
	unsigned long long session = event_number(e, "session");
	unsigned long long imports = event_number(e, "imports");
	unsigned int count = event_number(e, "count");
	int pid = event_number(e, "pid");
	struct holder *h;

	if (share->state != LIVE)
		return wrong(share, "imported while %s",
			     state_name(share->state));
	if (session ? session_get(session)->ended : !process_get(pid)->open)
		return wrong(share, "imported by a session that has ended");
	h = count ? share_holder(share, pid, session, count - 1) : NULL;
	if (!h)
		return wrong(share, "%d had no %u imports before", pid,
			     count - 1);
	h->count = count;
	if (!is_self(share, pid, imports))
		share->imports++;
	if (share->imports != imports)
		return wrong(share, "%llu imports are counted, not %llu",
			     share->imports, imports);
	return true;
}

/* @n imports of a session go; @left remain */
static bool take_back(struct share *share, const struct event *e,
		      unsigned int n, unsigned int left)
{
	unsigned long long imports = event_number(e, "imports");
	int pid = event_number(e, "pid");
	struct holder *h = share_holder(share, pid,
					event_number(e, "session"), n + left);

	if (!n || !h || !h->count)
		return wrong(share, "%d had no %u imports to take back", pid,
			     n + left);
	h->count = left;
	if (!left)
		share_drop(share, h);
	if (!is_self(share, pid, imports)) {
		if (share->imports < n)
			return wrong(share, "fewer than no imports");
		share->imports -= n;
	}
	if (share->imports != imports)
		return wrong(share, "%llu imports are counted, not %llu",
			     share->imports, imports);
	if (share->owed == OWED_DRAIN && share->imports)
		return wrong(share, "drained, and %llu imports remain",
			     share->imports);
	share->owed = NOTHING;
	return true;
}

static bool on_close(struct share *share, const struct event *e)
{
	unsigned long long session = event_number(e, "session");
	int pid = event_number(e, "pid");

	if (session && session_get(session)->ended)
		return wrong(share, "closed by a session that has ended");
	if (!take_back(share, e, 1, event_number(e, "count")))
		return false;
	/* v3 does not say when a mapping of linear memory goes */
	if (svm == 2 && !share_held_by(share, pid) && driver_maps(share, pid))
		return wrong(share, "closed, and the driver maps it for %d",
			     pid);
	return true;
}

static bool on_settled(struct share *share, const struct event *e)
{
	int pid = event_number(e, "pid");
	const struct process *process = process_get(pid);

	if (!process->ended)
		return wrong(share, "settled, and no session of %d has ended",
			     pid);
	if (!take_back(share, e, event_number(e, "count"), 0))
		return false;
	/*
	 * Who closes the descriptor and lives on may keep what it mapped; v3
	 * keeps the memory until the mappings of the dead are gone.
	 */
	if (svm == 2 && !process->left && !share_held_by(share, pid) &&
	    driver_maps(share, pid))
		return wrong(share, "settled, and the driver maps it for %d",
			     pid);
	return true;
}

static bool on_begin(struct share *share, const struct event *e)
{
	unsigned long long imports = event_number(e, "imports");

	if (event_is(e, "answer", "held")) {
		share->claimed++;
		if (share->claimed > share->held)
			return wrong(share, "two were answered held");
		if (imports)
			return wrong(share, "answered held with %llu imports",
				     imports);
	}
	if (event_is(e, "answer", "pending") && !imports)
		return wrong(share, "answered pending without imports");
	return true;
}

static bool on_finish(struct share *share, const struct event *e)
{
	if (share->state != HELD && share->state != REVOKED)
		return wrong(share, "finished while %s",
			     state_name(share->state));
	if (share->state == HELD && share->key && !driver_destroyed(share) &&
	    !driver_lost(share->pid))
		return wrong(share, "finished before its key was destroyed");
	share->finished = true;
	if (share->state == HELD)
		share->owed = OWED_REVOKE;
	return true;
}

static bool on_abort(struct share *share, const struct event *e)
{
	if (share->state == HELD)
		share->owed = OWED_ABORTED;
	return true;
}

/* The mark of an import, or DRAINED for the exporter */
static bool on_event(struct share *share, const struct event *e)
{
	unsigned long long session = event_number(e, "session");
	int pid = event_number(e, "pid");
	struct holder *h;

	if (event_is(e, "type", "drained")) {
		if (share->pid && pid != share->pid)
			return wrong(share, "%d was told drained", pid);
		/* who drains it is traced after that, so is the revocation */
		if (share->owed == NOTHING &&
		    (share->imports || share->state != REVOKED))
			share->owed = OWED_DRAIN;
		return true;
	}
	if (event_is(e, "type", "driver"))
		return watch_told(share, pid);
	if (state_of(e, "type") != share->state)
		return wrong(share, "%d was told what is not so: it is %s",
			     pid, state_name(share->state));
	if (pid == share->pid || !share_held_by(share, pid))
		return wrong(share, "%d was told, and is no importer", pid);
	for (h = share->holders; h; h = h->next)
		if (h->pid == pid && h->session == session && h->untold)
			break;
	if (h)
		h->untold = false;
	return true;
}

/* What was owed at once has to come before anything else of this share. */
static bool check_owed(struct share *share, const struct event *e)
{
	static const char *const what[] = {
		[OWED_REVOKE] = "revoked",
		[OWED_ABORTED] = "live or closing again",
		[OWED_DRAIN] = "drained",
	};
	bool told = e && !strcmp(e->name, "aclipc_event");
	const struct holder *h;

	for (h = share->holders; !told && h; h = h->next)
		if (h->untold)
			return wrong(share, "%d was not told that it is %s",
				     h->pid, state_name(share->state));
	if (share->owed == NOTHING || told)
		return true;
	if (e && share->owed == OWED_DRAIN &&
	    (!strcmp(e->name, "aclipc_close") ||
	     !strcmp(e->name, "aclipc_settled")))
		return true;
	if (e && !strcmp(e->name, "aclipc_state") &&
	    (state_of(e, "to") == REVOKED) == (share->owed != OWED_ABORTED))
		return true;
	return wrong(share, "it should have been %s first",
		     what[share->owed]);
}

static const struct handler {
	const char *name;
	bool (*handle)(struct share *share, const struct event *event);
	bool late;			/* traced outside the lock */
} handlers[] = {
	{ "aclipc_import", on_import },
	{ "aclipc_close", on_close },
	{ "aclipc_event", on_event },
	{ "aclipc_state", on_state },
	{ "aclipc_begin", on_begin, true },
	{ "aclipc_export", on_export, true },
	{ "aclipc_settled", on_settled },
	{ "aclipc_finish", on_finish },
	{ "aclipc_abort", on_abort },
};

bool rules_event(const struct event *e)
{
	const struct handler *h;
	struct share *share;
	size_t i;

	nr_events++;
	if (strncmp(e->name, "aclipc_", 7))
		return driver_event(e);
	if (!strcmp(e->name, "aclipc_open"))
		return on_open(e);
	if (!strcmp(e->name, "aclipc_end"))
		return on_end(e);
	if (strstr(e->name, "watch") || !strcmp(e->name, "aclipc_callback"))
		return watch_event(e);
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		h = &handlers[i];
		if (strcmp(h->name, e->name))
			continue;
		share = share_get(event_number(e, "generation"));
		share_remember(share, e);
		return (h->late || check_owed(share, e)) &&
		       h->handle(share, e);
	}
	return wrong(NULL, "an event that is not known: %s", e->name);
}

bool rules_end(bool gone)
{
	struct share *share;
	int i;

	for (i = 0; gone && sessions && i < SESSIONS; i++)
		if (sessions[i].open && !sessions[i].ended)
			return wrong(NULL, "session %d never ended", i);

	if (gone && !watch_end())
		return false;
	for (share = shares; share; share = share->next) {
		if (!check_owed(share, NULL))
			return false;
		if (gone && (share->imports || share->holders))
			return wrong(share, "imports are left");
		if (gone && !share->exported)
			return wrong(share, "was never exported");
		if (gone && share->state != REVOKED)
			return wrong(share, "is %s for ever",
				     state_name(share->state));
		if (gone && share->claimed != share->held)
			return wrong(share, "held, and nobody was told");
	}
	return true;
}

void rules_summary(char *buf, size_t size)
{
	snprintf(buf, size, "%lu events, %lu exports", nr_events, nr_exports);
}
