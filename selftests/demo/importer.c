// SPDX-License-Identifier: GPL-2.0
/*
 * Imports the tensor and reads it:
 *
 *   importer DIR NUMBER MIB ROUNDS
 *
 * ROUNDS 0: for ever, until it is killed.  Exit status 0: every byte was right.
 *
 * An ordinary program: it knows CANN's calls and nothing of aclipc.
 */
#include <errno.h>
#include <signal.h>

#include "tensor.h"

static void read_key(const char *dir, char *key)
{
	int fd;

	while ((fd = open_in(dir, "key", O_RDONLY)) < 0)
		usleep(1000);
	if (read(fd, key, KEY_LEN - 1) < 1)
		die("key file", fd);
	close(fd);
}

/* Read all of it and say what it was.  0: every byte right. */
static int look(void *dev, uint64_t *host, size_t size)
{
	size_t words = size / sizeof(*host);
	aclError err;

	memset(host, 0, size);
	err = aclrtMemcpy(host, size, dev, size, ACL_MEMCPY_DEVICE_TO_HOST);
	if (err) {
		say("aclrtMemcpy of the tensor failed, %d", err);
		return 1;
	}
	if (tensor_count(host, size, TENSOR_A) == words) {
		say("read %zu MiB: every byte right", size / MIB);
		return 0;
	}
	if (tensor_count(host, size, TENSOR_B) == words)
		say("read %zu MiB: another tensor's bytes", size / MIB);
	else
		say("read %zu MiB: wrong bytes", size / MIB);
	return 1;
}

/* The exporter may not want to hear it any more. */
static void tell(int fd, const char *what)
{
	if (write(fd, what, 1) != 1 && errno != EPIPE)
		die("pipe", errno);
}

static void wait_for_go(const char *dir, const char *number)
{
	char name[16], c;
	int fd;

	snprintf(name, sizeof(name), "go-%s", number);
	fd = open_in(dir, name, O_RDONLY);
	if (fd < 0 || read(fd, &c, 1) != 1)
		die(name, fd);
	close(fd);
}

int main(int argc, char **argv)
{
	int rounds, round, to, wrong = 0;
	char key[KEY_LEN] = "";
	uint64_t *host;
	aclError err;
	size_t size;
	void *dev;

	if (argc != 5)
		return 2;
	alarm(120);	/* whatever becomes of the others */
	size = strtoul(argv[3], NULL, 0) * MIB;
	rounds = atoi(argv[4]);
	host = malloc(size);

	signal(SIGPIPE, SIG_IGN);
	to = open_in(argv[1], "said", O_WRONLY);
	ACL(aclInit(NULL));
	ACL(aclrtSetDevice(0));
	read_key(argv[1], key);
	ACL(aclrtIpcMemImportByKey(&dev, key,
				   ACL_RT_IPC_MEM_IMPORT_FLAG_DEFAULT));
	tell(to, "i");
	wait_for_go(argv[1], argv[2]);
	for (round = 0; !rounds || round < rounds; round++) {
		wrong |= look(dev, host, size);
		tell(to, "r");
		usleep(20000);
	}
	err = aclrtIpcMemClose(key);
	if (err)
		say("aclrtIpcMemClose failed, %d", err);
	tell(to, "d");
	close(to);
	aclrtResetDevice(0);
	aclFinalize();
	return wrong ? 3 : 0;
}
