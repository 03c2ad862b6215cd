// SPDX-License-Identifier: GPL-2.0
/* Pages that the kernel holds: pinned ones stay, others go and take that along. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

#define PINNED_MOST	16

static struct io_uring *my_ring(void)
{
	static __thread struct io_uring ring;
	static __thread bool open;

	if (!open && ring_open(&ring))
		die("io_uring is needed to pin pages");
	open = true;
	return &ring;
}

int pin_range(struct range r)
{
	return ring_pin(my_ring(), address(r.slot), r.n * page_size);
}

void unpin(void)
{
	int err = ring_unpin(my_ring());

	if (err)
		violation("cannot unpin: %s", strerror(-err));
}

/* A store through the pin is seen through the page table, and the reverse. */
static void check_pinned(uint32_t slot)
{
	uint32_t what = held[slot];
	unsigned int c = nr_mutators ? below(nr_mutators) : 0;
	uint64_t *word = (uint64_t *)address(slot), value, seen;
	struct tally lo, hi;
	int fd[2];

	if (!is_page(what))
		return;
	if (pipe(fd))
		die("pipe: %m");
	value = atomic_load(counter(what, MARK)) + 1;
	if (write(fd[1], &value, sizeof(value)) != sizeof(value) ||
	    ring_store(my_ring(), fd[0], word + counter_word(what, MARK),
		       sizeof(value)) != sizeof(value))
		violation("a store to %s through its pin failed", slot_name(slot));
	atomic_store(counter(what, MARK), (uint32_t)value);
	if (!try_load(word + counter_word(what, MARK), &seen) || seen != value)
		violation("a store to %s through its pin is not seen: %llu instead of %llu",
			  slot_name(slot), (unsigned long long)seen,
			  (unsigned long long)value);

	tally_read(what, &lo);
	if (ring_load(my_ring(), fd[1], word + counter_word(what, c),
		      sizeof(value)) != sizeof(value) ||
	    read(fd[0], &value, sizeof(value)) != sizeof(value))
		violation("a load from %s through its pin failed", slot_name(slot));
	tally_read(what, &hi);
	if (value < lo.n[c] || value > hi.n[c] + 1ULL)
		violation("stores to %s are not seen through its pin: %llu instead of %u to %u",
			  slot_name(slot), (unsigned long long)value, lo.n[c],
			  hi.n[c]);
	close(fd[0]);
	close(fd[1]);
}

static bool all_there(struct range r)
{
	uint32_t i;

	for (i = 0; i < r.n; i++) {
		if (held[r.slot + i] == EMPTY)
			return false;
	}
	return true;
}

/* Page `from` of the move and those behind it are pinned. */
static void move_pinned(const struct move *m, struct range pinned)
{
	uint32_t done, from = pinned.slot - m->src;
	int err;

	check_pinned(pinned.slot);
	done = move_pages_checked(m, &err);
	if (done > from)
		violation("%s was pinned, but UFFDIO_MOVE moved %u pages from %s on",
			  slot_name(pinned.slot), done, slot_name(m->src));
	check_pinned(pinned.slot + below(pinned.n));
}

static bool pick_with_part(struct move *m, struct range *r, struct range *part)
{
	pick_move(m);
	if (m->n > 2 * huge_slots)
		m->n = 2 * huge_slots;
	r[0] = (struct range){ m->src, m->n };
	r[1] = (struct range){ m->dst, m->n };
	part->slot = m->src + below(m->n < 100 ? m->n : 100);
	part->n = 1 + below(PINNED_MOST);
	if (part->slot + part->n > m->src + m->n)
		part->n = m->src + m->n - part->slot;
	if (ranges_overlap(r[0], r[1])) {
		skipped();
		return false;
	}
	return claim(r, 2);
}

void op_pin(void)
{
	struct range r[2], pinned;
	struct step *step;
	struct move m;
	int err;

	if (!pick_with_part(&m, r, &pinned))
		return;
	step = step_begin("pin", pinned.slot, NOWHERE, pinned.n);
	if (!all_there(pinned)) {
		skipped();
	} else {
		err = pin_range(pinned);
		if (err)
			violation("%s and %u more are there, but cannot be pinned: %d",
				  slot_name(pinned.slot), pinned.n - 1, err);
		move_pinned(&m, pinned);
		unpin();
	}
	step_end(step, 0);
	release(r, 2);
}

/* What was in the pages when they were put into the pipe, or has been stored since */
static void check_pipe(int fd, struct range r, const uint32_t *what,
		       const struct tally *lo)
{
	uint64_t words[page_size / sizeof(uint64_t)];
	struct tally hi;
	uint32_t i;
	size_t got;

	for (i = 0; i < r.n; i++) {
		for (got = 0; got < page_size; ) {
			ssize_t n = read(fd, (char *)words + got, page_size - got);

			if (n <= 0)
				violation("reading spliced pages failed: %m");
			got += n;
		}
		tally_read(what[i], &hi);
		content_compare(words, what[i], &lo[i], &hi, slot_name(r.slot + i),
				"spliced, then moved");
	}
}

void op_hold(void)
{
	uint32_t what[PINNED_MOST], i;
	struct tally lo[PINNED_MOST];
	struct range r[2], part;
	struct step *step;
	struct move m;
	int fd[2], err;

	if (!pick_with_part(&m, r, &part))
		return;
	step = step_begin("vmsplice", part.slot, NOWHERE, part.n);
	for (i = 0; i < part.n; i++) {
		what[i] = held[part.slot + i];
		tally_read(what[i], &lo[i]);
	}
	if (all_there(part) &&
	    hold_in_pipe(fd, address(part.slot), part.n)) {
		move_pages_checked(&m, &err);
		check_pipe(fd[0], part, what, lo);
		close(fd[0]);
		close(fd[1]);
	} else {
		skipped();
	}
	step_end(step, 0);
	release(r, 2);
}
