// SPDX-License-Identifier: LGPL-2.1-only
/* Keys: opaque bytes up to a NUL, at most 64. */

#include <stdio.h>
#include <string.h>

#include "internal.h"

API int aclipc_key_from_string(struct aclipc_key *key, const char *text,
			       size_t max)
{
	size_t len;

	if (!key || !text)
		return -EINVAL;
	if (max > ACLIPC_KEY_MAX + 1)
		max = ACLIPC_KEY_MAX + 1;
	len = strnlen(text, max);
	if (!len || len > ACLIPC_KEY_MAX)
		return -EINVAL;
	memset(key, 0, sizeof(*key));
	memcpy(key->bytes, text, len);
	return 0;
}

/* The key that a caller of CANN passes; false: CANN itself shall complain. */
bool key_from_name(struct aclipc_key *key, const char *name)
{
	return aclipc_key_from_string(key, name, ACLIPC_KEY_MAX + 1) == 0;
}

void key_to_name(const struct aclipc_key *key, char name[ACLIPC_KEY_MAX + 1])
{
	memcpy(name, key->bytes, ACLIPC_KEY_MAX);
	name[ACLIPC_KEY_MAX] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

API int aclipc_key_from_hex(struct aclipc_key *key, const char *hex)
{
	struct aclipc_key result = { 0 };
	size_t len, i;
	int hi, lo;

	if (!key || !hex)
		return -EINVAL;
	len = strnlen(hex, ACLIPC_KEY_HEX_MAX);
	if (!len || len % 2 || len / 2 > ACLIPC_KEY_MAX)
		return -EINVAL;
	for (i = 0; i < len / 2; i++) {
		hi = hex_digit(hex[2 * i]);
		lo = hex_digit(hex[2 * i + 1]);
		if (hi < 0 || lo < 0 || (!hi && !lo))
			return -EINVAL;
		result.bytes[i] = (uint8_t)(hi << 4 | lo);
	}
	*key = result;
	return 0;
}

API void aclipc_key_to_hex(const struct aclipc_key *key,
			   char hex[ACLIPC_KEY_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < ACLIPC_KEY_MAX && key->bytes[i]; i++) {
		hex[2 * i] = digits[key->bytes[i] >> 4];
		hex[2 * i + 1] = digits[key->bytes[i] & 15];
	}
	hex[2 * i] = '\0';
}

API void aclipc_key_to_text(const struct aclipc_key *key,
			    char text[ACLIPC_KEY_TEXT_MAX])
{
	size_t i;

	for (i = 0; i < ACLIPC_KEY_MAX && key->bytes[i]; i++) {
		if (key->bytes[i] > ' ' && key->bytes[i] < 0x7f &&
		    key->bytes[i] != '\\') {
			*text++ = (char)key->bytes[i];
			continue;
		}
		snprintf(text, 5, "\\x%02x", key->bytes[i]);
		text += 4;
	}
	*text = '\0';
}
