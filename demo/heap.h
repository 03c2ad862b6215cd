/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A concurrent compacting heap on top of userfaultfd.
 *
 * The moving space is where objects live. At the start of a compaction all
 * of its pages are renamed into from-space with mremap(MREMAP_DONTUNMAP);
 * the pages of the moving space then come back one by one, or in runs, as
 * they are built: by UFFDIO_MOVE, or by UFFDIO_COPY.
 */
#ifndef HEAP_H
#define HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#define GRANULE		16u		/* objects start and end on one */
#define CHUNK		512u		/* one entry of heap.chunk_new[] */
#define TLAB_BYTES	(32u << 10)	/* thread-local allocation buffer */
#define FREE_STEP	(8u << 20)	/* map and release after so much */
#define RESERVE_PAGES	128u		/* recycled pages never released */
#define MIB		(1u << 20)

struct config {
	size_t heap_mib;
	unsigned int mutators;
	unsigned int cycles;
	unsigned int live;		/* percent of the heap */
	uint64_t seed;
	bool move;			/* UFFDIO_MOVE, else UFFDIO_COPY */
	bool thp;			/* ask for huge pages */
	bool share;			/* fork a child in every other cycle */
};

/* ---- objects -------------------------------------------------------- */

/*
 * head never changes once the object is made: size in granules (5 bits),
 * number of links (3 bits), id. A head of 0 ends an allocation buffer.
 *
 * word[] of an object of more than 16 bytes: a counter, the links, payload.
 */
struct object {
	uint64_t head;
	uint64_t sum;
	uint64_t word[];
};

#define OBJECT_MAX	256u
#define LINKS_OFFSET	(offsetof(struct object, word) + sizeof(uint64_t))

static inline uint64_t make_head(size_t size, unsigned int links, uint64_t id)
{
	return size / GRANULE | (uint64_t)links << 5 | id << 8;
}

static inline size_t head_size(uint64_t head)
{
	return (head & 31) * GRANULE;
}

static inline unsigned int head_links(uint64_t head)
{
	return head >> 5 & 7;
}

static inline struct object *object_link(const struct object *o, size_t i)
{
	return (struct object *)(uintptr_t)o->word[1 + i];
}

static inline uint64_t mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* ---- threads and what they count ------------------------------------ */

enum { CALL_MOVE, CALL_COPY, CALL_NEW, NR_CALLS };

enum outcome {
	OUT_AGAIN, OUT_SHORT, OUT_BUSY, OUT_EXIST, OUT_NOENT, OUT_INVAL,
	NR_OUTCOMES
};

#define HIST_SUB	16		/* buckets for each power of two */
#define HIST_BUCKETS	(40 * HIST_SUB)

struct stats {
	uint64_t faults;
	uint64_t calls[NR_CALLS];
	uint64_t pages[NR_CALLS];
	uint64_t errors[NR_CALLS][NR_OUTCOMES];
	uint64_t checked;
	uint64_t lost;
	uint64_t max_ns;
	uint32_t hist[HIST_BUCKETS];	/* latency of faults */
};

struct thread {
	char *tlab, *tlab_end;
	char *buffer;			/* one page, outside of the heap */
	struct stats stats;
	unsigned int job_seen;
	bool late;			/* UNREGISTER can be racing with us */
	uintptr_t last_fault;
	unsigned int same_fault;
};

/* The thread's own, for the signal handler too: static TLS, always there. */
extern __thread struct thread *self;

/* ---- the heap ------------------------------------------------------- */

/*
 * A page of the moving space during compaction. The state is in the low
 * bits of its word; above is the offset in from-space of the page that
 * holds its finished content, from PROCESSED on.
 *
 *   UNPROCESSED -> BUILDING -> PROCESSED -> MAPPING -> MAPPED
 *
 * Who takes a page out of UNPROCESSED or PROCESSED does so by
 * compare-and-swap and owns it until the next change. A page that its
 * builder maps at once goes from BUILDING to MAPPING.
 */
enum page_state {
	UNPROCESSED, BUILDING, PROCESSED, MAPPING, MAPPED,
	STATE_MASK = 7,
};

/* What it takes to build one page of the moving space. */
struct page_plan {
	uint64_t head;		/* of the first object on it */
	uint32_t granule;	/* in from-space, of its first bytes */
};

struct heap {
	size_t page;			/* bytes, from sysconf() */
	size_t tlab;			/* bytes, whole pages */
	size_t size;			/* of the space and of from-space */
	size_t pages;
	char *space;
	char *from;
	char *zeroes;			/* one allocation buffer of them */
	int uffd;

	_Atomic size_t top;		/* bump pointer, offset */

	/* Of one cycle. Made while the world is stopped or not yet armed. */
	uint64_t *start_bits;		/* a marked object starts here */
	uint64_t *live_bits;		/* granule of a marked object */
	uint64_t marked;		/* objects */
	uint64_t live_bytes;
	uint32_t *chunk_new;		/* new offset of first live granule */
	struct page_plan *plan;
	size_t dense;			/* leading pages that stay */
	size_t live_end;		/* end of compacted objects, pages */
	size_t end;			/* end of all that was moved, pages */
	size_t black;			/* start of unmarked new objects, bytes */
	size_t slide;			/* bytes which these move down by */

	/* Of the compaction, shared by the collector and fault handlers. */
	_Atomic uint64_t *state;	/* page word of each page */
	_Atomic uint64_t pool;		/* recycled pages, see collect.c */
	_Atomic uint64_t gate[2];	/* handlers in flight, see fault.c */
};

extern struct heap heap;
extern struct config conf;

static inline char *page_at(size_t page)
{
	return heap.space + page * heap.page;
}

static inline bool in_space(const void *p)
{
	return (size_t)((const char *)p - heap.space) < heap.size;
}

/* heap.c: memory and allocation */
void heap_init(void);
void thread_init(struct thread *t);
struct object *heap_alloc(struct thread *t, size_t size);
uint64_t object_sum(const struct object *o);

/* world.c: stopping and resuming mutators */
void world_join(void);
void world_leave(void);
void world_park(bool for_room);
void world_stop(void);
void world_resume(void);
void world_run(void (*job)(void));
void world_wait_top(size_t bytes);
void world_poke(void);
void world_finish(void);
extern atomic_bool world_stopping, world_finished;

/*
 * Relaxed: what a stopped thread has to see, and show, is ordered by the
 * mutex that world_park() takes.
 */
static inline void safepoint(void)
{
	if (atomic_load_explicit(&world_stopping, memory_order_relaxed))
		world_park(false);
}

/* mark.c: which objects live, and where each will be */
void mark(void);
void make_plan(void);
struct object *forward(struct object *o);
size_t first_live(size_t granule, size_t limit);
size_t object_start(size_t granule);

/* build.c: the content of one page */
void build_page(size_t page, char *out);

/* collect.c: the cycle */
struct cycle {
	double mark_ms, stop_ms, pause_ms, compact_ms;
	size_t dense;
};

void collect(struct thread *t, struct cycle *c, bool share);
bool claim_page(size_t page);
void finish_page(struct thread *t, size_t page);
size_t map_run(struct thread *t, size_t page, size_t limit);

static inline enum page_state page_state(uint64_t word)
{
	return word & STATE_MASK;
}

/* fault.c: SIGBUS */
void fault_init(void);
void gate_open(void);
void gate_close(int which);
void backoff(unsigned int *tries);

/* uffd.c: the descriptor and the ioctls, with what to do on each errno */
int uffd_open(void);
bool uffd_has_move(void);
void uffd_probe_move(void);
void uffd_register(void);
void uffd_unregister(void);
void place_move(struct thread *t, size_t page, char *src, size_t n);
void place_copy(struct thread *t, size_t page, const char *src);
void place_new(struct thread *t, size_t page, size_t n);
void drop_pages(char *start, size_t bytes);

/* mutator.c: load, model and verification */
void mutators_start(void);
void mutators_join(void);
void mutators_stats(struct stats *sum);
void mutators_retire(void);
void mutators_roots(void (*visit)(struct object **root));
uint64_t mutators_objects(void);
void mutators_verify(void);

/* stats.c */
struct result {
	unsigned int cycles;
	double mark_ms, stop_ms, stop_max_ms, pause_ms, pause_max_ms;
	double compact_ms, compact_max_ms;
	struct stats stats;
	uint64_t minflt;
	int64_t shootdowns;		/* or -1 */
	long rss_kib;
	_Atomic uint64_t beat;		/* goes on while anything does */
};

extern struct result *result;		/* shared with the parent */

uint64_t now_ns(void);
void hist_add(struct stats *s, uint64_t ns);
void stats_add(struct stats *to, const struct stats *from);
int64_t tlb_shootdowns(void);
void print_table(const struct result *move, const struct result *copy);

void die(const char *what) __attribute__((noreturn));
void die_errno(const char *what, int error) __attribute__((noreturn));
void heartbeat(void);

#endif
