// SPDX-License-Identifier: GPL-2.0
/*
 * Children. What one sees is what was there at the moment of its fork, and
 * stays that: no page twice, none missing, and no store from later.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define NR_COUNTS	(NR_COUNTERS * NR_PAGES)

/* Written by the parent before and after fork() */
struct birth {
	_Atomic bool over;
	uint32_t lo[NR_COUNTS], hi[NR_COUNTS];
};

static struct birth *birth;
static uint64_t *sums;
static bool seen[NR_PAGES];

void family_init(void)
{
	birth = mmap(NULL, sizeof(*birth), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sums = mmap(NULL, nr_slots * sizeof(*sums), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (birth == MAP_FAILED || sums == MAP_FAILED)
		die("no memory: %m");
}

static void bounds(uint32_t what, struct tally *lo, struct tally *hi)
{
	unsigned int c;

	for (c = 0; is_page(what) && c < NR_COUNTERS; c++) {
		lo->n[c] = birth->lo[c * NR_PAGES + what - FIRST_PAGE];
		hi->n[c] = birth->hi[c * NR_PAGES + what - FIRST_PAGE];
	}
}

static uint64_t sum_of(const uint64_t *words)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < page_size / sizeof(*words); i++)
		sum = sum * 0x100000001b3ULL + words[i];
	return sum | 1;
}

/* A page that is on its way: at one of two places, both of them claimed. */
static void look_at_claimed(uint32_t slot, const uint64_t *words)
{
	uint32_t what = content_identify(words);
	struct tally lo, hi;
	struct place place;

	if (!is_page(what))
		return;
	place = place_of(what);
	if (place.now == NOWHERE)
		return;
	if (!claimed[place.now])
		violation("in a child %s is at %s, and the parent has it at %s",
			  name_of(what), slot_name(slot), slot_name(place.now));
	bounds(what, &lo, &hi);
	content_compare(words, what, &lo, &hi, slot_name(slot),
			"in a child, on its way");
}

/* Whether a thread of the parent had it in hand, for that */
static bool claimed_by(uint32_t slot, void (*op)(void))
{
	unsigned int by = claimed[slot];

	return by && threads[by - 1].ops[threads[by - 1].op].run == op;
}

static void look_at(uint32_t slot, uint64_t entry)
{
	bool there = entry & (PM_PRESENT | PM_SWAP);
	uint64_t words[page_size / sizeof(uint64_t)];
	uint32_t what = held[slot];
	struct tally lo, hi;

	/* Without an anon_vma fork() does not copy a page table: no zero pages. */
	if (what == BLANK && !there)
		return;
	if (!claimed[slot] && there != (what != EMPTY))
		violation("in a child %s must hold %s, but pagemap has %#llx",
			  slot_name(slot), name_of(what), (unsigned long long)entry);
	if (!there)
		return;
	memcpy(words, address(slot), page_size);
	/* What is freed lazily may still become zeroes. */
	if (!claimed_by(slot, op_lazy))
		sums[slot] = sum_of(words);
	if (claimed[slot]) {
		look_at_claimed(slot, words);
		what = content_identify(words);
	} else {
		bounds(what, &lo, &hi);
		content_compare(words, what, &lo, &hi, slot_name(slot),
				"in a child");
	}
	if (!is_page(what))
		return;
	if (seen[what - FIRST_PAGE])
		violation("in a child %s is there twice, the second time at %s",
			  name_of(what), slot_name(slot));
	seen[what - FIRST_PAGE] = true;
}

/* Those that a plain move has in hand cannot be nowhere. */
static void look_for_missing(void)
{
	uint32_t i;

	for (i = 0; i < NR_PAGES; i++) {
		struct place place = place_of(FIRST_PAGE + i);

		if (seen[i] || place.now == NOWHERE)
			continue;
		if (!claimed[place.now] || claimed_by(place.now, op_move))
			violation("in a child %s is nowhere; the parent has it at %s or %s",
				  name_of(FIRST_PAGE + i), slot_name(place.now),
				  slot_name(place.next));
	}
}

static void look_at_all(void)
{
	uint64_t entries[area_slots];
	uint32_t i, j;

	while (!atomic_load(&birth->over))
		sleep_ms(1);
	for (i = 0; i < NR_AREAS; i++) {
		pagemap_range(areas[i].base, area_slots, entries);
		for (j = 0; j < area_slots; j++)
			look_at(whole(&areas[i]).slot + j, entries[j]);
	}
	look_for_missing();
}

/* Whatever the parent has done since */
static void look_again(void)
{
	uint64_t words[page_size / sizeof(uint64_t)];
	uint32_t slot;

	for (slot = 0; slot < nr_slots; slot++) {
		if (!sums[slot])
			continue;
		memcpy(words, address(slot), page_size);
		if (sum_of(words) != sums[slot])
			violation("in a child %s holding %s has changed since the fork",
				  slot_name(slot), name_of(content_identify(words)));
	}
}

/* Its own copies: nobody else must see this. */
static void scribble(void)
{
	char other[page_size];
	uint32_t slot, n = 0;

	memset(other, 0xee, sizeof(other));
	for (slot = below(64); slot < nr_slots && n < 500; slot += 1 + below(16)) {
		if (!sums[slot])
			continue;
		/* It may be read-only. */
		n += try_copy(address(slot), other);
	}
}

/* It was moved here, so that nobody else may have it mapped. */
static void must_be_own(char *dst, uint32_t slot)
{
	uint64_t pfn = pfn_of(dst), n = pfn ? times_mapped(pfn) : 0;

	/* Unless it has been migrated or swapped out, and the frame is another's. */
	if (n > 1 && pfn_of(dst) == pfn)
		violation("in a child UFFDIO_MOVE moved what %s held, which is mapped %llu times",
			  slot_name(slot), (unsigned long long)n);
}

/*
 * What is shared with the parent must be EBUSY; what moves is the child's own
 * and as it was at birth.
 */
static void move_in_child(void)
{
	struct range r = pick_range(false);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
	size_t bytes = area_slots * page_size;
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	char *dst = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = {
		.range = { (uintptr_t)dst, bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	uint32_t i;
	int err;

	if (fd < 0 || dst == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		violation("a child cannot set up userfaultfd: %m");
	for (i = 0; i < r.n && i < 300; i++) {
		uint32_t slot = r.slot + i;
		struct uffdio_move arg = {
			.dst = (uintptr_t)dst + i * page_size,
			.src = (uintptr_t)address(slot), .len = page_size,
		};

		if (!sums[slot])
			continue;
		err = ioctl(fd, UFFDIO_MOVE, &arg) ? errno : 0;
		if (!err) {
			if (sum_of((uint64_t *)(dst + i * page_size)) != sums[slot])
				violation("in a child %s has changed by being moved",
					  slot_name(slot));
			must_be_own(dst + i * page_size, slot);
			sums[slot] = 0;
		} else if (err != EBUSY &&
			   !(err == EINVAL && !in_one_vma(slot, 1))) {
			violation("in a child UFFDIO_MOVE of %s: %s",
				  slot_name(slot), strerror(err));
		}
	}
}

/* The parent's userfaultfd is not for other processes. */
static void move_in_parent(void)
{
	struct uffdio_move arg = {
		.dst = (uintptr_t)areas[0].base, .src = (uintptr_t)areas[1].base,
		.len = page_size,
	};

	if (!ioctl(uffds[0], UFFDIO_MOVE, &arg) || errno != EINVAL)
		violation("UFFDIO_MOVE with the parent's userfaultfd: %m");
}

static void live_on(void)
{
	sleep_ms(below(100));
	look_again();
	_exit(0);
}

static void child_exits(void)
{
	_exit(0);
}

static void child_looks(void)
{
	look_at_all();
	live_on();
}

static void child_writes(void)
{
	look_at_all();
	scribble();
	_exit(0);
}

static void child_moves(void)
{
	look_at_all();
	move_in_parent();
	move_in_child();
	live_on();
}

static void child_execs(void)
{
	execl("/proc/self/exe", "stress", "--exit", NULL);
	_exit(9);
}

static void child_forks(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		child_looks();
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		_exit(8);
	_exit(status ? 7 : 0);
}

static void await_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		violation("waitpid: %m");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		_exit(1);		/* it has said why */
	if (status)
		violation("a child ended with status %#x", status);
}

static void give_birth(void (*live)(void))
{
	struct step *step;
	pid_t pid;

	disturb_begin();
	step = step_begin("fork", 0, 0, 0);
	pthread_mutex_lock(&model_lock);
	atomic_store(&birth->over, false);
	memcpy(birth->lo, (void *)counts, sizeof(birth->lo));
	pid = fork();
	if (!pid)
		live();
	memcpy(birth->hi, (void *)counts, sizeof(birth->hi));
	pthread_mutex_unlock(&model_lock);
	atomic_store(&birth->over, true);
	if (pid < 0)
		violation("fork: %m");
	await_child(pid);
	step_end(step, 0);
	count_result(0);
	disturb_end();
	sleep_ms(below(1000));
}

#define CHILD(name) static void op_##name(void) { give_birth(child_##name); }

CHILD(exits)
CHILD(looks)
CHILD(writes)
CHILD(moves)
CHILD(execs)
CHILD(forks)

const struct op family_ops[] = {
	{ "child_exits", 10, op_exits },
	{ "child_looks", 10, op_looks },
	{ "child_writes", 5, op_writes },
	{ "child_moves", 5, op_moves },
	{ "child_execs", 5, op_execs },
	{ "child_forks", 5, op_forks },
	{ }
};
