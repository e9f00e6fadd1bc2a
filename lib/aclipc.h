/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * libaclipc: ordered close of shared Ascend device memory.
 *
 * Two things live in the library:
 *
 * - Hooks.  A process that loads libaclipc.so in front of CANN (linked, or by
 *   LD_PRELOAD) needs no code: its aclrtIpcMem*, aclrtFree and device resets
 *   are ordered.  aclipc_set_policy() and aclipc_pending() speak of these
 *   hooks; everything else below is independent of them.
 * - A session API, for programs that manage keys themselves, for tools and for
 *   tests.  It is a thin layer over the ioctls of <linux/aclipc.h>; that header
 *   says what each call means and which error it gives.
 *
 * Rules of the session API: every call returns 0 or a negative errno and leaves
 * errno alone.  Results go through pointers and are written on success only,
 * unless said otherwise.  Pointers to results may be NULL.  A session may be
 * used by several threads; it belongs to the process that opened it: a forked
 * child gets -EPERM and opens its own.
 *
 * Environment of the hooks (read once, at the first call that needs it):
 *
 * ======================== ================================================
 * ACLIPC_CLOSE             "defer" (default), "wait" or "refuse": what the
 *                          exporter's close and free do while others import
 * ACLIPC_CLOSE_TIMEOUT_MS  longest wait, milliseconds, default 10000
 * ACLIPC_DEFER_MAX_BYTES   beyond so many bytes of pending frees "defer" acts
 *                          as "wait"; K, M, G accepted; 0, the default: never
 * ACLIPC_OOM_WAIT_MS       an allocation that fails for want of memory while
 *                          frees are pending waits so long, default 2000
 * ACLIPC_STRICT            "1": fail what cannot be tracked (no module, no
 *                          device node, a path around the hooks)
 * ACLIPC_QUIET             "1": print nothing to stderr
 * ======================== ================================================
 *
 * What the aclrtIpcMem* calls return when a hook refused:
 *
 * ============================ =============================================
 * EACCES, EPERM                207006 ACL_ERROR_RT_NO_PERMISSION
 * EBUSY, ETIMEDOUT, EINTR      207020 ACL_ERROR_RT_TIMEOUT
 * ESHUTDOWN, EOWNERDEAD        107017 ACL_ERROR_RT_INVALID_HANDLE
 * EDQUOT                       207012 ACL_ERROR_RT_OVER_LIMIT
 * ENOMEM                       207001 ACL_ERROR_RT_MEMORY_ALLOCATION
 * EINVAL                       107000 ACL_ERROR_RT_PARAM_INVALID
 * no module, no node (strict)  207004 ACL_ERROR_RT_NO_DEVICE
 * module too old (strict)      207000 ACL_ERROR_RT_FEATURE_NOT_SUPPORT
 * surplus close                507899, CANN's own
 * ============================ =============================================
 */
#ifndef ACLIPC_H
#define ACLIPC_H

#include <stddef.h>
#include <stdint.h>

#include <linux/aclipc.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct aclipc_key - a shared-memory key
 * @bytes: 1 to 64 non-zero bytes, padded with zero bytes
 */
struct aclipc_key {
	uint8_t bytes[ACLIPC_KEY_MAX];
};

/* Bytes that aclipc_key_to_hex() and aclipc_key_to_text() need at most. */
#define ACLIPC_KEY_HEX_MAX	(2 * ACLIPC_KEY_MAX + 1)
#define ACLIPC_KEY_TEXT_MAX	(4 * ACLIPC_KEY_MAX + 1)

/**
 * aclipc_version() - version of the library
 *
 * Return: text like "0.1.0", never NULL.
 */
const char *aclipc_version(void);

/**
 * aclipc_key_from_string() - take a key as CANN hands it out
 * @key: result
 * @text: the key; need not be terminated
 * @max: bytes of @text that may be read; no more than 65 are
 *
 * Return: 0; -EINVAL if @text is NULL, empty, or has no NUL within 65 bytes
 * (within @max bytes, if that is less than 65, all of them are the key).
 */
int aclipc_key_from_string(struct aclipc_key *key, const char *text,
			   size_t max);

/**
 * aclipc_key_from_hex() - take a key written as hexadecimal digits
 * @key: result
 * @hex: 2 to 128 digits
 *
 * Return: 0 or -EINVAL.
 */
int aclipc_key_from_hex(struct aclipc_key *key, const char *hex);

/**
 * aclipc_key_to_hex() - write a key as hexadecimal digits
 * @key: the key
 * @hex: result, NUL-terminated
 */
void aclipc_key_to_hex(const struct aclipc_key *key,
		       char hex[ACLIPC_KEY_HEX_MAX]);

/**
 * aclipc_key_to_text() - write a key for people
 * @key: the key
 * @text: result, NUL-terminated; bytes that do not print become \xNN
 */
void aclipc_key_to_text(const struct aclipc_key *key,
			char text[ACLIPC_KEY_TEXT_MAX]);

/* One open of /dev/aclipc. */
struct aclipc;

/**
 * aclipc_session_open() - open a session
 * @session: result
 *
 * Return: 0; -ENOENT or -ENXIO if the module is not loaded, -EACCES if the node
 * is closed to the caller, -EOPNOTSUPP if the module is not one that this
 * library understands, -EDQUOT, -ENOMEM.
 */
int aclipc_session_open(struct aclipc **session);

/**
 * aclipc_session_close() - close a session and free it
 * @session: the session, or NULL
 *
 * Exports that are left become REVOKED; imports that are left stay counted for
 * the settle time of the module.
 */
void aclipc_session_close(struct aclipc *session);

/**
 * aclipc_fd() - descriptor of a session, for poll()
 * @session: the session
 *
 * Return: the descriptor.  Do not close it.
 */
int aclipc_fd(const struct aclipc *session);

/**
 * aclipc_get_info() - versions, limits and settings of the module
 * @session: the session
 * @info: result
 *
 * Return: 0 or a negative errno.
 */
int aclipc_get_info(struct aclipc *session, struct aclipc_info *info);

/**
 * aclipc_export() - make a key known, as its exporter
 * @session: the session
 * @key: the key that the driver made
 * @addr: device address of the region
 * @length: its bytes
 * @flags: ACLIPC_EXPORT_*
 * @generation: result, or NULL
 *
 * Return: 0, -EEXIST, -EDQUOT, -EINVAL, -ENOMEM, -EPERM.
 */
int aclipc_export(struct aclipc *session, const struct aclipc_key *key,
		  uint64_t addr, uint64_t length, uint32_t flags,
		  uint64_t *generation);

/**
 * aclipc_allow() - say who may import
 * @session: the session
 * @key: a key of the caller
 * @generation: its generation, or 0
 * @pids: process ids in the initial pid namespace
 * @nr_pids: how many
 * @flags: ACLIPC_ALLOW_*
 * @added: how many of them exist, or NULL
 *
 * Return: 0, -ENOENT, -EPERM, -EDQUOT, -EFAULT, -EINVAL, -ENOMEM.
 */
int aclipc_allow(struct aclipc *session, const struct aclipc_key *key,
		 uint64_t generation, const int32_t *pids, uint32_t nr_pids,
		 uint32_t flags, uint32_t *added);

/**
 * aclipc_import() - count one import
 * @session: the session
 * @key: the key
 * @generation: result, or NULL
 * @length: bytes of the region, or NULL
 *
 * Return: 0, -ENOENT, -EACCES, -ESHUTDOWN, -EOWNERDEAD, -EDQUOT, -ENOMEM.
 */
int aclipc_import(struct aclipc *session, const struct aclipc_key *key,
		  uint64_t *generation, uint64_t *length);

/**
 * aclipc_import_close() - take one import back
 * @session: the session that imported
 * @key: the key
 * @generation: its generation, or 0
 * @left: imports of the key that this session still has, or NULL
 *
 * Return: 0, or -ENOENT if nothing is left to close.
 */
int aclipc_import_close(struct aclipc *session, const struct aclipc_key *key,
			uint64_t generation, uint32_t *left);

/**
 * struct aclipc_begin - what an exporter's begin was answered
 * @answer: enum aclipc_answer, 0 on errors
 * @imports: imports of other processes
 * @settling: how many of these belong to processes that have ended
 * @remaining_ms: what is left of the time
 */
struct aclipc_begin {
	uint32_t answer;
	uint32_t imports;
	uint32_t settling;
	uint32_t remaining_ms;
};

/**
 * aclipc_close_begin() - begin to close a key, as its exporter
 * @session: the session
 * @key: the key
 * @generation: its generation, or 0
 * @op: ACLIPC_CLOSE_TRY, ACLIPC_CLOSE_WAIT or ACLIPC_CLOSE_DEFER
 * @timeout_ms: for ACLIPC_CLOSE_WAIT, else 0
 * @begin: result, or NULL; also written on -EBUSY, -ETIMEDOUT, -EINTR and
 *	-EDEADLK
 *
 * After ACLIPC_ANSWER_HELD or ACLIPC_ANSWER_REVOKED do the driver's destroy and
 * free, then aclipc_close_finish(), or aclipc_close_abort() if that failed.
 * After ACLIPC_ANSWER_PENDING wait for ACLIPC_EVENT_DRAINED and begin again.
 *
 * Context: may sleep for @timeout_ms with ACLIPC_CLOSE_WAIT.
 * Return: 0, -ENOENT, -EPERM, -EBUSY, -ETIMEDOUT, -EINTR, -EDEADLK,
 * -EOWNERDEAD, -EINVAL.
 */
int aclipc_close_begin(struct aclipc *session, const struct aclipc_key *key,
		       uint64_t generation, enum aclipc_close_op op,
		       uint32_t timeout_ms, struct aclipc_begin *begin);

/**
 * aclipc_close_finish() - the driver has let go: forget the key
 * @session: the session
 * @key: the key
 * @generation: its generation, or 0
 *
 * Return: 0, -ENOENT, -EPERM, -EINVAL (not begun).
 */
int aclipc_close_finish(struct aclipc *session, const struct aclipc_key *key,
			uint64_t generation);

/**
 * aclipc_close_abort() - the driver did not let go, or the deferral is off
 * @session: the session
 * @key: the key
 * @generation: its generation, or 0
 *
 * Return: 0, -ENOENT, -EPERM, -EINVAL (not begun).
 */
int aclipc_close_abort(struct aclipc *session, const struct aclipc_key *key,
		       uint64_t generation);

/**
 * aclipc_query() - state and counts of a key
 * @session: the session
 * @key: the key
 * @generation: its generation, or 0
 * @query: result
 *
 * Return: 0 or -ENOENT (no such key, or not yours to ask about).
 */
int aclipc_query(struct aclipc *session, const struct aclipc_key *key,
		 uint64_t generation, struct aclipc_query *query);

/**
 * aclipc_holders() - who has a key open
 * @session: the session
 * @key: the key
 * @generation: its generation, or 0
 * @holders: array of @nr entries
 * @nr: its length, 0 to ACLIPC_HOLDERS_MAX
 * @total: how many holders there are, possibly more than @nr
 *
 * Return: 0, -ENOENT, -EFAULT, -EINVAL, -ENOMEM.
 */
int aclipc_holders(struct aclipc *session, const struct aclipc_key *key,
		   uint64_t generation, struct aclipc_holder *holders,
		   uint32_t nr, uint32_t *total);

/**
 * aclipc_revoke() - take a key back by force
 * @session: the session
 * @key: the key
 * @generation: its generation, or 0
 * @reason: 0 or enum aclipc_reason
 * @flags: ACLIPC_REVOKE_*
 * @imports: imports of other processes that were told, or NULL
 *
 * Return: 0, -ENOENT, -EPERM, -EINVAL.
 */
int aclipc_revoke(struct aclipc *session, const struct aclipc_key *key,
		  uint64_t generation, uint32_t reason, uint32_t flags,
		  uint32_t *imports);

/**
 * aclipc_next_event() - wait for the next event of a session
 * @session: the session
 * @event: result
 * @timeout_ms: longest wait; 0: do not wait; negative: no limit
 *
 * Return: 0, -ETIMEDOUT, -EINTR, -EPIPE (the session is over), -EPERM.
 */
int aclipc_next_event(struct aclipc *session, struct aclipc_event *event,
		      int timeout_ms);

/**
 * enum aclipc_policy - what the hooks do when others still import
 * @ACLIPC_POLICY_DEFER: succeed at once; destroy and free follow, in this order,
 *	when the last import is gone
 * @ACLIPC_POLICY_WAIT: wait for at most the time-out, then refuse
 * @ACLIPC_POLICY_REFUSE: refuse at once
 */
enum aclipc_policy {
	ACLIPC_POLICY_DEFER = 1,
	ACLIPC_POLICY_WAIT = 2,
	ACLIPC_POLICY_REFUSE = 3,
};

/**
 * aclipc_set_policy() - change the policy of the hooks of this process
 * @policy: the policy
 * @timeout_ms: longest wait, 0 to ACLIPC_WAIT_MAX_MS
 *
 * What is pending already stays pending.
 *
 * Return: 0, -EINVAL, or -EOPNOTSUPP in the static library, which has no hooks.
 */
int aclipc_set_policy(enum aclipc_policy policy, uint32_t timeout_ms);

/**
 * aclipc_get_policy() - policy of the hooks of this process
 * @policy: result, or NULL
 * @timeout_ms: result, or NULL
 *
 * Return: 0, or -EOPNOTSUPP in the static library.
 */
int aclipc_get_policy(enum aclipc_policy *policy, uint32_t *timeout_ms);

/* struct aclipc_pending flags: the memory is to be freed, too */
#define ACLIPC_PENDING_FREE	(1U << 0)
/* struct aclipc_pending flags: the driver refuses to destroy or free it; the
 * memory is kept
 */
#define ACLIPC_PENDING_STUCK	(1U << 1)

/**
 * struct aclipc_pending - one key whose deferred destroy is not done yet
 * @key: the key
 * @generation: its generation
 * @addr: device address that was exported
 * @length: bytes that were exported
 * @device: device number, or 0xffffffff if unknown
 * @flags: ACLIPC_PENDING_*
 */
struct aclipc_pending {
	struct aclipc_key key;
	uint64_t generation;
	uint64_t addr;
	uint64_t length;
	uint32_t device;
	uint32_t flags;
};

/**
 * aclipc_pending() - what the hooks of this process still have to do
 * @pending: array of @nr entries
 * @nr: its length
 * @total: how many there are, possibly more than @nr, or NULL
 * @bytes: bytes of memory whose free is pending, or NULL
 *
 * Return: 0, or -EOPNOTSUPP in the static library.
 */
int aclipc_pending(struct aclipc_pending *pending, uint32_t nr,
		   uint32_t *total, uint64_t *bytes);

#ifdef __cplusplus
}
#endif

#endif /* ACLIPC_H */
