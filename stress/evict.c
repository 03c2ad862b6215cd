// SPDX-License-Identifier: GPL-2.0
/* Pages that are nobody else's can be swapped out and migrated; shared ones stay. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

/* Claims, and in each slot there is a page of its own. */
static bool claim_pages(struct range *r, uint32_t most)
{
	uint32_t i;

	*r = pick_range(false);
	r->n = r->n < most ? r->n : most;
	for (i = 0; i < r->n && is_page(held[r->slot + i]); i++)
		;
	r->n = i;
	if (!r->n) {
		skipped();
		return false;
	}
	if (!claim(r, 1))
		return false;
	for (i = 0; i < r->n && is_page(held[r->slot + i]); i++)
		;
	if (i == r->n)
		return true;
	release(r, 1);
	skipped();
	return false;
}

static bool migrated(struct range r)
{
	struct patience patience = begin_trying();
	int node[2];
	uint32_t i;
	size_t n;

	if (!two_nodes(node))
		return true;
	do {
		/* 6.1 does not see a page that has a NUMA hint. */
		for (i = 0; i < r.n; i++)
			touch(r.slot + i);
		drain_lru();
		n = migrate_pages_to(address(r.slot), r.n, node[below(2)]);
	} while (n != r.n && try_again(&patience));
	return n == r.n;
}

/* page_out() is patient itself, but only by the clock. */
static bool swapped(struct range r)
{
	int tries = 2;

	while (tries-- && !page_out(address(r.slot), r.n))
		beat();
	return tries >= 0;
}

static uint64_t flags_of(uint64_t pfn)
{
	uint64_t flags = 0;
	unsigned int i;

	for (i = 0; i < 64; i++)
		flags |= (uint64_t)kpageflag(pfn, i) << i;
	return flags;
}

static void describe(struct range r)
{
	uint32_t i;

	for (i = 0; i < r.n; i++) {
		uint32_t slot = r.slot + i;
		uint64_t pfn = pfn_of(address(slot));

		printf("  %s: %s, pagemap %#llx", slot_name(slot),
		       name_of(held[slot]),
		       (unsigned long long)pagemap_entry(address(slot)));
		if (pfn)
			printf(", on node %d, mapped %llu times, kpageflags %#llx",
			       node_of(address(slot)),
			       (unsigned long long)times_mapped(pfn),
			       (unsigned long long)flags_of(pfn));
		printf("\n");
	}
}

/* What finds no page by its rmap leaves it where it is. */
static void evict(struct range r, bool out)
{
	uint32_t i;

	for (i = 0; i < r.n; i++)
		touch(r.slot + i);
	if (out ? swapped(r) : migrated(r))
		return;
	describe(r);
	violation("%s and %u more are nobody else's, but cannot be %s; the other way it is %s",
		  slot_name(r.slot), r.n - 1, out ? "swapped out" : "migrated",
		  (out ? migrated(r) : swapped(r)) ? "possible" : "impossible, too");
}

void op_evict(void)
{
	struct step *step;
	struct range r;

	if (!claim_pages(&r, 32))
		return;
	step = step_begin("evict", r.slot, NOWHERE, r.n);
	if (quiet_begin()) {
		hide_range(r);
		evict(r, one_in(2));
		show_range(r);
		quiet_end();
		content_must_be(r.slot, held[r.slot], "after being evicted");
		count_result(0);
	} else {
		skipped();
	}
	step_end(step, 0);
	release(&r, 1);
}

/* A child that does nothing but have the pages */
pid_t start_sharing(int fd[2])
{
	char c;
	pid_t pid;

	if (pipe(fd) || (pid = fork()) < 0)
		violation("pipe and fork: %m");
	if (pid) {
		close(fd[0]);
		return pid;
	}
	close(fd[1]);
	/* A byte: others' children have inherited the other end, so no end of file. */
	_exit(read(fd[0], &c, 1) != 1);
}

void stop_sharing(pid_t pid, int fd[2])
{
	int status;

	if (write(fd[1], "", 1) != 1)
		violation("cannot tell a child to end: %m");
	close(fd[1]);
	if (waitpid(pid, &status, 0) != pid || status)
		violation("a child ended with status %#x", status);
}

/* Nothing is written to them: they move as they are, once nobody shares them. */
static void move_unshared(struct move m)
{
	struct patience patience = begin_trying();
	uint64_t word;
	uint32_t n;
	int err;

	do {
		n = move_pages_checked(&m, &err);
		m.src += n;
		m.dst += n;
		m.n -= n;
		drain_lru();
		/* A swap entry that was shared looks shared until it is read in. */
		if (err && !try_load((uint64_t *)address(m.src), &word))
			violation("%s cannot be read", slot_name(m.src));
	} while (err == EBUSY && try_again(&patience));
	if (err == EBUSY)
		violation("%s holding %s was shared with a child that has ended, and UFFDIO_MOVE still says EBUSY",
			  slot_name(m.src), name_of(held[m.src]));
}

static void share(const struct move *m)
{
	struct range src = { m->src, m->n };
	uint32_t n, i;
	pid_t pid;
	int fd[2], err;

	hide_range(src);
	if (one_in(2))
		page_out(address(m->src), m->n);
	pid = start_sharing(fd);
	for (i = 0; i < m->n; i++) {
		struct move one = { m->src + i, m->dst + i, 1, m->uffd, 0 };
		uint64_t pfn = pfn_of(address(one.src));

		/* If others have the huge page around it pinned, fork() copies. */
		if (pfn && times_mapped(pfn) < 2)
			continue;
		n = move_ioctl(&one, &err);
		if (n || err != EBUSY)
			violation("%s holding %s is shared with a child, but UFFDIO_MOVE of it gives errno %d",
				  slot_name(one.src), name_of(held[one.src]), err);
	}
	stop_sharing(pid, fd);
	move_unshared(*m);
}

/* Pages, and room to move them to */
static bool claim_move(struct range *r, uint32_t most)
{
	if (!claim_pages(&r[0], most))
		return false;
	r[1] = pick_registered(true, true);
	r[1].n = r[0].n;
	if (range_ok(r[1]) && area_of(r[1].slot)->uffd >= 0 && claim(&r[1], 1)) {
		if (seek(r[1].slot, false) - r[1].slot >= r[1].n &&
		    in_one_vma(r[0].slot, r[0].n) && in_one_vma(r[1].slot, r[1].n))
			return true;
		release(&r[1], 1);
	}
	release(r, 1);
	skipped();
	return false;
}

void op_share(void)
{
	struct range r[2];
	struct step *step;
	struct move m;

	if (!claim_move(r, 8))
		return;
	m = (struct move){ r[0].slot, r[1].slot, r[0].n, area_of(r[1].slot)->uffd, 0 };
	step = step_begin("share", m.src, m.dst, m.n);
	if (quiet_begin()) {
		share(&m);
		quiet_end();
	} else {
		skipped();
	}
	step_end(step, 0);
	release(r, 2);
}

/*
 * A page that is in the swap cache, as it was read, and has been written to
 * since: only its entry knows.
 */
static void swap_and_move(struct move m)
{
	uint32_t i;
	int err;

	page_out(address(m.src), m.n);
	madvise(address(m.src), m.n * page_size, MADV_WILLNEED);
	for (i = 0; i < m.n; i++)
		content_must_be(m.src + i, held[m.src + i], "swapped in");
	for (i = 0; i < m.n; i++) {
		if (!one_in(4) && !mark_page(m.src + i))
			violation("%s cannot be written", slot_name(m.src + i));
	}
	if (move_pages_checked(&m, &err) != m.n)
		return;
	hide_range((struct range){ m.dst, m.n });
	page_out(address(m.dst), m.n);
	for (i = 0; i < m.n; i++)
		content_must_be(m.dst + i, held[m.dst + i],
				"swapped in, written, moved, swapped out");
	show_range((struct range){ m.dst, m.n });
}

/* On its way out: its entry moves while the page is still in the swap cache. */
static void page_out_and_move(struct move m)
{
	struct range dst = { m.dst, m.n };
	int err;

	madvise(address(m.src), m.n * page_size, MADV_PAGEOUT);
	if (move_pages_checked(&m, &err) != m.n)
		return;
	hide_range(dst);
	evict(dst, true);
	show_range(dst);
}

void op_swap(void)
{
	struct step *step;
	struct range r[2];
	struct move m;

	if (!claim_move(r, 8))
		return;
	m = (struct move){ r[0].slot, r[1].slot, r[0].n, area_of(r[1].slot)->uffd, 0 };
	step = step_begin("swap and move", m.src, m.dst, m.n);
	hide_range(r[0]);
	if (one_in(2))
		swap_and_move(m);
	else
		page_out_and_move(m);
	show_range(r[0]);
	step_end(step, 0);
	release(r, 2);
}
