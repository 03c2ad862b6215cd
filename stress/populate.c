// SPDX-License-Identifier: GPL-2.0
/* How slots come to hold something, and how they cease to. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "stress.h"

/* Up to the first slot that is not as it must be. */
static struct range run_of(struct range r, bool empty)
{
	uint32_t i;

	for (i = 0; i < r.n && (held[r.slot + i] == EMPTY) == empty; i++)
		;
	return (struct range){ r.slot, i };
}

/* Claims a range, in which a run like this begins with the first slot. */
static bool claim_run(struct range *r, struct range from, bool empty,
		      uint32_t most)
{
	struct range run;

	*r = from;
	if (r->n > most)
		r->n = most;
	*r = run_of(*r, empty);
	if (!r->n) {
		skipped();
		return false;
	}
	if (!claim(r, 1))
		return false;
	/* It may have changed before it was claimed. */
	run = run_of(*r, empty);
	if (run.n == r->n)
		return true;
	release(r, 1);
	skipped();
	return false;
}

/* Something new. Where KSM looks, often what it can merge. */
static uint32_t new_content(const struct area *area)
{
	uint32_t what = EMPTY;

	if (!area->mergeable || one_in(2))
		what = page_new();
	return what != EMPTY ? what : BLANK + below(1 + NR_TWINS);
}

static void adopt(struct range r, const char *when)
{
	show_range(r);
	check_range(r, when);
	content_must_be(r.slot, held[r.slot], when);
}

/* Nobody is going to access it. */
static void forget(uint32_t slot)
{
	if (is_page(held[slot]))
		page_free(held[slot]);
	held[slot] = EMPTY;
}

/* An ioctl that fills a range must fill all of it, unless it has a boundary. */
static bool filled(struct range r, int ret, int64_t bytes, const char *what)
{
	uint32_t i;

	if (!ret && bytes == (int64_t)(r.n * page_size))
		return true;
	if (in_one_vma(r.slot, r.n) || bytes > 0)
		violation("%s to %s, %u pages: errno %d after %lld bytes", what,
			  slot_name(r.slot), r.n, errno, (long long)bytes);
	for (i = 0; i < r.n; i++)
		forget(r.slot + i);
	count_result(ENOENT);
	return false;
}

static bool copy_new(struct range r)
{
	struct uffdio_copy arg = {
		.dst = (uintptr_t)address(r.slot),
		.src = (uintptr_t)self->buffer,
		.len = r.n * page_size,
	};
	struct area *area = area_of(r.slot);
	uint32_t i;
	int ret;

	for (i = 0; i < r.n; i++) {
		held[r.slot + i] = new_content(area);
		content_fill(self->buffer + i * page_size, held[r.slot + i]);
	}
	ret = ioctl(uffds[area->uffd], UFFDIO_COPY, &arg);
	if (!filled(r, ret, arg.copy, "UFFDIO_COPY"))
		return false;
	adopt(r, "after UFFDIO_COPY");
	return true;
}

static void copy(struct range r)
{
	if (copy_new(r))
		count_result(0);
}

static void zero(struct range r)
{
	struct uffdio_zeropage arg = {
		.range = { (uintptr_t)address(r.slot), r.n * page_size },
	};
	uint32_t i;
	int ret;

	for (i = 0; i < r.n; i++)
		held[r.slot + i] = BLANK;
	ret = ioctl(uffds[area_of(r.slot)->uffd], UFFDIO_ZEROPAGE, &arg);
	if (!filled(r, ret, arg.zeropage, "UFFDIO_ZEROPAGE"))
		return;
	adopt(r, "after UFFDIO_ZEROPAGE");
	count_result(0);
}

static void populate(const char *what, bool registered,
		     void (*fill)(struct range r))
{
	struct step *step;
	struct range r;

	if (!claim_run(&r, pick_registered(true, registered), true,
		       BUFFER_HUGE * huge_slots))
		return;
	if ((area_of(r.slot)->uffd >= 0) == registered) {
		step = step_begin(what, r.slot, NOWHERE, r.n);
		await_accesses(r);
		fill(r);
		step_end(step, 0);
	} else {
		skipped();
	}
	release(&r, 1);
}

void op_copy(void)
{
	populate("copy", true, copy);
}

void op_zero(void)
{
	populate("zeropage", true, zero);
}

/* No holes in what is claimed, which may be a huge page then */
bool fill_up(struct range r)
{
	struct area *area = area_of(r.slot);
	uint32_t i;

	await_accesses(r);
	for (i = 0; i < r.n; i++) {
		struct range one = { r.slot + i, 1 };

		if (held[one.slot] != EMPTY)
			continue;
		if (area->uffd >= 0) {
			if (!copy_new(one))
				return false;
			continue;
		}
		held[one.slot] = new_content(area);
		content_fill(self->buffer, held[one.slot]);
		if (!try_copy(address(one.slot), self->buffer))
			violation("%s cannot be written", slot_name(one.slot));
	}
	show_range(r);
	return !madvise(address(r.slot), r.n * page_size, MADV_COLLAPSE);
}

/* A fault may bring a huge page: all that it might cover has to be claimed. */
static bool claim_blocks(struct range r, struct range *more)
{
	struct area *area = area_of(r.slot);
	uint32_t first = whole(area).slot;
	uint32_t from = r.slot - first, to = from + r.n;

	from = from < area->lead ? 0 : from - (from - area->lead) % huge_slots;
	to = to <= area->lead ? area->lead :
		area->lead + (to - area->lead + huge_slots - 1) / huge_slots * huge_slots;
	more[0] = (struct range){ first + from, r.slot - first - from };
	if (to > area_slots)
		to = area_slots;
	more[1] = (struct range){ r.slot + r.n, first + to - r.slot - r.n };
	if (!area->huge)
		more[0].n = more[1].n = 0;
	return claim(more, 2);
}

/* What a huge page has brought along */
static void absorb_zeroes(struct range r)
{
	uint64_t entries[r.n + 1];
	uint32_t i;

	if (!r.n)
		return;
	pagemap_range(address(r.slot), r.n, entries);
	for (i = 0; i < r.n; i++) {
		if (held[r.slot + i] == EMPTY && entries[i] & (PM_PRESENT | PM_SWAP))
			held[r.slot + i] = BLANK;
	}
}

static void write_all(struct range r)
{
	uint32_t i;

	for (i = 0; i < r.n; i++) {
		uint32_t slot = r.slot + i;

		held[slot] = new_content(area_of(slot));
		content_fill(self->buffer, held[slot]);
		if (!try_copy(address(slot), self->buffer))
			violation("%s cannot be written", slot_name(slot));
	}
}

static void read_all(struct range r)
{
	uint64_t word;
	uint32_t i;

	for (i = 0; i < r.n; i++) {
		held[r.slot + i] = BLANK;
		if (!try_load((uint64_t *)address(r.slot + i), &word))
			violation("%s cannot be read", slot_name(r.slot + i));
	}
}

static void fault_in(struct range r, void (*access)(struct range r))
{
	struct range more[2];

	if (!claim_blocks(r, more))
		return;
	await_accesses(more[0]);
	await_accesses(more[1]);
	access(r);
	absorb_zeroes(more[0]);
	absorb_zeroes(more[1]);
	adopt(r, "after faults");
	count_result(0);
	check_range(more[0], "before what was faulted in");
	check_range(more[1], "behind what was faulted in");
	release(more, 2);
}

static void write_new(struct range r)
{
	fault_in(r, write_all);
}

static void read_hole(struct range r)
{
	fault_in(r, read_all);
}

void op_write(void)
{
	populate("write", false, write_new);
}

void op_read(void)
{
	populate("read a hole", false, read_hole);
}

/* Zeroes, be they the zero page, one of our own or KSM's, become a page. */
static void fill(struct range r)
{
	uint32_t i;

	for (i = 0; i < r.n; i++) {
		uint32_t slot = r.slot + i, what;

		if (held[slot] != BLANK || one_in(3))
			continue;
		what = page_new();
		if (what == EMPTY)
			break;
		content_fill(self->buffer, what);
		if (!try_copy(address(slot), self->buffer))
			violation("%s holds zeroes, but cannot be written",
				  slot_name(slot));
		held[slot] = what;
	}
	show_range(r);
	check_range(r, "after writing to zeroes");
	count_result(0);
}

void op_fill(void)
{
	struct step *step;
	struct range r;

	if (!claim_run(&r, pick_range(false), false, 256))
		return;
	step = step_begin("fill", r.slot, NOWHERE, r.n);
	await_accesses(r);
	fill(r);
	step_end(step, 0);
	release(&r, 1);
}

void discard(struct range r)
{
	uint32_t i;

	hide_range(r);
	if (madvise(address(r.slot), r.n * page_size, MADV_DONTNEED))
		violation("MADV_DONTNEED of %s, %u pages: %m", slot_name(r.slot),
			  r.n);
	for (i = 0; i < r.n; i++)
		forget(r.slot + i);
	check_range(r, "after MADV_DONTNEED");
}

/* More of it when there is little left to move about. */
void op_discard(void)
{
	struct range r = pick_range(false);
	struct step *step;

	if (pages_free() > NR_PAGES / 2 && r.n > 8)
		r.n = 8;
	if (!claim(&r, 1))
		return;
	step = step_begin("discard", r.slot, NOWHERE, r.n);
	discard(r);
	step_end(step, 0);
	count_result(0);
	release(&r, 1);
}

/* Lazily freed: it is all there yet, or it is not there. A store keeps it. */
static void rescue(uint32_t slot, uint32_t what)
{
	bool there = touch(slot);

	held[slot] = there ? what : EMPTY;
	if (there)
		content_must_be(slot, what, "after MADV_FREE and a store");
}

static void free_lazily(struct range src, struct range dst)
{
	struct move m = {
		src.slot, dst.slot, src.n, area_of(dst.slot)->uffd,
		UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};
	uint32_t done = 0, i;
	int err = 0;

	hide_range(src);
	await_accesses(dst);
	/*
	 * In 6.1 a child would lose pages that have been read from zram since
	 * they were written: in no page table are they dirty.
	 */
	for (i = 0; i < src.n; i++)
		touch(src.slot + i);
	if (madvise(address(src.slot), src.n * page_size, MADV_FREE))
		violation("MADV_FREE of %s: %m", slot_name(src.slot));
	if (one_in(2))
		madvise(address(src.slot), src.n * page_size, MADV_PAGEOUT);
	if (m.uffd >= 0 && !one_in(4))
		done = move_ioctl(&m, &err);
	if (one_in(2))
		madvise(address(dst.slot), dst.n * page_size, MADV_PAGEOUT);
	for (i = 0; i < src.n; i++) {
		uint32_t what = held[src.slot + i];
		uint32_t slot = (i < done ? dst.slot : src.slot) + i;

		held[src.slot + i] = EMPTY;
		rescue(slot, what);
		if (held[slot] == EMPTY && is_page(what))
			page_free(what);
	}
	count_result(done && err ? -1 : err);
}

void op_lazy(void)
{
	struct range r[2];
	struct step *step;

	if (!claim_run(&r[0], pick_registered(false, true), false, 256))
		return;
	r[1] = pick_range(true);
	r[1].n = r[0].n;
	if (area_of(r[0].slot)->uffd < 0 || !range_ok(r[1]) || !claim(&r[1], 1)) {
		skipped();
		release(r, 1);
		return;
	}
	step = step_begin("MADV_FREE", r[0].slot, r[1].slot, r[0].n);
	if (run_of(r[1], true).n == r[1].n)
		free_lazily(r[0], r[1]);
	show_range(r[0]);
	show_range(r[1]);
	check_range(r[0], "after MADV_FREE");
	check_range(r[1], "after MADV_FREE and moving it");
	step_end(step, 0);
	release(r, 2);
}
