// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc doctor PID: are the memory calls of this process ordered? */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

struct process {
	pid_t pid;
	char library[256];		/* libaclipc as it is mapped */
	bool hal, runtime;		/* the CANN libraries are mapped */
	bool preloaded;
	unsigned int davinci_fds, own_fds, foreign_fds;
};

static const char *process_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void process_map(struct process *p, char *path)
{
	const char *base = process_base(path);

	path[strcspn(path, "\n")] = 0;
	if (library_is_ours(path))
		snprintf(p->library, sizeof(p->library), "%s", path);
	p->hal |= !strncmp(base, "libascend_hal.so", 16);
	p->runtime |= !strncmp(base, "libruntime", 10) ||
		      !strncmp(base, "libascendcl.so", 14) ||
		      !strncmp(base, "libacl_rt", 9);
}

static int process_maps(struct process *p)
{
	char *path = text_format("/proc/%d/maps", p->pid), *line = NULL, *file;
	size_t size = 0;
	int err;
	FILE *f;

	f = fopen(path, "re");
	err = errno;
	free(path);
	if (!f)
		return -err;
	errno = 0;
	while (getline(&line, &size, f) > 0) {
		file = strchr(line, '/');
		if (file)
			process_map(p, file);
	}
	err = ferror(f) ? -errno : 0;
	free(line);
	fclose(f);
	return err;
}

/* What the environment was when the program started. */
static void process_environ(struct process *p)
{
	char *path = text_format("/proc/%d/environ", p->pid), *var = NULL;
	char *name, *save;
	size_t size = 0;
	FILE *f;

	f = fopen(path, "re");
	free(path);
	while (f && getdelim(&var, &size, 0, f) > 0) {
		if (strncmp(var, "LD_PRELOAD=", 11))
			continue;
		for (name = strtok_r(var + 11, ": ", &save); name;
		     name = strtok_r(NULL, ": ", &save))
			p->preloaded |= library_is_ours(name);
	}
	free(var);
	if (f)
		fclose(f);
}

static void process_fd(struct process *p, const char *fd)
{
	char path[320], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", p->pid, fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = 0;
	if (!strncmp(target, "/dev/davinci", 12))
		p->davinci_fds++;
	if (!fdinfo_is_aclipc(p->pid, fd))
		return;
	if (fdinfo_owner(p->pid, fd) == p->pid)
		p->own_fds++;
	else
		p->foreign_fds++;
}

static void process_fds(struct process *p)
{
	char *path = text_format("/proc/%d/fd", p->pid);
	struct dirent *entry;
	DIR *dir;

	dir = opendir(path);
	free(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			process_fd(p, entry->d_name);
	if (dir)
		closedir(dir);
}

/* Does the program name our library before any library of CANN? */
static bool process_linked_first(const struct elf_info *elf)
{
	unsigned int i;

	for (i = 0; i < elf->nr_needed; i++) {
		if (library_is_ours(elf->needed[i]))
			return true;
		if (!strncmp(elf->needed[i], "libascend", 9) ||
		    !strncmp(elf->needed[i], "libacl_rt", 9) ||
		    !strncmp(elf->needed[i], "libruntime", 10))
			return false;
	}
	return false;
}

static void doctor_absent(struct report *r, const struct process *p,
			  const struct elf_info *elf)
{
	if (!elf->interp[0])
		report(r, CHECK_FAIL, "library",
		       text_format("the program is static: its calls cannot be ordered"),
		       text_format("link it dynamically"));
	else if (p->hal || p->runtime || p->davinci_fds)
		report(r, CHECK_FAIL, "library",
		       text_format("CANN is in use without libaclipc.so: no call is ordered"),
		       text_format("start the program by: aclipc run -- PROGRAM"));
	else
		report(r, CHECK_WARN, "library",
		       text_format("libaclipc.so is not mapped, nor is CANN"),
		       text_format("if it is going to use NPU memory, start it by: aclipc run -- PROGRAM"));
}

static void doctor_present(struct report *r, const struct process *p,
			   const struct elf_info *elf)
{
	char *library = text_escape(p->library);
	bool first = p->preloaded || process_linked_first(elf);

	if (first)
		report(r, CHECK_OK, "library",
		       text_format("%s is %s", library, p->preloaded ?
				   "preloaded" : "linked before CANN"), NULL);
	else
		report(r, CHECK_WARN, "library",
		       text_format("%s is mapped, but neither preloaded nor linked first: other libraries may come before it",
				   library),
		       text_format("start the program by: aclipc run -- PROGRAM"));
	if (strstr(p->library, "(deleted)"))
		report(r, CHECK_WARN, "library-version",
		       text_format("the library was replaced since this process started"),
		       text_format("restart the process when that suits"));
	free(library);
}

static void doctor_fds(struct report *r, const struct process *p)
{
	if (p->davinci_fds && !p->own_fds)
		report(r, CHECK_FAIL, "descriptors",
		       text_format("the driver is open (%u descriptors), " ACLIPC_DEVICE " is not: memory shared so far is not tracked",
				   p->davinci_fds),
		       text_format("if it shares memory: see the library check, and whether the process may open " ACLIPC_DEVICE));
	else
		report(r, CHECK_OK, "descriptors",
		       text_format("%u of the driver, %u of " ACLIPC_DEVICE,
				   p->davinci_fds, p->own_fds), NULL);
	if (p->foreign_fds)
		report(r, CHECK_WARN, "inherited",
		       text_format("%u descriptors of " ACLIPC_DEVICE " belong to another process",
				   p->foreign_fds),
		       text_format("a forked child should exec or close them; they count for their owner"));
	if (p->hal && p->library[0])
		report(r, CHECK_WARN, "unknowable",
		       text_format("from outside it cannot be seen whether a library took the HAL's functions by dlopen(RTLD_DEEPBIND), dlsym(handle) or raw ioctls"),
		       text_format("ACLIPC_STRICT=1 makes the calls fail that come by unseen"));
}

void doctor_pid(struct report *r, pid_t pid)
{
	struct process p = { .pid = pid };
	char exe[64], *name;
	struct elf_info elf;
	int err;

	err = process_maps(&p);
	if (err) {
		report(r, CHECK_FAIL, "process",
		       text_format("cannot look into process %d: %s", pid,
				   strerror(-err)),
		       err == -ENOENT ? NULL :
		       text_format("ask as its user or as root"));
		return;
	}
	name = text_process(pid);
	report(r, CHECK_OK, "process", text_format("process %s", name), NULL);
	free(name);
	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	elf_read_path(exe, &elf);
	process_environ(&p);
	process_fds(&p);
	if (p.library[0])
		doctor_present(r, &p, &elf);
	else
		doctor_absent(r, &p, &elf);
	doctor_fds(r, &p);
	elf_free(&elf);
}
