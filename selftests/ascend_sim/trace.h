/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ascend_sim

#if !defined(_ASCEND_SIM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _ASCEND_SIM_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#ifndef SIM_TRACE_KEY
/* a v2 key's first 24 characters: creator and counter, so it is unique */
#define SIM_TRACE_KEY	24
#endif

/*
 * id is the key's number (v2: its counter), or that of a registration; key is
 * empty when none is meant
 */
DECLARE_EVENT_CLASS(ascend_sim_op,
	TP_PROTO(int pid, u64 id, const char *key, u64 va, u64 len),
	TP_ARGS(pid, id, key, va, len),
	TP_STRUCT__entry(
		__field(int, pid)
		__field(u64, id)
		__field(u64, va)
		__field(u64, len)
		__array(u8, key, SIM_TRACE_KEY)
	),
	TP_fast_assign(
		__entry->pid = pid;
		__entry->id = id;
		__entry->va = va;
		__entry->len = len;
		memset(__entry->key, 0, SIM_TRACE_KEY);
		if (key)
			memcpy(__entry->key, key, SIM_TRACE_KEY);
	),
	TP_printk("pid=%d id=%llu va=0x%llx len=%llu key=%s",
		  __entry->pid, __entry->id, __entry->va, __entry->len,
		  __print_hex_str(__entry->key, SIM_TRACE_KEY))
);

#define SIM_EVENT(name)							\
DEFINE_EVENT(ascend_sim_op, name,					\
	TP_PROTO(int pid, u64 id, const char *key, u64 va, u64 len),	\
	TP_ARGS(pid, id, key, va, len))

SIM_EVENT(create);
SIM_EVENT(open);
SIM_EVENT(close);
SIM_EVENT(destroy);
SIM_EVENT(free);
SIM_EVENT(fault);
SIM_EVENT(reg);
SIM_EVENT(callback);
SIM_EVENT(tail);
SIM_EVENT(put);
SIM_EVENT(exit);
SIM_EVENT(lost);
SIM_EVENT(teardown);
SIM_EVENT(cutoff);
SIM_EVENT(recycle);

#endif /* _ASCEND_SIM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
