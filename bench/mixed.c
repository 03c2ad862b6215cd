// SPDX-License-Identifier: GPL-2.0
/*
 * Sources in which every 8th page is different. Shared and pinned ones stop a
 * move (EBUSY): the caller copies that page, as a collector does, and goes on.
 */
#include "bench.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EACH		8

static pid_t sharer;
static struct io_uring ring;

static bool every_8th_is_discarded(struct pair *pair)
{
	size_t i;

	for (i = 0; i < pair->pages; i += EACH) {
		if (madvise(pair->src + i * page_size, page_size, MADV_DONTNEED))
			return false;
	}
	return true;
}

static bool every_8th_is_zero_page(struct pair *pair)
{
	size_t i;

	if (!every_8th_is_discarded(pair))
		return false;
	for (i = 0; i < pair->pages; i += EACH)
		(void)*(volatile char *)(pair->src + i * page_size);
	return true;
}

static bool both_mlocked(struct pair *pair)
{
	return !mlock2(pair->src, pair->pages * page_size, MLOCK_ONFAULT) &&
		!mlock2(pair->dst, pair->pages * page_size, MLOCK_ONFAULT);
}

/* A child shares all pages; those that are written to after are not shared. */
static void share_every_8th(struct pair *pair)
{
	size_t i;

	sharer = fork();
	if (sharer < 0)
		die("fork");
	if (!sharer) {
		pause();
		_exit(0);
	}
	for (i = 0; i < pair->pages; i++) {
		if (i % EACH)
			++*(volatile char *)(pair->src + i * page_size);
	}
}

static void end_sharing(struct pair *pair)
{
	(void)pair;
	kill(sharer, SIGKILL);
	waitpid(sharer, NULL, 0);
}

/* What is registered with io_uring as a buffer is pinned. */
static void pin_every_8th(struct pair *pair)
{
	size_t i, nr = pair->pages / EACH;
	struct iovec page[nr];

	for (i = 0; i < nr; i++)
		page[i] = (struct iovec){ pair->src + i * EACH * page_size, page_size };
	if (ring_open(&ring) || io_uring_register_buffers(&ring, page, nr))
		die("io_uring");
}

static void unpin(struct pair *pair)
{
	(void)pair;
	ring_unpin(&ring);
	ring_close(&ring);
}

static void step_move_or_copy(struct pair *pair, size_t offset, size_t len)
{
	struct uffdio_move move;
	size_t end = offset + len;

	while (offset < end) {
		move = (struct uffdio_move) {
			.dst = (uintptr_t)pair->dst + offset,
			.src = (uintptr_t)pair->src + offset,
			.len = end - offset,
			.mode = UFFDIO_MOVE_MODE_DONTWAKE,
		};
		if (!ioctl(pair->uffd, UFFDIO_MOVE, &move))
			return;
		if (errno == EBUSY) {
			step_copy(pair, offset, page_size);
			offset += page_size;
		} else if (errno != EAGAIN) {
			die("UFFDIO_MOVE");
		} else if (move.move > 0) {
			offset += move.move;
		}
	}
}

static void holes(const struct bench_case *c)
{
	static const struct trip trip = {
		.step = step_move_holes, .prepare = every_8th_is_discarded,
	};

	in_batches(c, &trip);
}

static void zero_pages(const struct bench_case *c)
{
	static const struct trip trip = {
		.step = step_move, .prepare = every_8th_is_zero_page,
	};

	in_batches(c, &trip);
}

static void mlocked(const struct bench_case *c)
{
	static const struct trip trip = { .step = step_move, .prepare = both_mlocked };

	in_batches(c, &trip);
}

static void shared(const struct bench_case *c)
{
	static const struct trip trip = {
		.step = step_move_or_copy, .before = share_every_8th, .after = end_sharing,
	};

	in_batches(c, &trip);
}

static void pinned(const struct bench_case *c)
{
	static const struct trip trip = {
		.step = step_move_or_copy, .before = pin_every_8th, .after = unpin,
	};

	in_batches(c, &trip);
}

const struct bench_case mixed_holes_case = { "mixed.holes", "page", holes };
const struct bench_case mixed_zero_case = { "mixed.zero_pages", "page", zero_pages };
const struct bench_case mixed_shared_case = { "mixed.shared", "page", shared };
const struct bench_case mixed_pinned_case = { "mixed.pinned", "page", pinned };
const struct bench_case mlocked_case = { "mlocked", "page", mlocked };
