// SPDX-License-Identifier: LGPL-2.1-only
/* Keys: copies, hexadecimal, text; buffers of every size in use. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <aclipc.h>

#include "tap.h"

static void test_sizes(void)
{
	static const size_t sizes[] = { 65, 256, 4096 };
	struct aclipc_key key;
	char *buf;
	size_t i;

	for (i = 0; i < 3; i++) {
		buf = malloc(sizes[i]);
		memset(buf, 'k', sizes[i]);
		is(aclipc_key_from_string(&key, buf, sizes[i]), -EINVAL,
		   "unterminated key in %zu bytes", sizes[i]);
		buf[64] = 0;
		is(aclipc_key_from_string(&key, buf, sizes[i]), 0,
		   "64 bytes and NUL in %zu bytes", sizes[i]);
		free(buf);
	}
}

static void test_page_end(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len;
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct aclipc_key key;
	int good = 0;

	munmap(map + page, page);
	for (len = 1; len <= 64; len++) {
		char *at = map + page - len - 1;

		memset(at, 'a', len);
		at[len] = 0;
		good += !aclipc_key_from_string(&key, at, 65) &&
			!memcmp(key.bytes, at, len) &&
			(len == 64 || !key.bytes[len]);
	}
	is(good, 64, "keys that end at the end of a page");
}

static void test_text(void)
{
	char hex[ACLIPC_KEY_HEX_MAX], text[ACLIPC_KEY_TEXT_MAX];
	struct aclipc_key key, back;

	aclipc_key_from_string(&key, "a\x01\xff", 65);
	aclipc_key_to_hex(&key, hex);
	ok(!strcmp(hex, "6101ff"), "hexadecimal");
	aclipc_key_to_text(&key, text);
	ok(!strcmp(text, "a\\x01\\xff"), "text");
	ok(!aclipc_key_from_hex(&back, hex) &&
	   !memcmp(&back, &key, sizeof(key)), "and back");
	ok(!aclipc_key_from_hex(&back, "6101FF") &&
	   !memcmp(&back, &key, sizeof(key)), "capitals");
	is(aclipc_key_from_hex(&back, "6100"), -EINVAL, "zero byte");
	is(aclipc_key_from_hex(&back, "610"), -EINVAL, "odd number of digits");
	is(aclipc_key_from_hex(&back, "zz"), -EINVAL, "not a digit");
	is(aclipc_key_from_hex(&back, ""), -EINVAL, "empty");
	memset(key.bytes, 0xff, sizeof(key.bytes));
	aclipc_key_to_text(&key, text);
	is(strlen(text), 256, "longest text fits");
	aclipc_key_to_hex(&key, hex);
	is(strlen(hex), 128, "longest hexadecimal fits");
}

int main(void)
{
	struct aclipc_key key;

	is(aclipc_key_from_string(&key, NULL, 65), -EINVAL, "NULL");
	is(aclipc_key_from_string(&key, "", 65), -EINVAL, "empty");
	is(aclipc_key_from_string(&key, "abc", 2), 0, "cut by the caller");
	ok(!memcmp(key.bytes, "ab\0", 3), "two bytes of it");
	test_sizes();
	test_page_end();
	test_text();
	is(aclipc_set_policy(ACLIPC_POLICY_WAIT, 1), -EOPNOTSUPP,
	   "static library has no policy");
	is(aclipc_get_policy(NULL, NULL), -EOPNOTSUPP, "to tell neither");
	is(aclipc_pending(NULL, 0, NULL, NULL), -EOPNOTSUPP,
	   "nor anything pending");
	ok(aclipc_version()[0], "version");
	return tap_done();
}
