// SPDX-License-Identifier: GPL-2.0
/*
 * One mover, 16 pages an ioctl, beside a thread whose rmap walks lock the same
 * folios: none, reclaim, page_idle. Between passes the mover uses its pages, which
 * brings back what was swapped out; that is not measured.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>

#define PAGES		1024
#define BATCH		16

static struct pair pair;
static uint64_t pfn[PAGES];
static atomic_bool done;

static void *keep_reclaiming(void *arg)
{
	(void)arg;
	while (!atomic_load(&done))
		reclaim(PAGES / 16);
	return NULL;
}

static void *keep_marking_idle(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; !atomic_load(&done); i = (i + 1) % PAGES) {
		set_idle(pfn[i]);
		is_idle(pfn[i]);
	}
	return NULL;
}

/* They are fresh in the LRU lists' caches, where nobody looks for them. */
static void find_frames(void)
{
	int i;

	drain_lru();
	for (i = 0; i < PAGES; i++)
		pfn[i] = pfn_of(pair.src + i * page_size);
}

static void measure(const struct bench_case *c, void *(*rival)(void *))
{
	static const struct trip trip = { .step = step_move };
	pthread_t thread;
	struct counts counts;
	uint64_t took;
	int i;

	make_pair(&pair, PAGES, MADV_NOHUGEPAGE, &trip);
	find_frames();
	pass(&pair, BATCH * page_size, &trip);
	if (rival && pthread_create(&thread, NULL, rival, NULL))
		die("pthread_create");
	for (i = 0; i < rounds; i++) {
		fill(pair.src, PAGES);
		begin_counts(&counts);
		took = start();
		pass(&pair, BATCH * page_size, &trip);
		took = stop(took);
		record(c, BATCH, i, took, PAGES);
		record_counts(c, &counts, BATCH, i, PAGES);
	}
	atomic_store(&done, true);
	if (rival)
		pthread_join(thread, NULL);
}

static void nobody(const struct bench_case *c)
{
	measure(c, NULL);
}

static void reclaimer(const struct bench_case *c)
{
	if (!have_swap() || !enter_cgroup())
		return skip(c, "no swap, or no memory.reclaim");
	measure(c, keep_reclaiming);
}

static void idle_marker(const struct bench_case *c)
{
	if (!pfn_of(&done) || !set_idle(pfn_of(&done)))
		return skip(c, "no page_idle");
	measure(c, keep_marking_idle);
}

const struct bench_case against_nobody_case = { "against.nobody", "page", nobody };
const struct bench_case against_reclaim_case = { "against.reclaim", "page", reclaimer };
const struct bench_case against_idle_case = { "against.page_idle", "page", idle_marker };
