// SPDX-License-Identifier: GPL-2.0
/*
 *	bench [-c ns|instructions] [-r ROUNDS] [-l] [CASE...]
 *
 * Runs the cases (all, or those that match: move, 'fault.*', move/16 for one
 * parameter) and prints a line of CSV for each round. Any kernel that has the
 * ioctl will do. -c instructions is for QEMU's -icount shift=0 only.
 */
#include "bench.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int rounds = 9;

static bool count_instructions;
static char **patterns;

void die(const char *what)
{
	fprintf(stderr, "bench: error: %s: %s\n", what, strerror(errno));
	exit(1);
}

void skip(const struct bench_case *c, const char *why)
{
	printf("# %s skipped: %s\n", c->name, why);
}

uint64_t now(void)
{
	struct timespec t;

#ifdef __x86_64__
	if (count_instructions)
		return __builtin_ia32_rdtsc();
#endif
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Between these two bench/profile counts: they stay functions. */
__attribute__((noinline)) uint64_t start(void)
{
	return now();
}

__attribute__((noinline)) uint64_t stop(uint64_t begin)
{
	return now() - begin;
}

/* A loop of known length, several times: one of them is not interrupted. */
static bool clock_counts_instructions(void)
{
	const uint64_t expected = 100000;
	uint64_t best = UINT64_MAX;
#ifdef __x86_64__
	int i;

	for (i = 0; i < 5; i++) {
		uint64_t n = expected / 2, begin = now(), took;

		asm volatile("1: dec %0; jnz 1b" : "+r"(n));
		took = now() - begin;
		best = took < best ? took : best;
	}
#endif
	return best >= expected && best < expected + 50;
}

void record(const struct bench_case *c, size_t param, int round, uint64_t took, size_t count)
{
	printf("%s,%zu,%s,%d,%" PRIu64 ",%zu\n", c->name, param, c->unit, round, took, count);
}

void record_events(const struct bench_case *c, const char *what, size_t param, int round,
		   uint64_t events, size_t count)
{
	printf("%s:%s,%zu,%s,%d,%" PRIu64 ",%zu\n", c->name, what, param, c->unit, round, events, count);
}

static bool matches(const char *pattern, const struct bench_case *c, size_t param)
{
	char name[80];

	snprintf(name, sizeof(name), "%s/%zu", c->name, param);
	return !fnmatch(pattern, strchr(pattern, '/') ? name : c->name, 0);
}

bool wanted(const struct bench_case *c, size_t param)
{
	int i;

	for (i = 0; patterns[i]; i++) {
		if (matches(patterns[i], c, param))
			return true;
	}
	return i == 0;
}

/* Whether any parameter of the case may be wanted. */
static bool case_wanted(const struct bench_case *c)
{
	size_t len = strlen(c->name);
	int i;

	for (i = 0; patterns[i]; i++) {
		if (!fnmatch(patterns[i], c->name, 0) ||
		    (!strncmp(patterns[i], c->name, len) && patterns[i][len] == '/'))
			return true;
	}
	return i == 0;
}

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: bench [-c ns|instructions] [-r ROUNDS] [-l] [CASE...]\n"
		"-l lists the cases\n");
	exit(64);
}

static void list(void)
{
	size_t i;

	for (i = 0; all_cases[i]; i++)
		printf("%s\n", all_cases[i]->name);
	exit(0);
}

static void options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "c:r:l")) != -1) {
		if (c == 'l')
			list();
		else if (c == 'r' && atoi(optarg) > 0)
			rounds = atoi(optarg);
		else if (c == 'c' && (!strcmp(optarg, "ns") || !strcmp(optarg, "instructions")))
			count_instructions = optarg[0] == 'i';
		else
			usage();
	}
	patterns = argv + optind;
}

/*
 * What the kernel has put off, at boot or in the case before, gets done first:
 * in the middle of a case it is a million instructions, and may leave free memory
 * in another order. Where instructions are counted, sleeping takes no time.
 */
static void settle(void)
{
	static bool settled;

	if (count_instructions)
		sleep(settled ? 2 : 30);
	settled = true;
}

/* In a process of its own: memory as at the first case, and if it fails it fails alone. */
static bool run_apart(const struct bench_case *c)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		if (count_instructions)
			printf("## began at %" PRIu64 "\n", now());
		c->run(c);
		exit(0);
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	if (status)
		printf("# %s failed\n", c->name);
	return !status;
}

int main(int argc, char **argv)
{
	bool failed = false;
	int i, ran = 0;

	mm_util_init();
	options(argc, argv);
	if (count_instructions && !clock_counts_instructions()) {
		fprintf(stderr, "bench: error: this machine's clock does not count instructions\n"
			"bench: run it with scripts/bench, or use -c ns\n");
		return 1;
	}
	printf("case,at,unit,round,%s,count\n", count_instructions ? "instructions" : "ns");
	for (i = 0; all_cases[i]; i++) {
		if (!case_wanted(all_cases[i]))
			continue;
		settle();
		failed |= !run_apart(all_cases[i]);
		ran++;
	}
	if (!ran) {
		fprintf(stderr, "bench: error: no such case; bench -l lists them\n");
		return 64;
	}
	return failed ? 1 : 0;
}
