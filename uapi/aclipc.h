/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * aclipc: ordered close of shared Ascend device memory.
 *
 * One process exports a key, others import it, all of them close it.  The
 * module counts the imports of each key and answers the exporter's close
 * only when no other process has the key open, whoever is killed whenever.
 *
 * All calls are ioctls on /dev/aclipc.  Rules that hold for each of them:
 *
 * - Every struct begins with its own size in bytes, as the caller knows it.
 *   A struct longer than the module's must be zero beyond what the module
 *   knows, else E2BIG.  A struct shorter than the first version of the call
 *   is refused with EINVAL.  Fields named out_* are written by the module, at
 *   most as far as the caller's size reaches.
 * - Unknown flags are refused with EOPNOTSUPP, bad values and non-zero
 *   reserved fields with EINVAL, unknown calls with ENOTTY.
 * - A refused call changes nothing.  One exception: EFAULT because another
 *   thread took the struct's memory away while the call ran.
 * - A key is 1 to 64 non-zero bytes, padded with zero bytes to the size of
 *   the field.  The bytes are opaque: some drivers make text, some do not.
 * - A generation tells two exports of the same key apart.  It is never 0 and
 *   never repeats while the module is loaded.  In a request, 0 means "the
 *   only one there is"; where several fit, the call is refused with EINVAL.
 * - State-changing calls and read() are answered only for the process that
 *   opened the descriptor, others get EPERM (a forked child, a process that
 *   was sent the descriptor).  They open /dev/aclipc themselves.
 *
 * ======================  =====================================================
 * ENOENT                  no such key, or not yours to ask about, or nothing
 *                         left to close
 * EACCES                  the importer is not on the key's list
 * EPERM                   not the owner of this descriptor or of this export,
 *                         and not privileged
 * EEXIST                  this key is exported already
 * EBUSY                   refused: imports remain; how many is returned
 * ESHUTDOWN               import refused: the exporter is closing or has closed
 * EOWNERDEAD              import refused or wait ended: the exporter or its
 *                         memory is gone
 * ETIMEDOUT, EINTR        the wait is over, or a signal came; the remaining
 *                         milliseconds are written back
 * EDEADLK                 waiting would close a cycle of waiting processes
 * EDQUOT                  a limit is reached
 * EINVAL, E2BIG, EFAULT,  bad field or ambiguous key, non-zero bytes from the
 * ENOTTY, EOPNOTSUPP      future, bad pointer, unknown call, unknown flag
 * ENOMEM                  out of memory
 * ======================  =====================================================
 */
#ifndef _UAPI_ACLIPC_H
#define _UAPI_ACLIPC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ACLIPC_DEVICE		"/dev/aclipc"

/* Raised when a call or a flag is added; out_abi of ACLIPC_INFO tells it. */
#define ACLIPC_ABI_VERSION	1

/* Longest key in bytes.  CANN's buffers have 65: one more for the NUL. */
#define ACLIPC_KEY_MAX		64

/* Longest wait that ACLIPC_CLOSE_WAIT accepts: one day. */
#define ACLIPC_WAIT_MAX_MS	86400000

/* Most pids in one ACLIPC_ALLOW (CANN itself accepts 31 in one call). */
#define ACLIPC_ALLOW_MAX	4096

/* Devices that a process can have memory on: 0 to ACLIPC_DEVICES - 1. */
#define ACLIPC_DEVICES		64

/* Most entries that one ACLIPC_HOLDERS returns. */
#define ACLIPC_HOLDERS_MAX	4096

#define ACLIPC_IOC_TYPE		0xbd
#define ACLIPC_IOC(nr)		_IO(ACLIPC_IOC_TYPE, nr)

/**
 * enum aclipc_state - what may happen to an exported key
 * @ACLIPC_STATE_LIVE: it can be imported
 * @ACLIPC_STATE_CLOSING: its exporter asked to close, imports remain; no new
 *	import is accepted
 * @ACLIPC_STATE_HELD: nothing is counted and nothing can come; its exporter
 *	destroys and frees now
 * @ACLIPC_STATE_REVOKED: exporter dead, memory gone or revoked by force;
 *	importers were told, their closes still succeed
 */
enum aclipc_state {
	ACLIPC_STATE_LIVE = 1,
	ACLIPC_STATE_CLOSING = 2,
	ACLIPC_STATE_HELD = 3,
	ACLIPC_STATE_REVOKED = 4,
};

/**
 * enum aclipc_reason - why a key was revoked
 * @ACLIPC_REASON_NONE: it was not
 * @ACLIPC_REASON_EXIT: the exporter exited or was killed
 * @ACLIPC_REASON_SESSION: the exporter closed its last descriptor while it
 *	lives on (close(2), exec)
 * @ACLIPC_REASON_FREED: the exporter says that its memory is gone
 * @ACLIPC_REASON_DEVICE: the exporter closed or reset the device
 * @ACLIPC_REASON_FORCED: the exporter or an administrator revoked it
 * @ACLIPC_REASON_CLOSED: the exporter closed it in order; only its own
 *	imports were left
 */
enum aclipc_reason {
	ACLIPC_REASON_NONE = 0,
	ACLIPC_REASON_EXIT = 1,
	ACLIPC_REASON_SESSION = 2,
	ACLIPC_REASON_FREED = 3,
	ACLIPC_REASON_DEVICE = 4,
	ACLIPC_REASON_FORCED = 5,
	ACLIPC_REASON_CLOSED = 6,
};

/* out_caps of ACLIPC_INFO: the Ascend driver's watch functions are present */
#define ACLIPC_CAP_DRIVER	0x1
/* out_caps of ACLIPC_INFO: the end of a process is noticed even if another
 * process still holds its descriptor
 */
#define ACLIPC_CAP_EXIT		0x2

/**
 * struct aclipc_info - ioctl(ACLIPC_INFO)
 * @size: sizeof(struct aclipc_info)
 * @flags: must be 0
 * @out_abi: ACLIPC_ABI_VERSION of the module
 * @out_caps: ACLIPC_CAP_*
 * @out_settle_ms: how long the imports of a process that ended without closing
 *	stay counted at least, in milliseconds
 * @out_exit_grace_ms: how long the exit of an exporter is delayed at most for
 *	importers that listen (that had called poll() or read() on their
 *	descriptor before they imported), in milliseconds
 * @out_max_sessions: descriptors of one process
 * @out_max_exports: exported keys of one process
 * @out_max_imports: imported keys of one process
 * @out_max_allow: processes on the list of one key
 * @out_max_tombstones: revoked keys without imports that the module remembers
 * @out_max_settling: settling imports of the whole machine
 * @out_nr_watches: registrations with the driver that the module has now
 * @out_settle_max_ms: how long they stay counted at most, where the driver does
 *	not say that the process has left its devices, in milliseconds
 * @out_version: version of the module, NUL-terminated
 *
 * Any process that has the descriptor may ask.
 */
struct aclipc_info {
	__u32 size;
	__u32 flags;
	__u32 out_abi;
	__u32 out_caps;
	__u32 out_settle_ms;
	__u32 out_exit_grace_ms;
	__u32 out_max_sessions;
	__u32 out_max_exports;
	__u32 out_max_imports;
	__u32 out_max_allow;
	__u32 out_max_tombstones;
	__u32 out_max_settling;
	__u32 out_nr_watches;
	__u32 out_settle_max_ms;
	__u8 out_version[32];
};

#define ACLIPC_INFO		ACLIPC_IOC(0)

/* struct aclipc_export flags: every process may import */
#define ACLIPC_EXPORT_ANYONE	0x1
/* struct aclipc_export flags: do not ask the driver to watch the region */
#define ACLIPC_EXPORT_UNWATCHED	0x2

/**
 * struct aclipc_export - ioctl(ACLIPC_EXPORT)
 * @size: sizeof(struct aclipc_export)
 * @flags: ACLIPC_EXPORT_*
 * @addr: device address of the region, not 0
 * @length: bytes, not 0; @addr + @length must not wrap
 * @key: the key that the driver made for it
 * @out_generation: generation of this export
 * @out_watched: 1 if the driver tells the module when the region goes away.
 *	Best effort: few regions of a process are watched at a time, since each
 *	costs all of its frees; others are ordered all the same.
 * @device: the device that the memory is on, as the driver's user library
 *	numbers it, 0 to ACLIPC_DEVICES - 1; 0 if that is not known
 *
 * The caller becomes the exporter.  Only the exporter and, with
 * ACLIPC_EXPORT_ANYONE or after ACLIPC_ALLOW, others may import the key.  The
 * export lasts until FINISH of ACLIPC_CLOSE, or is revoked when the session
 * ends.
 *
 * Errors: EEXIST, EDQUOT, EINVAL, ENOMEM.
 */
struct aclipc_export {
	__u32 size;
	__u32 flags;
	__aligned_u64 addr;
	__aligned_u64 length;
	__u8 key[ACLIPC_KEY_MAX];
	__aligned_u64 out_generation;
	__u32 out_watched;
	__u32 device;
};

#define ACLIPC_EXPORT		ACLIPC_IOC(1)

/* struct aclipc_allow flags: every process may import from now on */
#define ACLIPC_ALLOW_ANYONE	0x1
/* struct aclipc_allow flags: importers on other servers are possible; they
 * cannot be counted here, QUERY and the tool say so
 */
#define ACLIPC_ALLOW_REMOTE	0x2

/**
 * struct aclipc_allow - ioctl(ACLIPC_ALLOW)
 * @size: sizeof(struct aclipc_allow)
 * @flags: ACLIPC_ALLOW_*
 * @key: a key that the caller exported
 * @generation: or 0
 * @pids: address of an array of __s32: process ids in the initial pid
 *	namespace, as aclrtDeviceGetBareTgid() gives them
 * @nr_pids: 0 to ACLIPC_ALLOW_MAX
 * @out_added: how many of them are processes that exist.  Others are skipped,
 *	and so are 0 and the exporter itself, as the driver does.
 *
 * Lists grow by each call; there is no way to take a process off.  The list
 * holds processes, not numbers: a later process with the same number is not
 * on it.
 *
 * Errors: ENOENT, EPERM, EDQUOT, EFAULT, EINVAL (negative pid), ENOMEM.
 */
struct aclipc_allow {
	__u32 size;
	__u32 flags;
	__u8 key[ACLIPC_KEY_MAX];
	__aligned_u64 generation;
	__aligned_u64 pids;
	__u32 nr_pids;
	__u32 out_added;
};

#define ACLIPC_ALLOW		ACLIPC_IOC(2)

/**
 * struct aclipc_import - ioctl(ACLIPC_IMPORT)
 * @size: sizeof(struct aclipc_import)
 * @flags: must be 0
 * @key: the key to import
 * @out_generation: the generation that was imported
 * @out_length: bytes of the region
 *
 * Counts one import.  N imports need N closes.
 *
 * Errors: ENOENT (never seen this key), EACCES, ESHUTDOWN, EOWNERDEAD, EDQUOT,
 * ENOMEM.
 */
struct aclipc_import {
	__u32 size;
	__u32 flags;
	__u8 key[ACLIPC_KEY_MAX];
	__aligned_u64 out_generation;
	__aligned_u64 out_length;
};

#define ACLIPC_IMPORT		ACLIPC_IOC(3)

/**
 * enum aclipc_close_op - what ACLIPC_CLOSE is asked to do
 * @ACLIPC_CLOSE_IMPORT: importer: take one import back.  Always succeeds for
 *	an import that is counted, also after REVOKED; one more is ENOENT.
 * @ACLIPC_CLOSE_TRY: exporter: begin, or EBUSY if other processes hold imports
 * @ACLIPC_CLOSE_WAIT: exporter: begin, waiting for at most timeout_ms
 * @ACLIPC_CLOSE_DEFER: exporter: begin, or PENDING at once; the event DRAINED
 *	follows when the last import is gone, and beginning again answers HELD
 * @ACLIPC_CLOSE_FINISH: exporter: the real destroy and the real free are done,
 *	forget the key.  Accepted after HELD or REVOKED was answered.
 * @ACLIPC_CLOSE_ABORT: exporter: the real destroy failed, or the deferral is
 *	called off; the key is LIVE again (a revoked one stays revoked).  A
 *	process that closes one key from several threads sees to it itself
 *	that only the one that was answered HELD says FINISH or ABORT.
 */
enum aclipc_close_op {
	ACLIPC_CLOSE_IMPORT = 1,
	ACLIPC_CLOSE_TRY = 2,
	ACLIPC_CLOSE_WAIT = 3,
	ACLIPC_CLOSE_DEFER = 4,
	ACLIPC_CLOSE_FINISH = 5,
	ACLIPC_CLOSE_ABORT = 6,
};

/**
 * enum aclipc_answer - what a successful TRY, WAIT or DEFER was answered
 * @ACLIPC_ANSWER_HELD: nothing is counted and nothing can come: do the real
 *	destroy, then the real free, then FINISH (or ABORT).  Of concurrent
 *	closers exactly one is told, the others get ENOENT.
 * @ACLIPC_ANSWER_PENDING: imports remain; DRAINED will follow (DEFER only)
 * @ACLIPC_ANSWER_REVOKED: the key was revoked before; nothing is left to wait
 *	for.  Do the real destroy if there is something to destroy, then FINISH.
 *	Of concurrent closers exactly one is told, the others get ENOENT.
 */
enum aclipc_answer {
	ACLIPC_ANSWER_HELD = 1,
	ACLIPC_ANSWER_PENDING = 2,
	ACLIPC_ANSWER_REVOKED = 3,
};

/**
 * struct aclipc_close - ioctl(ACLIPC_CLOSE)
 * @size: sizeof(struct aclipc_close)
 * @flags: must be 0
 * @op: enum aclipc_close_op
 * @timeout_ms: WAIT: 0 to ACLIPC_WAIT_MAX_MS; written back with what remains,
 *	also on ETIMEDOUT and EINTR.  0 for all other operations.
 * @key: the key
 * @generation: or 0
 * @out_answer: enum aclipc_answer of TRY, WAIT and DEFER
 * @out_imports: IMPORT: what this session still counts of the key.  Others:
 *	imports of other processes, settling ones included; also on EBUSY,
 *	ETIMEDOUT, EINTR and EDEADLK.
 * @out_settling: how many of these are settling: their process has ended and
 *	the driver still takes its mappings down
 * @__reserved: must be 0
 *
 * The exporter's own imports never stand in the way of its close.  What is left
 * of them at FINISH can still be closed.
 *
 * Errors: ENOENT, EPERM, EINVAL (also FINISH or ABORT of a key that was not
 * begun), EBUSY, ETIMEDOUT, EINTR, EDEADLK, EOWNERDEAD (revoked during the
 * wait; beginning again answers REVOKED).
 */
struct aclipc_close {
	__u32 size;
	__u32 flags;
	__u32 op;
	__u32 timeout_ms;
	__u8 key[ACLIPC_KEY_MAX];
	__aligned_u64 generation;
	__u32 out_answer;
	__u32 out_imports;
	__u32 out_settling;
	__u32 __reserved;
};

#define ACLIPC_CLOSE		ACLIPC_IOC(4)

/* out_flags of ACLIPC_QUERY */
#define ACLIPC_QUERY_ANYONE	0x1	/* every process may import */
#define ACLIPC_QUERY_REMOTE	0x2	/* importers elsewhere possible */
#define ACLIPC_QUERY_WATCHED	0x4	/* the driver watches it */
#define ACLIPC_QUERY_OWNER	0x8	/* the caller exported it */
#define ACLIPC_QUERY_DEFERRED	0x10	/* a deferred close stands */

/**
 * struct aclipc_query - ioctl(ACLIPC_QUERY)
 * @size: sizeof(struct aclipc_query)
 * @flags: must be 0
 * @key: the key
 * @generation: or 0
 * @out_generation: its generation
 * @out_length: bytes of the region
 * @out_state: enum aclipc_state
 * @out_reason: enum aclipc_reason
 * @out_my_imports: what this session counts
 * @out_imports: imports of processes other than the exporter, settling ones
 *	included
 * @out_settling: how many of these are settling
 * @out_self_imports: the exporter's own imports
 * @out_waiters: threads that wait in ACLIPC_CLOSE_WAIT
 * @out_flags: ACLIPC_QUERY_*
 * @out_settle_ms: for how much longer the last of those that settle does at
 *	most, in milliseconds
 * @__reserved: 0
 *
 * Answered for the exporter, for importers, for those who may import and for
 * CAP_SYS_ADMIN; ENOENT for everybody else.
 */
struct aclipc_query {
	__u32 size;
	__u32 flags;
	__u8 key[ACLIPC_KEY_MAX];
	__aligned_u64 generation;
	__aligned_u64 out_generation;
	__aligned_u64 out_length;
	__u32 out_state;
	__u32 out_reason;
	__u32 out_my_imports;
	__u32 out_imports;
	__u32 out_settling;
	__u32 out_self_imports;
	__u32 out_waiters;
	__u32 out_flags;
	__u32 out_settle_ms;
	__u32 __reserved;
};

#define ACLIPC_QUERY		ACLIPC_IOC(5)

/* struct aclipc_holder flags: ended, the driver still takes mappings down */
#define ACLIPC_HOLDER_SETTLING	0x1
/* struct aclipc_holder flags: the exporter itself */
#define ACLIPC_HOLDER_SELF	0x2

/**
 * struct aclipc_holder - one holder of a key
 * @pid: process id as the caller's pid namespace sees it, 0 if it does not or
 *	if the process is gone
 * @count: how many imports
 * @flags: ACLIPC_HOLDER_*
 * @settle_ms: for how much longer it settles at most, in milliseconds
 * @since_ns: CLOCK_BOOTTIME of its first import, in nanoseconds
 *
 * The record never grows.
 */
struct aclipc_holder {
	__s32 pid;
	__u32 count;
	__u32 flags;
	__u32 settle_ms;
	__aligned_u64 since_ns;
};

/**
 * struct aclipc_holders - ioctl(ACLIPC_HOLDERS)
 * @size: sizeof(struct aclipc_holders)
 * @flags: must be 0
 * @key: the key
 * @generation: or 0
 * @holders: address of an array of struct aclipc_holder
 * @nr_holders: its length, 0 to ACLIPC_HOLDERS_MAX; 0 only counts
 * @out_holders: how many holders there are, possibly more than were written
 *
 * One entry for each session that imported the key.  Answered for whom QUERY
 * is answered.
 */
struct aclipc_holders {
	__u32 size;
	__u32 flags;
	__u8 key[ACLIPC_KEY_MAX];
	__aligned_u64 generation;
	__aligned_u64 holders;
	__u32 nr_holders;
	__u32 out_holders;
};

#define ACLIPC_HOLDERS		ACLIPC_IOC(6)

/* struct aclipc_revoke flags: the driver has forgotten the key; exporter only */
#define ACLIPC_REVOKE_GONE	0x1

/**
 * struct aclipc_revoke - ioctl(ACLIPC_REVOKE)
 * @size: sizeof(struct aclipc_revoke)
 * @flags: ACLIPC_REVOKE_*
 * @key: the key
 * @generation: or 0
 * @reason: 0 or ACLIPC_REASON_FORCED; the exporter may also say
 *	ACLIPC_REASON_FREED or ACLIPC_REASON_DEVICE
 * @out_imports: imports of other processes that were told
 *
 * By the exporter or CAP_SYS_ADMIN.  Importers get the event REVOKED at once.
 * The key stays known, so that no import of it slips by unseen, until
 * ACLIPC_REVOKE_GONE or FINISH says that the driver has forgotten it, or the
 * exporter has exited.  Revoking a revoked key succeeds.
 *
 * Errors: ENOENT, EPERM, EINVAL, EOPNOTSUPP.
 */
struct aclipc_revoke {
	__u32 size;
	__u32 flags;
	__u8 key[ACLIPC_KEY_MAX];
	__aligned_u64 generation;
	__u32 reason;
	__u32 out_imports;
};

#define ACLIPC_REVOKE		ACLIPC_IOC(7)

/**
 * enum aclipc_event_type - what read() tells
 * @ACLIPC_EVENT_CLOSING: to an importer: the exporter wants to close
 * @ACLIPC_EVENT_LIVE: to an importer: the exporter does not want to any more
 * @ACLIPC_EVENT_REVOKED: to an importer: the memory is gone or about to go
 * @ACLIPC_EVENT_DRAINED: to the exporter: a deferred close can begin again,
 *	since the last import is gone or the key was revoked
 * @ACLIPC_EVENT_DRIVER: to an importer: the driver has called back for memory of
 *	a living exporter.  It frees it, past the exporter's library, or repairs
 *	it, or has tried to: the driver does not say which.  News, not a state:
 *	the key is what it was, and closes are ordered as before.
 */
enum aclipc_event_type {
	ACLIPC_EVENT_CLOSING = 1,
	ACLIPC_EVENT_LIVE = 2,
	ACLIPC_EVENT_REVOKED = 3,
	ACLIPC_EVENT_DRAINED = 4,
	ACLIPC_EVENT_DRIVER = 5,
};

/**
 * struct aclipc_event - one record of read()
 * @size: size of the record in bytes
 * @type: enum aclipc_event_type
 * @reason: enum aclipc_reason of REVOKED, else 0
 * @__reserved: 0
 * @generation: of the key
 * @key: the key
 *
 * read() returns as many whole records as fit.  Each key has one pending change
 * of state at most: the newest one, and after it at most one DRIVER, unless it
 * is REVOKED.  None can be lost.  An event goes with its import.  poll() reports
 * POLLIN while events are pending and POLLHUP when the session is over.  The
 * record never grows: @__reserved is the room there is.
 */
struct aclipc_event {
	__u32 size;
	__u32 type;
	__u32 reason;
	__u32 __reserved;
	__aligned_u64 generation;
	__u8 key[ACLIPC_KEY_MAX];
};

#endif /* _UAPI_ACLIPC_H */
