// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc run */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define LOOK_MS		2000
#define LOOK_STRICT_MS	10000
#define LOOK_STEP_MS	5

/* 1: mapped, 0: not (yet), -1: the process is gone or cannot be read */
static int run_mapped(int proc)
{
	int fd = openat(proc, "maps", O_RDONLY | O_CLOEXEC), found = 0;
	char *line = NULL, *path;
	size_t size = 0;
	FILE *f;

	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (!found && getline(&line, &size, f) > 0) {
		path = strchr(line, '/');
		found = path && library_is_ours(path);
	}
	if (ferror(f))
		found = -1;
	free(line);
	fclose(f);
	return found;
}

/* Runs beside the program until the library was seen in it. */
static void run_look(pid_t pid, int proc, const char *name, bool strict)
{
	struct timespec step = { 0, LOOK_STEP_MS * 1000000L };
	int left = strict ? LOOK_STRICT_MS : LOOK_MS;
	int mapped;

	for (; left > 0; left -= LOOK_STEP_MS) {
		mapped = run_mapped(proc);
		if (mapped)
			return;
		nanosleep(&step, NULL);
	}
	tool_error("%s runs without libaclipc.so, its memory is not ordered%s",
		   name, strict ? "; stopped (--strict)" : "");
	if (strict)
		kill(pid, SIGKILL);
}

/*
 * The program takes this process's place, so that its pid, signals and status
 * are its own.  What looks after it is a grandchild that nobody has to reap.
 */
static void run_watch(const char *name, bool strict)
{
	pid_t self = getpid(), child;
	char path[64];
	int proc;

	snprintf(path, sizeof(path), "/proc/%d", self);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return;
	child = fork();
	if (!child) {
		if (fork())
			_exit(0);
		/* pipelines must not wait for us beyond the program */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		proc = dup2(proc, STDERR_FILENO + 1);
		syscall(SYS_close_range, STDERR_FILENO + 2, ~0U, 0);
		run_look(self, proc, name, strict);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
	close(proc);
}

static bool run_environment(const char *library, bool strict)
{
	const char *old = getenv("LD_PRELOAD");
	char *preload;

	if (strpbrk(library, ": ")) {
		tool_error("the loader takes no path with spaces or colons: %s",
			   library);
		return false;
	}
	preload = old && *old ? text_format("%s:%s", library, old) :
		  text_format("%s", library);
	setenv("LD_PRELOAD", preload, 1);
	free(preload);
	if (strict)
		setenv("ACLIPC_STRICT", "1", 1);
	return true;
}

/*
 * Why the library will not be in the program; NULL: it will, or may.  *fails:
 * then the program will not start.
 */
static char *run_verify(const char *path, const char *library, bool *fails)
{
	struct program program;
	char *why;
	int ret;

	why = program_check(path, library, &program);
	*fails = program.fails;
	if (!why) {
		ret = program_dry_run(&program, library);
		if (!ret)
			why = text_format("the loader does not take %s into %s",
					  library, program.file);
		else if (ret < 0)
			why = text_format("the loader %s cannot be asked",
					  program.interp);
	}
	free(program.file);
	return why;
}

static int run_exec(char *program, char **args)
{
	int err;

	execv(program, args);
	err = errno;
	/* a script without a first line: what a shell does with it */
	if (err == ENOEXEC) {
		execvp(program, args);
		err = errno;
	}
	tool_error("cannot run %s: %s", program, strerror(err));
	return err == ENOENT ? TOOL_RUN_NOT_FOUND : TOOL_RUN_NOT_EXEC;
}

static int run_program(const struct tool_opts *opts)
{
	char library[PATH_MAX], *program, *why;
	bool fails;
	int err;

	program = program_find(opts->args[0]);
	if (!program) {
		err = errno;
		tool_error("cannot run %s: %s", opts->args[0], strerror(err));
		return err == ENOENT ? TOOL_RUN_NOT_FOUND : TOOL_RUN_NOT_EXEC;
	}
	if (!library_find(opts->library, library, sizeof(library)) &&
	    opts->library) {
		tool_error("no such library: %s", library);
		return TOOL_RUN_REFUSED;
	}
	if (!run_environment(library, opts->strict))
		return TOOL_RUN_REFUSED;
	why = run_verify(program, library, &fails);
	if (why) {
		tool_error("%s%s", why, fails ? "; not started" :
			   opts->strict ? "; not started (--strict)" : "");
		if (fails || opts->strict)
			return TOOL_RUN_REFUSED;
	} else {
		run_watch(opts->args[0], opts->strict);
	}
	return run_exec(program, opts->args);
}

static int run_run(const struct tool_command *self, int argc, char **argv)
{
	struct tool_opts opts;
	int ret;

	ret = tool_options(self, argc, argv,
			   TOOL_OPT_STRICT | TOOL_OPT_LIBRARY, &opts);
	if (ret)
		return ret < 0 ? TOOL_OK : TOOL_RUN_REFUSED;
	if (!opts.nr_args) {
		tool_usage_error(self, "run: give a program");
		return TOOL_RUN_REFUSED;
	}
	return run_program(&opts);
}

const struct tool_command tool_run = {
	.name = "run",
	.synopsis = "[--strict] [--library PATH] -- PROGRAM [ARGUMENTS]",
	.summary = "Run a program with libaclipc.so preloaded, and see that it is",
	.help =
"Puts libaclipc.so, the one beside this tool or else the loader's, in front of\n"
"LD_PRELOAD, checks that the program is one into which the loader takes it\n"
"(dynamic, of the same kind, not set-user-id; for a script, its interpreter), and\n"
"becomes the program: same pid, same exit status.  After the start it is looked\n"
"up in the program's memory map.  A program of musl is not started if the library\n"
"was built for glibc.\n"
"\n"
"  --strict        do not start, or stop, a program that runs without the library;\n"
"                  sets ACLIPC_STRICT=1, too: calls fail when nothing orders them\n"
"  --library PATH  take this library\n"
"\n"
"Exit code 125: not started; 126, 127: as shells say not executable, not found.\n",
	.run = run_run,
};
