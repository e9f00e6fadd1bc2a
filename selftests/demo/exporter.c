// SPDX-License-Identifier: GPL-2.0
/*
 * Shares one tensor, and closes and frees it without asking anybody:
 *
 *   exporter DIR MIB ORDER IMPORTERS WORK_MS
 *
 * ORDER: close-first  close, free, as soon as the importers have imported
 *        free-first   free as soon as they have imported, fill the next
 *                     tensor, close after they have read
 *        close-late   close, free, after the last importer is gone
 *
 * An ordinary program: it knows CANN's calls and nothing of aclipc.
 */
#include "tensor.h"

static void *tensor_new(size_t size, uint64_t tensor)
{
	uint64_t *host = malloc(size);
	void *dev;

	ACL(aclrtMalloc(&dev, size, ACL_MEM_MALLOC_HUGE_FIRST));
	tensor_fill(host, size, tensor);
	ACL(aclrtMemcpy(dev, size, host, size, ACL_MEMCPY_HOST_TO_DEVICE));
	free(host);
	return dev;
}

static void publish(const char *dir, const char *key)
{
	char from[256], to[256];
	int fd = open_in(dir, "key.new", O_WRONLY | O_CREAT);
	size_t len = strlen(key);

	if (fd < 0 || write(fd, key, len) != (ssize_t)len)
		die("key file", fd);
	close(fd);
	snprintf(from, sizeof(from), "%s/key.new", dir);
	snprintf(to, sizeof(to), "%s/key", dir);
	rename(from, to);
}

/* Until n importers said so, or all of them are gone. */
static void wait_for(int fd, char what, int n)
{
	char c;

	while (n && read(fd, &c, 1) == 1)
		n -= c == what;
}

static void go_on(const char *dir, int importers)
{
	char name[16];
	int i, fd;

	for (i = 1; i <= importers; i++) {
		snprintf(name, sizeof(name), "go-%d", i);
		fd = open_in(dir, name, O_WRONLY);
		if (fd < 0 || write(fd, "g", 1) != 1)
			die(name, fd);
		close(fd);
	}
}

static void end_memory(void *dev)
{
	ACL(aclrtFree(dev));
	say("aclrtFree returned 0");
}

static void end_key(const char *key)
{
	ACL(aclrtIpcMemClose(key));
	say("aclrtIpcMemClose returned 0");
}

static void share(const char *dir, const char *order, int importers, void *dev,
		  const char *key)
{
	int from = open_in(dir, "said", O_RDONLY);

	wait_for(from, 'i', importers);
	if (!strcmp(order, "close-first")) {
		end_key(key);
		end_memory(dev);
		go_on(dir, importers);
		wait_for(from, 'd', importers);
	} else if (!strcmp(order, "free-first")) {
		end_memory(dev);
		tensor_new(1 * MIB, TENSOR_B);
		say("filled its next tensor");
		go_on(dir, importers);
		wait_for(from, 'r', importers);
		end_key(key);
	} else {
		go_on(dir, importers);
		wait_for(from, 'd', importers);
		end_key(key);
		end_memory(dev);
	}
	close(from);
}

int main(int argc, char **argv)
{
	char key[KEY_LEN] = "";
	size_t size;
	void *dev;

	if (argc != 6)
		return 2;
	alarm(120);	/* whatever becomes of the others */
	size = strtoul(argv[2], NULL, 0) * MIB;

	ACL(aclInit(NULL));
	ACL(aclrtSetDevice(0));
	dev = tensor_new(size, TENSOR_A);
	ACL(aclrtIpcMemGetExportKey(dev, size, key, KEY_LEN,
				    ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION));
	publish(argv[1], key);
	share(argv[1], argv[3], atoi(argv[4]), dev, key);
	usleep(atoi(argv[5]) * 1000);	/* other work */
	ACL(aclrtResetDevice(0));
	ACL(aclFinalize());
	say("exits");
	return 0;
}
