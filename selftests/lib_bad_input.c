// SPDX-License-Identifier: GPL-2.0
/*
 * What no program should pass, and machines that lack something: an error of
 * the table, nothing changed, no fault.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib_test.h"

#define NULL_ERR	ACL_ERROR_INVALID_PARAM
#define BAD		ACL_ERROR_RT_PARAM_INVALID
#define TIMEOUT		ACL_ERROR_RT_TIMEOUT
#define DENIED		ACL_ERROR_RT_NO_PERMISSION
#define NO_DEVICE	ACL_ERROR_RT_NO_DEVICE
#define GONE		ACL_ERROR_RT_INVALID_HANDLE

LIB_FIXTURE(bad)

/* len bytes that end where the next page is not mapped */
static char *edge(size_t len)
{
	size_t room = (len + 4095) & ~4095UL;
	char *p = mmap(NULL, room + 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + room, 4096))
		return NULL;
	return p + room - len;
}

/* Every call that takes a key; the nth of them that succeeded, or 0. */
static long all_calls(const char *key)
{
	aclrtServerPid server = { 0 };
	int32_t pid = getpid();
	void *dev = NULL;

	server.pid = &pid;
	server.num = 1;
	if (!aclrtIpcMemImportByKey(&dev, key, 0))
		return 1;
	if (!aclrtIpcMemImportByKey(&dev, key, 1))
		return 2;
	if (!aclrtIpcMemClose(key))
		return 3;
	if (!aclrtIpcMemSetImportPid(key, &pid, 1))
		return 4;
	if (!aclrtIpcMemImportPidInterServer(key, &server, 1))
		return 5;
	if (!rtIpcDestroyMemoryName(key))
		return 6;
	if (!rtIpcOpenMemory(&dev, key))
		return 7;
	if (!rtSetIpcMemPid(key, &pid, 1))
		return 8;
	return 0;
}

static long do_null(struct peer_state *s, long a, long b)
{
	const char *key = s->board->key[a];
	aclrtServerPid server = { 0 };
	char out[65] = "";
	int32_t pid = 1;
	void *dev;

	server.pid = &pid;
	server.num = 1;
	return aclrtIpcMemGetExportKey(NULL, BIG, out, 65, 0) != NULL_ERR ||
	       aclrtIpcMemGetExportKey(s->slot[0], BIG, NULL, 65, 0) !=
								NULL_ERR ||
	       aclrtIpcMemClose(NULL) != NULL_ERR ||
	       aclrtIpcMemImportByKey(NULL, key, 0) != NULL_ERR ||
	       aclrtIpcMemImportByKey(&dev, NULL, 0) != NULL_ERR ||
	       aclrtIpcMemSetImportPid(NULL, &pid, 1) != NULL_ERR ||
	       aclrtIpcMemSetImportPid(key, NULL, 1) != NULL_ERR ||
	       aclrtIpcMemSetAttr(NULL, 0, 1) != BAD ||
	       aclrtIpcMemImportPidInterServer(NULL, &server, 1) != BAD ||
	       aclrtIpcMemImportPidInterServer(key, NULL, 1) != BAD ||
	       rtIpcDestroyMemoryName(NULL) != BAD ||
	       rtIpcOpenMemory(NULL, key) != BAD ||
	       rtIpcOpenMemory(&dev, NULL) != BAD ||
	       rtIpcCloseMemory(NULL) != BAD ||
	       !aclrtFree(NULL);
}

/* The HAL's own, which no runtime has looked at before. */
static long do_null_hal(struct peer_state *s, long a, long b)
{
	char out[65] = "";
	DVdeviceptr dev;
	int pid = 1;

	return !halShmemCreateHandle(0, BIG, out, 65) ||
	       !halShmemCreateHandle((DVdeviceptr)s->slot[0], BIG, NULL, 65) ||
	       !halShmemCreateHandle((DVdeviceptr)s->slot[0], 0, out, 65) ||
	       !halShmemDestroyHandle(NULL) || !halShmemDestroyHandle("") ||
	       !halShmemOpenHandle(NULL, &dev) ||
	       !halShmemOpenHandle(s->board->key[a], NULL) ||
	       !halShmemOpenHandleByDevId(0, NULL, &dev) ||
	       !halShmemOpenHandleByDevId(99, s->board->key[a], &dev) ||
	       !halShmemOpenHandleByDevId(0, s->board->key[a], NULL) ||
	       !halShmemCloseHandle(0) || !halShmemCloseHandle(4096) ||
	       !halShmemCloseHandle((DVdeviceptr)s->slot[0]) ||
	       !halShmemSetPidHandle(NULL, &pid, 1) ||
	       !halShmemSetPidHandle(s->board->key[a], NULL, 1) ||
	       !halShmemSetPidHandle(s->board->key[a], &pid, 0) ||
	       !halShmemSetPidHandle(s->board->key[a], &pid, -1) ||
	       !halShmemSetAttribute(NULL, 1, 1) ||
	       !halShmemSetAttribute(s->board->key[a], 99, 1) ||
	       !halMemFree(NULL) || !halMemFree((void *)4096) ||
	       !halMemUnmap(NULL) || !halDeviceClose(99, NULL);
}

TEST_F(bad, null)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_null, 0, 0));
	EXPECT_EQ(0, P(0, do_null_hal, 0, 0));
	EXPECT_EQ(0, P(1, do_null, 0, 0));
	/* nothing changed */
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
}

/*
 * a bytes without a NUL at the end of a mapped page.  The runtime reads keys
 * as strings, so this is for the hooks: they stop at 65.
 */
static long do_unterminated(struct peer_state *s, long a, long b)
{
	char *name = edge(a);
	DVdeviceptr dev;
	int pid = getpid();

	if (!name)
		return -1;
	memset(name, 'k', a);
	return !halShmemDestroyHandle(name) || !halShmemOpenHandle(name, &dev) ||
	       !halShmemOpenHandleByDevId(0, name, &dev) ||
	       !halShmemSetPidHandle(name, &pid, 1) ||
	       !halShmemSetAttribute(name, 1, 1);
}

/* A key that ends with the page, in a buffer of a bytes. */
static long do_foreign_text(struct peer_state *s, long a, long b)
{
	char *name = edge(a);

	if (!name)
		return -1;
	memset(name, 'k', a);
	name[a - 1] = '\0';
	return all_calls(name);
}

TEST_F(bad, keys_of_any_length)
{
	static const long lengths[] = { 1, 2, 49, 50, 51, 64, 65, 66, 67, 128,
					256, 4095, 4096, 4097 };
	size_t i;

	SHARE(1, BIG, 7);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(0, P(0, do_foreign_text, lengths[i], 0));
		EXPECT_EQ(0, P(1, do_foreign_text, lengths[i], 0));
		if (lengths[i] >= 65) {
			EXPECT_EQ(0, P(0, do_unterminated, lengths[i], 0));
			EXPECT_EQ(0, P(1, do_unterminated, lengths[i], 0));
		}
	}
	EXPECT_EQ(1, sim_counted("keys"));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
}

/* a: bytes of the buffer; the key in it works as well as any */
static long do_export_edge(struct peer_state *s, long a, long b)
{
	char *name = edge(a);
	long ret;

	if (!name)
		return -1;
	memset(name, 0xff, a);
	ret = aclrtIpcMemGetExportKey(s->slot[0], BIG, name, a, 1);
	if (!ret)
		memcpy(s->board->key[0], name, 65);
	return ret;
}

static long do_close_edge(struct peer_state *s, long a, long b)
{
	char *name = edge(a);

	if (!name)
		return -1;
	memset(name, 0xff, a);
	strcpy(name, s->board->key[0]);
	return aclrtIpcMemClose(name);
}

TEST_F(bad, buffers_of_all_sizes_in_use)
{
	static const long sizes[] = { 65, 256, 4096 };
	size_t i, k;

	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			ASSERT_EQ(0, P(0, do_export_edge, sizes[i], 0));
			ASSERT_EQ(0, P(1, do_import, 0, 0));
			EXPECT_EQ(0, P(0, do_close_edge, sizes[k], 0));
			EXPECT_EQ(1, P(0, do_pending, 0, 0));
			EXPECT_EQ(0, P(1, do_close_edge, sizes[k], 0));
			DRAINED();
		}
	EXPECT_EQ(9, DESTROYS());
	/* and those that are too small */
	for (i = 1; i < 65; i++)
		EXPECT_EQ(BAD, P(0, do_export_edge, i, 0));
	EXPECT_EQ(BAD, P(0, do_export_edge, 0, 0));
	EXPECT_EQ(0, sim_counted("keys"));
}

/* a: offset from slot 0, b: length */
static long do_export_range(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemGetExportKey((char *)s->slot[0] + a, b,
				       s->board->key[7], 65, 0);
}

static long do_export_flags(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemGetExportKey(s->slot[0], BIG, s->board->key[7], 65,
				       1UL << a);
}

static long do_import_flags(struct peer_state *s, long a, long b)
{
	void *dev;

	return aclrtIpcMemImportByKey(&dev, s->board->key[0], 1UL << a);
}

static long do_attr(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemSetAttr(s->board->key[0], a, b);
}

static long do_export_host(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemGetExportKey(s->board, 4096, s->board->key[7], 65,
				       0);
}

TEST_F(bad, ranges_and_flags)
{
	static const long starts[] = { 0, 1, 4096, BIG - 1, BIG, -1, 1L << 40 };
	static const long lengths[] = { 0, -1, -4096, 1L << 62, 1L << 40,
					BIG + MIB * 4 };
	size_t i, k;

	SHARE(1, BIG, 7);
	for (i = 0; i < ARRAY_SIZE(starts); i++)
		for (k = 0; k < ARRAY_SIZE(lengths); k++)
			EXPECT_NE(0, P(0, do_export_range, starts[i],
				       lengths[k]));
	EXPECT_EQ(BAD, P(0, do_export_range, 0, 0));
	EXPECT_NE(0, P(0, do_export_host, 0, 0));
	for (i = 1; i < 64; i++) {
		EXPECT_EQ(BAD, P(0, do_export_flags, i, 0));
		EXPECT_EQ(BAD, P(1, do_import_flags, i, 0));
	}
	EXPECT_EQ(BAD, P(0, do_attr, 1, 1));
	EXPECT_EQ(BAD, P(0, do_attr, -1, 1));
	EXPECT_EQ(BAD, P(0, do_attr, 0, 4));
	EXPECT_EQ(BAD, P(0, do_attr, 0, -1));
	EXPECT_EQ(1, sim_counted("keys"));
	/* one import there is, and one export, as before */
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, P(0, do_pending, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
}

static long do_destroy(struct peer_state *s, long a, long b)
{
	return rtIpcDestroyMemoryName(s->board->key[a]);
}

TEST_F(bad, keys_of_others)
{
	SHARE(1, BIG, 7);
	ASSERT_EQ(0, lib_start(&self->p[2], self->board));
	/* one that did not import, one that did and has closed */
	EXPECT_EQ(ACL_DRV, P(2, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(2, do_destroy, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_destroy, 0, 0));
	EXPECT_NE(0, P(2, do_set_pid, 0, getpid()));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, sim_counted("destroy_refused"));
	EXPECT_EQ(0, P(2, do_import, 0, 0));
	EXPECT_EQ(7, P(2, do_read, 0, 0));
}

TEST_F(bad, keys_of_the_dead)
{
	SHARE(1, BIG, 7);
	peer_kill(&self->p[0]);
	EXPECT_EQ(GONE, P(1, do_import, 1, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
	EXPECT_NE(0, P(1, do_set_pid, 0, getpid()));
	EXPECT_NE(0, P(1, do_import, 1, 0));
	/* its memory went from under an importer: the driver's ledger says so */
	sim_reset_ledger();
}

/* The library's descriptor of this process, or -1. */
static int library_fd(void)
{
	char path[64], to[64];
	ssize_t len;
	int fd;

	for (fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, to, sizeof(to) - 1);
		if (len < 0)
			continue;
		to[len] = '\0';
		if (!strcmp(to, "/dev/aclipc"))
			return fd;
	}
	return -1;
}

/* a: 0 closed, 1 the number is a file's now, 2 a device's, 3 a pipe's */
static long do_lose_fd(struct peer_state *s, long a, long b)
{
	int fd = library_fd(), other = -1, ends[2];

	if (fd < 0)
		return -1;
	if (a == 1)
		other = open("/proc/self/exe", O_RDONLY);
	else if (a == 2)
		other = open("/dev/null", O_RDWR);
	else if (a == 3 && !pipe(ends))
		other = ends[1];
	if (!a)
		return close(fd);
	return dup2(other, fd) == fd ? 0 : -1;
}

TEST_F(bad, descriptor_lost)
{
	int i, n;

	/* what is left settles, and its process lives and has its device */
	lib_param("settle_max_ms", LIB_SETTLE_MS);
	for (i = 0; i < 4; i++) {
		/* each time new ones, whose threads do not poll yet */
		n = 2 + 2 * i;
		ASSERT_EQ(0, lib_start(&self->p[n], self->board));
		ASSERT_EQ(0, lib_start(&self->p[n + 1], self->board));
		ASSERT_EQ(0, P(n, do_malloc, 0, BIG));
		ASSERT_EQ(0, P(n, do_fill, 0, 7));
		ASSERT_EQ(0, P(n, do_export_any, 0, KEY(0, BIG)));
		/* the exporter's: revoked, and it can be closed */
		ASSERT_EQ(0, P(n, do_lose_fd, i, 0));
		EXPECT_EQ(GONE, P(n + 1, do_import, 0, 0));
		EXPECT_EQ(0, P(n, do_close, 0, 0));
		/* and a new one serves what comes */
		ASSERT_EQ(0, P(n, do_export_any, 0, KEY(1, BIG)));
		ASSERT_EQ(0, P(n + 1, do_import, 0, 1));
		/* an importer's: its import settles, its close succeeds */
		ASSERT_EQ(0, P(n + 1, do_lose_fd, i, 0));
		EXPECT_EQ(7, P(n + 1, do_read, 0, 0));
		EXPECT_EQ(0, P(n + 1, do_close, 1, 0));
		EXPECT_EQ(0, P(n, do_close, 1, 0));
		EXPECT_TRUE(lib_until(!P(n, do_pending, 0, 0)));
		EXPECT_EQ(0, P(n, do_free, 0, 0));
	}
	EXPECT_EQ(8, DESTROYS());
}

/* Lost while a deferral stands: the thread looks again. */
TEST_F(bad, descriptor_lost_with_work_pending)
{
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
		ASSERT_EQ(0, P(0, do_export_any, 0, KEY(0, BIG)));
		ASSERT_EQ(0, P(1, do_import, 0, 0));
		EXPECT_EQ(0, P(0, do_close, 0, 0));
		EXPECT_EQ(1, P(0, do_pending, 0, 0));
		EXPECT_EQ(0, P(1, do_close, 0, 0));
		ASSERT_EQ(0, P(0, do_lose_fd, i, 0));
		DRAINED();
		EXPECT_EQ(0, P(0, do_free, 0, 0));
	}
}

/*
 * A peer in a mount namespace of its own: /dev/aclipc is not what it was for
 * it and its children.  What it prints goes to a file.
 */
#define OUTPUT "/tmp/lib_bad_input.err"

enum { NODE_IS_FILE, NODE_IS_NULL, NODE_HIDDEN, NODE_CLOSED };

static int other_node(int how)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	if (how == NODE_IS_NULL || how == NODE_IS_FILE)
		return mount(how == NODE_IS_FILE ? "/proc/version" :
			     "/dev/null", "/dev/aclipc", NULL, MS_BIND, NULL);
	if (how == NODE_CLOSED)
		return 0;
	if (mount("tmp", "/mnt", "tmpfs", 0, NULL) && errno == ENOENT &&
	    (mkdir("/mnt", 0755) || mount("tmp", "/mnt", "tmpfs", 0, NULL)))
		return -1;
	if (mknod("/mnt/null", S_IFREG | 0666, 0) ||
	    mknod("/mnt/ascend_sim", S_IFREG | 0666, 0) ||
	    mount("/dev/null", "/mnt/null", NULL, MS_BIND, NULL) ||
	    mount("/dev/ascend_sim", "/mnt/ascend_sim", NULL, MS_BIND, NULL))
		return -1;
	return mount("/mnt", "/dev", NULL, MS_MOVE, NULL);
}

static int node_start(struct peer *peer, struct sim_board *board, int how,
		      const char *strict)
{
	int old = dup(STDERR_FILENO), fd, ret = -1;
	int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	fd = open(OUTPUT, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0666);
	setenv("ACLIPC_STRICT", strict, 1);
	if (fd >= 0 && own >= 0 && !other_node(how)) {
		dup2(fd, STDERR_FILENO);
		/* it is root's and its group's alone */
		ret = how == NODE_CLOSED &&
		      (setegid(65534) || seteuid(65534));
		ret = ret || peer_start(peer, board);
		if (seteuid(0) || setegid(0))
			ret = -1;
		dup2(old, STDERR_FILENO);
	}
	unsetenv("ACLIPC_STRICT");
	if (own >= 0 && setns(own, CLONE_NEWNS))
		ret = -1;
	close(own);
	close(fd);
	close(old);
	return ret;
}

/* How many lines of the output name the library, and how many there are. */
static int said(int *lines)
{
	char line[512];
	FILE *f = fopen(OUTPUT, "r");
	int ours = 0;

	*lines = 0;
	while (f && fgets(line, sizeof(line), f)) {
		++*lines;
		ours += !strncmp(line, "aclipc: ", 8);
	}
	if (f)
		fclose(f);
	return ours;
}

static void no_node(struct __test_metadata *_metadata,
		    struct _test_data_bad *self, int how)
{
	int i, lines;

	ASSERT_EQ(0, node_start(&self->p[2], self->board, how, "0"));
	ASSERT_EQ(0, P(2, do_device, 0, 0));
	/* as without the library: it works, unordered, and is said once */
	ASSERT_EQ(0, P(2, do_malloc, 0, BIG));
	ASSERT_EQ(0, P(2, do_fill, 0, 7));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, P(2, do_export_any, 0, KEY(0, BIG)));
		ASSERT_EQ(0, P(1, do_import, 0, 0));
		EXPECT_EQ(7, P(1, do_read, 0, 0));
		EXPECT_EQ(0, P(1, do_close, 0, 0));
		EXPECT_EQ(0, P(2, do_close, 0, 0));
	}
	EXPECT_EQ(3, DESTROYS());
	EXPECT_EQ(0, P(2, do_free, 0, 0));
	EXPECT_EQ(0, P(2, do_reset, 0, 0));
	EXPECT_EQ(1, said(&lines));
	EXPECT_EQ(1, lines);
}

static void no_node_strict(struct __test_metadata *_metadata,
			   struct _test_data_bad *self, int how, long code)
{
	int i, lines;

	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	ASSERT_EQ(0, P(0, do_export_any, 0, KEY(0, BIG)));
	ASSERT_EQ(0, node_start(&self->p[2], self->board, how, "1"));
	ASSERT_EQ(0, P(2, do_device, 0, 0));
	ASSERT_EQ(0, P(2, do_malloc, 0, BIG));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(code, P(2, do_export_any, 0, KEY(1, BIG)));
		EXPECT_EQ(code, P(2, do_import, 1, 0));
	}
	EXPECT_EQ(1, sim_counted("keys"));
	EXPECT_EQ(0, sim_counted("open"));
	/* what was never shared is nobody's business */
	EXPECT_EQ(0, P(2, do_free, 0, 0));
	EXPECT_EQ(1, said(&lines));
	EXPECT_EQ(1, lines);
}

TEST_F(bad, no_node)
{
	no_node(_metadata, self, NODE_HIDDEN);
}

TEST_F(bad, no_node_strict)
{
	no_node_strict(_metadata, self, NODE_HIDDEN, NO_DEVICE);
}

/* A node that answers, and is not the module's */
TEST_F(bad, strange_node)
{
	no_node(_metadata, self, NODE_IS_NULL);
}

TEST_F(bad, strange_node_strict)
{
	no_node_strict(_metadata, self, NODE_IS_NULL,
		       ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

TEST_F(bad, file_for_a_node)
{
	no_node(_metadata, self, NODE_IS_FILE);
}

TEST_F(bad, file_for_a_node_strict)
{
	no_node_strict(_metadata, self, NODE_IS_FILE,
		       ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

/* The mode says no, as it does to who is not in the group */
TEST_F(bad, node_not_permitted)
{
	no_node(_metadata, self, NODE_CLOSED);
}

TEST_F(bad, node_not_permitted_strict)
{
	no_node_strict(_metadata, self, NODE_CLOSED, NO_DEVICE);
}

/* No driver of the NPU: CANN's own error, and no fault. */
static long do_no_driver(struct peer_state *s, long a, long b)
{
	char key[65] = "";
	void *dev = NULL;

	return aclrtIpcMemImportByKey(&dev, s->board->key[0], 0) ==
		       ACL_ERROR_RT_CONTEXT_NULL &&
	       aclrtIpcMemGetExportKey(key, 64, key, 65, 0) ==
		       ACL_ERROR_RT_CONTEXT_NULL &&
	       aclrtIpcMemClose("nothing") == ACL_ERROR_RT_CONTEXT_NULL &&
	       halMemFree(key) && halShmemDestroyHandle("nothing");
}

TEST_F(bad, no_driver)
{
	struct peer *peer = &self->p[2];
	int own;

	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	ASSERT_EQ(0, P(0, do_export_any, 0, KEY(0, BIG)));
	own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("/dev/null", "/dev/ascend_sim", NULL, MS_BIND,
			   NULL));
	ASSERT_EQ(0, peer_start(peer, self->board));
	ASSERT_EQ(0, setns(own, CLONE_NEWNS));
	close(own);
	EXPECT_NE(0, P(2, do_device, 0, 0));
	EXPECT_EQ(1, P(2, do_no_driver, 0, 0));
	EXPECT_EQ(0, P(2, do_pending, 0, 0));
}

/* The rows of README's table that nothing above has shown yet. */
TEST_F(bad, over_the_limit)
{
	long old;
	FILE *f = fopen(ACLIPC_PARAM "max_exports", "r");

	if (!f)
		SKIP(return, "no such parameter");
	ASSERT_EQ(1, fscanf(f, "%ld", &old));
	fclose(f);
	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	ASSERT_EQ(0, lib_param("max_exports", 0));
	EXPECT_EQ(ACL_ERROR_RT_OVER_LIMIT, P(0, do_export_any, 0, KEY(0, BIG)));
	EXPECT_EQ(0, lib_param("max_exports", old));
	/* what cannot be tracked must not exist */
	EXPECT_EQ(0, sim_counted("keys"));
	EXPECT_EQ(0, P(0, do_export_any, 0, KEY(0, BIG)));
}

TEST_F(bad, not_on_the_list)
{
	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	ASSERT_EQ(0, P(0, do_export, 0, KEY(0, BIG)));
	EXPECT_EQ(DENIED, P(1, do_import, 0, 0));
	EXPECT_EQ(0, sim_counted("open"));
}

/* Sixteen importers under each policy, closing from the last to the first. */
LIB_FIXTURE(many)

FIXTURE_VARIANT(many)
{
	enum aclipc_policy policy;
	long first;	/* what a close is answered while they import */
};

FIXTURE_VARIANT_ADD(many, defer) {
	.policy = ACLIPC_POLICY_DEFER, .first = 0,
};

FIXTURE_VARIANT_ADD(many, wait) {
	.policy = ACLIPC_POLICY_WAIT, .first = TIMEOUT,
};

FIXTURE_VARIANT_ADD(many, refuse) {
	.policy = ACLIPC_POLICY_REFUSE, .first = TIMEOUT,
};

TEST_F(many, sixteen_importers)
{
	int i;

	ASSERT_EQ(0, P(0, do_policy, variant->policy, 10));
	SHARE(16, BIG, 7);
	EXPECT_EQ(variant->first, P(0, do_close, 0, 0));
	for (i = 16; i; i--) {
		EXPECT_EQ(0, DESTROYS());
		EXPECT_EQ(7, P(i, do_read, 0, 0));
		EXPECT_EQ(0, P(i, do_close, 0, 0));
		EXPECT_EQ(ACL_DRV, P(i, do_close, 0, 0));
		if (i > 1 && variant->first)
			EXPECT_EQ(TIMEOUT, P(0, do_close, 0, 0));
	}
	DRAINED();
	if (variant->first)
		EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(1, FREES());
}

LIB_MAIN
