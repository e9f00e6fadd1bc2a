// SPDX-License-Identifier: GPL-2.0
/* Leave the VM, once all that was written to the serial ports has arrived. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#ifdef __x86_64__
#include <sys/io.h>

/* isa-debug-exit: at once, also where the kernel cannot power off */
static void leave(void)
{
	if (!ioperm(0xf4, 4, 1))
		outl(0, 0xf4);
}
#else
static void leave(void)
{
	reboot(RB_POWER_OFF);
}
#endif

int main(void)
{
	static const char * const ports[] = {
		"/dev/ttyS1", "/dev/ttyS2", "/dev/ttyS3",
	};
	unsigned int i;

	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		int fd = open(ports[i], O_WRONLY | O_NOCTTY);

		/* a process that was left behind may have it open */
		if (fd >= 0)
			tcdrain(fd);
	}
	sync();
	leave();
	perror("vmexit");
	return 1;
}
