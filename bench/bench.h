/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A case measures one thing at one or more parameters, in rounds, and records
 * for each round how long it took and how many it did. Nothing is averaged
 * here: all of it goes out as CSV.
 */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE

#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "mm_util.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct bench_case {
	const char *name;
	const char *unit;	/* of what the cost is given */
	void (*run)(const struct bench_case *c);
};

extern const struct bench_case *const all_cases[];
extern int rounds;

/* main.c */
_Noreturn void die(const char *what);
void skip(const struct bench_case *c, const char *why);
bool wanted(const struct bench_case *c, size_t param);
uint64_t now(void);
uint64_t start(void);
uint64_t stop(uint64_t begin);
void record(const struct bench_case *c, size_t param, int round, uint64_t took, size_t count);
void record_events(const struct bench_case *c, const char *what, size_t param, int round,
		   uint64_t events, size_t count);

/* area.c */
char *map_area(size_t pages, int advice);
void unmap_area(char *start, size_t pages);
void fill(char *start, size_t pages);
bool all_huge(char *start, size_t pages);
int open_uffd(uint64_t features);
void register_area(int uffd, char *start, size_t pages);
void move_range(int uffd, char *dst, char *src, size_t len, uint64_t mode);
void copy_range(int uffd, char *dst, char *src, size_t len, uint64_t mode);

/* pair.c */
struct pair {
	int uffd;
	char *dst, *src;
	size_t pages;
};


/* What is done with a pair. All but step is not measured, and may be NULL. */
struct trip {
	void (*step)(struct pair *pair, size_t offset, size_t len);
	bool unregistered;
	bool (*prepare)(struct pair *pair);	/* before it is registered; false: cannot */
	void (*before)(struct pair *pair);	/* before each pass */
	void (*after)(struct pair *pair);	/* after each */
};

bool make_pair(struct pair *pair, size_t pages, int advice, const struct trip *trip);
void destroy_pair(struct pair *pair);
void step_move(struct pair *pair, size_t offset, size_t len);
void step_move_holes(struct pair *pair, size_t offset, size_t len);
void step_copy(struct pair *pair, size_t offset, size_t len);
void pass(struct pair *pair, size_t len, const struct trip *trip);
void there_and_back(const struct bench_case *c, struct pair *pair, size_t batch,
		    const struct trip *trip);
void in_batches(const struct bench_case *c, const struct trip *trip);


/* cgroup.c */
bool enter_cgroup(void);
bool reclaim(size_t pages);

/* crew.c */
struct crew_plan {
	int movers;
	size_t pages;		/* of each */
	size_t batch;		/* an ioctl */
	long passes;		/* of each; 0: until stop_crew() */
	bool one_vma;		/* or each its own */
};

struct crew *make_crew(const struct crew_plan *plan);
void start_crew(struct crew *crew);
uint64_t wait_for_crew(struct crew *crew);
void stop_crew(struct crew *crew);
void free_crew(struct crew *crew);

/* count.c */
struct counts {
	long switches, shootdowns, vmstat[3];
};

bool counting(void);
void begin_counts(struct counts *counts);
void record_counts(const struct bench_case *c, const struct counts *before, size_t param,
		   int round, size_t count);

#endif
