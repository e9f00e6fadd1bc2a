// SPDX-License-Identifier: LGPL-2.1-only
/* Settings of the hooks: from the environment, once, or by API call. */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

static pthread_once_t config_once = PTHREAD_ONCE_INIT;
static struct config config_env;
/* what aclipc_set_policy() said: policy above, milliseconds below */
static atomic_ullong config_policy;

/* Decimal number with an optional K, M or G; false: not one. */
static bool parse_number(const char *text, bool suffix, uint64_t max,
			 uint64_t *value)
{
	uint64_t result = 0;
	unsigned int shift = 0;

	if (!text || !*text)
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (result > (UINT64_MAX - 9) / 10)
			return false;
		result = result * 10 + (uint64_t)(*text - '0');
	}
	if (suffix && *text && strchr("KkMmGg", *text)) {
		shift = *text == 'K' || *text == 'k' ? 10 :
			*text == 'M' || *text == 'm' ? 20 : 30;
		text++;
	}
	if (*text || result > max >> shift)
		return false;
	*value = result << shift;
	return true;
}

static bool parse_flag(const char *text)
{
	return text && *text && strcmp(text, "0") && strcmp(text, "no");
}

/* A value that does not parse leaves the default: never fail a program. */
void config_parse(struct config *config, const char *(*get)(const char *))
{
	const char *policy = get("ACLIPC_CLOSE");
	uint64_t value;

	*config = (struct config){
		.policy = ACLIPC_POLICY_DEFER,
		.timeout_ms = 10000,
		.oom_wait_ms = 2000,
	};
	if (policy && !strcmp(policy, "wait"))
		config->policy = ACLIPC_POLICY_WAIT;
	else if (policy && !strcmp(policy, "refuse"))
		config->policy = ACLIPC_POLICY_REFUSE;
	if (parse_number(get("ACLIPC_CLOSE_TIMEOUT_MS"), false,
			 ACLIPC_WAIT_MAX_MS, &value))
		config->timeout_ms = (uint32_t)value;
	if (parse_number(get("ACLIPC_OOM_WAIT_MS"), false, ACLIPC_WAIT_MAX_MS,
			 &value))
		config->oom_wait_ms = (uint32_t)value;
	if (parse_number(get("ACLIPC_DEFER_MAX_BYTES"), true, UINT64_MAX,
			 &value))
		config->defer_max_bytes = value;
	config->strict = parse_flag(get("ACLIPC_STRICT"));
	config->quiet = parse_flag(get("ACLIPC_QUIET"));
}

static const char *config_getenv(const char *name)
{
	return getenv(name);
}

static void config_init(void)
{
	config_parse(&config_env, config_getenv);
}

void config_get(struct config *config)
{
	unsigned long long policy = atomic_load(&config_policy);

	pthread_once(&config_once, config_init);
	*config = config_env;
	if (policy) {
		config->policy = (enum aclipc_policy)(policy >> 32);
		config->timeout_ms = (uint32_t)policy;
	}
}

void config_set_policy(enum aclipc_policy policy, uint32_t timeout_ms)
{
	atomic_store(&config_policy,
		     (unsigned long long)policy << 32 | timeout_ms);
}

bool config_strict(void)
{
	pthread_once(&config_once, config_init);
	return config_env.strict;
}
