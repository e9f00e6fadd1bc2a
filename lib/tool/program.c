// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc run: will the loader take our library into this program? */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tool.h"

#define MAX_INTERPRETERS	4

/* As execvp() finds it.  The result is to be freed; NULL and errno. */
char *program_find(const char *name)
{
	const char *path = getenv("PATH"), *end;
	int err = ENOENT;
	struct stat st;
	char *file;

	if (strchr(name, '/'))
		return access(name, X_OK) ? NULL : text_format("%s", name);
	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *name && path;
	     path = end ? end + 1 : NULL) {
		end = strchr(path, ':');
		file = text_format("%.*s%s%s", end ? (int)(end - path) :
				   (int)strlen(path), path,
				   end == path || !*path ? "./" : "/", name);
		if (!stat(file, &st) && S_ISREG(st.st_mode)) {
			if (!access(file, X_OK))
				return file;
			err = EACCES;
		}
		free(file);
	}
	errno = err;
	return NULL;
}

/* The loader ignores our library in programs that gain privileges. */
static bool program_gains_privileges(int fd)
{
	char value[64];
	struct stat st;

	if (fstat(fd, &st))
		return false;
	if ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
	    (st.st_mode & S_ISGID && st.st_mode & S_IXGRP &&
	     st.st_gid != getegid()))
		return true;
	return geteuid() && fgetxattr(fd, "security.capability", value,
				      sizeof(value)) > 0;
}

/* The next program of a script's first line; NULL: it has none. */
static char *program_interpreter(int fd)
{
	char line[256], *word, *save;
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	if (n < 3 || line[0] != '#' || line[1] != '!')
		return NULL;
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	word = strtok_r(line + 2, " \t", &save);
	if (!word)
		return NULL;
	if (strcmp(word, "/usr/bin/env") && strcmp(word, "/bin/env"))
		return text_format("%s", word);
	do {
		word = strtok_r(NULL, " \t", &save);
	} while (word && (*word == '-' || strchr(word, '=')));
	return word ? program_find(word) : NULL;
}

static bool elf_needs(const struct elf_info *elf, const char *soname)
{
	unsigned int i;

	for (i = 0; i < elf->nr_needed; i++)
		if (!strcmp(elf->needed[i], soname))
			return true;
	return false;
}

static char *program_check_elf(const char *path, const struct elf_info *elf,
			       const struct elf_info *lib,
			       struct program *program)
{
	if (lib->class && (elf->class != lib->class ||
			   elf->machine != lib->machine))
		return text_format("%s is for another kind of machine than libaclipc.so (%d-bit, machine %u)",
				   path, elf->class == ELFCLASS32 ? 32 : 64,
				   elf->machine);
	if (!elf->interp[0])
		return text_format("%s is static: no library can be loaded into it",
				   path);
	/* musl's loader takes glibc for itself, then misses what it lacks */
	program->fails = strstr(elf->interp, "/ld-musl") &&
			 elf_needs(lib, "libc.so.6");
	if (program->fails)
		return text_format("%s is a program of musl, libaclipc.so is built for glibc",
				   path);
	return NULL;
}

/* One link of the chain script, interpreter, ...  NULL and *next: go on. */
static char *program_check_one(const char *path, const struct elf_info *lib,
			       struct program *program, char **next)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct elf_info elf;
	char *why = NULL;

	*next = NULL;
	if (fd < 0)
		return text_format("%s cannot be read: %s", path,
				   strerror(errno));
	if (!elf_read(fd, &elf)) {
		if (program_gains_privileges(fd))
			why = text_format("%s is set-user-id or has file capabilities: the loader ignores LD_PRELOAD",
					  path);
		else
			why = program_check_elf(path, &elf, lib, program);
	} else {
		*next = program_interpreter(fd);
		if (!*next)
			*next = text_format("/bin/sh");
	}
	snprintf(program->interp, sizeof(program->interp), "%s", elf.interp);
	elf_free(&elf);
	close(fd);
	return why;
}

/*
 * Why the library cannot get into the program, NULL if it can.  program->file is
 * to be freed.
 */
char *program_check(const char *path, const char *library,
		    struct program *program)
{
	char *next, *why = NULL;
	struct elf_info lib;
	unsigned int i;

	memset(program, 0, sizeof(*program));
	program->file = text_format("%s", path);
	if (elf_read_path(library, &lib))
		memset(&lib, 0, sizeof(lib));
	for (i = 0; i < MAX_INTERPRETERS; i++) {
		why = program_check_one(program->file, &lib, program, &next);
		if (why || !next)
			break;
		free(program->file);
		program->file = next;
	}
	if (!why && i == MAX_INTERPRETERS)
		why = text_format("%s: too many interpreters", path);
	elf_free(&lib);
	return why;
}

static bool program_listed(int fd, const char *library)
{
	bool found = false;
	char *line = NULL;
	size_t size = 0;
	FILE *f = fdopen(fd, "r");

	while (f && getline(&line, &size, f) > 0)
		found |= !!strstr(line, library) &&
			 !strstr(line, "not found") &&
			 !strstr(line, "cannot be preloaded");
	free(line);
	if (f)
		fclose(f);
	else
		close(fd);
	return found;
}

/*
 * Let the loader itself say what it would load, without running the program.
 * The environment has LD_PRELOAD already.  1: ours too, 0: not, negative: the
 * loader cannot be asked.
 */
int program_dry_run(const struct program *program, const char *library)
{
	char *args[] = { (char *)program->interp, "--list", program->file, NULL };
	posix_spawn_file_actions_t actions;
	int fds[2], status, ret;
	extern char **environ;
	bool listed;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
					 O_WRONLY, 0);
	ret = posix_spawn(&pid, program->interp, &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (ret) {
		close(fds[0]);
		return -ret;
	}
	listed = program_listed(fds[0], library);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status))
		return -ENOEXEC;
	return listed;
}
