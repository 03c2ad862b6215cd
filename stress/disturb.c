// SPDX-License-Identifier: GPL-2.0
/* What happens to pages anywhere, at any time, and must not change them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress.h"

#define CGROUP		"/sys/fs/cgroup/stress"
#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define KSM		"/sys/kernel/mm/ksm/"
#define BALANCING	"/proc/sys/kernel/numa_balancing"	/* not on 32 bits */
#define LRU_GEN		"/sys/kernel/mm/lru_gen/enabled"
#define SLOW_PAGES	2048

static struct small_swap slow;
static pthread_mutex_t slow_lock = PTHREAD_MUTEX_INITIALIZER;
static int node[2];
static bool nodes;

static void must_write(const char *path, const char *text)
{
	if (!write_text(path, text))
		die("cannot write %s to %s: %m", text, path);
}

/*
 * khugepaged must not put zeroes where there is nothing. The slow device is
 * filled first: swapped by way of the swap cache, where zram does without.
 */
void disturb_init(void)
{
	const char *why = small_swap_open(&slow, SLOW_PAGES, 1);
	char pid[16];

	if (why)
		die("%s", why);
	mkdir(CGROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", getpid());
	must_write(CGROUP "/cgroup.procs", pid);
	must_write(THP "khugepaged/max_ptes_none", "0");
	must_write(THP "khugepaged/scan_sleep_millisecs", "100");
	must_write(THP "khugepaged/alloc_sleep_millisecs", "100");
	must_write(THP "khugepaged/pages_to_scan", "2048");
	must_write(KSM "sleep_millisecs", "20");
	must_write(KSM "pages_to_scan", "200");
	must_write(KSM "run", "1");
	nodes = two_nodes(node);
	if (!access(BALANCING, F_OK))
		must_write(BALANCING, "1");
}

void disturb_end_all(void)
{
	must_write(KSM "run", "2");
	must_write(KSM "run", "0");
	if (!small_swap_off(&slow))
		violation("at the end swapoff of the slow device fails: %m");
	small_swap_close(&slow);
}

/* What this kernel or machine does not have: one memory node, no other LRU. */
bool is_absent(const char *name)
{
	if (!strcmp(name, "lru_gen"))
		return access(LRU_GEN, F_OK);
	return !nodes && (!strcmp(name, "move_pages") || !strcmp(name, "mbind") ||
			  !strcmp(name, "move and migrate"));
}

static struct range anywhere(uint32_t most)
{
	struct range r = pick_range(false);

	if (r.n > most)
		r.n = most;
	return r;
}

/* Mappings come and go, so that these may fail. */
static void advise(int advice)
{
	struct range r = anywhere(one_in(16) ? area_slots : 32);

	count_result(madvise(address(r.slot), r.n * page_size, advice) ? errno : 0);
}

static void op_pageout(void)
{
	advise(MADV_PAGEOUT);
}

static void op_swapin(void)
{
	advise(MADV_WILLNEED);
}

static void op_cold(void)
{
	advise(MADV_COLD);
}

static void tell(const char *path, const char *text)
{
	count_result(write_text(path, text) ? 0 : errno);
}

static void op_reclaim(void)
{
	tell(CGROUP "/memory.reclaim", one_in(4) ? "1M" : "128K");
}

static void op_split(void)
{
	struct range r = anywhere(huge_slots);

	count_result(split_huge(address(r.slot), r.n * page_size) ? 0 : EBUSY);
}

/*
 * What is registered is not filled up. It stays registered as long as this says so.
 * Of several huge pages one that cannot be had would hide the others.
 */
static void op_collapse(void)
{
	struct range r = anywhere(area_slots);
	struct place here = { r.slot, NOWHERE };
	struct area *area = area_of(r.slot);
	uint32_t nr = (area_slots - area->lead) / huge_slots;
	char *huge = area->base + (area->lead + below(nr) * huge_slots) * page_size;
	int err = EINVAL;

	atomic_store(&self->hazard, here);
	if (atomic_load(&area->open))
		err = madvise(huge, pmd_size, MADV_COLLAPSE) ? errno : 0;
	atomic_store(&self->hazard, ((struct place){ NOWHERE, NOWHERE }));
	count_result(err);
}

static void op_compact(void)
{
	tell("/proc/sys/vm/compact_memory", "1");
}

static void op_migrate(void)
{
	struct range r = anywhere(one_in(8) ? 256 : 16);

	if (!nodes)
		return skipped();
	count_result(migrate_pages_to(address(r.slot), r.n, node[below(2)]) ?
		     0 : EBUSY);
}

static void op_mbind(void)
{
	struct area *area = &areas[below(NR_AREAS)];
	unsigned long mask = 1UL << node[below(2)];
	long ret;

	if (!nodes)
		return skipped();
	ret = syscall(SYS_mbind, area->base, area_slots * page_size,
		      MPOL_PREFERRED, &mask, 64, MPOL_MF_MOVE);
	count_result(ret ? errno : 0);
	syscall(SYS_mbind, area->base, area_slots * page_size, MPOL_DEFAULT,
		NULL, 0, 0);
}

static void op_ksm(void)
{
	struct area *area = &areas[below(NR_AREAS)];
	int advice = one_in(3) ? MADV_UNMERGEABLE : MADV_MERGEABLE;

	if (!area->mergeable)
		return skipped();
	count_result(madvise(area->base, area_slots * page_size, advice) ?
		     errno : 0);
}

static void op_idle(void)
{
	struct range r = anywhere(64);
	uint64_t entries[64];
	uint32_t i;

	pagemap_range(address(r.slot), r.n, entries);
	for (i = 0; i < r.n; i += 8) {
		uint64_t pfn = entries[i] & PM_PFN_MASK;

		if (entries[i] & PM_PRESENT && set_idle(pfn))
			is_idle(pfn);
	}
	count_result(0);
}

static void op_clear_refs(void)
{
	tell("/proc/self/clear_refs", one_in(2) ? "1" : "4");
}

static void op_swapoff(void)
{
	pthread_mutex_lock(&slow_lock);
	if (one_in(6)) {
		bool off = !swapoff("/dev/zram0");

		if (off && swapon("/dev/zram0", 0))
			die("swapon: %m");
		count_result(off ? 0 : EBUSY);
	} else {
		bool off = small_swap_off(&slow);

		if (off && !small_swap_on(&slow))
			die("swapon: %m");
		count_result(off ? 0 : EBUSY);
	}
	pthread_mutex_unlock(&slow_lock);
}

static void op_generations(void)
{
	static const char * const on[] = { "0", "7" };

	tell(LRU_GEN, on[below(2)]);
}

static void op_damon(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	if (pthread_mutex_trylock(&lock))
		return skipped();
	count_result(damon_watch(4096, 1 << 18) ? 0 : EBUSY);
	sleep_ms(300);
	damon_unwatch();
	pthread_mutex_unlock(&lock);
}

static void op_drain(void)
{
	drain_lru();
	flush_tlb();
	count_result(0);
}

#define WRAP(name)				\
static void noisy_##name(void)			\
{						\
	struct step *step;			\
						\
	disturb_begin();			\
	step = step_begin(#name, 0, 0, 0);	\
	op_##name();				\
	step_end(step, 0);			\
	disturb_end();				\
	sleep_ms(below(20));			\
}

WRAP(pageout)
WRAP(swapin)
WRAP(cold)
WRAP(reclaim)
WRAP(split)
WRAP(collapse)
WRAP(compact)
WRAP(migrate)
WRAP(mbind)
WRAP(ksm)
WRAP(idle)
WRAP(clear_refs)
WRAP(swapoff)
WRAP(generations)
WRAP(damon)
WRAP(drain)

const struct op disturber_ops[] = {
	{ "pageout", 30, noisy_pageout },
	{ "willneed", 12, noisy_swapin },
	{ "cold", 5, noisy_cold },
	{ "reclaim", 12, noisy_reclaim },
	{ "split_huge", 12, noisy_split },
	{ "collapse", 15, noisy_collapse },
	{ "compact", 3, noisy_compact },
	{ "move_pages", 20, noisy_migrate },
	{ "mbind", 4, noisy_mbind },
	{ "ksm", 3, noisy_ksm },
	{ "page_idle", 8, noisy_idle },
	{ "clear_refs", 6, noisy_clear_refs },
	{ "swapoff", 5, noisy_swapoff },
	{ "lru_gen", 2, noisy_generations },
	{ "damon", 1, noisy_damon },
	{ "drain", 3, noisy_drain },
	{ }
};
