// SPDX-License-Identifier: GPL-2.0
/*
 * While somebody is being quiet there are no children and no disturbers, so
 * that what may fail for a while has to work in the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define PATIENCE_MS	20000
#define PATIENCE_TRIES	100
#define PROBES		8

static pthread_rwlock_t noise;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

void quiet_init(void)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
			PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&noise, &attr);
}

/* False if somebody else is already waiting for it: most have to get on. */
bool quiet_begin(void)
{
	if (pthread_mutex_trylock(&turn))
		return false;
	beat();
	pthread_rwlock_wrlock(&noise);
	beat();
	return true;
}

void quiet_end(void)
{
	pthread_rwlock_unlock(&noise);
	pthread_mutex_unlock(&turn);
}

void disturb_begin(void)
{
	beat();
	pthread_rwlock_rdlock(&noise);
	beat();
}

void disturb_end(void)
{
	pthread_rwlock_unlock(&noise);
}

/* On a machine that stands still, time alone means little. */
struct patience {
	uint64_t end;
	unsigned int tries;
};

static struct patience begin_trying(void)
{
	return (struct patience){ .end = now_ms() + PATIENCE_MS };
}

static bool try_again(struct patience *p)
{
	beat();
	return p->tries++ < PATIENCE_TRIES || now_ms() < p->end;
}

/*
 * A page that was EBUSY, once somebody has written to it: it is not shared then.
 * Who moves other parts of the same huge page may have them pinned, for a while.
 */
void insist(const struct move *m)
{
	struct patience patience = begin_trying();
	int err = EBUSY;

	if (!quiet_begin())
		return;
	while (err == EBUSY && try_again(&patience)) {
		if (!touch(m->src))
			violation("%s holds %s, but cannot be accessed",
				  slot_name(m->src), name_of(held[m->src]));
		drain_lru();
		move_pages_checked(m, &err);
	}
	if (err == EBUSY)
		violation("%s holds %s, which nobody shares: UFFDIO_MOVE goes on to say EBUSY for %d s",
			  slot_name(m->src), name_of(held[m->src]),
			  PATIENCE_MS / 1000);
	quiet_end();
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

struct probe {
	bool same_frame, no_fault, soft_dirty;
};

/* One page to and fro: each must be seen once, what is in the background may interfere. */
static bool probe_once(const struct move *m, struct probe *seen)
{
	uint64_t pfn, entry;
	long faults;
	int err;

	if (!touch(m->src))
		violation("%s holds %s, but cannot be accessed",
			  slot_name(m->src), name_of(held[m->src]));
	pfn = pfn_of(address(m->src));
	move_pages_checked(m, &err);
	if (err)
		return false;
	faults = minor_faults();
	entry = pagemap_entry(address(m->dst));
	seen->soft_dirty |= entry & PM_SOFT_DIRTY;
	touch(m->dst);
	seen->no_fault |= minor_faults() == faults;
	seen->same_frame |= pfn && pfn == (entry & PM_PFN_MASK);
	return true;
}

static void probe(struct move m)
{
	struct probe seen = { false, false, false };
	uint32_t i, moved = 0;

	for (i = 0; i < PROBES; i++) {
		struct move back = m;

		if (!probe_once(&m, &seen))
			break;
		moved++;
		back.src = m.dst;
		back.dst = m.src;
		back.uffd = area_of(m.src)->uffd;
		m = back;
	}
	if (moved == PROBES && !(seen.same_frame && seen.no_fault && seen.soft_dirty))
		violation("%s holding %s was moved %u times, and not once%s%s%s",
			  slot_name(m.src), name_of(held[m.src]), moved,
			  seen.same_frame ? "" : " did it keep its frame",
			  seen.no_fault ? "" : " could it be written without a fault",
			  seen.soft_dirty ? "" : " was it soft-dirty");
}

void op_probe(void)
{
	struct range r[2] = { pick_range(false), pick_range(true) };
	struct step *step;
	struct move m;

	r[0].n = r[1].n = 1;
	if (!claim(r, 2))
		return;
	m = (struct move){ r[0].slot, r[1].slot, 1, area_of(r[1].slot)->uffd, 0 };
	step = step_begin("probe", m.src, m.dst, 1);
	if (is_page(held[m.src]) && held[m.dst] == EMPTY && m.uffd >= 0 &&
	    area_of(m.src)->uffd >= 0 && quiet_begin()) {
		probe(m);
		quiet_end();
	} else {
		skipped();
	}
	step_end(step, 0);
	release(r, 2);
}

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
	size_t n;

	if (!two_nodes(node))
		return true;
	do {
		drain_lru();
		n = migrate_pages_to(address(r.slot), r.n, node[below(2)]);
	} while (n != r.n && try_again(&patience));
	return n == r.n;
}

/* page_out() is patient itself, but only by the clock. */
static bool swapped(struct range r)
{
	int tries = 5;

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
static pid_t start_sharing(int fd[2])
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
	_exit(read(fd[0], &c, 1) != 0);
}

static void stop_sharing(pid_t pid, int fd[2])
{
	int status;

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

void op_share(void)
{
	struct range r[2];
	struct step *step;
	struct move m;

	if (!claim_pages(&r[0], 8))
		return;
	r[1] = pick_registered(true, true);
	r[1].n = r[0].n;
	if (!range_ok(r[1]) || area_of(r[1].slot)->uffd < 0 || !claim(&r[1], 1)) {
		release(r, 1);
		skipped();
		return;
	}
	m = (struct move){ r[0].slot, r[1].slot, r[0].n, area_of(r[1].slot)->uffd, 0 };
	step = step_begin("share", m.src, m.dst, m.n);
	if (seek(m.dst, false) - m.dst >= m.n && in_one_vma(m.dst, m.n) &&
	    in_one_vma(m.src, m.n) && quiet_begin()) {
		share(&m);
		quiet_end();
	} else {
		skipped();
	}
	step_end(step, 0);
	release(r, 2);
}
