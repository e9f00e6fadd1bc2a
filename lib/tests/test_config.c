// SPDX-License-Identifier: LGPL-2.1-only
/* Settings from the environment: good, bad and absent ones. */

#include <string.h>

#include "../internal.h"
#include "tap.h"

static const char *name, *value;

static const char *get(const char *wanted)
{
	return name && !strcmp(wanted, name) ? value : NULL;
}

static struct config parse(const char *n, const char *v)
{
	struct config config;

	name = n;
	value = v;
	config_parse(&config, get);
	return config;
}

int main(void)
{
	struct config c = parse(NULL, NULL);

	is(c.policy, ACLIPC_POLICY_DEFER, "defer is the default");
	is(c.timeout_ms, 10000, "time-out");
	is(c.oom_wait_ms, 2000, "memory wait");
	is(c.defer_max_bytes, 0, "no limit of bytes");
	ok(!c.strict && !c.quiet, "neither strict nor quiet");
	is(parse("ACLIPC_CLOSE", "wait").policy, ACLIPC_POLICY_WAIT, "wait");
	is(parse("ACLIPC_CLOSE", "refuse").policy, ACLIPC_POLICY_REFUSE,
	   "refuse");
	is(parse("ACLIPC_CLOSE", "nonsense").policy, ACLIPC_POLICY_DEFER,
	   "nonsense");
	is(parse("ACLIPC_CLOSE_TIMEOUT_MS", "0").timeout_ms, 0, "zero");
	is(parse("ACLIPC_CLOSE_TIMEOUT_MS", "86400000").timeout_ms, 86400000,
	   "a day");
	is(parse("ACLIPC_CLOSE_TIMEOUT_MS", "86400001").timeout_ms, 10000,
	   "more than a day");
	is(parse("ACLIPC_CLOSE_TIMEOUT_MS", "-1").timeout_ms, 10000,
	   "negative");
	is(parse("ACLIPC_CLOSE_TIMEOUT_MS", "5s").timeout_ms, 10000, "unit");
	is(parse("ACLIPC_CLOSE_TIMEOUT_MS", "").timeout_ms, 10000, "empty");
	is(parse("ACLIPC_CLOSE_TIMEOUT_MS", "99999999999999999999999").timeout_ms,
	   10000, "overflow");
	is(parse("ACLIPC_DEFER_MAX_BYTES", "3G").defer_max_bytes, 3LL << 30,
	   "3G");
	is(parse("ACLIPC_DEFER_MAX_BYTES", "5k").defer_max_bytes, 5120, "5k");
	is(parse("ACLIPC_DEFER_MAX_BYTES", "18446744073709551615G")
	   .defer_max_bytes, 0, "too many");
	ok(parse("ACLIPC_STRICT", "1").strict, "strict");
	ok(!parse("ACLIPC_STRICT", "0").strict, "not strict");
	ok(parse("ACLIPC_QUIET", "yes").quiet, "quiet");
	return tap_done();
}
