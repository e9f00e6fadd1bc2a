// SPDX-License-Identifier: GPL-2.0
/*
 * An actor: does what stands in shared memory, when it is told to over its
 * socket.  What a call is given lies where its mutation wants it.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define PAGE		4096
#define AREA		(4 * PAGE)

static struct calls *calls;
static bool actor_admin;
static pthread_t waiter;
static bool waiter_started;
static sem_t waiter_go;

/*
 * Three pages that can be used and one that cannot, for each thread: calls of
 * two threads may be under way.
 */
static __u8 *actor_area(void)
{
	static __thread __u8 *area;

	if (area)
		return area;
	area = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || mprotect(area + 3 * PAGE, PAGE, PROT_NONE))
		_exit(3);
	return area;
}

/* Where len bytes lie.  NULL: nowhere that could be written. */
static __u8 *actor_place(enum mut mut, unsigned int len)
{
	__u8 *end = actor_area() + 3 * PAGE;

	switch (mut) {
	case MUT_null:
	case MUT_kernel:
	case MUT_unmapped:
		return NULL;
	case MUT_edge:
		return end - len;
	case MUT_cut:
		return end - len + 4;
	case MUT_odd:
		return actor_area() + 1;
	default:
		return actor_area();
	}
}

static void *actor_pointer(enum mut mut, __u8 *place)
{
	switch (mut) {
	case MUT_null:
		return NULL;
	case MUT_kernel:
		return (void *)0xffff888000000000;
	case MUT_unmapped:
		return actor_area() + 3 * PAGE;
	default:
		return place;
	}
}

/* How many of the bytes are in memory. */
static unsigned int actor_visible(enum mut mut, unsigned int len)
{
	return mut == MUT_cut ? len - 4 : len;
}

static void actor_readonly(bool on)
{
	if (mprotect(actor_area(), PAGE,
		     on ? PROT_READ : PROT_READ | PROT_WRITE))
		_exit(3);
}

long actor_ioctl(struct call *call)
{
	__u8 *place = actor_place(call->mut, call->len);
	unsigned int n = actor_visible(call->mut, call->len);
	__u8 aux[CALL_AUX] __attribute__((aligned(8)));
	__u64 pointer = (uintptr_t)aux, before = 0;
	long ret;

	if (call->mut == MUT_aux)
		pointer = (uintptr_t)actor_area() + 3 * PAGE;
	if (call->memory)
		pointer = memory_get() ?: T_ADDR;
	memcpy(aux, call->aux, call->aux_len);
	if (call->aux_at) {
		memcpy(&before, call->bytes + call->aux_at, sizeof(before));
		memcpy(call->bytes + call->aux_at, &pointer, sizeof(pointer));
	}
	if (place)
		memcpy(place, call->bytes, n);
	if (call->mut == MUT_readonly)
		actor_readonly(true);
	ret = ioctl(FD_SLOT + call->slot, call->cmd,
		    actor_pointer(call->mut, place)) ? -errno : 0;
	if (call->mut == MUT_readonly)
		actor_readonly(false);
	if (place)
		memcpy(call->bytes, place, n);
	if (call->aux_at)
		memcpy(call->bytes + call->aux_at, &before, sizeof(before));
	memcpy(call->aux, aux, call->aux_len);
	return ret;
}

static long actor_read(struct call *call)
{
	__u8 *place = actor_place(call->mut, sizeof(struct aclipc_event));
	long ret;

	ret = read(FD_SLOT + call->slot, actor_pointer(call->mut, place),
		   call->len);
	if (ret < 0)
		return -errno;
	if (place && ret <= CALL_BYTES)
		memcpy(call->bytes, place, ret);
	return ret;
}

static long actor_poll(struct call *call)
{
	struct pollfd pfd = {
		.fd = FD_SLOT + call->slot,
		.events = POLLIN,
	};

	if (poll(&pfd, 1, 0) < 0)
		return -errno;
	call->revents = pfd.revents;
	return pfd.revents & POLLNVAL ? -EBADF : 0;
}

/* Move a descriptor into a slot; what was there is closed. */
static long actor_put(int fd, int slot)
{
	long ret = 0;

	if (fd < 0)
		return fd;
	if (dup3(fd, FD_SLOT + slot, O_CLOEXEC) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static long actor_open(struct call *call)
{
	int fd = open(ACLIPC_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return actor_put(fd < 0 ? -errno : fd, call->slot);
}

static long actor_dup(struct call *call)
{
	int fd = fcntl(FD_SLOT + call->slot, F_DUPFD_CLOEXEC, 0);

	return actor_put(fd < 0 ? -errno : fd, call->slot2);
}

/* A child that has all descriptors and does nothing. */
static long actor_fork(struct call *call)
{
	pid_t pid = fork();

	if (pid) {
		call->pid = pid;
		return pid < 0 ? -errno : 0;
	}
	close(FD_SOCK);
	for (;;)
		pause();
}

static long actor_exec(struct call *call)
{
	char *args[] = { "aclipc_fuzz", "--actor", actor_admin ? "1" : "0",
			 NULL };
	int i;

	for (i = 0; i < SLOTS; i++)
		fcntl(FD_SLOT + i, F_SETFD, call->keep ? 0 : FD_CLOEXEC);
	fcntl(FD_SOCK, F_SETFD, 0);
	fcntl(FD_CALL, F_SETFD, 0);
	execv("/proc/self/exe", args);
	return -errno;
}

static void actor_answer(struct call *call, long ret)
{
	char which = call == &calls->wait;

	call->ret = ret;
	if (send(FD_SOCK, &which, 1, MSG_NOSIGNAL) < 0)
		_exit(0);
}

static void *actor_waiter(void *unused)
{
	for (;;) {
		while (sem_wait(&waiter_go))
			;
		calls->wait.pid = syscall(SYS_gettid);
		actor_answer(&calls->wait, actor_ioctl(&calls->wait));
	}
	return unused;
}

static long actor_begin_wait(void)
{
	if (!waiter_started) {
		sem_init(&waiter_go, 0, 0);
		if (pthread_create(&waiter, NULL, actor_waiter, NULL))
			return -EAGAIN;
		waiter_started = true;
	}
	sem_post(&waiter_go);
	return 0;
}

static long actor_do(struct call *call)
{
	if (call->op == OP_begin_wait)
		return actor_begin_wait();
	if (op_is_ioctl(call->op))
		return actor_ioctl(call);
	switch (call->op) {
	case OP_kick:
		return -pthread_kill(waiter, SIGUSR1);
	case OP_open:
		return actor_open(call);
	case OP_closefd:
		return close(FD_SLOT + call->slot) ? -errno : 0;
	case OP_dup:
		return actor_dup(call);
	case OP_pass:
		if (call->slot >= 0)
			return t_send_fd(FD_SOCK, FD_SLOT + call->slot);
		return actor_put(t_recv_fd(FD_SOCK), call->slot2);
	case OP_fork:
		return actor_fork(call);
	case OP_exec:
		return actor_exec(call);
	case OP_memfree:
		return memory_free();
	case OP_read:
		return actor_read(call);
	case OP_poll:
		return actor_poll(call);
	case OP_exit:
		_exit(0);
	default:
		return -ENOSYS;
	}
}

/* A child does the call with the descriptors that it inherited. */
static long actor_do_child(struct call *call)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		call->ret = actor_do(call);
		_exit(0);
	}
	/* children are not kept as zombies: this waits, and fails */
	waitpid(pid, NULL, 0);
	return call->ret;
}

static void actor_signal(int sig)
{
}

/* So that not everybody may do everything. */
static void actor_drop_admin(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN) ||
	    syscall(SYS_capget, &head, data))
		_exit(3);
	data[0].effective &= ~(1U << CAP_SYS_ADMIN);
	data[0].permitted &= ~(1U << CAP_SYS_ADMIN);
	data[0].inheritable = data[1].inheritable = 0;
	if (syscall(SYS_capset, &head, data))
		_exit(3);
}

void actor_main(bool admin)
{
	struct sigaction action = { .sa_handler = actor_signal };
	struct call *call;
	char which;

	actor_admin = admin;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGCHLD, SIG_IGN);
	if (!admin)
		actor_drop_admin();
	calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED,
		     FD_CALL, 0);
	if (calls == MAP_FAILED)
		_exit(3);
	call = &calls->step;
	/* that it is ready */
	actor_answer(call, 0);
	while (recv(FD_SOCK, &which, 1, 0) == 1) {
		cover_begin(calls);
		call->ret = call->child ? actor_do_child(call) :
					  actor_do(call);
		cover_end(calls);
		actor_answer(call, call->ret);
	}
	_exit(0);
}
