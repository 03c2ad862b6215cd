// SPDX-License-Identifier: GPL-2.0
/* What the accomplice does while the mover moves. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "duet.h"

static struct range part(const struct duet *d, unsigned int side)
{
	return (struct range){ d->side[side].slot + d->from, d->n };
}

static size_t part_bytes(const struct duet *d)
{
	return d->n * page_size;
}

static void discard_side(struct duet *d, unsigned int side)
{
	struct range r = part(d, side);

	if (madvise(address(r.slot), part_bytes(d), MADV_DONTNEED))
		violation("MADV_DONTNEED of %s, %u pages: %m", slot_name(r.slot), r.n);
}

static void act_discard_src(struct duet *d)
{
	discard_side(d, 0);
}

static void act_discard_dst(struct duet *d)
{
	discard_side(d, 1);
}

static void act_discard_both(struct duet *d)
{
	discard_side(d, 1);
	discard_side(d, 0);
}

/* Page by page, past those that are there already. */
static void act_copy(struct duet *d)
{
	uint32_t i;

	for (i = d->from; i < d->from + d->n; i++) {
		struct uffdio_copy arg = {
			.dst = (uintptr_t)address(d->side[1].slot + i),
			.len = page_size,
		};
		char page[page_size] __attribute__((aligned(4096)));

		if (d->fresh[i] == EMPTY)
			break;
		content_fill(page, d->fresh[i]);
		arg.src = (uintptr_t)page;
		d->brought[i] = !ioctl(uffds[d->m.uffd], UFFDIO_COPY, &arg);
	}
}

static void act_zero(struct duet *d)
{
	uint32_t i;

	for (i = d->from; i < d->from + d->n; i++) {
		struct uffdio_zeropage arg = {
			.range = {
				(uintptr_t)address(d->side[1].slot + i), page_size,
			},
		};

		d->fresh[i] = BLANK;
		d->brought[i] = !ioctl(uffds[d->m.uffd], UFFDIO_ZEROPAGE, &arg);
	}
}

static void move_part(struct duet *d, unsigned int from, unsigned int to)
{
	struct move m = {
		part(d, from).slot, part(d, to).slot, d->n,
		area_of(d->side[to].slot)->uffd, d->m.mode,
	};
	int err = 0;
	uint32_t n;

	/* Past what cannot be moved. */
	while (m.n && m.uffd >= 0) {
		n = move_ioctl(&m, &err);
		if (err && !n)
			n = 1;
		m.src += n;
		m.dst += n;
		m.n -= n;
	}
}

static void act_rival(struct duet *d)
{
	move_part(d, 0, 1);
}

static void act_third(struct duet *d)
{
	move_part(d, 0, 2);
}

static void act_from_third(struct duet *d)
{
	move_part(d, 2, 1);
}

static void act_reverse(struct duet *d)
{
	move_part(d, 1, 0);
}

static void act_protect(struct duet *d)
{
	struct range r = part(d, 0);

	protect_range(r, PROT_READ);
	sched_yield();
	protect_range(r, PROT_READ | PROT_WRITE);
}

static void act_pageout(struct duet *d)
{
	madvise(address(part(d, 0).slot), part_bytes(d), MADV_PAGEOUT);
	madvise(address(part(d, 1).slot), part_bytes(d), MADV_PAGEOUT);
}

static void act_migrate(struct duet *d)
{
	int node[2];

	d->idle = !two_nodes(node);
	if (!d->idle)
		migrate_pages_to(address(part(d, 0).slot), d->n, node[d->n & 1]);
}

static void act_collapse(struct duet *d)
{
	madvise(address(d->side[0].slot), d->side[0].n * page_size,
		MADV_COLLAPSE);
}

static void act_split(struct duet *d)
{
	split_huge(address(part(d, 0).slot), part_bytes(d));
}

/* A page that could be pinned must stay where it is until it is let go. */
static void act_pin(struct duet *d)
{
	struct range r = part(d, 0);
	uint64_t entries[r.n];
	uint32_t i;

	d->idle = pin_range(r);
	if (d->idle)
		return;
	for (i = 0; i < 4; i++)
		sched_yield();
	pagemap_range(address(r.slot), r.n, entries);
	for (i = 0; i < r.n; i++) {
		if (!(entries[i] & (PM_PRESENT | PM_SWAP)))
			violation("%s was pinned, and moved all the same",
				  slot_name(r.slot + i));
	}
	unpin();
}

/* Another mapping, for part of the destination */
static void act_remake(struct duet *d)
{
	range_make(part(d, 1));
	range_register(part(d, 1), d->m.uffd);
}

/* Gone, with page tables and all; and another mapping some time after */
static void act_unmap_src(struct duet *d)
{
	int uffd = area_of(d->m.src)->uffd;

	range_reserve(part(d, 0));
	sched_yield();
	range_make(part(d, 0));
	if (uffd >= 0)
		range_register(part(d, 0), uffd);
}

static void act_unregister_dst(struct duet *d)
{
	range_unregister(part(d, 1), d->m.uffd);
	sched_yield();
	range_register(part(d, 1), d->m.uffd);
}

/* If it is one mapping */
static void act_remap_src(struct duet *d)
{
	struct area *area = area_of(d->m.src);
	int uffd = area->uffd;

	d->idle = !in_one_vma(whole(area).slot, area_slots);
	if (d->idle)
		return;
	area_move_away(area);
	sched_yield();
	area_move_away(area);
	if (uffd >= 0)
		area_register(area, uffd);
}

const struct duet_kind duet_kinds[] = {
	{ "move and discard src", act_discard_src, .discards = true },
	{ "move and discard dst", act_discard_dst, .discards = true },
	{ "move and discard both", act_discard_both, .discards = true },
	{ "move and copy to dst", act_copy, .copies = true, .exact = true },
	{ "move and zero dst", act_zero, .exact = true },
	{ "move twice", act_rival, .third = false },
	{ "move to two places", act_third, .third = true },
	{ "move from two places", act_from_third, .third = true },
	{ "move to and fro", act_reverse, .third = false },
	{ "move and mprotect", act_protect, .exact = true, .refuses = true },
	{ "move and page out", act_pageout, .exact = true },
	{ "move and migrate", act_migrate, .exact = true },
	{ "move and collapse", act_collapse, .registered_src = true, .exact = true },
	{ "move and split", act_split, .exact = true },
	{ "move and pin", act_pin, .registered_src = true, .exact = true },
	{ "move and mmap dst", act_remake, .discards = true, .refuses = true,
	  .remaps = true },
	{ "move and unmap src", act_unmap_src, .discards = true, .refuses = true,
	  .whole = true },
	{ "move and unregister dst", act_unregister_dst, .exact = true,
	  .refuses = true, .whole = true },
	{ "move and mremap src away and back", act_remap_src, .refuses = true,
	  .whole = true },
};

_Static_assert(sizeof(duet_kinds) / sizeof(duet_kinds[0]) <= MAX_DUETS, "MAX_DUETS");
const unsigned int nr_duet_kinds = sizeof(duet_kinds) / sizeof(duet_kinds[0]);
