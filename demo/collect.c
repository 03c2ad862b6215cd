// SPDX-License-Identifier: GPL-2.0
/*
 * The collector's cycle: mark, plan, pause, compact, finish.
 *
 * Destination pages are built from the highest to the lowest. Objects only
 * ever move down, so once all pages from some page on are built, from-space
 * is free from the page on where the objects of that page came from. These
 * recycled pages are what later pages are built in: the content of a page
 * is copied once, from object to object, and the page is then moved.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap.h"

/* The collector's walk; nobody else looks at it. */
struct walk {
	struct thread *t;
	size_t built;		/* all pages from here on are built */
	size_t mapped;		/* and from here on left to be mapped */
	size_t freed;		/* from-space is free from here on */
	size_t released;	/* copy mode: and was released from here on */
	size_t since;		/* pages freed since the last mapping */
	size_t step;		/* map after this many */
	size_t reserve;
};

/* ---- recycled pages ------------------------------------------------- */

/*
 * Free pages of from-space are the range [low, high): the collector lowers
 * the one end as pages become free, everybody takes from the other.
 */
static uint64_t make_pool(size_t low, size_t high)
{
	return (uint64_t)high << 32 | low;
}

static size_t pool_low(uint64_t pool)
{
	return pool & UINT32_MAX;
}

static size_t pool_high(uint64_t pool)
{
	return pool >> 32;
}

/*
 * Acquire pairs with the release in extend_pool(): who built pages from the
 * old content of this one has finished reading it.
 */
static bool take_recycled(char **src)
{
	uint64_t pool = atomic_load_explicit(&heap.pool, memory_order_acquire);
	size_t high;

	do {
		high = pool_high(pool);
		if (high == pool_low(pool))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&heap.pool, &pool,
			make_pool(pool_low(pool), high - 1),
			memory_order_acquire, memory_order_acquire));
	*src = heap.from + (high - 1) * heap.page;
	return true;
}

/* Only the collector changes the low end. */
static void extend_pool(size_t low)
{
	uint64_t pool = atomic_load_explicit(&heap.pool, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(&heap.pool, &pool,
			make_pool(low, pool_high(pool)),
			memory_order_release, memory_order_relaxed))
		;
}

/* Give back what is more than the reserve. */
static void shrink_pool(size_t reserve)
{
	uint64_t pool = atomic_load_explicit(&heap.pool, memory_order_relaxed);
	size_t low, high;

	do {
		low = pool_low(pool);
		high = pool_high(pool);
		if (high - low <= reserve)
			return;
	} while (!atomic_compare_exchange_weak_explicit(&heap.pool, &pool,
			make_pool(low, low + reserve),
			memory_order_relaxed, memory_order_relaxed));
	drop_pages(heap.from + (low + reserve) * heap.page,
		   (high - low - reserve) * heap.page);
}

/* ---- pages ---------------------------------------------------------- */

/* To own a page between two states is to be the one who can change it. */
bool claim_page(size_t page)
{
	uint64_t word = UNPROCESSED;

	return atomic_compare_exchange_strong_explicit(&heap.state[page],
			&word, BUILDING,
			memory_order_acquire, memory_order_relaxed);
}

/*
 * Release pairs with the acquire in is_built(), map_run() and missing_page():
 * the old content was read, the new one written, the page mapped.
 */
static void set_state(size_t page, uint64_t word)
{
	atomic_store_explicit(&heap.state[page], word, memory_order_release);
}

static bool is_built(size_t page)
{
	uint64_t word = atomic_load_explicit(&heap.state[page],
					     memory_order_acquire);

	return page_state(word) >= PROCESSED;
}

/* Build a claimed page and map it at once. */
void finish_page(struct thread *t, size_t page)
{
	char *out = t->buffer;
	bool move = conf.move;

	if (move && page < heap.dense)
		out = heap.from + page * heap.page;
	else if (move)
		move = take_recycled(&out);
	build_page(page, out);
	set_state(page, MAPPING);
	if (move)
		place_move(t, page, out, 1);
	else
		place_copy(t, page, out);
	set_state(page, MAPPED);
}

/*
 * Map the longest run of finished pages from this one on whose content lies
 * in one piece, in one ioctl. Returns how many pages these were.
 */
size_t map_run(struct thread *t, size_t page, size_t limit)
{
	uint64_t word = atomic_load_explicit(&heap.state[page],
					     memory_order_acquire);
	uint64_t offset = word & ~(uint64_t)STATE_MASK;
	size_t n = 0, i;

	while (page_state(word) == PROCESSED && page + n < limit) {
		word = (offset + n * heap.page) | PROCESSED;
		if (!atomic_compare_exchange_strong_explicit(
				&heap.state[page + n], &word, MAPPING,
				memory_order_acquire, memory_order_relaxed))
			break;
		n++;
	}
	if (n)
		place_move(t, page, heap.from + offset, n);
	for (i = 0; i < n; i++)
		set_state(page + i, MAPPED);
	return n;
}

/* ---- the walk ------------------------------------------------------- */

/* From-space from this page on is of no use once [page, end) is built. */
static size_t sources_end(size_t page)
{
	if (page > heap.live_end)
		return page + heap.slide / heap.page;
	if (page == heap.live_end)
		return heap.black / heap.page;
	if (page <= heap.dense)
		return heap.dense;
	return (heap.plan[page].granule * (size_t)GRANULE + heap.page - 1) /
	       heap.page;
}

/* Find out what has become free: handlers may be late with their pages. */
static void free_sources(struct walk *w)
{
	size_t end;

	while (w->built > heap.dense && is_built(w->built - 1))
		w->built--;
	end = sources_end(w->built);
	if (end >= w->freed)
		return;
	w->since += w->freed - end;
	w->freed = end;
	if (conf.move)
		extend_pool(end);
}

static void map_finished(struct walk *w, size_t from)
{
	size_t page = from, n;

	while (page < w->mapped) {
		n = map_run(w->t, page, w->mapped);
		page += n ? n : 1;
	}
	w->mapped = from;
}

static void release(struct walk *w, size_t reserve)
{
	if (conf.move) {
		shrink_pool(reserve);
		return;
	}
	drop_pages(heap.from + w->freed * heap.page,
		   (w->released - w->freed) * heap.page);
	w->released = w->freed;
}

/* Slides through the buffer, which is empty again once its page has moved. */
static void slide_page(struct thread *t, size_t page)
{
	build_page(page, t->buffer);
	set_state(page, MAPPING);
	place_move(t, page, t->buffer, 1);
	set_state(page, MAPPED);
}

static void collect_page(struct walk *w, size_t page)
{
	char *out;

	if (!claim_page(page))
		return;		/* a fault handler was first */
	if (conf.move && page >= heap.live_end) {
		slide_page(w->t, page);
		return;
	}
	if (conf.move && page < heap.dense)
		out = heap.from + page * heap.page;
	else if (!conf.move || !take_recycled(&out)) {
		finish_page(w->t, page);
		return;
	}
	build_page(page, out);
	set_state(page, (uint64_t)(out - heap.from) | PROCESSED);
}

static void compact(struct thread *t)
{
	size_t from_end = heap.end + heap.slide / heap.page, page;
	struct walk w = {
		.t = t, .built = heap.end, .mapped = heap.end,
		.freed = from_end, .released = from_end,
	};

	w.step = (heap.size / 16 < FREE_STEP ? heap.size / 16 : FREE_STEP) /
		 heap.page;
	w.reserve = heap.pages / 64 < RESERVE_PAGES ? heap.pages / 64 :
						      RESERVE_PAGES;
	for (page = heap.end; page-- > 0;) {
		collect_page(&w, page);
		free_sources(&w);
		if (w.since > w.step) {
			map_finished(&w, page);
			release(&w, w.reserve);
			w.since = 0;
			heartbeat();
		}
	}
	map_finished(&w, 0);
}

/* ---- the cycle ------------------------------------------------------ */

/*
 * Another process that has all pages of the heap, too: those that nobody has
 * written to since cannot be moved, and UFFDIO_MOVE says EBUSY.
 */
static pid_t fork_sharer(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die_errno("fork", errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end_sharer(pid_t pid)
{
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die_errno("waitpid", errno);
}

static void forward_root(struct object **root)
{
	*root = forward(*root);
}

/* The pause, once the world is stopped. */
static void rename_space(void)
{
	size_t top = atomic_load(&heap.top), source;

	heap.slide = heap.black - heap.live_end * heap.page;
	heap.end = heap.live_end + (top - heap.black) / heap.page;
	mutators_retire();
	mutators_roots(forward_root);

	uffd_register();
	if (mremap(heap.space, heap.size, heap.size,
		   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		   heap.from) != heap.from)
		die_errno("mremap(MREMAP_DONTUNMAP)", errno);

	source = top / heap.page;
	atomic_store(&heap.pool, make_pool(source, source));
	atomic_store(&heap.top, (heap.end * heap.page + heap.tlab - 1) /
				heap.tlab * heap.tlab);
	gate_open();
}

static void finish(void)
{
	size_t page;

	for (page = 0; page < heap.end; page++) {
		unsigned int tries = 0;

		/* Acquire: pairs with the set_state() of a fault handler. */
		while (atomic_load_explicit(&heap.state[page],
					    memory_order_acquire) != MAPPED)
			backoff(&tries);
	}
	gate_close(0);
	uffd_unregister();
	gate_close(1);
	drop_pages(heap.from, heap.size);
}

static double ms_since(uint64_t start)
{
	return (double)(now_ns() - start) / 1e6;
}

static void mark_stopped(struct cycle *c)
{
	uint64_t start;

	world_stop();
	start = now_ns();
	mutators_retire();
	mark();
	c->mark_ms = ms_since(start);
	if (heap.marked != mutators_objects())
		die("marking did not find as many objects as there are");
	world_resume();
}

/* @share: fork a process that shares the heap as long as this lasts. */
void collect(struct thread *t, struct cycle *c, bool share)
{
	uint64_t start;
	pid_t pid = 0;

	mark_stopped(c);
	heartbeat();
	make_plan();

	start = now_ns();
	world_stop();
	c->stop_ms = ms_since(start);
	start = now_ns();
	rename_space();
	c->pause_ms = ms_since(start);
	if (share)
		pid = fork_sharer();
	heartbeat();

	start = now_ns();
	world_resume();
	compact(t);
	finish();
	c->compact_ms = ms_since(start);
	c->dense = heap.dense;
	if (share)
		end_sharer(pid);
}
