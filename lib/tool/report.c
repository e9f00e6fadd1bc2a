// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc doctor: its lines. */
#include <stdlib.h>

#include "tool.h"

static const char *const report_words[] = { "ok", "warn", "FAIL" };

void report_begin(struct report *r, bool json)
{
	*r = (struct report){ .json = json, .out.f = stdout };
	if (!json)
		return;
	json_open(&r->out, NULL, '{');
	json_open(&r->out, "checks", '[');
}

/* Takes both texts over; they are safe to print. */
void report(struct report *r, enum verdict verdict, const char *id, char *what,
	    char *fix)
{
	r->nr[verdict]++;
	if (r->json) {
		json_open(&r->out, NULL, '{');
		json_string(&r->out, "check", id);
		json_string(&r->out, "verdict", report_words[verdict]);
		json_string(&r->out, "what", what);
		if (fix)
			json_string(&r->out, "fix", fix);
		json_close(&r->out, '}');
	} else {
		printf("%-4s  %s%s%s\n", report_words[verdict], what,
		       fix ? " \u2014 " : "", fix ? fix : "");
	}
	free(what);
	free(fix);
}

int report_end(struct report *r)
{
	if (r->json) {
		json_close(&r->out, ']');
		json_u64(&r->out, "failed", r->nr[CHECK_FAIL]);
		json_u64(&r->out, "warned", r->nr[CHECK_WARN]);
		json_close(&r->out, '}');
		json_newline(&r->out);
	} else {
		printf("%u checks, %u failed, %u to look at\n",
		       r->nr[CHECK_OK] + r->nr[CHECK_WARN] + r->nr[CHECK_FAIL],
		       r->nr[CHECK_FAIL], r->nr[CHECK_WARN]);
	}
	return r->nr[CHECK_FAIL] ? TOOL_PROBLEM : TOOL_OK;
}
