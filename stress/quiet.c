// SPDX-License-Identifier: GPL-2.0
/*
 * While somebody is being quiet there are no children and no disturbers, so
 * that what may fail for a while has to work in the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>
#include <time.h>

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

/* Whoever holds it up is watched: to wait is no hang. */
static void wait_for(int (*lock)(pthread_rwlock_t *l, const struct timespec *t))
{
	struct timespec t;

	do {
		beat();
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec++;
	} while (lock(&noise, &t));
	beat();
}

/* False if somebody else is already waiting for it: most have to get on. */
bool quiet_begin(void)
{
	if (pthread_mutex_trylock(&turn))
		return false;
	wait_for(pthread_rwlock_timedwrlock);
	return true;
}

void quiet_end(void)
{
	pthread_rwlock_unlock(&noise);
	pthread_mutex_unlock(&turn);
}

void disturb_begin(void)
{
	wait_for(pthread_rwlock_timedrdlock);
}

void disturb_end(void)
{
	pthread_rwlock_unlock(&noise);
}

/* On a machine that stands still, time alone means little. */

struct patience begin_trying(void)
{
	return (struct patience){ .end = now_ms() + PATIENCE_MS };
}

bool try_again(struct patience *p)
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

/* A page that has just been written to is, unless no page ever is. */
static bool has_soft_dirty(void)
{
	volatile char on_stack = 1;

	return on_stack && pagemap_entry((void *)&on_stack) & PM_SOFT_DIRTY;
}

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
	struct probe seen = { .soft_dirty = !has_soft_dirty() };
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
