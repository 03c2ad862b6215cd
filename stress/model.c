// SPDX-License-Identifier: GPL-2.0
/* What each slot holds, who has claimed it, and where each page is. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stress.h"

struct area areas[NR_AREAS];
struct page *pages;
uint32_t area_slots, nr_slots, huge_slots;
uint32_t *held;
uint8_t *claimed;
/* Held over fork(): what a child sees of the model is what was true then. */
pthread_mutex_t model_lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic uint32_t *counts;
_Atomic struct range hot;

static uint32_t free_pages[NR_PAGES];
static uint32_t nr_free;

void model_init(void)
{
	uint32_t i;

	huge_slots = pmd_size / page_size;
	area_slots = AREA_HUGE * huge_slots;
	nr_slots = NR_AREAS * area_slots;
	held = calloc(nr_slots, sizeof(*held));
	claimed = calloc(nr_slots, sizeof(*claimed));
	pages = calloc(NR_PAGES, sizeof(*pages));
	/* Children look at these as they go on. */
	counts = mmap(NULL, NR_COUNTERS * NR_PAGES * sizeof(*counts),
		      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!held || !claimed || !pages || counts == MAP_FAILED)
		die("no memory for the model");
	for (i = 0; i < NR_PAGES; i++) {
		publish(FIRST_PAGE + i, NOWHERE, NOWHERE);
		free_pages[nr_free++] = NR_PAGES - 1 - i;
	}
}

struct area *area_of(uint32_t slot)
{
	return &areas[slot / area_slots];
}

char *address(uint32_t slot)
{
	return area_of(slot)->base + (size_t)(slot % area_slots) * page_size;
}

bool range_ok(struct range r)
{
	return r.n && r.slot % area_slots + r.n <= area_slots;
}

struct range whole(const struct area *area)
{
	return (struct range){ area->number * area_slots, area_slots };
}

static bool is_free(struct range r)
{
	uint32_t i;

	for (i = 0; i < r.n; i++) {
		if (claimed[r.slot + i])
			return false;
	}
	return true;
}

/* All of the ranges, which may overlap, or none. */
bool claim(const struct range *r, unsigned int nr)
{
	bool ok = true;
	unsigned int i;

	pthread_mutex_lock(&model_lock);
	for (i = 0; i < nr; i++)
		ok = ok && is_free(r[i]);
	for (i = 0; ok && i < nr; i++)
		memset(claimed + r[i].slot, self->number + 1, r[i].n);
	pthread_mutex_unlock(&model_lock);
	if (!ok)
		skipped();
	return ok;
}

void release(const struct range *r, unsigned int nr)
{
	unsigned int i;

	pthread_mutex_lock(&model_lock);
	for (i = 0; i < nr; i++)
		memset(claimed + r[i].slot, 0, r[i].n);
	pthread_mutex_unlock(&model_lock);
}

bool is_page(uint32_t what)
{
	return what >= FIRST_PAGE;
}

_Atomic uint32_t *counter(uint32_t what, unsigned int c)
{
	return &counts[c * NR_PAGES + what - FIRST_PAGE];
}

/* EMPTY if there are no more. */
uint32_t page_new(void)
{
	uint32_t what = EMPTY;
	unsigned int c;

	pthread_mutex_lock(&model_lock);
	if (nr_free) {
		what = FIRST_PAGE + free_pages[--nr_free];
		pages[what - FIRST_PAGE].generation++;
		for (c = 0; c < NR_COUNTERS; c++)
			atomic_store(counter(what, c), 0);
	}
	pthread_mutex_unlock(&model_lock);
	return what;
}

/*
 * Its place is not published any more. Who began to access it at another place
 * compares it with what it was then.
 */
void page_free(uint32_t what)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++) {
		while (atomic_load(&threads[i].accessing) == what)
			sched_yield();
	}
	pthread_mutex_lock(&model_lock);
	free_pages[nr_free++] = what - FIRST_PAGE;
	pthread_mutex_unlock(&model_lock);
}

uint32_t pages_free(void)
{
	return nr_free;
}

struct place place_of(uint32_t what)
{
	return atomic_load(&pages[what - FIRST_PAGE].place);
}

void publish(uint32_t what, uint32_t now, uint32_t next)
{
	struct place place = { now, next };

	if (is_page(what))
		atomic_store(&pages[what - FIRST_PAGE].place, place);
}

static bool within(uint32_t slot, struct range r)
{
	return slot != NOWHERE && slot - r.slot < r.n;
}

/*
 * Until nobody accesses these slots on account of what was published before.
 * Those who access pages publish the place they go by, and then look whether
 * it is still right.
 */
void await_accesses(struct range r)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++) {
		struct thread *t = &threads[i];

		for (;;) {
			struct place hazard = atomic_load(&t->hazard);

			if (!within(hazard.now, r) && !within(hazard.next, r))
				break;
			sched_yield();
		}
	}
}

void hide_range(struct range r)
{
	uint32_t i;

	for (i = 0; i < r.n; i++)
		publish(held[r.slot + i], NOWHERE, NOWHERE);
	await_accesses(r);
}

void show_range(struct range r)
{
	uint32_t i;

	for (i = 0; i < r.n; i++)
		publish(held[r.slot + i], r.slot + i, NOWHERE);
}

/* The next slot of the area that is empty, or is not; else the same one. */
uint32_t seek(uint32_t slot, bool empty)
{
	uint32_t first = slot - slot % area_slots, i;

	for (i = 0; i < area_slots; i++) {
		uint32_t s = first + (slot - first + i) % area_slots;

		if ((held[s] == EMPTY) == empty)
			return s;
	}
	return slot;
}

uint32_t pick_length(void)
{
	switch (below(9)) {
	case 0:
		return 1;
	case 1:
	case 2:
		return 1 + below(8);
	case 3:
	case 4:
		return 1 + below(64);
	case 5:
		return 1 + below(huge_slots);
	case 6:
		return huge_slots;
	case 7:
		return huge_slots * (1 + below(AREA_HUGE));
	default:
		return 1 + below(area_slots);
	}
}

/* Mostly from where a run of such slots begins, often on a huge page's edge. */
static struct range pick_from(uint32_t slot, bool empty)
{
	struct range r = { slot, pick_length() };
	struct area *area = area_of(r.slot);
	uint32_t first = whole(area).slot, room;

	if (!one_in(8))
		r.slot = seek(r.slot, empty);
	if (r.n >= huge_slots && !one_in(4)) {
		uint32_t in = r.slot - first;

		in = in < area->lead ? area->lead :
			in - (in - area->lead) % huge_slots;
		r.slot = first + in;
	}
	room = area_slots - (r.slot - first);
	if (r.n > room)
		r.n = room;
	return r;
}

struct range pick_range(bool empty)
{
	return pick_from(below(nr_slots), empty);
}

/* Likewise, where it is registered, or is not. */
struct range pick_registered(bool empty, bool registered)
{
	uint32_t slot, tries = 8;

	do {
		slot = below(nr_slots);
	} while ((area_of(slot)->uffd >= 0) != registered && --tries);
	return pick_from(slot, empty);
}
