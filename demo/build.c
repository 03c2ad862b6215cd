// SPDX-License-Identifier: GPL-2.0
/*
 * The content of one page of the moving space, made from from-space. Runs in
 * the collector and in the fault handler: async-signal-safe.
 */
#include <string.h>

#include "heap.h"

/*
 * Forward the links which an object has on the page. It starts @at bytes
 * after the start of the page, or before it. A page of which no link changes
 * is not written to: it may be shared with another process.
 */
static void fix_links(char *out, ptrdiff_t at, uint64_t head)
{
	ptrdiff_t off = at + (ptrdiff_t)LINKS_OFFSET;
	unsigned int i;

	for (i = 0; i < head_links(head); i++, off += sizeof(uint64_t)) {
		struct object *old, *new;

		if (off < 0 || off >= (ptrdiff_t)heap.page)
			continue;
		memcpy(&old, out + off, sizeof(old));
		new = forward(old);
		if (new != old)
			memcpy(out + off, &new, sizeof(new));
	}
}

static uint64_t head_at(size_t granule)
{
	struct object *o = (struct object *)(heap.from + granule * GRANULE);

	if (!head_size(o->head))
		die("a marked object has no head: its page was lost or reused");
	return o->head;
}

/* Compacted: live objects from one or several pages, back to back. */
static void build_live(size_t page, char *out)
{
	size_t granule = heap.plan[page].granule, filled = 0;
	size_t start = object_start(granule), limit = heap.black / GRANULE;
	uint64_t head = heap.plan[page].head;

	for (;;) {
		size_t skip = (granule - start) * GRANULE;
		size_t n = head_size(head) - skip;

		if (n > heap.page - filled)
			n = heap.page - filled;
		memcpy(out + filled, heap.from + granule * GRANULE, n);
		fix_links(out, (ptrdiff_t)filled - (ptrdiff_t)skip, head);
		filled += n;
		if (filled == heap.page)
			return;
		granule = first_live(granule + n / GRANULE, limit);
		if (granule == limit)
			break;
		start = granule;
		head = head_at(granule);
	}
	memset(out + filled, 0, heap.page - filled);
}

/* Stays where it is: only links change. @out may be the page itself. */
static void build_dense(size_t page, char *out)
{
	size_t first = page * heap.page / GRANULE;
	size_t limit = first + heap.page / GRANULE;
	size_t granule = heap.plan[page].granule;
	size_t start = object_start(granule);
	uint64_t head = heap.plan[page].head;
	char *src = heap.from + page * heap.page;

	if (out != src)
		memcpy(out, src, heap.page);
	for (;;) {
		fix_links(out, ((ptrdiff_t)start - (ptrdiff_t)first) *
			  (ptrdiff_t)GRANULE, head);
		granule = first_live(start + head_size(head) / GRANULE, limit);
		if (granule >= limit)
			return;
		start = granule;
		head = head_at(granule);
	}
}

/*
 * Allocated between marking and the pause: slides as it is. Its objects are
 * found from the start of the allocation buffer that the page is part of.
 */
static void build_black(size_t page, char *out)
{
	size_t src = page * heap.page + heap.slide;
	size_t at = src - src % heap.tlab;
	uint64_t head;

	memcpy(out, heap.from + src, heap.page);
	for (; at < src + heap.page; at += head_size(head)) {
		head = ((struct object *)(heap.from + at))->head;
		if (!head)
			return;
		if (at + head_size(head) > src)
			fix_links(out, (ptrdiff_t)at - (ptrdiff_t)src, head);
	}
}

void build_page(size_t page, char *out)
{
	if (page < heap.dense)
		build_dense(page, out);
	else if (page < heap.live_end)
		build_live(page, out);
	else
		build_black(page, out);
}
