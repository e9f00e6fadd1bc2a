// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: commands and their options. */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const struct tool_command *const commands[] = {
	&tool_list, &tool_holders, &tool_watch,
	&tool_revoke, &tool_run, &tool_doctor,
};

static void tool_vsay(const char *prefix, const char *fmt, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, args);
	fprintf(stderr, "aclipc: %s", prefix);
	text_print(stderr, line);
	fputc('\n', stderr);
}

void tool_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tool_vsay("", fmt, args);
	va_end(args);
}

void tool_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tool_vsay("note: ", fmt, args);
	va_end(args);
}

int tool_usage_error(const struct tool_command *self, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tool_vsay("", fmt, args);
	va_end(args);
	fprintf(stderr, "usage: aclipc %s %s\n", self->name, self->synopsis);
	return TOOL_USAGE;
}

static void tool_help(const struct tool_command *self)
{
	printf("usage: aclipc %s %s\n\n%s.\n\n%s", self->name, self->synopsis,
	       self->summary, self->help);
}

/*
 * Options of one command.  Returns 0 to go on; else the command ends: -1 for
 * success (help was printed), or an exit code.
 */
int tool_options(const struct tool_command *self, int argc, char **argv,
		 unsigned int accepted, struct tool_opts *opts)
{
	static const struct option all[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "yes", no_argument, NULL, 'y' },
		{ "strict", no_argument, NULL, 's' },
		{ "library", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static const char letters[] = "jysl";
	const char *known;
	int c;

	memset(opts, 0, sizeof(*opts));
	opterr = 0;
	/* the arguments of a program to run are its own */
	while ((c = getopt_long(argc, argv, self == &tool_run ? "+h" : "h",
				all, NULL)) != -1) {
		known = strchr(letters, c);
		if (c == 'h') {
			tool_help(self);
			return -1;
		}
		if (!known || !(accepted & (1U << (known - letters))))
			return tool_usage_error(self, "%s: bad option %s",
						self->name, argv[optind - 1]);
		opts->json |= c == 'j';
		opts->yes |= c == 'y';
		opts->strict |= c == 's';
		if (c == 'l')
			opts->library = optarg;
	}
	opts->nr_args = argc - optind;
	opts->args = argv + optind;
	return 0;
}

static void usage(FILE *f)
{
	size_t i;

	fputs("usage: aclipc COMMAND [OPTIONS] [ARGUMENTS]\n\n", f);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(f, "  %-8s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("\n\"aclipc COMMAND --help\" tells more, \"aclipc --version\" the version.\n"
	      "\n"
	      "Exit codes: 0 done; 1 a problem was found, or the operation was refused;\n"
	      "2 usage; 3 no module or no /dev/aclipc; 4 no such key; 5 not permitted;\n"
	      "6 the key is ambiguous; 7 system error.  \"run\" ends as its program does;\n"
	      "125 not started by --strict or for an error, 126 not executable, 127 not found.\n",
	      f);
}

static int tool_main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		usage(stderr);
		return TOOL_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		usage(stdout);
		return TOOL_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("aclipc %s (ABI %d)\n", ACLIPC_VERSION,
		       ACLIPC_ABI_VERSION);
		return TOOL_OK;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i]->name))
			return commands[i]->run(commands[i], argc - 1,
						argv + 1);
	tool_error("no such command: %s (see aclipc --help)", argv[1]);
	return TOOL_USAGE;
}

int main(int argc, char **argv)
{
	int ret = tool_main(argc, argv);

	/* a full disk or a closed pipe is not success */
	if (fflush(stdout) || ferror(stdout)) {
		tool_error("cannot write the output");
		return ret ? ret : TOOL_SYSTEM;
	}
	return ret;
}
