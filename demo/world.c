// SPDX-License-Identifier: GPL-2.0
/*
 * Stopping the world.
 *
 * Mutators poll world_stopping and park; one that waits for room counts as
 * parked. The mutex is the only order between the world and the collector:
 * what a mutator did before it parked is seen by the collector, and what the
 * collector did before world_resume() is seen by the mutators.
 */
#include <pthread.h>

#include "heap.h"

atomic_bool world_stopping, world_finished;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resumed = PTHREAD_COND_INITIALIZER;
static pthread_cond_t reported = PTHREAD_COND_INITIALIZER;
static unsigned int running, parked, jobs_done, job_number;
static void (*current_job)(void);
static size_t wanted_top;

void world_join(void)
{
	pthread_mutex_lock(&lock);
	while (atomic_load(&world_stopping))
		pthread_cond_wait(&resumed, &lock);
	running++;
	pthread_mutex_unlock(&lock);
}

void world_leave(void)
{
	pthread_mutex_lock(&lock);
	running--;
	pthread_cond_signal(&reported);
	pthread_mutex_unlock(&lock);
}

static bool must_wait(bool for_room)
{
	if (atomic_load(&world_stopping))
		return true;
	return for_room && !atomic_load(&world_finished) &&
	       atomic_load(&heap.top) + heap.tlab > heap.size;
}

static void run_job(void)
{
	self->job_seen = job_number;
	pthread_mutex_unlock(&lock);
	current_job();
	pthread_mutex_lock(&lock);
	jobs_done++;
	pthread_cond_signal(&reported);
}

void world_park(bool for_room)
{
	pthread_mutex_lock(&lock);
	parked++;
	pthread_cond_signal(&reported);
	while (must_wait(for_room)) {
		if (atomic_load(&world_stopping) &&
		    self->job_seen != job_number)
			run_job();
		else
			pthread_cond_wait(&resumed, &lock);
	}
	parked--;
	pthread_mutex_unlock(&lock);
}

void world_stop(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&world_stopping, true);
	while (parked < running)
		pthread_cond_wait(&reported, &lock);
	pthread_mutex_unlock(&lock);
}

void world_resume(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&world_stopping, false);
	pthread_cond_broadcast(&resumed);
	pthread_mutex_unlock(&lock);
}

/* Have each mutator of the stopped world do @job; return when all have. */
void world_run(void (*job)(void))
{
	pthread_mutex_lock(&lock);
	current_job = job;
	job_number++;
	jobs_done = 0;
	pthread_cond_broadcast(&resumed);
	while (jobs_done < running)
		pthread_cond_wait(&reported, &lock);
	pthread_mutex_unlock(&lock);
}

/* Sleep until so much was allocated. Pairs with world_poke(). */
void world_wait_top(size_t bytes)
{
	pthread_mutex_lock(&lock);
	wanted_top = bytes;
	while (atomic_load(&heap.top) < bytes)
		pthread_cond_wait(&reported, &lock);
	pthread_mutex_unlock(&lock);
}

void world_poke(void)
{
	pthread_mutex_lock(&lock);
	if (wanted_top && atomic_load(&heap.top) >= wanted_top)
		pthread_cond_signal(&reported);
	pthread_mutex_unlock(&lock);
}

void world_finish(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&world_finished, true);
	pthread_cond_broadcast(&resumed);
	pthread_mutex_unlock(&lock);
}
