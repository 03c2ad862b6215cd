// SPDX-License-Identifier: GPL-2.0
/*
 * A move, and at the same time something else that concerns the same slots, by
 * the mover's accomplice. Who comes first is open, so what the slots hold is
 * found out afterwards: nothing may be lost that was not discarded, nothing may
 * be there twice, and all that is there must be whole.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duet.h"

struct accomplice {
	pthread_t id;
	struct thread thread;
	struct duet duet;
	sem_t wanted, finished;
};

static void pause_for(unsigned int turns)
{
	volatile unsigned int i;

	for (i = 0; i < turns; i++)
		;
}

static _Noreturn void *accomplice_main(void *arg)
{
	struct accomplice *a = arg;

	self = &a->thread;
	for (;;) {
		sem_wait(&a->wanted);
		pause_for(a->duet.delay);
		a->duet.kind->act(&a->duet);
		sem_post(&a->finished);
	}
}

void accomplice_start(struct thread *t)
{
	struct accomplice *a = calloc(1, sizeof(*a));

	if (!a)
		die("no memory");
	sem_init(&a->wanted, 0, 0);
	sem_init(&a->finished, 0, 0);
	a->thread = *t;
	a->thread.role = "accomplice";
	atomic_store(&a->thread.hazard, ((struct place){ NOWHERE, NOWHERE }));
	t->accomplice = a;
	if (pthread_create(&a->id, NULL, accomplice_main, a))
		die("cannot start a thread");
}

static void perform(struct duet *d)
{
	struct accomplice *a = self->accomplice;
	struct move rest = d->m;
	uint32_t n;

	/* What it finds wrong, it finds in this operation. */
	a->thread.op = self->op;
	a->thread.op_number = self->op_number;
	sem_post(&a->wanted);
	pause_for(d->head_start);
	do {
		n = move_ioctl(&rest, &d->err);
		rest.src += n;
		rest.dst += n;
		rest.n -= n;
		d->done += n;
		beat();
	} while (d->err && n);
	sem_wait(&a->finished);
	if (d->err && d->err != EEXIST && d->err != ENOENT && d->err != EBUSY &&
	    !(d->err == EINVAL && (d->kind->refuses || !in_one_vma(d->m.src, d->m.n) ||
				   !in_one_vma(d->m.dst, d->m.n))))
		violation("%s: UFFDIO_MOVE of %u pages stopped at %s, to %s: %s",
			  d->kind->name, d->m.n, slot_name(d->m.src + d->done),
			  slot_name(d->m.dst + d->done), strerror(d->err));
}

/* What is in this slot now */
static uint32_t observe(uint32_t slot, uint64_t entry, const char *when)
{
	uint64_t words[page_size / sizeof(uint64_t)];
	uint32_t what;

	if (!(entry & (PM_PRESENT | PM_SWAP)))
		return EMPTY;
	if (!try_copy(words, address(slot)))
		violation("%s: %s has pagemap entry %#llx, but cannot be read",
			  when, slot_name(slot), (unsigned long long)entry);
	what = content_identify(words);
	if (what == EMPTY)
		violation("%s: %s holds something foreign, which begins with %#llx",
			  when, slot_name(slot), (unsigned long long)words[0]);
	content_must_be(slot, what, when);
	return what;
}

/* Takes one from a set of a few. */
static bool take(uint32_t *set, unsigned int n, uint32_t what)
{
	while (n--) {
		if (set[n] == what) {
			set[n] = EMPTY;
			return true;
		}
	}
	return false;
}

static void check_exact(const struct duet *d, uint32_t i)
{
	uint32_t what = d->was[0][i];
	uint32_t slot = d->side[i < d->done].slot + i;

	if (what != EMPTY && held[slot] != what)
		violation("%s: %u of %u pages were moved, so %s must hold %s, but holds %s",
			  d->kind->name, d->done, d->m.n, slot_name(slot),
			  name_of(what), name_of(held[slot]));
}

/* Pages keep their index: what all sides hold there is what they held before. */
static void reconcile_index(struct duet *d, uint32_t i)
{
	uint32_t left[SIDES + 1], slot, what;
	bool in_part = i - d->from < d->n;
	unsigned int side;

	for (side = 0; side < d->nr_sides; side++)
		left[side] = d->was[side][i];
	left[side] = d->brought[i] ? d->fresh[i] : EMPTY;
	for (side = 0; side < d->nr_sides; side++) {
		slot = d->side[side].slot + i;
		if (held[slot] != EMPTY && !take(left, d->nr_sides + 1, held[slot]))
			violation("%s: %s holds %s, which comes from elsewhere or is there twice",
				  d->kind->name, slot_name(slot),
				  name_of(held[slot]));
	}
	for (side = 0; side <= d->nr_sides; side++) {
		what = left[side];
		if (what == EMPTY)
			continue;
		if (!d->kind->discards || !in_part)
			violation("%s: %s was lost, at index %u of the move from %s to %s",
				  d->kind->name, name_of(what), i,
				  slot_name(d->m.src), slot_name(d->m.dst));
		d->dead[d->nr_dead++] = what;
	}
	if (d->kind->exact)
		check_exact(d, i);
}

static void look(struct duet *d)
{
	uint64_t entries[MOST];
	unsigned int side;
	uint32_t i;

	for (side = 0; side < d->nr_sides; side++) {
		struct range r = d->side[side];

		pagemap_range(address(r.slot), r.n, entries);
		for (i = 0; i < r.n; i++)
			held[r.slot + i] = observe(r.slot + i, entries[i],
						   d->kind->name);
		beat();
	}
}

static void reconcile(struct duet *d)
{
	unsigned int side;
	uint32_t i;

	look(d);
	for (i = 0; i < d->m.n; i++)
		reconcile_index(d, i);
	for (side = 0; side < d->nr_sides; side++)
		show_range(d->side[side]);
}

static void remember(struct duet *d)
{
	unsigned int side;
	uint32_t i;

	atomic_store(&hot, d->side[0]);
	/* What is in the move's way may go, and another page come there. */
	if (d->kind->remaps || d->kind->discards)
		hide_range(d->side[1]);
	for (side = 0; side < d->nr_sides; side++) {
		for (i = 0; i < d->m.n; i++)
			d->was[side][i] = held[d->side[side].slot + i];
		await_accesses(d->side[side]);
	}
	for (i = d->from; d->kind->copies && i < d->from + d->n; i++)
		d->fresh[i] = page_new();
}

/* What is not there any more, or never came, is free for new contents. */
static void bury(struct duet *d)
{
	unsigned int side;
	uint32_t i;

	for (i = 0; i < d->nr_dead; i++)
		publish(d->dead[i], NOWHERE, NOWHERE);
	for (side = 0; side < d->nr_sides; side++)
		await_accesses(d->side[side]);
	for (i = 0; i < d->nr_dead; i++) {
		if (is_page(d->dead[i]))
			page_free(d->dead[i]);
	}
	for (i = d->from; i < d->from + d->n; i++) {
		if (is_page(d->fresh[i]) && !d->brought[i])
			page_free(d->fresh[i]);
	}
}

static bool pick_duet(struct duet *d)
{
	struct range third = pick_range(true);

	memset(d, 0, sizeof(*d));
	d->kind = &duet_kinds[below(nr_duet_kinds)];
	pick_move(&d->m);
	if (d->m.n > MOST)
		d->m.n = MOST;
	third.n = d->m.n;
	d->side[0] = (struct range){ d->m.src, d->m.n };
	d->side[1] = (struct range){ d->m.dst, d->m.n };
	d->side[2] = third;
	d->nr_sides = d->kind->third ? 3 : 2;
	d->from = below(d->m.n);
	if (one_in(2))
		d->from = 0;
	d->n = 1 + below(d->m.n - d->from);
	d->delay = below(one_in(2) ? 200 : 20000);
	d->head_start = below(one_in(2) ? 200 : 20000);
	if (d->kind->whole && area_of(d->m.src) == area_of(d->m.dst))
		return false;
	return !ranges_overlap(d->side[0], d->side[1]) &&
		!(d->nr_sides == 3 && (!range_ok(third) ||
				       ranges_overlap(d->side[0], third) ||
				       ranges_overlap(d->side[1], third)));
}

/* How often there was a race of this kind */
static unsigned long long races_of(unsigned int kind)
{
	unsigned long long times = 0;
	unsigned int i;

	for (i = 0; i < nr_threads; i++)
		times += threads[i].duets[kind];
	return times;
}

void print_duets(void)
{
	unsigned int kind;

	for (kind = 0; kind < nr_duet_kinds; kind++)
		printf("%-34s %9llu\n", duet_kinds[kind].name, races_of(kind));
	printf("\n");
}

/* For runs that are long enough */
void check_duets(void)
{
	unsigned int kind;

	for (kind = 0; kind < nr_duet_kinds; kind++) {
		if (!races_of(kind) && !is_absent(duet_kinds[kind].name))
			violation("in all this time there was no race: %s",
				  duet_kinds[kind].name);
	}
}

static void play(struct duet *d)
{
	if (d->kind->whole) {
		area_close(area_of(d->m.src));
		area_close(area_of(d->m.dst));
	}
	remember(d);
	perform(d);
	reconcile(d);
	bury(d);
	if (d->kind->whole) {
		area_reopen(area_of(d->m.src));
		area_reopen(area_of(d->m.dst));
	}
}

void op_duet(void)
{
	struct duet *d = &self->accomplice->duet;
	struct range claimed[SIDES];
	struct step *step;
	unsigned int i;

	if (!pick_duet(d)) {
		skipped();
		return;
	}
	for (i = 0; i < d->nr_sides; i++)
		claimed[i] = d->kind->whole ? whole(area_of(d->side[i].slot)) : d->side[i];
	if (!claim(claimed, d->nr_sides))
		return;
	d->m.uffd = area_of(d->m.dst)->uffd;
	if (d->m.uffd >= 0 &&
	    (!d->kind->registered_src || area_of(d->m.src)->uffd >= 0)) {
		step = step_begin(d->kind->name, d->m.src, d->m.dst, d->m.n);
		play(d);
		self->moved += d->done;
		self->duets[d->kind - duet_kinds] += !d->idle;
		step_end(step, d->err);
		count_result(d->err && d->done ? -1 : d->err);
	} else {
		skipped();
	}
	release(claimed, d->nr_sides);
}
