// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that touches a page which is not there yet gets SIGBUS, and makes
 * the page itself. Everything in here is async-signal-safe: atomics, system
 * calls, and memory that is mapped whatever happens.
 *
 * The end of a cycle has two gates, one on either side of UNREGISTER. A
 * handler in the first one is waited for before; then every page that was
 * moved is mapped, and only new pages can still fault. A handler that comes
 * later goes through the second gate and is waited for after: its ioctl can
 * meet a range that was unregistered meanwhile. Who finds both gates shut has
 * only to try its access again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "heap.h"

#define SHUT		(1ull << 63)
#define YIELDS		16u
#define MAX_SLEEP_NS	1000000u
#define MAX_SAME_FAULT	100000u

/* Yield at first, then sleep longer and longer. */
void backoff(unsigned int *tries)
{
	struct timespec ts = { 0, 1000 };
	unsigned int n = (*tries)++;

	if (n < YIELDS) {
		sched_yield();
		return;
	}
	for (; n > YIELDS && ts.tv_nsec < MAX_SLEEP_NS; n--)
		ts.tv_nsec *= 2;
	nanosleep(&ts, NULL);
}

/*
 * All accesses to the gates are sequentially consistent. A handler that gets
 * in was in before gate_close() set the bit, so gate_close() waits for it.
 */
static int gate_enter(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		uint64_t count = atomic_load(&heap.gate[i]);

		while (!(count & SHUT))
			if (atomic_compare_exchange_weak(&heap.gate[i], &count,
							 count + 1))
				return i;
	}
	return -1;
}

static void gate_leave(int which)
{
	atomic_fetch_sub(&heap.gate[which], 1);
}

/* The world is stopped, so nobody is in either. */
void gate_open(void)
{
	atomic_store(&heap.gate[0], 0);
	atomic_store(&heap.gate[1], 0);
}

void gate_close(int which)
{
	unsigned int tries = 0;

	atomic_fetch_or(&heap.gate[which], SHUT);
	while (atomic_load(&heap.gate[which]) != SHUT)
		backoff(&tries);
}

/* A page that nobody had before the pause: zeroes to the buffer's end. */
static void fresh_page(size_t page)
{
	size_t per = heap.tlab / heap.page;

	place_new(self, page, per - page % per);
}

static void missing_page(size_t page)
{
	unsigned int tries = 0;

	if (page >= heap.end) {
		fresh_page(page);
		return;
	}
	for (;;) {
		/* Acquire: pairs with the release of who mapped the page. */
		uint64_t word = atomic_load_explicit(&heap.state[page],
						     memory_order_acquire);

		switch (page_state(word)) {
		case MAPPED:
			return;
		case UNPROCESSED:
			if (claim_page(page)) {
				finish_page(self, page);
				return;
			}
			break;
		case PROCESSED:
			map_run(self, page, heap.end);
			break;
		default:
			backoff(&tries);
		}
	}
}

/* The same address over and over: the kernel lost the page, or we did. */
static void check_progress(uintptr_t addr)
{
	if (self->last_fault != addr)
		self->same_fault = 0;
	self->last_fault = addr;
	if (++self->same_fault > MAX_SAME_FAULT)
		die("a page that was mapped keeps faulting");
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	uint64_t start = now_ns();
	int error = errno, gate;

	(void)context;
	if (!self || !in_space(info->si_addr)) {
		signal(sig, SIG_DFL);
		return;		/* and die of it */
	}
	check_progress((uintptr_t)info->si_addr);
	gate = gate_enter();
	if (gate >= 0) {
		self->late = gate == 1;
		missing_page((size_t)((char *)info->si_addr - heap.space) /
			     heap.page);
		self->late = false;
		gate_leave(gate);
	}
	self->stats.faults++;
	hist_add(&self->stats, now_ns() - start);
	errno = error;
}

void fault_init(void)
{
	struct sigaction action = {
		.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO,
	};

	atomic_store(&heap.gate[0], SHUT);
	atomic_store(&heap.gate[1], SHUT);
	sigaction(SIGBUS, &action, NULL);
}
