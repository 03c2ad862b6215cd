// SPDX-License-Identifier: GPL-2.0
/* Memory of the heap, allocation, checksums. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heap.h"

#define PMD_ALIGN	(2u << 20)	/* for pages of 4 KiB */

struct heap heap;
struct config conf;
__thread struct thread *self;

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die_errno("mmap", errno);
	return p;
}

/* Aligned to what one PMD maps, so that mremap() moves whole page tables. */
static char *map_aligned(size_t bytes, size_t align)
{
	uintptr_t p = (uintptr_t)map(bytes + 2 * align);
	uintptr_t start = (p + align) & ~(align - 1);

	/* At least a page stays unmapped on either side. */
	munmap((void *)p, start - p);
	munmap((void *)(start + bytes), p + 2 * align - start);
	return (char *)start;
}

static size_t pmd_size(size_t page)
{
	size_t pmd = page / sizeof(uint64_t) * page;

	return pmd > PMD_ALIGN ? pmd : PMD_ALIGN;
}

void heap_init(void)
{
	size_t pmd, granules;
	int advice = conf.thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;

	heap.page = sysconf(_SC_PAGESIZE);
	heap.tlab = heap.page > TLAB_BYTES ? heap.page : TLAB_BYTES;
	heap.size = conf.heap_mib * MIB;
	heap.pages = heap.size / heap.page;
	pmd = pmd_size(heap.page);

	heap.space = map_aligned(heap.size, pmd);
	heap.from = map_aligned(heap.size, pmd);
	heap.zeroes = map(heap.tlab);
	/* A kernel without huge pages says EINVAL, and has none. */
	madvise(heap.space, heap.size, advice);

	granules = heap.size / GRANULE;
	heap.start_bits = map(granules / 8);
	heap.live_bits = map(granules / 8);
	heap.chunk_new = map(heap.size / CHUNK * sizeof(*heap.chunk_new));
	heap.plan = map(heap.pages * sizeof(*heap.plan));
	heap.state = map(heap.pages * sizeof(*heap.state));
}

void thread_init(struct thread *t)
{
	t->buffer = map(heap.page);
	self = t;
}

/* A new allocation buffer. False: the run is over. */
static bool refill(struct thread *t)
{
	size_t top = atomic_load(&heap.top);

	for (;;) {
		if (atomic_load(&world_finished))
			return false;
		if (top + heap.tlab > heap.size) {
			world_park(true);
			top = atomic_load(&heap.top);
			continue;
		}
		if (atomic_compare_exchange_weak(&heap.top, &top,
						 top + heap.tlab))
			break;
	}
	t->tlab = heap.space + top;
	t->tlab_end = t->tlab + heap.tlab;
	heartbeat();
	world_poke();
	return true;
}

/*
 * A safepoint: references in other than root slots do not outlive it. The
 * memory is zeroed; the caller writes the head before the next safepoint.
 */
struct object *heap_alloc(struct thread *t, size_t size)
{
	struct object *o;

	if ((size_t)(t->tlab_end - t->tlab) < size && !refill(t))
		return NULL;
	o = (struct object *)t->tlab;
	t->tlab += size;
	return o;
}

/* Over all of the content, and over who the linked objects are. */
uint64_t object_sum(const struct object *o)
{
	size_t i, words = head_size(o->head) / sizeof(uint64_t) - 2;
	unsigned int links = head_links(o->head);
	uint64_t sum = mix(words, o->head);

	for (i = 0; i < words; i++) {
		const struct object *to;

		if (i == 0 || i > links) {
			sum = mix(sum, o->word[i]);
			continue;
		}
		to = object_link(o, i - 1);
		sum = mix(sum, to ? to->head : 0);
	}
	return sum;
}
