// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that know nothing of aclipc, with the library preloaded by name:
 * alone, before and behind somebody else's library that wraps the same calls,
 * and closing when everything is over.  Field cases 21, 29.
 *
 * This program runs itself again for each of them, as --role NAME.
 */
#define LIB_LINKED
#include "lib_test.h"

/* somebody else's library, as SECOND says where */
__asm__(".section .rodata\n"
	".global second_begin, second_end\n"
	"second_begin: .incbin \"" SECOND "\"\n"
	"second_end: .byte 0\n"
	".previous\n");
extern const char second_begin[], second_end[];

#define SECOND_PATH	"/tmp/lib_preload.so"
#define OUTPUT		"/tmp/lib_preload.err"
#define MARK		4242

/* In a role: where it went wrong is the exit status. */
#define CHECK(what) do {						\
	if (!(what)) {							\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,	\
			#what);						\
		return 1;						\
	}								\
} while (0)

static struct peer peers[2];
#define E(fn, x, y)	peer_call(&peers[0], fn, x, y)
#define I(fn, x, y)	peer_call(&peers[1], fn, x, y)

static int start(void)
{
	struct sim_board *board = sim_board_new();

	CHECK(LIB(aclipc_version));
	CHECK(board && !peer_start(&peers[0], board));
	CHECK(!peer_start(&peers[1], board));
	CHECK(!E(do_device, 0, 0) && !I(do_device, 0, 0));
	return 0;
}

static int share(void)
{
	CHECK(!E(do_malloc, 0, BIG) && !E(do_fill, 0, 7));
	CHECK(!E(do_export_any, 0, KEY(0, BIG)));
	CHECK(!I(do_import, 0, 0) && I(do_read, 0, 0) == 7);
	return 0;
}

static long do_second(struct peer_state *s, long a, long b)
{
	int (*fn)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "second_calls");

	return fn ? fn() : 0;
}

static long do_rt_import(struct peer_state *s, long a, long b)
{
	return rtIpcOpenMemory(&s->slot[a], s->board->key[b]);
}

static long do_rt_close(struct peer_state *s, long a, long b)
{
	return rtIpcCloseMemory(s->slot[a]);
}

static long do_rt_destroy(struct peer_state *s, long a, long b)
{
	return rtIpcDestroyMemoryName(s->board->key[a]);
}

/* The main job, by each layer, counted once whoever else looks on. */
static int role_pair(void)
{
	CHECK(!start() && !share());
	CHECK(!I(do_import, 1, 0));
	CHECK(!E(do_close, 0, 0) && !E(do_free, 0, 0));
	CHECK(E(do_pending, 0, 0) == 1);
	CHECK(I(do_import, 2, 0) == ACL_ERROR_RT_INVALID_HANDLE);
	CHECK(!I(do_close, 0, 0) && I(do_read, 1, 0) == 7);
	CHECK(E(do_pending, 0, 0) == 1 && !FREES());
	CHECK(!I(do_close, 0, 0));
	CHECK(lib_until(!E(do_pending, 0, 0)));
	CHECK(I(do_close, 0, 0) == ACL_DRV && E(do_close, 0, 0) == ACL_DRV);
	CHECK(DESTROYS() == 1 && FREES() == 1);

	CHECK(!share() && !I(do_rt_import, 1, 0));
	CHECK(!E(do_rt_destroy, 0, 0) && !E(do_free, 0, 0));
	CHECK(!I(do_rt_close, 1, 0) && I(do_read, 0, 0) == 7);
	CHECK(E(do_pending, 0, 0) == 1);
	CHECK(!I(do_close, 0, 0));
	CHECK(lib_until(!E(do_pending, 0, 0)));

	E(do_policy, ACLIPC_POLICY_REFUSE, 0);
	CHECK(!share());
	CHECK(E(do_close, 0, 0) == ACL_ERROR_RT_TIMEOUT);
	CHECK(!I(do_close, 0, 0) && !E(do_close, 0, 0) && !E(do_free, 0, 0));
	CHECK(!getenv("SECOND") ||
	      (E(do_second, 0, 0) > 5 && I(do_second, 0, 0) > 5));
	return 0;
}

/* What a program leaves in errno is there after any call. */
static long do_errno(struct peer_state *s, long a, long b)
{
	char key[65] = "";
	void *dev;
	long bad = 0;

#define KEEPS(what) do {						\
	errno = MARK;							\
	(void)(what);							\
	if (errno != MARK) {						\
		fprintf(stderr, "errno %d after %s\n", errno, #what);	\
		bad++;							\
	}								\
} while (0)
/* the driver library has an error, and keeps errno as little as the real one */
#define FAILS(what) do {						\
	errno = MARK;							\
	(void)(what);							\
	if (errno != MARK && errno != EINVAL) {				\
		fprintf(stderr, "errno %d after %s\n", errno, #what);	\
		bad++;							\
	}								\
} while (0)
	KEEPS(aclrtMalloc(&dev, BIG, ACL_MEM_MALLOC_HUGE_FIRST));
	KEEPS(aclrtIpcMemGetExportKey(dev, BIG, key, 65, 1));
	KEEPS(aclrtIpcMemImportByKey(&s->slot[1], s->board->key[0], 0));
	KEEPS(aclrtIpcMemImportByKey(&s->slot[2], "no such key", 0));
	KEEPS(aclrtIpcMemClose(s->board->key[0]));
	KEEPS(aclrtIpcMemClose(s->board->key[0]));
	KEEPS(aclrtIpcMemClose(s->board->key[0]));
	KEEPS(aclrtIpcMemClose(key));
	KEEPS(aclrtIpcMemClose(key));
	FAILS(aclrtIpcMemImportByKey(&s->slot[2], key, 0));
	FAILS(aclrtIpcMemSetImportPid(key, (int32_t *)key, 1));
	KEEPS(aclrtFree(dev));
	KEEPS(aclrtFree(dev));
	KEEPS(LIB(aclipc_pending)(NULL, 0, NULL, NULL));
	KEEPS(aclrtResetDevice(0));
	return bad;
}

static long do_errno_exporter(struct peer_state *s, long a, long b)
{
	long bad = 0;

	KEEPS(aclrtIpcMemClose(s->board->key[0]));
	KEEPS(aclrtIpcMemClose(s->board->key[0]));
	KEEPS(aclrtFree(s->slot[0]));
	KEEPS(aclrtFree(s->slot[0]));
	return bad;
}

static int role_errno(void)
{
	CHECK(!start() && !share());
	CHECK(!I(do_errno, 0, 0));
	CHECK(!I(do_device, 0, 0) && !share());
	CHECK(!E(do_errno_exporter, 0, 0));
	return 0;
}

/* Closes that come when the program is over. */
static char late_key[65];
static void *late_dev;
static pid_t late_pid;

static void late_close(void)
{
	aclError ret;

	if (getpid() != late_pid)
		return;
	errno = MARK;
	ret = aclrtIpcMemClose(late_key);
	if (errno != MARK)
		_exit(91);
	/* a reset before may have left no device to speak of */
	if (ret && ret != ACL_ERROR_RT_CONTEXT_NULL && !late_dev)
		_exit(92);
	if (late_dev)
		aclrtFree(late_dev);
}

/* the last of all, after every handler of atexit() */
__attribute__((destructor)) static void late_destructor(void)
{
	if (late_pid && getpid() == late_pid && getenv("DESTRUCTOR"))
		late_close();
}

/* a: also free slot 0; b: reset first */
static long do_leave(struct peer_state *s, long a, long b)
{
	memcpy(late_key, s->board->key[0], 65);
	late_dev = a ? s->slot[0] : NULL;
	late_pid = getpid();
	if (!getenv("DESTRUCTOR"))
		atexit(late_close);
	if (b)
		aclrtResetDevice(0);
	aclFinalize();
	exit(0);
}

/* Tell a peer to leave that way, and see how it does. */
static int leave(struct peer *peer, long a, long b)
{
	int status = -1;

	CHECK(!peer_send(peer, do_leave, a, b));
	CHECK(waitpid(peer->pid, &status, 0) == peer->pid);
	peer->pid = 0;
	if (status)
		fprintf(stderr, "status 0x%x\n", status);
	return status;
}

/* Its close counts at once: the settle time is much too long to wait for. */
static int role_late_importer(void)
{
	CHECK(!start() && !share());
	CHECK(!E(do_close, 0, 0) && !E(do_free, 0, 0));
	CHECK(!leave(&peers[1], 0, 0));
	CHECK(lib_until(!E(do_pending, 0, 0)));
	return 0;
}

static int role_late_importer_reset(void)
{
	CHECK(!start() && !share());
	CHECK(!E(do_close, 0, 0) && !E(do_free, 0, 0));
	CHECK(!leave(&peers[1], 0, 1));
	CHECK(lib_until(!E(do_pending, 0, 0)));
	return 0;
}

static int role_late_exporter(void)
{
	CHECK(!start() && !share());
	CHECK(!I(do_close, 0, 0));
	CHECK(!leave(&peers[0], 1, 0));
	CHECK(DESTROYS() == 1 && I(do_import, 0, 0));
	return 0;
}

/* Its work is put off, and the process ends: its importer is told. */
static int role_late_exporter_pending(void)
{
	CHECK(!start() && !share());
	CHECK(!leave(&peers[0], 1, 0));
	CHECK(I(do_import, 1, 0) == ACL_ERROR_RT_INVALID_HANDLE);
	CHECK(!I(do_close, 0, 0));
	return 0;
}

static const struct role {
	const char *name;
	int (*fn)(void);
} roles[] = {
	{ "pair", role_pair },
	{ "errno", role_errno },
	{ "late_importer", role_late_importer },
	{ "late_importer_reset", role_late_importer_reset },
	{ "late_exporter", role_late_exporter },
	{ "late_exporter_pending", role_late_exporter_pending },
};

static int role_run(const char *name)
{
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(roles); i++) {
		if (strcmp(name, roles[i].name))
			continue;
		ret = roles[i].fn();
		peer_kill(&peers[0]);
		peer_kill(&peers[1]);
		return ret;
	}
	return 99;
}

FIXTURE(preload)
{
	int svm;
};

FIXTURE_SETUP(preload)
{
	FILE *f;

	self->svm = ascend_sim_svm();
	if (!self->svm)
		SKIP(return, "no stand-in driver");
	setenv("ASCEND_SIM_CACHE_MAX", "0x100000", 1);
	sim_set_param("teardown_min_ms", 0);
	sim_set_param("teardown_max_ms", 20);
	lib_param("settle_ms", LIB_SETTLE_MS);
	ASSERT_LE(0, sim_wait_count("procs", 0, 10000));
	ASSERT_EQ(0, sim_reset_ledger());
	f = fopen(SECOND_PATH, "w");
	ASSERT_NE(NULL, f);
	ASSERT_EQ(1, fwrite(second_begin, second_end - second_begin, 1, f));
	ASSERT_EQ(0, fclose(f));
}

FIXTURE_TEARDOWN(preload)
{
	if (!self->svm)
		return;
	lib_param("settle_ms", LIB_SETTLE_MS);
	EXPECT_LE(0, sim_wait_count("procs", 0, 15000));
	EXPECT_EQ(0, sim_counted("keys"));
	EXPECT_EQ(0, sim_counted("mappings"));
}

/* The exit status of a role; what it says goes to the log of this test. */
static int run(struct __test_metadata *_metadata, const char *role,
	       const char *preload)
{
	int status = -1, fd;
	char line[512];
	pid_t pid;
	FILE *f;

	fd = open(OUTPUT, O_RDWR | O_CREAT | O_TRUNC, 0600);
	pid = fork();
	if (!pid) {
		setenv("LD_PRELOAD", preload, 1);
		dup2(fd, STDERR_FILENO);
		execl("/proc/self/exe", "lib_preload", "--role", role, NULL);
		_exit(98);
	}
	waitpid(pid, &status, 0);
	close(fd);
	/* not one line, of the loader, of the library, of anybody */
	f = fopen(OUTPUT, "r");
	while (f && fgets(line, sizeof(line), f)) {
		TH_LOG("%s: %s", role, line);
		status |= 0x10000;
	}
	if (f)
		fclose(f);
	return status;
}

#define RUN(role, libs) EXPECT_EQ(0, run(_metadata, role, libs))

/* Only the driver's ledger says that the order was kept. */
TEST_F(preload, plain_name)
{
	RUN("pair", "libaclipc.so");
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(preload, soname)
{
	RUN("pair", "libaclipc.so.0");
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(preload, behind_another)
{
	setenv("SECOND", "1", 1);
	RUN("pair", SECOND_PATH ":libaclipc.so");
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(preload, before_another)
{
	setenv("SECOND", "1", 1);
	RUN("pair", "libaclipc.so:" SECOND_PATH);
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(preload, named_twice)
{
	RUN("pair", "libaclipc.so libaclipc.so.0");
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(preload, errno_is_kept)
{
	RUN("errno", "libaclipc.so");
	sim_reset_ledger();
}

TEST_F(preload, importer_closes_at_exit)
{
	lib_param("settle_ms", 60000);
	RUN("late_importer", "libaclipc.so");
	EXPECT_EQ(0, sim_violation("total"));
	setenv("DESTRUCTOR", "1", 1);
	RUN("late_importer", "libaclipc.so");
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(preload, importer_closes_after_reset_and_finalize)
{
	lib_param("settle_ms", 60000);
	RUN("late_importer_reset", "libaclipc.so");
	setenv("DESTRUCTOR", "1", 1);
	RUN("late_importer_reset", "libaclipc.so");
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(preload, exporter_closes_at_exit)
{
	RUN("late_exporter", "libaclipc.so");
	sim_reset_ledger();
	setenv("DESTRUCTOR", "1", 1);
	RUN("late_exporter", "libaclipc.so");
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(preload, exporter_closes_at_exit_while_others_import)
{
	RUN("late_exporter_pending", "libaclipc.so");
	setenv("DESTRUCTOR", "1", 1);
	RUN("late_exporter_pending", "libaclipc.so");
	/* no memory outlives its process */
	sim_reset_ledger();
}

/* The harness brings its own main(). */
#define main lib_harness_main
static int lib_harness_main(int argc, char **argv);
static TEST_HARNESS_MAIN
#undef main

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--role"))
		return role_run(argv[2]);
	return lib_harness_main(argc, argv);
}
