// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: which key does the user mean? */
#include <aclipc.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define SHOWN_CANDIDATES	8

bool key_parse_hex(const char *hex, unsigned char *key, unsigned int *len)
{
	struct aclipc_key parsed;

	if (aclipc_key_from_hex(&parsed, hex))
		return false;
	*len = strlen(hex) / 2;
	memcpy(key, parsed.bytes, *len);
	return true;
}

/* The whole keys that the argument can stand for, if it is no prefix. */
unsigned int key_literals(const char *arg,
			  unsigned char keys[2][ACLIPC_KEY_MAX])
{
	unsigned int nr = 0, len;
	size_t n = strlen(arg);

	memset(keys, 0, 2 * sizeof(*keys));
	if (n && n <= ACLIPC_KEY_MAX)
		memcpy(keys[nr++], arg, n);
	if (!strncasecmp(arg, "0x", 2))
		arg += 2;
	if (key_parse_hex(arg, keys[nr], &len))
		nr++;
	return nr;
}

/* 0: no match, 1: the argument is a prefix of the key, 2: the whole key */
static int key_match(const struct tool_share *share, const char *arg)
{
	char hex[2 * ACLIPC_KEY_MAX + 1] = "";
	size_t n = strlen(arg), i;

	if (n <= share->key_len && !memcmp(share->key, arg, n))
		return 1 + (n == share->key_len && share->key_whole);
	for (i = 0; i < share->key_len; i++)
		sprintf(hex + 2 * i, "%02x", share->key[i]);
	if (!strncasecmp(arg, "0x", 2))
		arg += 2;
	n = strlen(arg);
	if (n && !strncasecmp(hex, arg, n))
		return 1 + (n == strlen(hex) && share->key_whole);
	return 0;
}

static bool key_is_live(const struct tool_share *share)
{
	return strcmp(share->state, "revoked") != 0;
}

static int key_ambiguous(struct tool_view *view, const char *arg, int match,
			 unsigned int nr)
{
	unsigned int shown = 0;
	char *text;
	size_t i;

	tool_error("%s fits %u keys; give more of it, or gen:N", arg, nr);
	for (i = 0; i < view->nr_shares && shown < SHOWN_CANDIDATES; i++) {
		if (key_match(&view->shares[i], arg) != match)
			continue;
		text = text_key(view->shares[i].key, view->shares[i].key_len,
				view->shares[i].key_whole);
		fprintf(stderr, "  gen:%llu  %-8s  %s\n",
			(unsigned long long)view->shares[i].generation,
			view->shares[i].state, text);
		free(text);
		shown++;
	}
	if (shown < nr)
		fprintf(stderr, "  and %u more\n", nr - shown);
	return TOOL_AMBIGUOUS;
}

static bool key_same(const struct tool_share *a, const struct tool_share *b)
{
	return a->key_whole && b->key_whole && a->key_len == b->key_len &&
	       !memcmp(a->key, b->key, a->key_len);
}

/*
 * A whole key is better than a prefix of others.  Of one key's generations, one
 * at most is not revoked, and that one is meant.
 */
static int key_find_text(struct tool_view *view, const char *arg,
			 struct tool_share **found)
{
	int match, best = 0;
	unsigned int nr = 0;
	size_t i;

	for (i = 0; i < view->nr_shares; i++) {
		match = key_match(&view->shares[i], arg);
		if (match < best || !match)
			continue;
		if (match > best || key_is_live(&view->shares[i]))
			*found = &view->shares[i];
		best = match;
	}
	if (!best) {
		tool_error("no such key: %s", arg);
		return TOOL_NO_KEY;
	}
	for (i = 0; i < view->nr_shares; i++)
		if (key_match(&view->shares[i], arg) == best &&
		    (&view->shares[i] == *found || !key_is_live(*found) ||
		     !key_same(&view->shares[i], *found)))
			nr++;
	return nr == 1 ? 0 : key_ambiguous(view, arg, best, nr);
}

int key_find(struct tool_view *view, const char *arg,
	     struct tool_share **found)
{
	uint64_t generation;

	if (!strncmp(arg, "gen:", 4) && text_u64(arg + 4, &generation)) {
		*found = view_share(view, generation);
		if (*found)
			return 0;
		tool_error("no key of generation %s", arg + 4);
		return TOOL_NO_KEY;
	}
	*found = NULL;
	return key_find_text(view, arg, found);
}
