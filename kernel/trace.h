/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints.  pid is the process that owns the session, in the initial
 * namespace.  A key shows its first bytes only.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM aclipc

#if !defined(ACLIPC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ACLIPC_TRACE_H

#include <linux/tracepoint.h>

#include "aclipc.h"

#define ACLIPC_TRACE_KEY	16

TRACE_EVENT(aclipc_open,
	TP_PROTO(const struct aclipc_session *session),
	TP_ARGS(session),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(int, pid)
	),
	TP_fast_assign(
		__entry->session = session->id;
		__entry->pid = pid_nr(session->owner->pid);
	),
	TP_printk("session=%llu pid=%d", __entry->session, __entry->pid)
);

TRACE_EVENT(aclipc_end,
	TP_PROTO(const struct aclipc_session *session, bool exiting),
	TP_ARGS(session, exiting),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(int, pid)
		__field(bool, exiting)
	),
	TP_fast_assign(
		__entry->session = session->id;
		__entry->pid = pid_nr(session->owner->pid);
		__entry->exiting = exiting;
	),
	TP_printk("session=%llu pid=%d exiting=%d", __entry->session,
		  __entry->pid, __entry->exiting)
);

TRACE_EVENT(aclipc_export,
	TP_PROTO(const struct aclipc_share *share),
	TP_ARGS(share),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(int, pid)
		__field(u64, addr)
		__field(u64, length)
		__field(bool, watched)
		__array(u8, key, ACLIPC_TRACE_KEY)
	),
	TP_fast_assign(
		__entry->generation = share->generation;
		__entry->pid = pid_nr(aclipc_share_owner(share)->pid);
		__entry->addr = share->addr;
		__entry->length = share->length;
		__entry->watched = share->watched;
		memcpy(__entry->key, share->key, ACLIPC_TRACE_KEY);
	),
	TP_printk("generation=%llu pid=%d addr=0x%llx length=%llu watched=%d key=%s",
		  __entry->generation, __entry->pid, __entry->addr,
		  __entry->length, __entry->watched,
		  __print_hex_str(__entry->key, ACLIPC_TRACE_KEY))
);

DECLARE_EVENT_CLASS(aclipc_count,
	TP_PROTO(const struct aclipc_share *share,
		 const struct aclipc_session *session, u32 count),
	TP_ARGS(share, session, count),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(int, pid)
		__field(u32, count)
		__field(u64, imports)
	),
	TP_fast_assign(
		__entry->generation = share->generation;
		__entry->pid = pid_nr(session->owner->pid);
		__entry->count = count;
		__entry->imports = share->nr_imports;
	),
	TP_printk("generation=%llu pid=%d count=%u imports=%llu",
		  __entry->generation, __entry->pid, __entry->count,
		  __entry->imports)
);

/* count: what the session has now; imports: what other processes have */
DEFINE_EVENT(aclipc_count, aclipc_import,
	TP_PROTO(const struct aclipc_share *share,
		 const struct aclipc_session *session, u32 count),
	TP_ARGS(share, session, count)
);

DEFINE_EVENT(aclipc_count, aclipc_close,
	TP_PROTO(const struct aclipc_share *share,
		 const struct aclipc_session *session, u32 count),
	TP_ARGS(share, session, count)
);

/* count: what was taken back from a session that ended */
DEFINE_EVENT(aclipc_count, aclipc_settled,
	TP_PROTO(const struct aclipc_share *share,
		 const struct aclipc_session *session, u32 count),
	TP_ARGS(share, session, count)
);

TRACE_EVENT(aclipc_begin,
	TP_PROTO(const struct aclipc_share *share,
		 const struct aclipc_close *cmd, int ret),
	TP_ARGS(share, cmd, ret),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(int, pid)
		__field(u32, op)
		__field(int, ret)
		__field(u32, answer)
		__field(u32, imports)
	),
	TP_fast_assign(
		__entry->generation = share->generation;
		__entry->pid = pid_nr(aclipc_share_owner(share)->pid);
		__entry->op = cmd->op;
		__entry->ret = ret;
		__entry->answer = cmd->out_answer;
		__entry->imports = cmd->out_imports;
	),
	TP_printk("generation=%llu pid=%d op=%s ret=%d answer=%s imports=%u",
		  __entry->generation, __entry->pid,
		  __print_symbolic(__entry->op,
				   { ACLIPC_CLOSE_TRY, "try" },
				   { ACLIPC_CLOSE_WAIT, "wait" },
				   { ACLIPC_CLOSE_DEFER, "defer" }),
		  __entry->ret,
		  __print_symbolic(__entry->answer,
				   { 0, "none" },
				   { ACLIPC_ANSWER_HELD, "held" },
				   { ACLIPC_ANSWER_PENDING, "pending" },
				   { ACLIPC_ANSWER_REVOKED, "revoked" }),
		  __entry->imports)
);

#define aclipc_trace_states				\
	{ ACLIPC_STATE_LIVE, "live" },			\
	{ ACLIPC_STATE_CLOSING, "closing" },		\
	{ ACLIPC_STATE_HELD, "held" },			\
	{ ACLIPC_STATE_REVOKED, "revoked" }

#define aclipc_trace_reasons				\
	{ ACLIPC_REASON_NONE, "none" },			\
	{ ACLIPC_REASON_EXIT, "exit" },			\
	{ ACLIPC_REASON_SESSION, "session" },		\
	{ ACLIPC_REASON_FREED, "freed" },		\
	{ ACLIPC_REASON_DEVICE, "device" },		\
	{ ACLIPC_REASON_FORCED, "forced" },		\
	{ ACLIPC_REASON_CLOSED, "closed" }

TRACE_EVENT(aclipc_state,
	TP_PROTO(const struct aclipc_share *share, u8 to),
	TP_ARGS(share, to),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u8, from)
		__field(u8, to)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->generation = share->generation;
		__entry->from = share->state;
		__entry->to = to;
		__entry->reason = share->reason;
	),
	TP_printk("generation=%llu from=%s to=%s reason=%s",
		  __entry->generation,
		  __print_symbolic(__entry->from, aclipc_trace_states),
		  __print_symbolic(__entry->to, aclipc_trace_states),
		  __print_symbolic(__entry->reason, aclipc_trace_reasons))
);

TRACE_EVENT(aclipc_event,
	TP_PROTO(const struct aclipc_share *share,
		 const struct aclipc_session *session, u8 type, u8 reason),
	TP_ARGS(share, session, type, reason),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(int, pid)
		__field(u8, type)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->generation = share->generation;
		__entry->pid = pid_nr(session->owner->pid);
		__entry->type = type;
		__entry->reason = reason;
	),
	TP_printk("generation=%llu pid=%d type=%s reason=%s",
		  __entry->generation, __entry->pid,
		  __print_symbolic(__entry->type,
				   { ACLIPC_EVENT_CLOSING, "closing" },
				   { ACLIPC_EVENT_LIVE, "live" },
				   { ACLIPC_EVENT_REVOKED, "revoked" },
				   { ACLIPC_EVENT_DRAINED, "drained" },
				   { ACLIPC_EVENT_DRIVER, "driver" }),
		  __print_symbolic(__entry->reason, aclipc_trace_reasons))
);

DECLARE_EVENT_CLASS(aclipc_share,
	TP_PROTO(const struct aclipc_share *share),
	TP_ARGS(share),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(int, pid)
	),
	TP_fast_assign(
		__entry->generation = share->generation;
		__entry->pid = pid_nr(aclipc_share_owner(share)->pid);
	),
	TP_printk("generation=%llu pid=%d", __entry->generation, __entry->pid)
);

DEFINE_EVENT(aclipc_share, aclipc_finish,
	TP_PROTO(const struct aclipc_share *share),
	TP_ARGS(share)
);

DEFINE_EVENT(aclipc_share, aclipc_abort,
	TP_PROTO(const struct aclipc_share *share),
	TP_ARGS(share)
);

/* The life of a registration with the driver: asked for, called back, put. */
TRACE_EVENT(aclipc_watch,
	TP_PROTO(u32 id, const struct aclipc_owner *owner, u64 start, u64 end),
	TP_ARGS(id, owner, start, end),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(int, pid)
		__field(u64, start)
		__field(u64, end)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->pid = pid_nr(owner->pid);
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("watch=%u pid=%d start=0x%llx end=0x%llx", __entry->id,
		  __entry->pid, __entry->start, __entry->end)
);

TRACE_EVENT(aclipc_callback,
	TP_PROTO(u32 id, const struct aclipc_owner *owner, bool exiting),
	TP_ARGS(id, owner, exiting),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(int, pid)
		__field(bool, exiting)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->pid = pid_nr(owner->pid);
		__entry->exiting = exiting;
	),
	TP_printk("watch=%u pid=%d exiting=%d", __entry->id, __entry->pid,
		  __entry->exiting)
);

TRACE_EVENT(aclipc_unwatch,
	TP_PROTO(u32 id, const struct aclipc_owner *owner, bool refused),
	TP_ARGS(id, owner, refused),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(int, pid)
		__field(bool, refused)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->pid = pid_nr(owner->pid);
		__entry->refused = refused;
	),
	TP_printk("watch=%u pid=%d refused=%d", __entry->id, __entry->pid,
		  __entry->refused)
);

#endif /* ACLIPC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
