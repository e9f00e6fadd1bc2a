// SPDX-License-Identifier: GPL-2.0
/*
 * The module's calls against other system calls that do similar work, and
 * against themselves with more keys or threads:
 *
 *   bench cost|keys|threads|memory
 *
 * cost     import + close, export + close against others
 * keys     import + close with many live keys against few
 * threads  two threads against one
 * memory   kernel bytes of an export and of an import
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

#define ROUNDS		15
#define ITERATIONS	2000
#define FEW_KEYS	10
#define MANY_KEYS	1000000
#define MEMORY_KEYS	200000
#define KEYS_SAMPLE	10000
#define THREAD_STEPS	200
#define THREAD_SECONDS	15

static void do_export(int fd, uint64_t n, uint32_t flags)
{
	struct aclipc_export cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.addr = 0x100000000ULL + (n << 21),
		.length = 1 << 21,
	};

	key_make(cmd.key, n);
	if (ioctl(fd, ACLIPC_EXPORT, &cmd))
		die("EXPORT");
}

/* What is timed: the calls, not the making of keys. */
struct work {
	int fd, other[2], id;
	unsigned int nr;
	struct aclipc_import *import;
	struct aclipc_close *close;
};

typedef void (*step_fn)(struct work *w, unsigned int i);

/* nr requests for keys first to first + live - 1, in order or at random */
static void work_requests(struct work *w, int fd, unsigned int nr,
			  uint64_t first, unsigned int live, bool shuffled)
{
	uint64_t x = 88172645463325252ULL, n;
	unsigned int i;

	w->fd = fd;
	w->nr = nr;
	w->import = calloc(nr, sizeof(*w->import));
	w->close = calloc(nr, sizeof(*w->close));
	if (!w->import || !w->close)
		die("memory");
	for (i = 0; i < nr; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		n = first + (shuffled ? x : i) % live;
		w->import[i].size = sizeof(w->import[i]);
		key_make(w->import[i].key, n);
		w->close[i].size = sizeof(w->close[i]);
		w->close[i].op = ACLIPC_CLOSE_IMPORT;
		key_make(w->close[i].key, n);
	}
}

static void work_keys(struct work *w, int fd, uint64_t first, unsigned int nr)
{
	work_requests(w, fd, nr, first, nr, false);
}

static void step_import(struct work *w, unsigned int i)
{
	unsigned int n = i % w->nr;

	if (ioctl(w->fd, ACLIPC_IMPORT, &w->import[n]) ||
	    ioctl(w->fd, ACLIPC_CLOSE, &w->close[n]))
		die("IMPORT or CLOSE");
}

static void step_nothing(struct work *w, unsigned int i)
{
	unsigned int n = i % w->nr;

	if (!ioctl(w->fd, ACLIPC_IOC(99), &w->import[n]) ||
	    !ioctl(w->fd, ACLIPC_IOC(99), &w->close[n]))
		die("ioctl that does nothing");
}

static void step_shm(struct work *w, unsigned int i)
{
	void *p = shmat(w->id, NULL, 0);

	(void)i;
	if (p == (void *)-1 || shmdt(p))
		die("shmat or shmdt");
}

static void step_scm(struct work *w, unsigned int i)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd;

	(void)i;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &w->id, sizeof(int));
	if (sendmsg(w->other[0], &msg, 0) != 1)
		die("sendmsg");
	msg.msg_controllen = sizeof(control.buf);
	if (recvmsg(w->other[1], &msg, MSG_CMSG_CLOEXEC) != 1)
		die("recvmsg");
	c = CMSG_FIRSTHDR(&msg);
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	close(fd);
}

/*
 * What the module does itself: watching is the driver's work, whose cost here
 * would be the stand-in's.
 */
static void step_export(struct work *w, unsigned int i)
{
	struct aclipc_export cmd = {
		.size = sizeof(cmd),
		.flags = ACLIPC_EXPORT_UNWATCHED,
		.addr = 0x100000000ULL,
		.length = 4096,
	};
	struct aclipc_close *c = &w->close[i % w->nr];

	memcpy(cmd.key, c->key, sizeof(cmd.key));
	if (ioctl(w->fd, ACLIPC_EXPORT, &cmd))
		die("EXPORT");
	c->op = ACLIPC_CLOSE_TRY;
	if (ioctl(w->fd, ACLIPC_CLOSE, c))
		die("TRY");
	c->op = ACLIPC_CLOSE_FINISH;
	if (ioctl(w->fd, ACLIPC_CLOSE, c))
		die("FINISH");
}

static void step_memfd(struct work *w, unsigned int i)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	(void)w;
	(void)i;
	if (fd < 0)
		die("memfd_create");
	close(fd);
}

/* Nanoseconds of one step */
static double run(step_fn step, struct work *w, unsigned int n)
{
	uint64_t start = now_ns();
	unsigned int i;

	for (i = 0; i < n; i++)
		step(w, i);
	return (double)(now_ns() - start) / n;
}

static void compare(const char *id, step_fn a, struct work *wa, step_fn b,
		    struct work *wb, double bound)
{
	struct pair p = { 0 };
	double ta, tb;
	int round;

	run(a, wa, ITERATIONS / 4);
	run(b, wb, ITERATIONS / 4);
	for (round = 0; round < ROUNDS; round++) {
		if (round % 2) {
			ta = run(a, wa, ITERATIONS);
			tb = run(b, wb, ITERATIONS);
		} else {
			tb = run(b, wb, ITERATIONS);
			ta = run(a, wa, ITERATIONS);
		}
		pair_add(&p, ta, tb);
	}
	pair_row(id, &p, bound);
}

/*
 * The exporter is another process, as in life.  It exports keys first to
 * first + n - 1 for each n it is sent; n is the number that shall live.
 */
struct exporter {
	int to, from;
	pid_t pid;
};

static void exporter_child(int from, int to)
{
	uint32_t have = 0, want;
	int fd = device();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(from, &want, sizeof(want)) == sizeof(want)) {
		for (; have < want; have++)
			do_export(fd, have, ACLIPC_EXPORT_ANYONE |
				  ACLIPC_EXPORT_UNWATCHED);
		while (have > want)
			end_export(fd, --have);
		if (write(to, &have, sizeof(have)) != sizeof(have))
			break;
	}
	_exit(0);
}

static void exporter_start(struct exporter *e)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe");
	e->pid = fork();
	if (!e->pid) {
		close(to[1]);
		exporter_child(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	e->to = to[1];
	e->from = from[0];
}

static void exporter_keys(struct exporter *e, uint32_t n)
{
	if (write(e->to, &n, sizeof(n)) != sizeof(n) ||
	    read(e->from, &n, sizeof(n)) != sizeof(n)) {
		fputs("bench: the exporter is gone\n", stderr);
		exit(2);
	}
}

static void exporter_stop(struct exporter *e)
{
	exporter_keys(e, 0);
	close(e->to);
	close(e->from);
	waitpid(e->pid, NULL, 0);
}

static void bench_cost(void)
{
	struct exporter e;
	struct work w = { 0 };

	exporter_start(&e);
	exporter_keys(&e, FEW_KEYS);
	work_keys(&w, device(), 0, FEW_KEYS);
	w.id = shmget(IPC_PRIVATE, 1 << 21, IPC_CREAT | 0600);
	compare("import/nothing", step_import, &w, step_nothing, &w, 3);
	compare("import/shm", step_import, &w, step_shm, &w, 0.5);
	shmctl(w.id, IPC_RMID, NULL);

	w.id = memfd_create("bench", MFD_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w.other))
		die("socketpair");
	compare("import/memfd", step_import, &w, step_scm, &w, 0.5);
	exporter_stop(&e);
	compare("export/memfd", step_export, &w, step_memfd, &w, 1);
}

/* Rounds over different parts of the requests; the median is noted. */
static double rounds(struct work *w)
{
	struct work part = *w;
	double ns[ROUNDS];
	int i;

	part.nr = KEYS_SAMPLE;
	for (i = 0; i < ROUNDS; i++) {
		part.import = w->import + i * KEYS_SAMPLE;
		part.close = w->close + i * KEYS_SAMPLE;
		ns[i] = run(step_import, &part, KEYS_SAMPLE);
	}
	return median(ns, ROUNDS);
}

/*
 * The requests themselves lie one after another and are as many for both, so
 * that only what the module does differs.
 */
static void bench_keys(void)
{
	struct work some = { 0 }, all = { 0 };
	double before, after, many;
	struct exporter e;
	int fd = device();

	work_requests(&some, fd, ROUNDS * KEYS_SAMPLE, 0, FEW_KEYS, true);
	work_requests(&all, fd, ROUNDS * KEYS_SAMPLE, 0, MANY_KEYS, true);
	exporter_start(&e);
	exporter_keys(&e, FEW_KEYS);
	before = rounds(&some);
	exporter_keys(&e, MANY_KEYS);
	many = rounds(&all);
	exporter_keys(&e, FEW_KEYS);
	after = rounds(&some);
	exporter_stop(&e);
	row("many-keys", many * 2 / (before + after), "<=", 1.5, many,
	    (before + after) / 2, ROUNDS);
}

/* A second thread that sleeps until it is to take part in a run. */
struct partner {
	pthread_t id;
	pthread_barrier_t barrier;
	struct work *work;
	step_fn step;
	unsigned int started;		/* atomic */
	uint64_t begin, end;
};

static void timed_run(step_fn step, struct work *work, uint64_t *begin,
		      uint64_t *end)
{
	*begin = now_ns();
	run(step, work, THREAD_STEPS);
	*end = now_ns();
}

/* Both are awake and running before either begins. */
static void meet(struct partner *p)
{
	__atomic_add_fetch(&p->started, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&p->started, __ATOMIC_SEQ_CST) % 2)
		;
}

static void *partner_main(void *arg)
{
	struct partner *p = arg;

	for (;;) {
		pthread_barrier_wait(&p->barrier);
		if (!p->step)
			return NULL;
		meet(p);
		timed_run(p->step, p->work, &p->begin, &p->end);
		pthread_barrier_wait(&p->barrier);
	}
}

static double alone(step_fn step, struct work *work)
{
	uint64_t begin, end;

	timed_run(step, work, &begin, &end);
	return (double)(end - begin);
}

static double together(struct partner *p, step_fn step, struct work *work)
{
	uint64_t begin, end;

	p->step = step;
	pthread_barrier_wait(&p->barrier);
	meet(p);
	timed_run(step, work, &begin, &end);
	pthread_barrier_wait(&p->barrier);
	begin = p->begin < begin ? p->begin : begin;
	end = p->end > end ? p->end : end;
	return (double)(end - begin);
}

struct times {
	double alone, together;		/* the shortest of all rounds */
};

static void round_of(struct partner *p, step_fn step, struct work *work,
		     struct times *t)
{
	double one = alone(step, work), two = together(p, step, work);

	if (!t->alone || one < t->alone)
		t->alone = one;
	if (!t->together || two < t->together)
		t->together = two;
}

/*
 * Other work on the machine disturbs most rounds, so the shortest of many is
 * taken.  And two processors may share a core: what two threads gain that call
 * nothing but ioctls that do nothing is all that there is to be had, and counts
 * as 2.
 */
static void bench_threads(void)
{
	uint64_t deadline = now_ns() + THREAD_SECONDS * 1000000000ULL;
	struct times import = { 0 }, nothing = { 0 };
	double gain, most;
	struct partner p = { 0 };
	struct work work[2] = { 0 };
	struct exporter e;
	int fd = device(), nr;

	exporter_start(&e);
	exporter_keys(&e, 2);
	work_keys(&work[0], fd, 0, 1);
	work_keys(&work[1], fd, 1, 1);
	p.work = &work[1];
	pthread_barrier_init(&p.barrier, NULL, 2);
	if (pthread_create(&p.id, NULL, partner_main, &p))
		die("thread");
	for (nr = 0; now_ns() < deadline; nr++) {
		round_of(&p, step_import, work, &import);
		round_of(&p, step_nothing, work, &nothing);
	}
	p.step = NULL;
	pthread_barrier_wait(&p.barrier);
	pthread_join(p.id, NULL);
	exporter_stop(&e);
	gain = 2 * import.alone / import.together;
	most = 2 * nothing.alone / nothing.together;
	row("two-threads", 2 * gain / most, ">=", 1.7, gain, most, nr);
}

static uint64_t memory_free(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *f;

	/* what RCU still holds, and what is on its way to the page allocator */
	usleep(500000);
	f = fopen("/proc/meminfo", "r");
	if (!f)
		die("meminfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %llu", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

/* Everything that MemFree lost: objects, tables, slack. */
static void bench_memory(void)
{
	uint64_t none, exported, imported;
	struct work w = { 0 };
	struct exporter e;
	unsigned int i;

	exporter_start(&e);
	exporter_keys(&e, FEW_KEYS);
	work_keys(&w, device(), 0, MEMORY_KEYS);
	none = memory_free();
	exporter_keys(&e, FEW_KEYS + MEMORY_KEYS);
	exported = memory_free();
	for (i = 0; i < MEMORY_KEYS; i++)
		if (ioctl(w.fd, ACLIPC_IMPORT, &w.import[i]))
			die("IMPORT");
	imported = memory_free();
	for (i = 0; i < MEMORY_KEYS; i++)
		if (ioctl(w.fd, ACLIPC_CLOSE, &w.close[i]))
			die("CLOSE");
	exporter_stop(&e);
	row("bytes/export", (double)(none - exported) / MEMORY_KEYS, "<=", 512,
	    0, 0, 1);
	row("bytes/import", (double)(exported - imported) / MEMORY_KEYS, "<=",
	    192, 0, 0, 1);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "cost"))
		bench_cost();
	else if (argc == 2 && !strcmp(argv[1], "keys"))
		bench_keys();
	else if (argc == 2 && !strcmp(argv[1], "threads"))
		bench_threads();
	else if (argc == 2 && !strcmp(argv[1], "memory"))
		bench_memory();
	else
		return 2;
	return 0;
}
