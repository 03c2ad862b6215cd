// SPDX-License-Identifier: GPL-2.0
/*
 * When nobody does anything any more: every page is where the model says, and
 * is nobody else's; all of it can be swapped out, and comes back; and the memory
 * is free when it is unmapped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "stress.h"

#define RSS_SLACK	(64 * page_size)	/* what a task has not yet told */
#define ODD_SLACK	(2L << 20)
#define PATIENCE_MS	60000

static long odd_before;

/* Pages that the allocator keeps for a CPU count as used: "count: N" */
static long pages_aside(void)
{
	FILE *f = fopen("/proc/zoneinfo", "re");
	long total = 0, n;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " count: %ld", &n) == 1)
			total += n * (long)page_size;
	}
	if (f)
		fclose(f);
	return total;
}

/* What is in use, and nobody says what for: that grows with each page lost. */
static long odd_memory(void)
{
	static const char * const known[] = {
		"MemFree", "AnonPages", "Cached", "SwapCached", "Buffers",
		"Slab", "KernelStack", "PageTables", "VmallocUsed", "Percpu",
	};
	long left;
	unsigned int i;

	sync();
	write_text("/proc/sys/vm/drop_caches", "3");
	drain_lru();
	sleep_ms(1000);
	write_text("/proc/sys/vm/stat_refresh", "1");
	left = meminfo("MemTotal") - pages_aside() -
		vmstat("nr_zspages") * (long)page_size;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		left -= meminfo(known[i]);
	return left;
}

/* Once it has been mapped, the huge zero page stays as long as we do. */
static void keep_huge_zero_page(void)
{
	size_t len = 2 * pmd_size;
	char *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t word;

	if (p == MAP_FAILED || madvise(p, len, MADV_HUGEPAGE) ||
	    !try_load((uint64_t *)(p + pmd_size - (uintptr_t)p % pmd_size), &word))
		die("cannot map the huge zero page: %m");
	munmap(p, len);
}

void final_before(void)
{
	keep_huge_zero_page();
	odd_before = odd_memory();
}

/* Nobody stores, so that counts are exact. */
static void check_counts(uint32_t slot)
{
	uint64_t *words = (uint64_t *)address(slot);
	uint32_t what = held[slot];
	unsigned int c;

	for (c = 0; is_page(what) && c < NR_COUNTERS; c++) {
		uint64_t is = words[counter_word(what, c)];

		if (is != atomic_load(counter(what, c)))
			violation("at the end %s, %s: %u stores were done by thread %u, and %llu are there",
				  slot_name(slot), name_of(what),
				  atomic_load(counter(what, c)), c,
				  (unsigned long long)is);
	}
}

static void check_contents(const char *when)
{
	uint32_t i, slot;

	for (i = 0; i < NR_AREAS; i++)
		check_range(whole(&areas[i]), when);
	for (slot = 0; slot < nr_slots; slot++) {
		if (held[slot] == EMPTY)
			continue;
		content_must_be(slot, held[slot], when);
		check_counts(slot);
		if (slot % 256 == 0)
			beat();
	}
}

static void check_places(void)
{
	uint32_t found = 0, i, slot;

	for (slot = 0; slot < nr_slots; slot++)
		found += is_page(held[slot]);
	for (i = 0; i < NR_PAGES; i++) {
		struct place place = place_of(FIRST_PAGE + i);

		if (place.now != NOWHERE && held[place.now] != FIRST_PAGE + i)
			violation("the model has lost %s", name_of(FIRST_PAGE + i));
	}
	if (found + pages_free() != NR_PAGES)
		violation("the model has %u pages in use and %u free, of %u",
			  found, pages_free(), NR_PAGES);
}

/* Written to, each is nobody else's. */
static uint32_t touch_all(void)
{
	uint32_t slot, n = 0;

	for (slot = 0; slot < nr_slots; slot++) {
		if (held[slot] == EMPTY)
			continue;
		n++;
		if (!touch(slot))
			violation("at the end %s cannot be written",
				  slot_name(slot));
	}
	return n;
}

static uint32_t swapped_out(uint32_t *left)
{
	uint64_t entries[area_slots];
	uint32_t n = 0, i, j;

	for (i = 0; i < NR_AREAS; i++) {
		pagemap_range(areas[i].base, area_slots, entries);
		for (j = 0; j < area_slots; j++) {
			if (entries[j] & PM_SWAP)
				n++;
			else if (entries[j] & PM_PRESENT)
				*left = whole(&areas[i]).slot + j;
		}
	}
	return n;
}

static void swap_all_out(uint32_t nr)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	uint32_t left = 0, out, i;

	do {
		for (i = 0; i < NR_AREAS; i++)
			madvise(areas[i].base, area_slots * page_size, MADV_PAGEOUT);
		drain_lru();
		beat();
		out = swapped_out(&left);
	} while (out != nr && now_ms() < end);
	if (out != nr)
		violation("at the end %u of %u pages can be swapped out; %s holding %s cannot, pagemap has %#llx",
			  out, nr, slot_name(left), name_of(held[left]),
			  (unsigned long long)pagemap_entry(address(left)));
}

static void swap_all_in(void)
{
	beat();
	if (swapoff("/dev/zram0"))
		violation("at the end swapoff fails: %m");
	beat();
	if (swapon("/dev/zram0", 0))
		die("swapon: %m");
}

uint64_t times_mapped(uint64_t pfn)
{
	int fd = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	uint64_t n;

	if (pread(fd, &n, sizeof(n), pfn * sizeof(n)) != sizeof(n))
		die("/proc/kpagecount: %m");
	close(fd);
	return n;
}

static void check_mapcounts(void)
{
	uint32_t slot;

	for (slot = 0; slot < nr_slots; slot++) {
		uint64_t pfn = held[slot] == EMPTY ? 0 : pfn_of(address(slot));
		uint64_t n = pfn ? times_mapped(pfn) : 1;

		if (n != 1)
			violation("at the end %s holding %s is mapped %llu times",
				  slot_name(slot), name_of(held[slot]),
				  (unsigned long long)n);
	}
}

static long used(void)
{
	return proc_status("RssAnon") + proc_status("VmSwap");
}

static void check_free(uint32_t nr)
{
	long before = used(), after, should = (long)(nr * page_size), is;
	uint32_t i;

	for (i = 0; i < NR_AREAS; i++)
		munmap(areas[i].base, area_slots * page_size);
	after = used();
	if (labs(before - after - should) > (long)RSS_SLACK)
		violation("at the end %u pages were unmapped, and RSS and swap went from %ld to %ld KiB",
			  nr, before >> 10, after >> 10);
	is = odd_memory();
	printf("at the end: %u pages: RSS and swap %ld KiB before and %ld KiB after munmap; memory in use for nobody knows what %ld KiB, at the beginning %ld KiB\n",
	       nr, before >> 10, after >> 10, is >> 10, odd_before >> 10);
	if (is > odd_before + ODD_SLACK)
		violation("at the end %ld KiB of memory are in use without being accounted for; at the beginning %ld KiB were",
			  is >> 10, odd_before >> 10);
}

void final_check(void)
{
	uint32_t nr;

	check_places();
	check_contents("at the end");
	nr = touch_all();
	swap_all_out(nr);
	swap_all_in();
	check_contents("after swapoff");
	check_mapcounts();
	check_free(nr);
}
