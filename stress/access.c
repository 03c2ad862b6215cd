// SPDX-License-Identifier: GPL-2.0
/*
 * Those who access pages without a claim. They go by the published place, and
 * by the one where it may be next; where it is not, they get SIGBUS.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stress.h"

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (self && self->catching) {
		self->catching = false;
		siglongjmp(self->jump, 1);
	}
	violation("signal %d (code %d) at %p, where %s expected none", signal,
		  info->si_code, info->si_addr, self ? self->role : "nobody");
}

void access_init(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	if (sigaction(SIGBUS, &action, NULL) || sigaction(SIGSEGV, &action, NULL))
		die("sigaction: %m");
}

/* The fault may come at any word of it. */
#define TRY(access) ({						\
	bool done_ = false;					\
	if (!sigsetjmp(self->jump, 0)) {			\
		self->catching = true;				\
		atomic_signal_fence(memory_order_seq_cst);	\
		access;						\
		atomic_signal_fence(memory_order_seq_cst);	\
		self->catching = false;				\
		done_ = true;					\
	}							\
	done_;							\
})

bool try_load(const uint64_t *p, uint64_t *value)
{
	return TRY(*value = *(const volatile uint64_t *)p);
}

bool try_store(uint64_t *p, uint64_t value)
{
	return TRY(*(volatile uint64_t *)p = value);
}

bool try_copy(void *to, const void *from)
{
	return TRY(memcpy(to, from, page_size));
}

/* The first word is nobody else's. */
bool touch(uint32_t slot)
{
	uint64_t *word = (uint64_t *)address(slot), value;

	return try_load(word, &value) && try_store(word, value);
}

/* For the claimer of the slot */
bool mark_page(uint32_t slot)
{
	uint32_t what = held[slot];
	_Atomic uint32_t *count = counter(what, MARK);
	uint64_t *word = (uint64_t *)address(slot) + counter_word(what, MARK);

	if (!try_store(word, atomic_load(count) + 1))
		return false;
	atomic_fetch_add(count, 1);
	return true;
}

static bool usable(uint32_t slot)
{
	return slot != NOWHERE && atomic_load(&area_of(slot)->open);
}

static bool same_place(struct place a, struct place b)
{
	return a.now == b.now && a.next == b.next;
}

static void leave(void)
{
	atomic_store(&self->accessing, EMPTY);
	atomic_store(&self->hazard, ((struct place){ NOWHERE, NOWHERE }));
}

/* Until leave(), what the place's slots hold is this page or nothing. */
static bool enter(uint32_t what, struct place *place)
{
	atomic_store(&self->accessing, what);
	for (;;) {
		*place = place_of(what);
		if (place->now == NOWHERE)
			break;
		atomic_store(&self->hazard, *place);
		if (!same_place(place_of(what), *place))
			continue;
		if (usable(place->now) || usable(place->next))
			return true;
		break;
	}
	leave();
	return false;
}

/* Once the page has left for good, its old address must not answer. */
static void must_have_left(uint32_t what, uint32_t slot)
{
	struct place place = place_of(what);
	uint64_t value;

	if (place.now == NOWHERE || place.now == slot || place.next == slot ||
	    !atomic_load(&area_of(slot)->open))
		return;
	if (try_load((uint64_t *)address(slot), &value))
		violation("%s has moved to %s, but %s can still be read, and there is %#llx",
			  name_of(what), slot_name(place.now), slot_name(slot),
			  (unsigned long long)value);
}

/* By another process's way: GUP, which pins the page for a moment. */
static bool store_by_gup(uint64_t *word, uint64_t value)
{
	struct iovec from = { &value, sizeof(value) };
	struct iovec to = { word, sizeof(value) };

	return process_vm_writev(getpid(), &from, 1, &to, 1, 0) ==
		sizeof(value);
}

/* Only this thread stores to its word, so that it knows what is there. */
static bool store_times(uint32_t what, uint32_t slot, unsigned int times, bool gup)
{
	_Atomic uint32_t *count = counter(what, self->index);
	uint64_t *word = (uint64_t *)address(slot) +
			 counter_word(what, self->index);
	uint64_t found;

	while (times--) {
		uint32_t known = atomic_load(count);

		if (!try_load(word, &found)) {
			self->faults++;
			return false;
		}
		if (found != known)
			violation("%s: a store to %s was lost: this thread has stored %u times, and finds %llu",
				  slot_name(slot), name_of(what), known,
				  (unsigned long long)found);
		if (gup ? !store_by_gup(word, known + 1) :
			  !try_store(word, known + 1)) {
			self->faults++;
			return false;
		}
		atomic_store(count, known + 1);
		self->stores++;
	}
	return true;
}

/* Often one of those that somebody is about to move. */
static uint32_t pick_page(void)
{
	struct range r = atomic_load(&hot);
	uint32_t what;

	if (r.n && one_in(2)) {
		what = held[r.slot + below(r.n)];
		if (is_page(what))
			return what;
	}
	return FIRST_PAGE + below(NR_PAGES);
}

/* Changes a page as nobody may, to see that somebody notices. */
void spoil_page(void)
{
	struct place place;

	do {
		place = place_of(pick_page());
	} while (!usable(place.now) ||
		 !try_store((uint64_t *)address(place.now) + page_size / 8 - 1, 0));
	printf("%s is spoilt\n", slot_name(place.now));
}

static void store(unsigned int times, bool gup)
{
	uint32_t what = pick_page();
	struct place place;

	for (int tries = 0; tries < 1000 && enter(what, &place); tries++) {
		bool done = false;

		if (usable(place.now)) {
			done = store_times(what, place.now, times, gup);
			must_have_left(what, place.now);
		}
		if (!done && usable(place.next))
			done = store_times(what, place.next, times, gup);
		leave();
		if (done)
			count_result(0);
		if (done || atomic_load(&stopping))
			return;
		sched_yield();
	}
}

static void op_store(void)
{
	store(1 + below(4), false);
}

static void op_hammer(void)
{
	store(200, false);
}

static void op_store_by_gup(void)
{
	store(1 + below(4), true);
}

static bool copy_by_gup(void *to, const void *from)
{
	struct iovec here = { to, page_size };
	struct iovec there = { (void *)from, page_size };

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) ==
		(ssize_t)page_size;
}

static void read_page(bool (*copy)(void *to, const void *from))
{
	uint64_t words[page_size / sizeof(uint64_t)];
	uint32_t what = pick_page();
	struct tally lo, hi;
	struct place place;

	for (int tries = 0; tries < 100 && enter(what, &place); tries++) {
		bool done = false;
		uint32_t slot = place.now;

		tally_read(what, &lo);
		if (usable(slot))
			done = copy(words, address(slot));
		if (!done && usable(place.next)) {
			slot = place.next;
			done = copy(words, address(slot));
		}
		if (done) {
			tally_read(what, &hi);
			content_compare(words, what, &lo, &hi, slot_name(slot),
					"read without a claim");
			count_result(0);
		}
		leave();
		if (done || atomic_load(&stopping))
			return;
		sched_yield();
	}
}

static void op_read_page(void)
{
	read_page(try_copy);
}

static void op_read_by_gup(void)
{
	read_page(copy_by_gup);
}

const struct op mutator_ops[] = {
	{ "store", 300, op_store },
	{ "store_200_times", 20, op_hammer },
	{ "store_by_gup", 20, op_store_by_gup },
	{ "read_page", 40, op_read_page },
	{ "read_by_gup", 20, op_read_by_gup },
	{ }
};
