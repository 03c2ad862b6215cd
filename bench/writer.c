// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that maps a page while another moves 4 GiB an ioctl: how long does
 * mmap() take, which writes to the address space? The 4 GiB are zero pages, which
 * need no memory. Each mmap() is a round; the parameter is the pages an ioctl, 0
 * if nobody moves anything.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define TIMES		200
#define PAGES		(1UL << 20)

static struct pair pair;
static atomic_bool moving, done;

static void *move_to_and_fro(void *arg)
{
	static const struct trip trip = { .step = step_move };

	(void)arg;
	/* The destination has page tables after that. */
	pass(&pair, pair.pages * page_size, &trip);
	atomic_store(&moving, true);
	while (!atomic_load(&done))
		pass(&pair, pair.pages * page_size, &trip);
	return NULL;
}

static void map_once(const struct bench_case *c, size_t pages, int time)
{
	uint64_t took = start();
	char *p = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	took = stop(took);
	if (p == MAP_FAILED)
		die("mmap");
	record(c, pages, time, took, 1);
	if (munmap(p, page_size))
		die("munmap");
}

static void map_again_and_again(const struct bench_case *c, size_t pages)
{
	struct counts counts;
	int time;

	begin_counts(&counts);
	for (time = 0; time < TIMES; time++)
		map_once(c, pages, time);
	record_counts(c, &counts, pages, 0, TIMES);
}

static void beside_a_move(const struct bench_case *c)
{
	pthread_t mover;

	pair = (struct pair) {
		.uffd = open_uffd(0),
		.dst = map_area(PAGES, MADV_NOHUGEPAGE),
		.src = map_area(PAGES, MADV_NOHUGEPAGE),
		.pages = PAGES,
	};
	if (madvise(pair.src, PAGES * page_size, MADV_POPULATE_READ))
		die("MADV_POPULATE_READ");
	register_area(pair.uffd, pair.src, PAGES);
	register_area(pair.uffd, pair.dst, PAGES);
	if (pthread_create(&mover, NULL, move_to_and_fro, NULL))
		die("pthread_create");
	while (!atomic_load(&moving))
		usleep(1000);
	map_again_and_again(c, PAGES);
	atomic_store(&done, true);
	pthread_join(mover, NULL);
	destroy_pair(&pair);
}

static void run(const struct bench_case *c)
{
	if (wanted(c, 0))
		map_again_and_again(c, 0);
	if (wanted(c, PAGES))
		beside_a_move(c);
}

const struct bench_case writer_case = { "writer", "call", run };
