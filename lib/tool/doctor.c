// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc doctor */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static void doctor_library(struct report *r)
{
	char path[PATH_MAX], real[PATH_MAX], *shown, *file;
	struct elf_info elf;

	if (!library_find(NULL, path, sizeof(path)) ||
	    elf_read_path(path, &elf)) {
		report(r, CHECK_WARN, "library-file",
		       text_format("no " LIBRARY_SONAME " beside this tool"),
		       text_format("make install; aclipc run leaves it to the loader to find one"));
		return;
	}
	shown = text_escape(path);
	if (strcmp(elf.soname, LIBRARY_SONAME)) {
		report(r, CHECK_FAIL, "library-file",
		       text_format("%s is not " LIBRARY_SONAME, shown),
		       text_format("install library and tool from one release"));
	} else {
		file = text_escape(realpath(path, real) ? real : path);
		report(r, CHECK_OK, "library-file",
		       text_format("library %s (%s)", shown,
				   strrchr(file, '/') + 1), NULL);
		free(file);
	}
	free(shown);
	elf_free(&elf);
}

static void doctor_stuck(struct report *r)
{
	struct tool_view view;
	unsigned int stuck = 0;
	char dir[256];
	size_t i;

	if (!view_debugfs(dir, sizeof(dir)) || view_load(&view))
		return;
	for (i = 0; i < view.nr_shares; i++)
		stuck += view.shares[i].stuck;
	if (stuck)
		report(r, CHECK_WARN, "stuck",
		       text_format("%u keys cannot be destroyed", stuck),
		       text_format("aclipc list shows them; the exporter's log says what the driver answered"));
	else
		report(r, CHECK_OK, "keys",
		       text_format("%zu keys known, none stuck",
				   view.nr_shares), NULL);
	view_free(&view);
}

static int doctor_run(const struct tool_command *self, int argc, char **argv)
{
	struct tool_opts opts;
	struct report r;
	uint64_t pid = 0;
	int ret;

	ret = tool_options(self, argc, argv, TOOL_OPT_JSON, &opts);
	if (ret)
		return ret < 0 ? TOOL_OK : ret;
	if (opts.nr_args > 1 ||
	    (opts.nr_args && (!text_u64(opts.args[0], &pid) || !pid ||
			      pid > INT_MAX)))
		return tool_usage_error(self, "doctor: give one process id at most");
	report_begin(&r, opts.json);
	doctor_module(&r);
	doctor_node(&r);
	doctor_library(&r);
	doctor_stuck(&r);
	if (pid)
		doctor_pid(&r, (pid_t)pid);
	return report_end(&r);
}

const struct tool_command tool_doctor = {
	.name = "doctor",
	.synopsis = "[--json] [PID]",
	.summary = "Find out what is wrong, and say how to fix it",
	.help =
"Checks the module, the device node, the driver and the library; with PID also\n"
"whether the calls of that process pass through the library.  One line a check:\n"
"ok, warn or FAIL, what it is, and how to fix it.  Exit code 1 if one failed.\n"
"\n"
"  --json  one object: checks[], failed, warned\n",
	.run = doctor_run,
};
