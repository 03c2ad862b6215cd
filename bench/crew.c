// SPDX-License-Identifier: GPL-2.0
/* Threads that move pages to and fro, for cases that need several of them. */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct mover {
	pthread_t thread;
	struct crew *crew;
	struct pair pair;
	uint64_t begin, end;
};

struct crew {
	struct crew_plan plan;
	atomic_bool stop;
	pthread_barrier_t begin, end;
	struct pair whole;
	struct mover mover[];
};

static const struct trip trip = { .step = step_move };

static void *move_to_and_fro(void *arg)
{
	struct mover *mover = arg;
	struct crew *crew = mover->crew;
	const struct crew_plan *plan = &crew->plan;
	long i;

	pthread_barrier_wait(&crew->begin);
	mover->begin = now();
	for (i = 0; !atomic_load(&crew->stop) && (!plan->passes || i < plan->passes); i++)
		pass(&mover->pair, plan->batch * page_size, &trip);
	mover->end = now();
	pthread_barrier_wait(&crew->end);
	return NULL;
}

static void slice(struct pair *part, const struct pair *whole, int i, size_t pages)
{
	*part = *whole;
	part->src += i * pages * page_size;
	part->dst += i * pages * page_size;
	part->pages = pages;
}

static void make_mover(struct crew *crew, int i)
{
	struct mover *mover = &crew->mover[i];
	const struct crew_plan *plan = &crew->plan;

	mover->crew = crew;
	if (plan->one_vma)
		slice(&mover->pair, &crew->whole, i, plan->pages);
	else
		make_pair(&mover->pair, plan->pages, MADV_NOHUGEPAGE, &trip);
	/* Both sides have page tables then. */
	pass(&mover->pair, plan->batch * page_size, &trip);
	if (pthread_create(&mover->thread, NULL, move_to_and_fro, mover))
		die("pthread_create");
}

struct crew *make_crew(const struct crew_plan *plan)
{
	struct crew *crew = calloc(1, sizeof(*crew) + plan->movers * sizeof(crew->mover[0]));
	int i;

	crew->plan = *plan;
	pthread_barrier_init(&crew->begin, NULL, plan->movers + 1);
	pthread_barrier_init(&crew->end, NULL, plan->movers + 1);
	if (plan->one_vma && plan->movers)
		make_pair(&crew->whole, plan->movers * plan->pages, MADV_NOHUGEPAGE, &trip);
	for (i = 0; i < plan->movers; i++)
		make_mover(crew, i);
	return crew;
}

void start_crew(struct crew *crew)
{
	pthread_barrier_wait(&crew->begin);
}

/* From when the first began until all have done their passes */
uint64_t wait_for_crew(struct crew *crew)
{
	uint64_t begin = UINT64_MAX, end = 0;
	int i;

	pthread_barrier_wait(&crew->end);
	for (i = 0; i < crew->plan.movers; i++) {
		struct mover *mover = &crew->mover[i];

		begin = mover->begin < begin ? mover->begin : begin;
		end = mover->end > end ? mover->end : end;
	}
	return end - begin;
}

void stop_crew(struct crew *crew)
{
	atomic_store(&crew->stop, true);
	wait_for_crew(crew);
}

void free_crew(struct crew *crew)
{
	int i;

	for (i = 0; i < crew->plan.movers; i++) {
		pthread_join(crew->mover[i].thread, NULL);
		if (!crew->plan.one_vma)
			destroy_pair(&crew->mover[i].pair);
	}
	if (crew->plan.one_vma && crew->plan.movers)
		destroy_pair(&crew->whole);
	free(crew);
}
