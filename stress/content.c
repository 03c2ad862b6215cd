// SPDX-License-Identifier: GPL-2.0
/*
 * What a page looks like. The first word says which it is; no two words are the
 * same; some count the stores of one thread each.
 */
#include <string.h>

#include "stress.h"

#define PAGE_MAGIC	0xa5f1ULL
#define TWIN_MAGIC	0x7717ULL
#define STEP		0x9e3779b97f4a7c15ULL

static unsigned int nr_words(void)
{
	return page_size / sizeof(uint64_t);
}

static uint64_t first_word(uint32_t what)
{
	if (what == BLANK)
		return 0;
	if (!is_page(what))
		return TWIN_MAGIC << 48 | what;
	return PAGE_MAGIC << 48 |
		(uint64_t)pages[what - FIRST_PAGE].generation << 16 |
		(what - FIRST_PAGE);
}

static uint64_t word_at(uint64_t first, uint64_t key, unsigned int i)
{
	return i ? key ^ i * STEP : first;
}

static uint64_t key_of(uint32_t what)
{
	return mix(seed ^ first_word(what));
}

/* Not at the same place in all pages. */
unsigned int counter_word(uint32_t what, unsigned int c)
{
	unsigned int stride = nr_words() / NR_COUNTERS;

	return 1 + c * stride + what % (stride - 1);
}

void tally_read(uint32_t what, struct tally *t)
{
	unsigned int c;

	for (c = 0; is_page(what) && c < NR_COUNTERS; c++)
		t->n[c] = atomic_load(counter(what, c));
}

void content_fill(void *buffer, uint32_t what)
{
	uint64_t *words = buffer, first = first_word(what), key = key_of(what);
	unsigned int i, c;

	if (what == BLANK) {
		memset(buffer, 0, page_size);
		return;
	}
	for (i = 0; i < nr_words(); i++)
		words[i] = word_at(first, key, i);
	for (c = 0; is_page(what) && c < NR_COUNTERS; c++)
		words[counter_word(what, c)] = atomic_load(counter(what, c));
}

uint32_t content_identify(const uint64_t *words)
{
	uint64_t first = words[0];
	uint32_t what;

	if (!first)
		return BLANK;
	if (first >> 48 == TWIN_MAGIC)
		what = (uint32_t)first;
	else
		what = FIRST_PAGE + (first & 0xffff);
	if (what < FIRST_TWIN || what >= FIRST_PAGE + NR_PAGES ||
	    first != first_word(what))
		return EMPTY;
	return what;
}

/* Which counter this word is, or -1 */
static int counter_at(uint32_t what, unsigned int i)
{
	unsigned int c;

	if (!is_page(what) || !i)
		return -1;
	c = (i - 1) / (nr_words() / NR_COUNTERS);
	return c < NR_COUNTERS && i == counter_word(what, c) ? (int)c : -1;
}

int content_differs(const uint64_t *words, uint32_t what, const struct tally *lo,
		    const struct tally *hi, uint64_t *expected)
{
	uint64_t first = first_word(what), key = key_of(what);
	unsigned int i;

	for (i = 0; i < nr_words(); i++) {
		int c;

		*expected = what == BLANK ? 0 : word_at(first, key, i);
		if (words[i] == *expected)
			continue;
		c = counter_at(what, i);
		/* A store comes before it is counted. */
		if (c >= 0 && words[i] >= lo->n[c] && words[i] <= hi->n[c] + 1ULL)
			continue;
		if (c >= 0)
			*expected = lo->n[c];
		return (int)i;
	}
	return -1;
}

void content_compare(const uint64_t *words, uint32_t what, const struct tally *lo,
		     const struct tally *hi, const char *place, const char *when)
{
	uint64_t expected;
	int i = content_differs(words, what, lo, hi, &expected), c;

	self->checked++;
	if (i < 0)
		return;
	c = counter_at(what, (unsigned int)i);
	violation("%s: %s must hold %s (%#llx), but word %d%s is %#llx, not %#llx; the page begins with %#llx",
		  when, place, name_of(what), (unsigned long long)first_word(what),
		  i, c < 0 ? "" : c == MARK ? ", the mark," :
		  ", a count of stores,", (unsigned long long)words[i],
		  (unsigned long long)expected, (unsigned long long)words[0]);
}

/* For the claimer of the slot: it can be read. */
void content_must_be(uint32_t slot, uint32_t what, const char *when)
{
	uint64_t words[nr_words()];
	struct tally lo, hi;

	tally_read(what, &lo);
	if (!try_copy(words, address(slot)))
		violation("%s: %s must hold %s, but cannot be read", when,
			  slot_name(slot), name_of(what));
	tally_read(what, &hi);
	content_compare(words, what, &lo, &hi, slot_name(slot), when);
}
