// SPDX-License-Identifier: GPL-2.0
/* UFFDIO_MOVE by somebody who has claimed both sides: the result is foreseen. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "stress.h"

#define POISON	0x5a5a5a5a5a5a5a5aLL

static uint32_t move_once(const struct move *m, int *err)
{
	struct uffdio_move arg = {
		.dst = (uintptr_t)address(m->dst),
		.src = (uintptr_t)address(m->src),
		.len = m->n * page_size,
		.mode = m->mode,
		.move = POISON,
	};
	int ret = ioctl(uffds[m->uffd], UFFDIO_MOVE, &arg);

	*err = ret ? errno : 0;
	if (!ret && arg.move != (int64_t)arg.len)
		violation("UFFDIO_MOVE returned 0, but moved %lld of %llu bytes",
			  arg.move, arg.len);
	if (ret && !(*err == EAGAIN && arg.move > 0) && arg.move != -*err)
		violation("UFFDIO_MOVE failed with %d, but says move = %lld",
			  *err, arg.move);
	if (arg.move > 0 && (arg.move % page_size || (ret && arg.move >= (int64_t)arg.len)))
		violation("UFFDIO_MOVE of %llu bytes returned %d and moved %lld",
			  arg.len, ret, arg.move);
	return arg.move > 0 ? arg.move / page_size : 0;
}

/*
 * Returns how many pages were moved, with 0 or the errno if that was not all.
 * EINVAL may be for a boundary that is not there any more: who advises KSM merges
 * mappings at any time.
 */
uint32_t move_ioctl(const struct move *m, int *err)
{
	uint32_t n = move_once(m, err);

	if (*err == EINVAL && in_one_vma(m->src, m->n) && in_one_vma(m->dst, m->n))
		n = move_once(m, err);
	return n;
}

bool ranges_overlap(struct range a, struct range b)
{
	return a.slot < b.slot + b.n && b.slot < a.slot + a.n;
}

static struct range src_of(const struct move *m)
{
	return (struct range){ m->src, m->n };
}

static struct range dst_of(const struct move *m)
{
	return (struct range){ m->dst, m->n };
}

/* What must stop the move at its page i: an errno, or 0 for nothing. */
static int stop_at(const struct move *m, uint32_t i)
{
	if (held[m->dst + i] != EMPTY)
		return EEXIST;
	if (held[m->src + i] == EMPTY &&
	    !(m->mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES))
		return ENOENT;
	return 0;
}

static int refusal(const struct move *m)
{
	return area_of(m->dst)->uffd == m->uffd ? 0 : EINVAL;
}

/* Pages from..to of the move have moved: as they may? */
static void account(const struct move *m, uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = from; i < to; i++) {
		uint32_t src = m->src + i, dst = m->dst + i;
		int err = stop_at(m, i);

		if (err)
			violation("UFFDIO_MOVE moved %s holding %s to %s holding %s: errno should have been %d",
				  slot_name(src), name_of(held[src]),
				  slot_name(dst), name_of(held[dst]), err);
		self->moved += held[src] != EMPTY;
		held[dst] = held[src];
		held[src] = EMPTY;
		if (!ranges_overlap(src_of(m), dst_of(m)))
			publish(held[dst], dst, NOWHERE);
	}
}

/* It stopped for good at page i, with this errno: is that right? */
static void judge_stop(const struct move *m, uint32_t i, int err)
{
	int must = refusal(m);

	if (err == EINVAL && !must && !(in_one_vma(m->src, m->n) &&
					in_one_vma(m->dst, m->n)))
		return;
	if (!must)
		must = stop_at(m, i);
	if (err == must)
		return;
	/* A page that is shared just now; insist() sees that it is not for ever. */
	if (err == EBUSY && !must && held[m->src + i] != EMPTY)
		return;
	violation("UFFDIO_MOVE of %u pages stopped at %s holding %s, %s holding %s, with errno %d where it must be %d",
		  m->n, slot_name(m->src + i), name_of(held[m->src + i]),
		  slot_name(m->dst + i), name_of(held[m->dst + i]), err, must);
}

/* Often all of them at one page, with time to get there: its translation is in a TLB. */
static void attract(struct range r)
{
	bool one = one_in(4);

	if (one)
		r = (struct range){ r.slot + below(r.n), 1 };
	atomic_store(&hot, r);
	if (one)
		sleep_ms(1);
}

/* Those who store go on all the while; not if other pages come to where these were. */
static void announce(const struct move *m)
{
	uint32_t i;

	if (ranges_overlap(src_of(m), dst_of(m))) {
		hide_range(src_of(m));
		hide_range(dst_of(m));
		return;
	}
	await_accesses(dst_of(m));
	if (refusal(m))
		return;
	for (i = 0; i < m->n; i++) {
		if (held[m->dst + i] == EMPTY)
			publish(held[m->src + i], m->src + i, m->dst + i);
	}
	attract(src_of(m));
}

static void spot_check(struct range r, const char *when)
{
	uint32_t tries = 6;

	while (tries--) {
		uint32_t slot = r.slot + (tries ? below(r.n) : 0);

		if (held[slot] != EMPTY)
			content_must_be(slot, held[slot], when);
	}
}

/* The frame of the first whole block, where that is a huge page; else 0 */
static uint64_t huge_frame(struct range r)
{
	uint32_t skip = (pmd_size - (uintptr_t)address(r.slot) % pmd_size) %
			pmd_size / page_size;
	uint64_t first, last;

	if (skip + huge_slots > r.n)
		return 0;
	first = pfn_of(address(r.slot + skip));
	last = pfn_of(address(r.slot + skip + huge_slots - 1));
	if (!first || first % huge_slots || last != first + huge_slots - 1 ||
	    !kpageflag(first, KPF_THP))
		return 0;
	return first;
}

/* Moves until nothing moves any more. Returns how many pages did. */
uint32_t move_pages_checked(const struct move *m, int *err)
{
	struct move rest = *m;
	struct step *step = step_begin("MOVE", m->src, m->dst, m->n);
	uint32_t done = 0, n;
	uint64_t huge;

	huge = huge_frame(src_of(m));
	announce(m);
	do {
		n = move_ioctl(&rest, err);
		account(m, done, done + n);
		done += n;
		rest.src += n;
		rest.dst += n;
		rest.n -= n;
		beat();
	} while (*err && n);
	if (*err)
		judge_stop(m, done, *err);
	if (!*err && huge && huge == huge_frame(dst_of(m)))
		self->huge++;
	show_range(src_of(m));
	show_range(dst_of(m));
	check_range(src_of(m), "source after UFFDIO_MOVE");
	check_range(dst_of(m), "destination after UFFDIO_MOVE");
	spot_check(src_of(m), "source after UFFDIO_MOVE");
	spot_check(dst_of(m), "destination after UFFDIO_MOVE");
	step_end(step, *err);
	count_result(*err && done ? -1 : *err);
	return done;
}

/* Where both have room; often no further than all can be moved. */
static void trim(struct move *m)
{
	uint32_t src_room = area_slots - m->src % area_slots;
	uint32_t dst_room = area_slots - m->dst % area_slots, i;

	if (m->n > src_room)
		m->n = src_room;
	if (m->n > dst_room)
		m->n = dst_room;
	if (one_in(4))
		return;
	for (i = 0; i < m->n && !stop_at(m, i); i++)
		;
	if (i)
		m->n = i;
}

/* Overlapping: up or down by a few pages, or by whole huge ones. */
static void pick_overlap(struct move *m)
{
	uint32_t by = one_in(4) ? huge_slots : 1 + below(one_in(2) ? 4 : 100);
	uint32_t in = m->src % area_slots;

	if (one_in(2))
		m->dst = in >= by ? m->src - by : m->src;
	else
		m->dst = in + by < area_slots ? m->src + by : m->src;
}

bool pick_move(struct move *m)
{
	struct range src = pick_range(false);
	struct range dst = pick_registered(true, !one_in(16));

	*m = (struct move){ .src = src.slot, .dst = dst.slot, .n = src.n };
	/* A huge page stays one only if both sides are in step. */
	if (m->n >= huge_slots && !one_in(3)) {
		uint32_t lead = area_of(m->dst)->lead;
		uint32_t in = m->dst % area_slots;

		m->dst -= in >= lead ? (in - lead) % huge_slots : 0;
	}
	if (one_in(8))
		pick_overlap(m);
	m->mode = one_in(2) ? UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES : 0;
	m->mode |= one_in(4) ? UFFDIO_MOVE_MODE_DONTWAKE : 0;
	trim(m);
	m->uffd = area_of(m->dst)->uffd;
	if (m->uffd < 0 || one_in(64))
		m->uffd = below(NR_UFFDS);
	return true;
}

void op_move(void)
{
	struct range r[2];
	struct move m;
	uint32_t done;
	int err;

	pick_move(&m);
	r[0] = src_of(&m);
	r[1] = dst_of(&m);
	if (!claim(r, 2))
		return;
	done = move_pages_checked(&m, &err);
	if (err == EBUSY && one_in(16))
		insist(&(struct move){ m.src + done, m.dst + done, 1, m.uffd, 0 });
	release(r, 2);
}

/* Arguments that are refused before anything is looked at; move is not written. */
void op_wrong(void)
{
	struct uffdio_move arg = {
		.dst = (uintptr_t)address(below(nr_slots)),
		.src = (uintptr_t)address(below(nr_slots)),
		.len = page_size,
		.move = POISON,
	};
	uint32_t which = below(5);
	struct step *step = step_begin("wrong", which, NOWHERE, 1);

	switch (which) {
	case 0:
		arg.dst += 1 + below(page_size - 1);
		break;
	case 1:
		arg.src += 1 + below(page_size - 1);
		break;
	case 2:
		arg.len = below(page_size);
		break;
	case 3:
		arg.mode = 4ULL << below(60);
		break;
	case 4:
		arg.len = -page_size;
		break;
	}
	if (!ioctl(uffds[below(NR_UFFDS)], UFFDIO_MOVE, &arg) ||
	    errno != EINVAL || arg.move != POISON)
		violation("UFFDIO_MOVE with dst %#llx src %#llx len %#llx mode %#llx: errno %d, move %lld",
			  arg.dst, arg.src, arg.len, arg.mode, errno, arg.move);
	step_end(step, EINVAL);
	count_result(EINVAL);
}

const struct op mover_ops[] = {
	{ "move", 400, op_move },
	{ "move_huge", 40, op_move_huge },
	{ "move_wrong", 5, op_wrong },
	{ "move_raced", 100, op_duet },
	{ "move_quietly", 6, op_probe },
	{ "evict", 10, op_evict },
	{ "share", 10, op_share },
	{ "swap_and_move", 25, op_swap },
	{ "copy", 60, op_copy },
	{ "zeropage", 15, op_zero },
	{ "write", 30, op_write },
	{ "read_hole", 8, op_read },
	{ "fill_zeroes", 20, op_fill },
	{ "discard", 40, op_discard },
	{ "madv_free", 20, op_lazy },
	{ "mprotect", 20, op_protect },
	{ "verify", 20, op_verify },
	{ "pin", 20, op_pin },
	{ "vmsplice", 12, op_hold },
	{ "register", 6, op_register },
	{ "mmap_anew", 8, op_remake },
	{ "mremap_away", 4, op_remap },
	{ "mremap_collect", 8, op_collect },
	{ }
};
