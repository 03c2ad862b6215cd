// SPDX-License-Identifier: GPL-2.0
/* A memory cgroup to reclaim from. */
#include "bench.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR		"/sys/fs/cgroup/bench"

/* This process is in it from now on; false: there are none, or not for us. */
bool enter_cgroup(void)
{
	return (!mkdir(DIR, 0755) || errno == EEXIST) &&
		!access(DIR "/memory.reclaim", W_OK) &&
		write_text(DIR "/cgroup.procs", "0");
}

/* False if the kernel could not get as much. */
bool reclaim(size_t pages)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", pages * page_size);
	return write_text(DIR "/memory.reclaim", text);
}
