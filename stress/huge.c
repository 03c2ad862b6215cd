// SPDX-License-Identifier: GPL-2.0
/* Huge pages: whole ones, parts of them, pinned ones, shared ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "stress.h"

static struct range pick_block(void)
{
	struct area *area = &areas[below(NR_AREAS)];
	uint32_t blocks = (area_slots - area->lead) / huge_slots;

	return (struct range){
		whole(area).slot + area->lead + below(blocks) * huge_slots,
		huge_slots,
	};
}

/* One huge page, mostly as it is; now and then from or to its middle, or pinned. */
static void move_huge(struct range src, struct range dst)
{
	struct move m = { src.slot, dst.slot, src.n, area_of(dst.slot)->uffd, 0 };
	uint32_t off = one_in(4) ? below(huge_slots) : 0;
	bool pinned = one_in(3);
	int err;

	if (pinned && pin_range((struct range){ src.slot + below(src.n), 1 }))
		pinned = false;
	*(one_in(2) ? &m.src : &m.dst) += off;
	m.n -= off;
	if (move_pages_checked(&m, &err) == huge_slots && pinned)
		violation("a huge page was pinned, and moved from %s to %s",
			  slot_name(m.src), slot_name(m.dst));
	if (pinned)
		unpin();
}

static bool all_pages(struct range r)
{
	uint32_t i;

	for (i = 0; i < r.n && is_page(held[r.slot + i]); i++)
		;
	return i == r.n;
}

/* Nobody stores, so that it stays shared. */
static void move_shared_huge(struct range src, struct range dst)
{
	struct move m = { src.slot, dst.slot, src.n, area_of(dst.slot)->uffd, 0 };
	uint32_t n;
	int fd[2], err;
	pid_t pid;

	hide_range(src);
	pid = start_sharing(fd);
	n = move_ioctl(&m, &err);
	if (n || err != EBUSY)
		violation("%s and %u more pages are shared with a child, but UFFDIO_MOVE moves %u, with errno %d",
			  slot_name(m.src), m.n - 1, n, err);
	stop_sharing(pid, fd);
	show_range(src);
	count_result(err);
}

void op_move_huge(void)
{
	struct range r[2] = { pick_block(), pick_block() };
	struct step *step;
	int tries;

	if (r[0].slot == r[1].slot || area_of(r[1].slot)->uffd < 0) {
		skipped();
		return;
	}
	if (!claim(r, 2))
		return;
	step = step_begin("move huge", r[0].slot, r[1].slot, r[0].n);
	if (area_of(r[1].slot)->uffd >= 0 && in_one_vma(r[0].slot, r[0].n) &&
	    in_one_vma(r[1].slot, r[1].n)) {
		discard(r[1]);
		for (tries = 0; tries < 4 && !fill_up(r[0]); tries++)
			drain_lru();
		/* The zero page is nobody's, shared or not. */
		if (all_pages(r[0]) && one_in(4))
			move_shared_huge(r[0], r[1]);
		else
			move_huge(r[0], r[1]);
	}
	step_end(step, 0);
	release(r, 2);
}
