// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs of calls against a model of the rules.
 *
 *   aclipc_fuzz                     the kept programs, then some random ones
 *   aclipc_fuzz --seconds N         for so long; --seed N, --programs N,
 *                                   --failures N: then it is enough (3),
 *                                   --cover N: of 100 programs N are variants
 *                                   of such that reached new code
 *   aclipc_fuzz --replay FILE       programs from a file (step.c has the form)
 *   aclipc_fuzz --regress DIR       those of a folder
 *
 * A program that fails is shortened, printed, and written to /out if that is
 * there.  SEED and SECONDS in the environment say the same.
 */
#include <dirent.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "generate.h"

#define SECONDS		15
#define MINIMIZE_S	90

static struct director director;
static __u64 first_seed;
static unsigned int failures, max_failures = 3;
static int cover = NONE;	/* how many of 100, NONE: do not look */

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void keep(const struct program *program)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/out/%s.txt", program->name);
	f = fopen(path, "we");
	if (!f)
		return;
	fprintf(f, "# %s\n", director.what);
	program_print(program, f, "");
	fclose(f);
}

static void report(struct program *program, bool shorten)
{
	failures++;
	ksft_print_msg("%s: %s\n", program->name, director.what);
	program_print(program, stdout, "#   ");
	if (!shorten)
		return;
	minimize(&director, program, MINIMIZE_S);
	ksft_print_msg("%s: %s\n", program->name, director.what);
	program_print(program, stdout, "#   ");
	keep(program);
}

/* Steps are chosen one by one, each when the one before is done. */
static void run_new(struct program *p, __u64 seed)
{
	struct step *s;

	director_begin(&director, p);
	while (p->nr < STEPS - 1 && !director.failed) {
		s = &p->steps[p->nr++];
		generate_step(&director.m, &seed, s);
		director_step(&director, s);
	}
	director_end(&director);
}

static void run_variant(struct program *p, __u64 *seed)
{
	const struct program *from = corpus_pick(seed);
	struct program to;
	int failed;

	generate_mutant(from, seed, &to);
	memcpy(to.name, p->name, sizeof(to.name));
	to.settle_long = p->settle_long;
	to.limits = p->limits;
	*p = to;
	failed = director_run(&director, p);
	if (failed >= 0 && failed < p->nr)
		p->nr = failed + 1;
}

static bool random_program(__u64 seed, bool settle_long)
{
	static struct program p;

	memset(&p, 0, sizeof(p));
	snprintf(p.name, sizeof(p.name), "seed-%llu", seed);
	p.settle_long = settle_long;
	/* neighbours shall have nothing in common */
	seed = (seed + 1) * 0x9e3779b97f4a7c15;
	t_rand(&seed);
	p.limits = !dice(&seed, 4);
	corpus_begin(&director, cover >= 0);
	if ((int)dice(&seed, 100) < cover && corpus_pick(&seed))
		run_variant(&p, &seed);
	else
		run_new(&p, seed);
	if (cover >= 0)
		corpus_end(&director, &p);
	if (!director.failed)
		return true;
	report(&p, true);
	return false;
}

static void random_programs(unsigned int seconds, unsigned int max,
			    bool settle_long)
{
	time_t end = now_s() + seconds;
	unsigned int before = failures, nr = 0;
	__u64 seed = first_seed;

	while (nr < max && now_s() < end && failures < max_failures) {
		/* if the kernel dies, this says where */
		if (!(nr % 64))
			ksft_print_msg("programs from seed %llu\n", seed);
		random_program(seed++, settle_long);
		nr++;
	}
	ksft_test_result(nr && failures == before,
			 "%u random programs, settle %s\n", nr,
			 settle_long ? "long" : "short");
	if (cover >= 0)
		corpus_print();
	first_seed = seed;
}

static void replay(FILE *f, const char *name)
{
	static struct program program;
	int line = 0, ret, failed;

	while ((ret = program_read(&program, f, &line)) > 0) {
		if (!program.name[0])
			snprintf(program.name, sizeof(program.name), "%s",
				 strrchr(name, '/') ? strrchr(name, '/') + 1 :
						      name);
		failed = director_run(&director, &program);
		if (failed >= 0) {
			ksft_print_msg("step %d: %s\n", failed + 1,
				       director.what);
			program_print(&program, stdout, "#   ");
		}
		failures += failed >= 0;
		ksft_test_result(failed < 0, "%s\n", program.name);
	}
	if (ret < 0)
		ksft_test_result_fail("%s: line %d does not parse\n", name,
				      line);
}

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f) {
		ksft_test_result_fail("%s: %s\n", path, strerror(errno));
		return;
	}
	replay(f, path);
	fclose(f);
}

static void replay_dir(const char *dir)
{
	struct dirent **names;
	int nr = scandir(dir, &names, NULL, alphasort), i;
	char path[512];

	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (strstr(names[i]->d_name, ".txt"))
			replay_file(path);
	}
}

/* The programs of regress/, one after the other. */
__asm__(".section .rodata\n"
	"regress_begin: .incbin \"" REGRESS "\"\n"
	"regress_end: .byte 0\n"
	".previous\n");
extern const char regress_begin[], regress_end[];

static void replay_kept(void)
{
	FILE *f = fmemopen((void *)regress_begin, regress_end - regress_begin,
			   "r");

	replay(f, "regress");
	fclose(f);
}

static void fuzz(unsigned int seconds, unsigned int programs)
{
	/* waiting for what settles has to be worth it */
	unsigned int with_long = seconds >= 2 * SETTLE_LONG / 1000 ?
				 seconds / 3 : 0;
	unsigned int freely = seconds / 6 + 1;

	/* those of the kept programs do not count */
	failures = 0;
	random_programs(seconds - with_long - freely, programs, false);
	if (failures < max_failures)
		ksft_test_result(!free_run(first_seed, freely) &&
				 audit_empty(&director),
				 "processes and threads that run as they like\n");
	if (!with_long || failures >= max_failures)
		return;
	director.settle_long = SETTLE_LONG;
	random_programs(with_long, programs, true);
	poll(NULL, 0, SETTLE_LONG);
}

static long number(const char *name, long otherwise)
{
	const char *env = getenv(name);

	return env && *env ? atol(env) : otherwise;
}

struct options {
	unsigned int seconds, programs;
	const char *file, *dir;
};

static void option(struct options *o, int name, const char *value)
{
	switch (name) {
	case 'a':
		actor_main(atoi(value));
	case 's':
		o->seconds = atoi(value);
		break;
	case 'S':
		setenv("SEED", value, 1);
		break;
	case 'n':
		o->programs = atoi(value);
		break;
	case 'm':
		max_failures = atoi(value);
		break;
	case 'f':
		o->file = value;
		break;
	case 'd':
		o->dir = value;
		break;
	case 'c':
		cover = atoi(value);
		break;
	default:
		exit(2);
	}
}

static void run(const struct options *o)
{
	if (o->file) {
		replay_file(o->file);
	} else if (o->dir) {
		replay_dir(o->dir);
	} else {
		replay_kept();
		first_seed = t_seed("SEED");
		fuzz(o->seconds, o->programs);
	}
	director.failed = false;
	ksft_test_result(audit_empty(&director), "nothing is left\n");
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "actor", required_argument, NULL, 'a' },
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "programs", required_argument, NULL, 'n' },
		{ "failures", required_argument, NULL, 'm' },
		{ "replay", required_argument, NULL, 'f' },
		{ "regress", required_argument, NULL, 'd' },
		{ "cover", required_argument, NULL, 'c' },
		{},
	};
	struct options options = {
		.seconds = number("SECONDS", SECONDS),
		.programs = ~0U,
	};
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) > 0)
		option(&options, name, optarg);
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	if (director_open(&director))
		ksft_exit_skip("no %s\n", ACLIPC_DEVICE);
	if (cover >= 0 && !cover_available())
		ksft_exit_fail_msg("no coverage in this kernel\n");
	director.settle_long = SETTLE_KEPT;
	run(&options);
	printf("1..%u\n", ksft_test_num());
	return ksft_get_fail_cnt() ? 1 : 0;
}
