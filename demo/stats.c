// SPDX-License-Identifier: GPL-2.0
/* Counting, and the table at the end. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "heap.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- histogram: 16 buckets for each power of two, 6 % wide ---------- */

static size_t bucket_of(uint64_t ns)
{
	unsigned int shift;
	size_t i;

	if (ns < HIST_SUB)
		return ns;
	shift = 59 - (unsigned int)__builtin_clzll(ns);
	i = (shift + 1) * HIST_SUB + (ns >> shift) % HIST_SUB;
	return i < HIST_BUCKETS ? i : HIST_BUCKETS - 1;
}

static uint64_t bucket_start(size_t i)
{
	if (i < HIST_SUB)
		return i;
	return (HIST_SUB + i % HIST_SUB) << (i / HIST_SUB - 1);
}

void hist_add(struct stats *s, uint64_t ns)
{
	s->hist[bucket_of(ns)]++;
	if (ns > s->max_ns)
		s->max_ns = ns;
}

static double percentile_us(const struct stats *s, unsigned int percent)
{
	uint64_t total = 0, seen = 0;
	size_t i;

	for (i = 0; i < HIST_BUCKETS; i++)
		total += s->hist[i];
	for (i = 0; total && i < HIST_BUCKETS; i++) {
		seen += s->hist[i];
		if (seen * 100 >= total * percent)
			return (double)bucket_start(i) / 1000;
	}
	return 0;
}

void stats_add(struct stats *to, const struct stats *from)
{
	size_t i, j;

	to->faults += from->faults;
	to->checked += from->checked;
	to->lost += from->lost;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	for (i = 0; i < HIST_BUCKETS; i++)
		to->hist[i] += from->hist[i];
	for (i = 0; i < NR_CALLS; i++) {
		to->calls[i] += from->calls[i];
		to->pages[i] += from->pages[i];
		for (j = 0; j < NR_OUTCOMES; j++)
			to->errors[i][j] += from->errors[i][j];
	}
}

/* ---- TLB shootdowns, of the whole system ---------------------------- */

static int64_t sum_numbers(char *s)
{
	int64_t sum = 0;
	char *end;

	for (;; s = end) {
		long long n = strtoll(s, &end, 10);

		if (end == s)
			return sum;
		sum += n;
	}
}

/* The numbers on the line that starts so, or -1. */
static int64_t find_line(const char *file, const char *key)
{
	FILE *f = fopen(file, "r");
	int64_t sum = -1;
	char line[4096];

	while (f && sum < 0 && fgets(line, sizeof(line), f)) {
		char *s = line;

		while (isspace((unsigned char)*s))
			s++;
		if (!strncmp(s, key, strlen(key)))
			sum = sum_numbers(s + strlen(key));
	}
	if (f)
		fclose(f);
	return sum;
}

int64_t tlb_shootdowns(void)
{
	int64_t n = find_line("/proc/interrupts", "TLB:");

	return n >= 0 ? n : find_line("/proc/vmstat", "nr_tlb_remote_flush ");
}

/* ---- the table ------------------------------------------------------ */

static const struct result *column[2];
static unsigned int columns;

static void row(const char *name, double (*value)(const struct result *),
		int digits)
{
	unsigned int i;

	printf("%-38s", name);
	for (i = 0; i < columns; i++) {
		double v = value(column[i]);

		if (v < 0)
			printf(" %12s", "n/a");
		else
			printf(" %12.*f", digits, v);
	}
	printf("\n");
}

#define VALUE(name, expr)						\
static double name(const struct result *r)				\
{									\
	return (double)(expr);						\
}

VALUE(v_cycles, r->cycles)
VALUE(v_compact, r->compact_ms / r->cycles)
VALUE(v_compact_max, r->compact_max_ms)
VALUE(v_pause, r->pause_ms / r->cycles)
VALUE(v_pause_max, r->pause_max_ms)
VALUE(v_stop, r->stop_ms / r->cycles)
VALUE(v_stop_max, r->stop_max_ms)
VALUE(v_mark, r->mark_ms / r->cycles)
VALUE(v_faults, r->stats.faults)
VALUE(v_p50, percentile_us(&r->stats, 50))
VALUE(v_p99, percentile_us(&r->stats, 99))
VALUE(v_max, (double)r->stats.max_ns / 1e3)
VALUE(v_move, r->stats.calls[CALL_MOVE])
VALUE(v_copy, r->stats.calls[CALL_COPY])
VALUE(v_new, r->stats.calls[CALL_NEW])
VALUE(v_moved, r->stats.pages[CALL_MOVE])
VALUE(v_copied, r->stats.pages[CALL_COPY])
VALUE(v_new_pages, r->stats.pages[CALL_NEW])
VALUE(v_minflt, r->minflt)
VALUE(v_tlb, r->shootdowns)
VALUE(v_rss, (double)r->rss_kib / 1024)
VALUE(v_checked, r->stats.checked)
VALUE(v_lost, r->stats.lost)

static void errno_rows(void)
{
	static const char * const call[] = { "MOVE", "COPY", "COPY new" };
	static const char * const name[] = {
		"EAGAIN, nothing done", "EAGAIN, part done", "EBUSY",
		"EEXIST", "ENOENT", "EINVAL",
	};
	unsigned int c, e, i;

	for (c = 0; c < NR_CALLS; c++) {
		for (e = 0; e < NR_OUTCOMES; e++) {
			uint64_t sum = 0;

			for (i = 0; i < columns; i++)
				sum += column[i]->stats.errors[c][e];
			if (!sum && c != CALL_MOVE)
				continue;
			printf("  %-8s %-27s", call[c], name[e]);
			for (i = 0; i < columns; i++)
				printf(" %12" PRIu64,
				       column[i]->stats.errors[c][e]);
			printf("\n");
		}
	}
}

/* What the times are worth: the first model name that there is. */
static void print_machine(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256], *model = NULL;
	struct utsname uts;

	while (f && !model && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "model name", 10) && strchr(line, ':'))
			model = strchr(line, ':') + 2;
	}
	if (f)
		fclose(f);
	uname(&uts);
	printf("%s, %ld CPUs, Linux %s.\n", model ? model : uts.machine,
	       sysconf(_SC_NPROCESSORS_ONLN), uts.release);
	if (model && (strstr(model, "QEMU") || strstr(model, "TCG")))
		printf("Times taken under emulation are not those of hardware: a TLB shootdown waits until the\n"
		       "host runs the other CPU, and MOVE needs more of them. Compare counts rather than times.\n");
}

/* Either may be NULL. */
void print_table(const struct result *move, const struct result *copy)
{
	columns = 0;
	if (move)
		column[columns++] = move;
	if (copy)
		column[columns++] = copy;

	printf("\n%-38s", "");
	if (move)
		printf(" %12s", "MOVE");
	if (copy)
		printf(" %12s", "COPY");
	printf("\n");
	row("cycles", v_cycles, 0);
	row("concurrent compaction, mean (ms)", v_compact, 2);
	row("                       max (ms)", v_compact_max, 2);
	row("compaction pause, mean (ms)", v_pause, 3);
	row("                  max (ms)", v_pause_max, 3);
	row("time to stop for it, mean (ms)", v_stop, 3);
	row("                     max (ms)", v_stop_max, 3);
	row("marking, world stopped, mean (ms)", v_mark, 2);
	row("SIGBUS faults", v_faults, 0);
	row("  latency, p50 (us)", v_p50, 1);
	row("           p99 (us)", v_p99, 1);
	row("           max (us)", v_max, 1);
	row("UFFDIO_MOVE calls", v_move, 0);
	row("UFFDIO_COPY calls", v_copy, 0);
	row("  and for new pages", v_new, 0);
	row("pages moved", v_moved, 0);
	row("pages copied", v_copied, 0);
	row("new pages, zeroed", v_new_pages, 0);
	printf("errno of a call that failed\n");
	errno_rows();
	row("page faults while compacting", v_minflt, 0);
	row("TLB shootdowns then, whole system", v_tlb, 0);
	row("peak RSS (MiB)", v_rss, 1);
	row("objects checked", v_checked, 0);
	row("objects lost", v_lost, 0);
	printf("\n");
	print_machine();
}
