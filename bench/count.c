// SPDX-License-Identifier: GPL-2.0
/*
 * What time does not show: context switches, TLB flushes, and contended locks.
 * Only the flavour bench-counts knows of all of them.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define LOCK_STAT	"/proc/lock_stat"

static const char *const vmstat_fields[] = {
	"nr_tlb_local_flush_all", "nr_tlb_local_flush_one", "nr_tlb_remote_flush",
};

/* Summed over the CPUs. */
static long shootdowns(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[4096], *p, *end;
	long sum = 0, value;

	while (f && fgets(line, sizeof(line), f)) {
		p = strstr(line, "TLB:");
		if (!p)
			continue;
		for (p += 4; value = strtol(p, &end, 10), end != p; p = end)
			sum += value;
	}
	if (f)
		fclose(f);
	return sum;
}

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* Whether this kernel is made for that, and not for measuring time */
bool counting(void)
{
	return vmstat(vmstat_fields[0]) >= 0;
}

void begin_counts(struct counts *counts)
{
	size_t i;

	if (!counting())
		return;
	write_text(LOCK_STAT, "0");
	for (i = 0; i < ARRAY_SIZE(vmstat_fields); i++)
		counts->vmstat[i] = vmstat(vmstat_fields[i]);
	counts->shootdowns = shootdowns();
	counts->switches = switches();
}

/* Lines like "  &mm->mmap_lock-R:   BOUNCES   CONTENTIONS ..." */
static void record_locks(const struct bench_case *c, size_t param, int round, size_t count)
{
	FILE *f = fopen(LOCK_STAT, "r");
	char line[4096], what[80], *colon, *comma;
	long bounces, contentions;

	while (f && fgets(line, sizeof(line), f)) {
		colon = strrchr(line, ':');
		if (!colon || sscanf(colon + 1, "%ld %ld", &bounces, &contentions) != 2 ||
		    !contentions)
			continue;
		*colon = '\0';
		/* A comma would begin the next column. */
		for (comma = line; (comma = strchr(comma, ',')); *comma = ';')
			;
		snprintf(what, sizeof(what), "lock %s", line + strspn(line, " "));
		record_events(c, what, param, round, contentions, count);
	}
	if (f)
		fclose(f);
}

void record_counts(const struct bench_case *c, const struct counts *before, size_t param,
		   int round, size_t count)
{
	struct counts after;
	size_t i;

	if (!counting())
		return;
	record_locks(c, param, round, count);
	after.switches = switches();
	after.shootdowns = shootdowns();
	record_events(c, "switches", param, round, after.switches - before->switches, count);
	record_events(c, "shootdowns", param, round, after.shootdowns - before->shootdowns, count);
	for (i = 0; i < ARRAY_SIZE(vmstat_fields); i++) {
		if (before->vmstat[i] >= 0)
			record_events(c, vmstat_fields[i], param, round,
				      vmstat(vmstat_fields[i]) - before->vmstat[i], count);
	}
}
