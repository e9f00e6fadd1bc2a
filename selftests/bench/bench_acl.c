// SPDX-License-Identifier: GPL-2.0
/*
 * CANN's calls with libaclipc.so preloaded against the same calls without:
 *
 *   bench_acl LIBRARY
 *
 * Four children of one program, exporter and worker, each with the library and
 * alone; the workers take turns.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <acl/acl.h>

#include "bench.h"

#define ROUNDS		15
#define IMPORTS		1000
#define BLOCKS		8
#define BLOCK_SIZE	(1UL << 20)
#define FREES		1600
#define KEY_LEN		65

#define ACL(call)							\
	do {								\
		aclError err_ = (call);					\
									\
		if (err_) {						\
			fprintf(stderr, "%s: %d\n", #call, err_);	\
			exit(2);					\
		}							\
	} while (0)

static void send_all(int fd, const void *buf, size_t len)
{
	if (write(fd, buf, len) != (ssize_t)len)
		die("write");
}

static void receive_all(int fd, void *buf, size_t len)
{
	if (read(fd, buf, len) != (ssize_t)len) {
		fputs("bench_acl: a process is gone\n", stderr);
		exit(2);
	}
}

static int exporter(int fd)
{
	char key[KEY_LEN] = "", c;
	void *dev;

	ACL(aclrtMalloc(&dev, BLOCK_SIZE, ACL_MEM_MALLOC_HUGE_FIRST));
	ACL(aclrtIpcMemGetExportKey(dev, BLOCK_SIZE, key, KEY_LEN,
				    ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION));
	send_all(fd, key, KEY_LEN);
	/* end of file: the parent is done */
	while (read(fd, &c, 1) == 1)
		;
	return 0;
}

static double time_imports(const char *key)
{
	uint64_t start = now_ns();
	void *dev;
	int i;

	for (i = 0; i < IMPORTS; i++) {
		ACL(aclrtIpcMemImportByKey(&dev, key,
					   ACL_RT_IPC_MEM_IMPORT_FLAG_DEFAULT));
		ACL(aclrtIpcMemClose(key));
	}
	return (double)(now_ns() - start) / IMPORTS;
}

/* Only the frees are timed. */
static double time_frees(void)
{
	void *dev[BLOCKS];
	uint64_t spent = 0, start;
	int i, n;

	for (n = 0; n < FREES; n += BLOCKS) {
		for (i = 0; i < BLOCKS; i++)
			ACL(aclrtMalloc(&dev[i], BLOCK_SIZE,
					ACL_MEM_MALLOC_HUGE_FIRST));
		start = now_ns();
		for (i = 0; i < BLOCKS; i++)
			aclrtFree(dev[i]);
		spent += now_ns() - start;
	}
	return (double)spent / FREES;
}

static int worker(int fd)
{
	char key[KEY_LEN], what;
	double ns;

	receive_all(fd, key, KEY_LEN);
	while (read(fd, &what, 1) == 1) {
		ns = what == 'i' ? time_imports(key) : time_frees();
		send_all(fd, &ns, sizeof(ns));
	}
	return 0;
}

static int child(const char *what)
{
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ACL(aclInit(NULL));
	ACL(aclrtSetDevice(0));
	ret = !strcmp(what, "exporter") ? exporter(STDIN_FILENO) :
	      worker(STDIN_FILENO);
	ACL(aclrtResetDevice(0));
	return ret;
}

static int start(const char *what, const char *preload)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		die("socketpair");
	if (!fork()) {
		dup2(fds[1], STDIN_FILENO);
		if (preload)
			setenv("LD_PRELOAD", preload, 1);
		execl("/proc/self/exe", "bench_acl", "-", what, NULL);
		die("exec");
	}
	close(fds[1]);
	return fds[0];
}

static double ask(int fd, char what)
{
	double ns;

	send_all(fd, &what, 1);
	receive_all(fd, &ns, sizeof(ns));
	return ns;
}

static void compare(const char *id, char what, int with, int alone,
		    double bound)
{
	struct pair p = { 0 };
	double a, b;
	int round;

	ask(with, what);
	ask(alone, what);
	for (round = 0; round < ROUNDS; round++) {
		if (round % 2) {
			a = ask(with, what);
			b = ask(alone, what);
		} else {
			b = ask(alone, what);
			a = ask(with, what);
		}
		pair_add(&p, a, b);
	}
	pair_row(id, &p, bound);
}

int main(int argc, char **argv)
{
	int exporters[2], workers[2], i;
	char key[KEY_LEN];

	if (argc == 3 && !strcmp(argv[1], "-"))
		return child(argv[2]);
	if (argc != 2)
		return 2;
	for (i = 0; i < 2; i++) {
		exporters[i] = start("exporter", i ? NULL : argv[1]);
		workers[i] = start("worker", i ? NULL : argv[1]);
		receive_all(exporters[i], key, KEY_LEN);
		send_all(workers[i], key, KEY_LEN);
	}
	compare("acl-import", 'i', workers[0], workers[1], 1.3);
	compare("acl-free", 'f', workers[0], workers[1], 1.05);
	return 0;
}
