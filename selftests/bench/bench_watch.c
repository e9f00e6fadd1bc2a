// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs that the driver tells of memory that goes away:
 *
 *   bench_watch
 *
 * The stand-in driver searches all registrations of a process for each page that
 * is freed, as the driver does.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../ascend_sim/ascend_sim.h"
#include "calls.h"

#define ROUNDS		15
#define MANY_EXPORTS	10000
#define EXPORT_LENGTH	4096
#define BIG		(16ULL << 30)
#define HUGE_PAGE	(2ULL << 20)
#define BURST		100	/* registrations that wait for their end */

static int driver_open(void)
{
	struct ascend_sim_arg arg = { 0 };
	int fd = open(ASCEND_SIM_DEV, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, ASCEND_SIM_DEV_OPEN, &arg))
		die(ASCEND_SIM_DEV);
	return fd;
}

static uint64_t reserve(uint64_t length)
{
	void *p = mmap(NULL, length + HUGE_PAGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return ((uintptr_t)p + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

/* Memory without pages, so that nothing else takes time when it is freed. */
static void driver_alloc(int driver, uint64_t va, uint64_t length)
{
	struct ascend_sim_arg arg = {
		.va = va,
		.len = length,
		.flags = ASCEND_SIM_F_BARE | ASCEND_SIM_F_HUGE,
	};

	if (ioctl(driver, ASCEND_SIM_ALLOC, &arg))
		die("ALLOC");
}

static void driver_free(int driver, uint64_t va)
{
	struct ascend_sim_arg arg = { .va = va };

	if (ioctl(driver, ASCEND_SIM_FREE, &arg))
		die("FREE");
}

static void export_at(int fd, uint64_t n, uint64_t va, uint64_t length,
		      uint32_t flags)
{
	struct aclipc_export cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.addr = va,
		.length = length,
	};

	key_make(cmd.key, n);
	if (ioctl(fd, ACLIPC_EXPORT, &cmd))
		die("EXPORT");
	if (!flags && !cmd.out_watched && !n) {
		fputs("bench: the first export is not watched\n", stderr);
		exit(2);
	}
}

static unsigned int watches(int fd)
{
	struct aclipc_info info = { .size = sizeof(info) };

	if (ioctl(fd, ACLIPC_INFO, &info))
		die("INFO");
	return info.out_nr_watches;
}

static void no_watches(int fd)
{
	while (watches(fd))
		usleep(10000);
}

/* A process that frees 16 GiB as often as it is asked to, and says how long. */
struct freer {
	int to, from;
	pid_t pid;
};

static void freer_child(unsigned int exports, int from, int to)
{
	uint64_t many = reserve(MANY_EXPORTS * EXPORT_LENGTH);
	int driver = driver_open(), fd = device();
	uint64_t va = reserve(BIG), start;
	double ns = 0;
	unsigned int i;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	driver_alloc(driver, many, MANY_EXPORTS * EXPORT_LENGTH);
	for (i = 0; i < exports; i++)
		export_at(fd, i, many + i * EXPORT_LENGTH, EXPORT_LENGTH, 0);
	while (read(from, &byte, 1) == 1) {
		driver_alloc(driver, va, BIG);
		start = now_ns();
		driver_free(driver, va);
		ns = now_ns() - start;
		if (write(to, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

static void freer_start(struct freer *f, unsigned int exports)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe");
	f->pid = fork();
	if (!f->pid) {
		close(to[1]);
		freer_child(exports, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	f->to = to[1];
	f->from = from[0];
}

static double freer_run(struct freer *f)
{
	double ns;

	if (write(f->to, "", 1) != 1 ||
	    read(f->from, &ns, sizeof(ns)) != sizeof(ns)) {
		fputs("bench: a freeing process is gone\n", stderr);
		exit(2);
	}
	return ns;
}

static void freer_stop(struct freer *f)
{
	kill(f->pid, SIGKILL);
	close(f->to);
	close(f->from);
	waitpid(f->pid, NULL, 0);
}

static void bench_free(void)
{
	struct pair p = { 0 };
	struct freer none, many;
	double a, b;
	int i;

	freer_start(&none, 0);
	freer_start(&many, MANY_EXPORTS);
	freer_run(&none);
	freer_run(&many);
	for (i = 0; i < ROUNDS; i++) {
		a = freer_run(&many);
		b = freer_run(&none);
		pair_add(&p, a, b);
	}
	pair_row("free/exports", &p, 1.3);
	freer_stop(&none);
	freer_stop(&many);
}

enum how {
	FREE,		/* nothing but the free of a new range */
	REGISTERED,	/* and a registration of the stand-in's own */
	UNWATCHED,	/* and an export that is closed before */
	WATCHED,
	NR_HOWS,
};

static void export_and_close(int fd, uint64_t va, enum how how)
{
	export_at(fd, 0, va, HUGE_PAGE,
		  how == UNWATCHED ? ACLIPC_EXPORT_UNWATCHED : 0);
	end_export(fd, 0);
}

static uint64_t driver_register(int driver, uint64_t va)
{
	struct ascend_sim_arg arg = {
		.va = va,
		.len = 64 * 1024,
		.flags = ASCEND_SIM_P2P_GET,
	};

	if (ioctl(driver, ASCEND_SIM_P2P_TEST, &arg))
		die("P2P_TEST, get");
	return arg.id;
}

static void driver_unregister(int driver, uint64_t id)
{
	struct ascend_sim_arg arg = { .id = id, .flags = ASCEND_SIM_P2P_PUT };

	if (ioctl(driver, ASCEND_SIM_P2P_TEST, &arg))
		die("P2P_TEST, put");
}

/* Nanoseconds of one range, of a burst of them */
static double burst(int fd, int driver, uint64_t va, enum how how)
{
	uint64_t start, ns = 0, id = 0;
	int i;

	for (i = 0; i < BURST; i++, va += HUGE_PAGE) {
		driver_alloc(driver, va, HUGE_PAGE);
		start = now_ns();
		if (how == REGISTERED)
			id = driver_register(driver, va);
		else if (how != FREE)
			export_and_close(fd, va, how);
		driver_free(driver, va);
		ns += now_ns() - start;
		if (how == REGISTERED)
			driver_unregister(driver, id);
	}
	no_watches(fd);
	return (double)ns / BURST;
}

static void bench_new(void)
{
	uint64_t va = reserve(BURST * HUGE_PAGE);
	int driver = driver_open(), fd = device();
	double ns[NR_HOWS];
	struct pair p = { 0 };
	enum how how;
	int i;

	for (how = FREE; how < NR_HOWS; how++)
		burst(fd, driver, va, how);
	for (i = 0; i < ROUNDS; i++) {
		for (how = FREE; how < NR_HOWS; how++)
			ns[how] = burst(fd, driver, va, how);
		pair_add(&p, ns[WATCHED] - (ns[REGISTERED] - ns[FREE]),
			 ns[UNWATCHED]);
	}
	pair_row("watched/unwatched", &p, 1.5);
}

int main(void)
{
	bench_free();
	bench_new();
	return 0;
}
