// SPDX-License-Identifier: GPL-2.0
/*
 * Marking, and the new address of every object.
 *
 * Marking runs while the world is stopped; what is allocated afterwards is
 * "black": it counts as live and slides down by whole pages. The plan is made
 * while mutators run again: it reads heads and bitmaps only, and neither
 * changes before the compaction pause.
 */
#include <stdlib.h>
#include <string.h>

#include "heap.h"

#define WORD_BITS	64u
#define DENSE_PERCENT	95u

static struct object **stack;
static size_t depth, room;

static size_t granule_of(const struct object *o)
{
	return (size_t)((const char *)o - heap.space) / GRANULE;
}

static bool test_bit(const uint64_t *bits, size_t i)
{
	return bits[i / WORD_BITS] >> i % WORD_BITS & 1;
}

/* At most as many as an object has granules. */
static void set_bits(uint64_t *bits, size_t first, size_t n)
{
	uint64_t mask = (1ull << n) - 1;
	unsigned int shift = first % WORD_BITS;

	bits += first / WORD_BITS;
	bits[0] |= mask << shift;
	if (shift + n > WORD_BITS)
		bits[1] |= mask >> (WORD_BITS - shift);
}

/* An object that lies where objects can be, or the heap is broken. */
static bool plausible(const struct object *o)
{
	size_t offset = (size_t)((const char *)o - heap.space);

	return offset < atomic_load(&heap.top) && offset % GRANULE == 0 &&
	       head_size(o->head) >= GRANULE &&
	       head_size(o->head) <= OBJECT_MAX &&
	       offset + head_size(o->head) <= heap.size;
}

static void push(struct object *o)
{
	size_t size, granule;

	if (!o)
		return;
	if (!plausible(o))
		die("marking met a link to what is no object");
	granule = granule_of(o);
	if (test_bit(heap.start_bits, granule))
		return;
	size = head_size(o->head);
	set_bits(heap.start_bits, granule, 1);
	set_bits(heap.live_bits, granule, size / GRANULE);
	heap.marked++;
	heap.live_bytes += size;

	if (depth == room) {
		room = room ? 2 * room : 1024;
		stack = realloc(stack, room * sizeof(*stack));
		if (!stack)
			die("no memory for the mark stack");
	}
	stack[depth++] = o;
}

static void mark_root(struct object **root)
{
	push(*root);
	while (depth) {
		struct object *o = stack[--depth];
		unsigned int i;

		for (i = 0; i < head_links(o->head); i++)
			push(object_link(o, i));
	}
}

/* The world is stopped and all allocation buffers are given back. */
void mark(void)
{
	memset(heap.start_bits, 0, heap.size / GRANULE / 8);
	memset(heap.live_bits, 0, heap.size / GRANULE / 8);
	heap.marked = 0;
	heap.live_bytes = 0;
	heap.black = atomic_load(&heap.top);
	mutators_roots(mark_root);
}

/* The first live granule from here on, or the limit. */
size_t first_live(size_t granule, size_t limit)
{
	size_t i = granule / WORD_BITS;
	uint64_t word;

	if (granule >= limit)
		return limit;
	word = heap.live_bits[i] & ~0ull << granule % WORD_BITS;
	while (!word) {
		if (++i * WORD_BITS >= limit)
			return limit;
		word = heap.live_bits[i];
	}
	return i * WORD_BITS + (unsigned int)__builtin_ctzll(word);
}

/* Where the object starts that this live granule is part of. */
size_t object_start(size_t granule)
{
	size_t i = granule / WORD_BITS;
	uint64_t word;

	word = heap.start_bits[i] & ~0ull >> (WORD_BITS - 1 - granule % WORD_BITS);
	while (!word)
		word = heap.start_bits[--i];
	return i * WORD_BITS + WORD_BITS - 1 - (unsigned int)__builtin_clzll(word);
}

/* A chunk has 32 granules: half a word of the bitmap. */
static uint32_t chunk_bits(size_t chunk)
{
	return (uint32_t)(heap.live_bits[chunk / 2] >> chunk % 2 * 32);
}

/*
 * The new address of an object. Reads bitmaps only: its old page may have
 * been recycled by now.
 */
struct object *forward(struct object *o)
{
	size_t offset = (size_t)((char *)o - heap.space);
	size_t granule = offset / GRANULE, chunk = offset / CHUNK;
	uint32_t before;

	if (!o || offset < heap.dense * heap.page)
		return o;
	if (offset >= heap.black)
		return (struct object *)((char *)o - heap.slide);
	before = chunk_bits(chunk) & ((1u << granule % 32) - 1);
	return (struct object *)(heap.space + heap.chunk_new[chunk] +
		GRANULE * (unsigned int)__builtin_popcount(before));
}

static bool is_dense(size_t page)
{
	size_t words = heap.page / GRANULE / WORD_BITS, live = 0, i;

	for (i = page * words; i < (page + 1) * words; i++)
		live += (unsigned int)__builtin_popcountll(heap.live_bits[i]);
	return live * GRANULE * 100 >= heap.page * DENSE_PERCENT;
}

/*
 * The head is kept in the plan because the page before this one may have left
 * from-space by the time this one is built.
 */
static void plan_page(size_t page, size_t granule)
{
	size_t start = object_start(granule);
	struct object *o = (struct object *)(heap.space + start * GRANULE);

	heap.plan[page].granule = (uint32_t)granule;
	heap.plan[page].head = o->head;
}

/* Plan the page, if any, that starts with one of this chunk's granules. */
static void plan_chunk(size_t chunk, size_t new_offset, size_t *page)
{
	uint32_t bits = chunk_bits(chunk);
	size_t live = GRANULE * (unsigned int)__builtin_popcount(bits);
	size_t skip = *page * heap.page - new_offset;

	if (skip >= live)
		return;
	for (; skip; skip -= GRANULE)
		bits &= bits - 1;
	plan_page(*page, chunk * 32 + (unsigned int)__builtin_ctz(bits));
	++*page;
}

void make_plan(void)
{
	size_t limit = heap.black / GRANULE, at, chunk, page = 0;

	while (page * heap.page < heap.black && is_dense(page)) {
		plan_page(page, first_live(page * heap.page / GRANULE, limit));
		page++;
	}
	heap.dense = page;

	at = page * heap.page;
	for (chunk = at / CHUNK; chunk < heap.black / CHUNK; chunk++) {
		heap.chunk_new[chunk] = (uint32_t)at;
		plan_chunk(chunk, at, &page);
		at += GRANULE * (unsigned int)__builtin_popcount(chunk_bits(chunk));
	}
	heap.live_end = page;
	memset((void *)heap.state, 0, heap.pages * sizeof(*heap.state));
}
