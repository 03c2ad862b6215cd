// SPDX-License-Identifier: GPL-2.0
/* Where slots are: areas, each a mapping, and what is done to them as a whole. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress.h"

#define PROT	(PROT_READ | PROT_WRITE)

int uffds[NR_UFFDS];

static size_t area_bytes(void)
{
	return area_slots * page_size;
}

/* Nobody else's mmap() is to get hold of it. */
static void reserve(char *addr, size_t len)
{
	if (mmap(addr, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_NORESERVE | MAP_FIXED, -1, 0) != addr)
		die("mmap: %m");
}

static int open_uffd(void)
{
	struct uffdio_api api = {
		.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS,
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		die("userfaultfd with SIGBUS: %m");
	if (!(api.features & UFFD_FEATURE_MOVE))
		die("this kernel has no UFFDIO_MOVE");
	return fd;
}

/* Every third area is out of step with huge pages, one is a bit too low. */
static void place_area(struct area *area, char *room, char *spare)
{
	uint32_t off = area->number % 3 == 2 ? huge_slots - area->number : 0;

	area->lead = off ? huge_slots - off : 0;
	area->room = room + off * page_size;
	area->spare = spare + off * page_size;
	area->base = area->room;
}

/* Nothing can be there until it is made again. */
void range_reserve(struct range r)
{
	reserve(address(r.slot), r.n * page_size);
}

/* A new mapping within an area, which is not registered */
void range_make(struct range r)
{
	const struct area *area = area_of(r.slot);
	char *addr = address(r.slot);
	size_t len = r.n * page_size;

	if (mmap(addr, len, PROT, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
	    addr)
		die("mmap of an area: %m");
	if (area->huge && madvise(addr, len, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE: %m");
	if (area->mergeable && madvise(addr, len, MADV_MERGEABLE))
		die("MADV_MERGEABLE: %m");
}

void area_make(struct area *area)
{
	range_make(whole(area));
	area->uffd = -1;
}

void range_register(struct range r, int uffd)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)address(r.slot), r.n * page_size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(uffds[uffd], UFFDIO_REGISTER, &reg))
		violation("UFFDIO_REGISTER of %u from %s: %m", r.n, slot_name(r.slot));
	if (!(reg.ioctls & 1 << _UFFDIO_MOVE))
		violation("UFFDIO_REGISTER of %u from %s does not offer UFFDIO_MOVE",
			  r.n, slot_name(r.slot));
}

void area_register(struct area *area, int uffd)
{
	range_register(whole(area), uffd);
	area->uffd = uffd;
}

/* Room for all of them twice, and gaps that keep mappings apart. */
void area_init(void)
{
	size_t stride = area_bytes() + 2 * pmd_size, i;
	char *room = mmap(NULL, (2 * NR_AREAS + 1) * stride, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		die("no address space for the areas: %m");
	room += pmd_size - (uintptr_t)room % pmd_size;
	for (i = 0; i < NR_UFFDS; i++)
		uffds[i] = open_uffd();
	for (i = 0; i < NR_AREAS; i++) {
		struct area *area = &areas[i];

		area->number = i;
		area->huge = i % 2 == 0 || i == 5;
		area->mergeable = i == 1 || i == 5;
		place_area(area, room + 2 * i * stride,
			   room + (2 * i + 1) * stride);
		area_make(area);
		if (i < NR_AREAS - 2)
			area_register(area, i % NR_UFFDS);
		atomic_store(&area->open, area->uffd >= 0);
	}
}

static void read_pagemap(const void *addr, size_t n, uint64_t *entries)
{
	static __thread int fd = -1;
	static __thread pid_t owner;
	ssize_t bytes = n * sizeof(*entries);

	if (owner != getpid()) {
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		owner = getpid();
	}
	if (pread(fd, entries, bytes,
		  (uintptr_t)addr / page_size * sizeof(*entries)) != bytes)
		violation("pagemap: %m");
}

/*
 * While the huge zero page is being split, its entries look as if they were not
 * there: pagemap does not take the lock. What was seen is there.
 */
void pagemap_range(const void *addr, size_t n, uint64_t *entries)
{
	uint64_t again[n];
	unsigned int tries;
	size_t i;

	read_pagemap(addr, n, entries);
	for (tries = 0; tries < 2; tries++) {
		for (i = 0; i < n && entries[i]; i++)
			;
		if (i == n)
			return;
		sched_yield();
		read_pagemap(addr, n, again);
		for (i = 0; i < n; i++)
			entries[i] = entries[i] ? entries[i] : again[i];
	}
}

void check_range(struct range r, const char *when)
{
	uint64_t entries[r.n];
	uint32_t i;

	pagemap_range(address(r.slot), r.n, entries);
	for (i = 0; i < r.n; i++) {
		bool there = entries[i] & (PM_PRESENT | PM_SWAP);
		uint32_t what = held[r.slot + i];

		if (there != (what != EMPTY))
			violation("%s: %s must hold %s, but pagemap has %#llx",
				  when, slot_name(r.slot + i), name_of(what),
				  (unsigned long long)entries[i]);
	}
}

/* By /proc/self/maps: those that claim it change no boundary within. */
bool in_one_vma(uint32_t slot, uint32_t n)
{
	unsigned long start, end, a = (uintptr_t)address(slot);
	FILE *f = fopen("/proc/self/maps", "re");
	char line[256], perms[5];
	bool found = false;

	if (!f)
		die("/proc/self/maps: %m");
	while (!found && fgets(line, sizeof(line), f)) {
		found = sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3 &&
			a >= start && a + n * page_size <= end &&
			perms[1] == 'w';
	}
	fclose(f);
	return found;
}

/* Nobody without a claim goes there any more. */
void area_close(struct area *area)
{
	atomic_store(&area->open, false);
	await_accesses(whole(area));
}

void area_reopen(struct area *area)
{
	atomic_store(&area->open, area->uffd >= 0);
}

void range_unregister(struct range r, int uffd)
{
	struct uffdio_range range = {
		(uintptr_t)address(r.slot), r.n * page_size,
	};

	if (ioctl(uffds[uffd], UFFDIO_UNREGISTER, &range))
		violation("UFFDIO_UNREGISTER of %u from %s: %m", r.n, slot_name(r.slot));
}

static void unregister(struct area *area)
{
	range_unregister(whole(area), area->uffd);
	area->uffd = -1;
}

/* Two in three are registered; with one userfaultfd or the other. */
void op_register(void)
{
	struct area *area = &areas[below(NR_AREAS)];
	struct range r = whole(area);
	struct step *step;

	if (!claim(&r, 1))
		return;
	step = step_begin("register", r.slot, NOWHERE, r.n);
	area_close(area);
	if (area->uffd >= 0)
		unregister(area);
	if (!one_in(3))
		area_register(area, below(NR_UFFDS));
	check_range(r, "after registering");
	area_reopen(area);
	step_end(step, 0);
	count_result(0);
	release(&r, 1);
}

/* A new mapping in place of the old one: sooner where it has got boundaries */
void op_remake(void)
{
	struct area *area = &areas[below(NR_AREAS)];
	struct range r = whole(area);
	struct step *step;
	int uffd;

	if (in_one_vma(r.slot, r.n) && !one_in(4)) {
		skipped();
		return;
	}
	if (!claim(&r, 1))
		return;
	uffd = area->uffd;
	step = step_begin("remake", r.slot, NOWHERE, r.n);
	area_close(area);
	discard(r);
	/* Collecting makes areas alike. */
	area->huge = one_in(2);
	area->mergeable = one_in(4);
	area_make(area);
	if (uffd >= 0)
		area_register(area, uffd);
	check_range(r, "after mapping it anew");
	area_reopen(area);
	step_end(step, 0);
	count_result(0);
	release(&r, 1);
}

/* What it holds, all of it one mapping. An empty mapping stays. */
static void remap(const struct area *area, char *to)
{
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

	if (mremap(area->base, area_bytes(), area_bytes(), flags, to) != to)
		violation("mremap of area %u to %p: %m", area->number, (void *)to);
}

/* To its other place, as one mapping. Without the event it is registered no more. */
void area_move_away(struct area *area)
{
	char *from = area->base;
	char *to = from == area->room ? area->spare : area->room;

	remap(area, to);
	reserve(from, area_bytes());
	area->base = to;
	area->uffd = -1;
}

void op_remap(void)
{
	struct area *area = &areas[below(NR_AREAS)];
	struct range r = whole(area);
	struct step *step;
	int uffd;

	if (!claim(&r, 1))
		return;
	uffd = area->uffd;
	step = step_begin("remap", r.slot, NOWHERE, r.n);
	area_close(area);
	if (!in_one_vma(r.slot, r.n)) {
		skipped();
	} else {
		area_move_away(area);
		if (uffd >= 0)
			area_register(area, uffd);
		count_result(0);
	}
	check_range(r, "after mremap");
	area_reopen(area);
	step_end(step, 0);
	release(&r, 1);
}

static void swap_contents(struct area *from, struct area *to)
{
	uint32_t a = whole(from).slot, b = whole(to).slot, i;

	for (i = 0; i < area_slots; i++) {
		held[b + i] = held[a + i];
		held[a + i] = EMPTY;
	}
	to->huge = from->huge;
	to->mergeable = from->mergeable;
}

/* As a collector does: registered, empty, and all its pages elsewhere. */
static void collect(struct area *from, struct area *to)
{
	struct range a = whole(from), b = whole(to);

	hide_range(a);
	discard(b);
	if (from->uffd < 0)
		area_register(from, below(NR_UFFDS));
	remap(from, to->base);
	to->uffd = -1;
	swap_contents(from, to);
	if (one_in(4))
		area_register(to, below(NR_UFFDS));
	show_range(b);
}

void op_collect(void)
{
	struct area *from = &areas[below(NR_AREAS)];
	struct area *to = &areas[below(NR_AREAS)];
	struct range r[2] = { whole(from), whole(to) };
	struct step *step;

	if (from == to) {
		skipped();
		return;
	}
	if (!claim(r, 2))
		return;
	step = step_begin("collect", r[0].slot, r[1].slot, r[0].n);
	area_close(from);
	area_close(to);
	if (in_one_vma(r[0].slot, r[0].n)) {
		collect(from, to);
		check_range(r[0], "after mremap with DONTUNMAP");
		check_range(r[1], "after mremap with DONTUNMAP");
		count_result(0);
	} else {
		skipped();
	}
	area_reopen(from);
	area_reopen(to);
	step_end(step, 0);
	release(r, 2);
}
