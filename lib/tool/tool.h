/* SPDX-License-Identifier: LGPL-2.1-only */
/* aclipc: the command-line tool.  What its files share. */
#ifndef ACLIPC_TOOL_H
#define ACLIPC_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../../uapi/aclipc.h"

#ifndef ACLIPC_VERSION
#define ACLIPC_VERSION	"0.1.0"
#endif

/* Exit codes; "aclipc --help" documents them. */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_PROBLEM = 1,	/* doctor found one, or an operation was refused */
	TOOL_USAGE = 2,
	TOOL_NO_MODULE = 3,
	TOOL_NO_KEY = 4,
	TOOL_DENIED = 5,
	TOOL_AMBIGUOUS = 6,
	TOOL_SYSTEM = 7,	/* out of memory, I/O error */
	/* run only: the program's own status otherwise */
	TOOL_RUN_REFUSED = 125,
	TOOL_RUN_NOT_EXEC = 126,
	TOOL_RUN_NOT_FOUND = 127,
};

struct tool_command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *help;
	int (*run)(const struct tool_command *self, int argc, char **argv);
};

extern const struct tool_command tool_list, tool_holders, tool_watch;
extern const struct tool_command tool_revoke, tool_run, tool_doctor;

/* main.c */
#define TOOL_OPT_JSON		(1U << 0)
#define TOOL_OPT_YES		(1U << 1)
#define TOOL_OPT_STRICT		(1U << 2)
#define TOOL_OPT_LIBRARY	(1U << 3)

struct tool_opts {
	bool json, yes, strict;
	const char *library;
	int nr_args;
	char **args;
};

int tool_options(const struct tool_command *self, int argc, char **argv,
		 unsigned int accepted, struct tool_opts *opts);
int tool_usage_error(const struct tool_command *self, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void tool_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tool_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* text.c: nothing from outside reaches a terminal unescaped */
size_t text_utf8(const unsigned char *s, size_t len, uint32_t *code);
void text_print(FILE *f, const char *s);
char *text_escape(const char *s);
char *text_key(const unsigned char *key, unsigned int len, bool whole);
void text_size(char *buf, size_t len, uint64_t bytes);
uint64_t text_seconds(uint64_t ms);
bool text_comm(pid_t pid, char *buf, size_t len);
char *text_process(pid_t pid);
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int text_read_file(const char *path, char *buf, size_t len);
bool text_u64(const char *s, uint64_t *value);
void *text_grow(void *array, size_t nr, size_t size);

/* table.c */
struct table {
	unsigned int nr_columns;
	const char *const *titles;	/* a leading '>' aligns right */
	char **cells;
	size_t nr_cells;
};

void table_init(struct table *t, const char *const *titles, unsigned int nr);
void table_cell(struct table *t, char *text);
void table_print(struct table *t);

/* json.c */
struct json {
	FILE *f;
	bool comma;
};

void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket);
void json_string(struct json *j, const char *name, const char *s);
void json_text(struct json *j, const char *name, const unsigned char *s,
	       size_t len);
void json_u64(struct json *j, const char *name, uint64_t value);
void json_i64(struct json *j, const char *name, int64_t value);
void json_bool(struct json *j, const char *name, bool value);
void json_key(struct json *j, const unsigned char *key, unsigned int len,
	      bool whole);
void json_process(struct json *j, pid_t pid);
void json_newline(struct json *j);

/* view.c: what can be seen of keys and imports */
struct tool_share {
	uint64_t generation, length;
	uint64_t imports, settling, settle_ms, self, waiters;
	char state[12], reason[12];
	pid_t owner;
	bool deferred, anyone, remote, watched;
	bool stuck;
	bool counted;			/* imports and settling are known */
	bool key_whole;
	unsigned int holders, key_len;
	unsigned char key[ACLIPC_KEY_MAX];
};

struct tool_import {
	uint64_t generation, count, settle_ms, since_ns;
	pid_t pid;
	bool settling, self, since_known;
};

struct tool_view {
	bool whole;			/* all of the machine, from debugfs */
	struct tool_share *shares;
	struct tool_import *imports;
	size_t nr_shares, nr_imports;
};

int view_load(struct tool_view *view);
void view_free(struct tool_view *view);
struct tool_share *view_share(struct tool_view *view, uint64_t generation);
bool view_debugfs(char *buf, size_t len);

/* fdinfo.c */
int view_load_fdinfo(struct tool_view *view);
struct tool_share *view_add_share(struct tool_view *view);
struct tool_import *view_add_import(struct tool_view *view);
bool fdinfo_is_aclipc(pid_t pid, const char *fd);
pid_t fdinfo_owner(pid_t pid, const char *fd);

/* key.c */
bool key_parse_hex(const char *hex, unsigned char *key, unsigned int *len);
int key_find(struct tool_view *view, const char *arg,
	     struct tool_share **found);
unsigned int key_literals(const char *arg,
			  unsigned char keys[2][ACLIPC_KEY_MAX]);

/* device.c */
int device_open_quietly(void);
int device_open(int *fd);
int device_errno_exit(int err);

/* elf.c */
#define ELF_MAX_NEEDED	64

struct elf_info {
	unsigned char class;
	uint16_t machine;
	char interp[256];		/* empty: static */
	char soname[128];
	unsigned int nr_needed;
	char *needed[ELF_MAX_NEEDED];
};

int elf_read(int fd, struct elf_info *info);
int elf_read_path(const char *path, struct elf_info *info);
void elf_free(struct elf_info *info);

/* library.c */
#define LIBRARY_SONAME	"libaclipc.so.0"

bool library_find(const char *wanted, char *buf, size_t len);
bool library_is_ours(const char *path);

/* program.c */
struct program {
	char *file;		/* the program, or the interpreter of the script */
	char interp[256];	/* its loader */
	bool fails;		/* with the library it does not start at all */
};

char *program_find(const char *name);
char *program_check(const char *path, const char *library,
		    struct program *program);
int program_dry_run(const struct program *program, const char *library);

/* trace.c: a tracefs instance of our own */
struct trace {
	char dir[256];
	int pipe;
};

int trace_start(struct trace *t);
void trace_stop(struct trace *t);

/* watch_line.c */
#define WATCH_MAX_FIELDS	16

struct watch_event {
	uint64_t time_us;
	pid_t task;
	char name[24];
	unsigned int nr;
	struct {
		char *name, *value;
	} fields[WATCH_MAX_FIELDS];
};

bool watch_parse(char *line, struct watch_event *ev);
void watch_print(FILE *f, const struct watch_event *ev);
void watch_json(struct json *j, const struct watch_event *ev);

/* report.c: the lines of doctor */
enum verdict {
	CHECK_OK,
	CHECK_WARN,
	CHECK_FAIL,
};

struct report {
	bool json;
	unsigned int nr[3];
	struct json out;
};

void report_begin(struct report *r, bool json);
void report(struct report *r, enum verdict verdict, const char *id, char *what,
	    char *fix);
int report_end(struct report *r);

/* doctor_*.c */
void doctor_module(struct report *r);
void doctor_not_loaded(struct report *r, const char *release, const char *path);
void doctor_node(struct report *r);
void doctor_pid(struct report *r, pid_t pid);

#endif /* ACLIPC_TOOL_H */
