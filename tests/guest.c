// SPDX-License-Identifier: GPL-2.0
/* What the tests run in the guest: one way to end per argument. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		exit(99);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *arg = argc > 2 ? argv[2] : "";

	if (!strcmp(what, "exit"))
		return atoi(arg);
	if (!strcmp(what, "echo")) {
		printf("<%s><%s>\n", arg, getenv("WORD") ?: "unset");
		fprintf(stderr, "<error>\n");
		return access("/guest/more", R_OK) ? 1 : 0;
	}
	if (!strcmp(what, "abort"))
		abort();
	if (!strcmp(what, "alarm") && argc > 3) {
		alarm(atoi(arg));
		execv(argv[3], argv + 3);
	}
	if (!strcmp(what, "hang"))
		for (;;)
			pause();
	if (!strcmp(what, "panic"))
		put("/proc/sysrq-trigger", "c");
	if (!strcmp(what, "log"))
		put("/dev/kmsg", arg);
	if (!strcmp(what, "reboot"))
		reboot(RB_AUTOBOOT);
	if (!strcmp(what, "log"))
		return 0;
	return 98;
}
