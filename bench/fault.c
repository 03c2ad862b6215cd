// SPDX-License-Identifier: GPL-2.0
/*
 * From touching a missing page to going on, one page a fault: resolved by the
 * thread itself in its SIGBUS handler, or by a thread that reads the userfaultfd.
 * Each fault is a round.
 */
#include "bench.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define FAULTS		999

static int uffd;
static char *dst, *src;
static bool by_move;

static void resolve(uintptr_t address)
{
	size_t offset = (address & -page_size) - (uintptr_t)dst;

	if (by_move)
		move_range(uffd, dst + offset, src + offset, page_size, 0);
	else
		copy_range(uffd, dst + offset, src + offset, page_size, 0);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	resolve((uintptr_t)info->si_addr);
}

static void *handler_thread(void *arg)
{
	struct uffd_msg msg;
	struct pollfd ready = { .fd = uffd, .events = POLLIN };
	int i;

	(void)arg;
	for (i = 0; i < FAULTS; i++) {
		if (poll(&ready, 1, -1) != 1 || read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			die("userfaultfd");
		resolve(msg.arg.pagefault.address);
	}
	return NULL;
}

/* Page tables are there. */
static void set_up(uint64_t features)
{
	uffd = open_uffd(features);
	dst = map_area(FAULTS, MADV_NOHUGEPAGE);
	src = map_area(FAULTS, MADV_NOHUGEPAGE);
	fill(src, FAULTS);
	fill(dst, FAULTS);
	if (madvise(dst, FAULTS * page_size, MADV_DONTNEED))
		die("MADV_DONTNEED");
	register_area(uffd, dst, FAULTS);
}

static void touch_all(const struct bench_case *c)
{
	uint64_t took, value;
	int i;

	for (i = 0; i < FAULTS; i++) {
		uint64_t *word = (uint64_t *)(dst + i * page_size);

		took = start();
		value = *(volatile uint64_t *)word;
		took = stop(took);
		if (value != (uint64_t)i + 1)
			die("a page has not what it should have");
		record(c, 1, i, took, 1);
	}
}

static void by_sigbus(const struct bench_case *c)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	by_move = strstr(c->name, "move");
	set_up(UFFD_FEATURE_SIGBUS);
	if (sigaction(SIGBUS, &action, NULL))
		die("sigaction");
	touch_all(c);
}

static void by_thread(const struct bench_case *c)
{
	pthread_t thread;

	by_move = strstr(c->name, "move");
	set_up(0);
	if (pthread_create(&thread, NULL, handler_thread, NULL))
		die("pthread_create");
	touch_all(c);
	pthread_join(thread, NULL);
}

const struct bench_case fault_sigbus_move_case = { "fault.sigbus.move", "fault", by_sigbus };
const struct bench_case fault_sigbus_copy_case = { "fault.sigbus.copy", "fault", by_sigbus };
const struct bench_case fault_thread_move_case = { "fault.thread.move", "fault", by_thread };
const struct bench_case fault_thread_copy_case = { "fault.thread.copy", "fault", by_thread };
