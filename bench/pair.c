// SPDX-License-Identifier: GPL-2.0
/*
 * Two areas between which pages go there and back, so that both have page
 * tables when it counts.
 */
#include "bench.h"

#include <string.h>
#include <unistd.h>

#define PAGES		4096

bool make_pair(struct pair *pair, size_t pages, int advice, const struct trip *trip)
{
	*pair = (struct pair) {
		.uffd = open_uffd(0),
		.dst = map_area(pages, advice),
		.src = map_area(pages, advice),
		.pages = pages,
	};
	fill(pair->src, pages);
	if (trip->prepare && !trip->prepare(pair)) {
		destroy_pair(pair);
		return false;
	}
	if (trip->unregistered)
		return true;
	register_area(pair->uffd, pair->src, pages);
	register_area(pair->uffd, pair->dst, pages);
	return true;
}

void destroy_pair(struct pair *pair)
{
	unmap_area(pair->src, pair->pages);
	unmap_area(pair->dst, pair->pages);
	close(pair->uffd);
}

void step_move(struct pair *pair, size_t offset, size_t len)
{
	move_range(pair->uffd, pair->dst + offset, pair->src + offset, len,
		   UFFDIO_MOVE_MODE_DONTWAKE);
}

void step_move_holes(struct pair *pair, size_t offset, size_t len)
{
	move_range(pair->uffd, pair->dst + offset, pair->src + offset, len,
		   UFFDIO_MOVE_MODE_DONTWAKE | UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
}

/* What a caller does who has no UFFDIO_MOVE. */
void step_copy(struct pair *pair, size_t offset, size_t len)
{
	copy_range(pair->uffd, pair->dst + offset, pair->src + offset, len, UFFDIO_COPY_MODE_DONTWAKE);
	if (madvise(pair->src + offset, len, MADV_DONTNEED))
		die("MADV_DONTNEED");
}

/* All pages from src to dst, which then change places. */
void pass(struct pair *pair, size_t len, const struct trip *trip)
{
	size_t offset, end = pair->pages * page_size;
	char *src = pair->src;

	for (offset = 0; offset < end; offset += len)
		trip->step(pair, offset, len);
	pair->src = pair->dst;
	pair->dst = src;
}

static uint64_t timed_pass(struct pair *pair, size_t batch, const struct trip *trip)
{
	uint64_t begin = start();

	pass(pair, batch * page_size, trip);
	return stop(begin);
}

static void counted_pass(const struct bench_case *c, struct pair *pair, size_t batch,
			 const struct trip *trip, int round, size_t count)
{
	struct counts counts;

	begin_counts(&counts);
	pass(pair, batch * page_size, trip);
	record_counts(c, &counts, batch, round, count);
}

/* The first two rounds make page tables, and are not looked at. */
void there_and_back(const struct bench_case *c, struct pair *pair, size_t batch,
		    const struct trip *trip)
{
	size_t count = strcmp(c->unit, "thp") ? pair->pages : pair->pages / batch;
	int i;

	for (i = -2; i < rounds; i++) {
		if (trip->before)
			trip->before(pair);
		if (i < 0)
			pass(pair, batch * page_size, trip);
		else if (counting())
			counted_pass(c, pair, batch, trip, i, count);
		else
			record(c, batch, i, timed_pass(pair, batch, trip), count);
		if (trip->after)
			trip->after(pair);
	}
}

void in_batches(const struct bench_case *c, const struct trip *trip)
{
	static const size_t batches[] = { 1, 4, 16, 64, 512, PAGES };
	struct pair pair;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(batches); i++) {
		if (!wanted(c, batches[i]))
			continue;
		if (!make_pair(&pair, PAGES, MADV_NOHUGEPAGE, trip))
			return skip(c, "the pages cannot be had in this state");
		there_and_back(c, &pair, batches[i], trip);
		destroy_pair(&pair);
	}
}
