// SPDX-License-Identifier: GPL-2.0
/* What the library reads: its environment, and keys. */
#include "../../lib/config.c"

#include "parse.h"

static char *parse_values[6];

static const char *parse_get(const char *name)
{
	static const char * const names[] = {
		"ACLIPC_CLOSE", "ACLIPC_CLOSE_TIMEOUT_MS",
		"ACLIPC_OOM_WAIT_MS", "ACLIPC_DEFER_MAX_BYTES",
		"ACLIPC_STRICT", "ACLIPC_QUIET",
	};
	int i;

	for (i = 0; i < 6; i++)
		if (!strcmp(name, names[i]))
			return parse_values[i];
	must(!"a variable that is not in the README");
	return NULL;
}

/* The same number by other means; false: text is not one. */
static bool other_number(const char *text, const char *suffixes, uint64_t max,
			 uint64_t *value)
{
	static const char units[] = "kKmMgG";
	unsigned __int128 n = 0;
	const char *p, *unit;

	if (!*text)
		return false;
	for (p = text; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (*p - '0');
		/* also refused: what is almost too large for 64 bits */
		if (n > UINT64_MAX - 9)
			return false;
	}
	unit = *p ? strchr(units, *p) : NULL;
	if (unit && *suffixes) {
		n <<= 10 * (1 + (unit - units) / 2);
		p++;
	}
	if (*p || n > max)
		return false;
	*value = (uint64_t)n;
	return true;
}

__attribute__((unused)) static void parse_config(char *text, size_t len)
{
	struct config c;
	uint64_t value;
	char *p = text;
	int i;

	for (i = 0; i < 6; i++) {
		parse_values[i] = p <= text + len ? p : NULL;
		p += strlen(p < text + len ? p : "") + 1;
	}
	config_parse(&c, parse_get);
	must(c.policy >= ACLIPC_POLICY_DEFER && c.policy <= ACLIPC_POLICY_REFUSE);
	must(c.timeout_ms <= ACLIPC_WAIT_MAX_MS);
	must(c.oom_wait_ms <= ACLIPC_WAIT_MAX_MS);
	if (parse_values[1] && other_number(parse_values[1], "",
					    ACLIPC_WAIT_MAX_MS, &value))
		must(c.timeout_ms == value);
	if (parse_values[3] && other_number(parse_values[3], "kmg",
					    UINT64_MAX, &value))
		must(c.defer_max_bytes == value);
	else
		must(!c.defer_max_bytes);
}

__attribute__((unused)) static void parse_key(char *text, size_t len)
{
	char hex[ACLIPC_KEY_HEX_MAX], shown[ACLIPC_KEY_TEXT_MAX];
	struct aclipc_key key, again;

	if (!aclipc_key_from_hex(&key, text)) {
		aclipc_key_to_hex(&key, hex);
		must(!strcasecmp(hex, text));
		must(!aclipc_key_from_hex(&again, hex));
		must(!memcmp(&key, &again, sizeof(key)));
	}
	/* the input need not be terminated */
	if (!aclipc_key_from_string(&key, text, len)) {
		must(strnlen(text, len) <= ACLIPC_KEY_MAX);
		must(!memcmp(key.bytes, text, strnlen(text, len)));
		aclipc_key_to_text(&key, shown);
		must(strlen(shown) >= strnlen(text, len));
		aclipc_key_to_hex(&key, hex);
		must(!aclipc_key_from_hex(&again, hex));
		must(!memcmp(&key, &again, sizeof(key)));
	}
}
