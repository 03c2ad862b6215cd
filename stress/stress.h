/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of UFFDIO_MOVE that knows what must come out.
 *
 * Memory is areas of slots; a slot has room for one page. The model (model.c)
 * says what each slot holds. Whoever changes what slots hold claims them first,
 * so that for the claimer the model is exact: each result is foreseen, and each
 * slot is looked at afterwards. Nobody waits for a claim.
 *
 * Mutators store into pages all the time without claims, wherever a page is
 * just then. Disturbers do what must not change contents. The family forks.
 */
#ifndef STRESS_H
#define STRESS_H

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm_util.h"

#define NR_AREAS	8
#define AREA_HUGE	4		/* huge pages an area has room for */
#define NR_PAGES	6144		/* with contents of their own */
#define NR_UFFDS	2
#define MAX_MUTATORS	4
#define MARK		MAX_MUTATORS	/* the counter of whoever has a claim */
#define NR_COUNTERS	(MAX_MUTATORS + 1)
#define MAX_THREADS	16
#define MAX_OPS		24
#define MAX_DUETS	24
#define BUFFER_HUGE	1		/* what one UFFDIO_COPY fills at most */
#define NOWHERE		UINT32_MAX

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25		/* libc is older */
#endif

/* What a slot holds: nothing, zeroes, a page that looks like others, or one. */
#define EMPTY		0u
#define BLANK		1u
#define FIRST_TWIN	2u
#define NR_TWINS	4u
#define FIRST_PAGE	(FIRST_TWIN + NR_TWINS)

struct range {
	uint32_t slot;
	uint32_t n;
};

struct area {
	char *base;
	char *room;			/* there is as much as base needs */
	char *spare;			/* so it may live here as well */
	uint32_t number;
	uint32_t lead;			/* slots before the first huge page */
	int uffd;			/* which one it is registered with, or -1 */
	bool huge;
	bool mergeable;
	_Atomic bool open;		/* to those who have no claim */
};

/* Where a page is, and where it may be next: slots, or NOWHERE. */
struct place {
	uint32_t now;
	uint32_t next;
};

struct page {
	_Atomic struct place place;
	uint32_t generation;
};

/* A word of each page counts the stores that one thread did. */
struct tally {
	uint32_t n[NR_COUNTERS];
};

enum result {
	DONE, SHORT, AGAIN, BUSY, EXIST, NOENT, INVAL, FAULT, OTHER, SKIPPED,
	NR_RESULTS
};

struct op {
	const char *name;
	unsigned int weight;
	void (*run)(void);
};

struct step {
	const char *what;
	uint64_t number;
	uint32_t a, b, n;
	int result;
};

#define NR_STEPS	24

struct thread {
	pthread_t id;
	int tid;
	const char *role;
	const struct op *ops;
	unsigned int number;		/* of all threads */
	unsigned int index;		/* among those of its role */
	bool ended;
	uint64_t op_number;
	uint64_t rng;
	unsigned int op;
	_Atomic uint64_t beat;
	uint64_t seen;			/* beat, by the watchdog, */
	unsigned int missed;		/* so often the same */
	_Atomic struct place hazard;
	_Atomic uint32_t accessing;	/* which page, or EMPTY */
	sigjmp_buf jump;
	volatile bool catching;
	struct step step[NR_STEPS];
	unsigned int steps;
	uint64_t ran[MAX_OPS];
	uint64_t ms[MAX_OPS];
	uint64_t result[MAX_OPS][NR_RESULTS];
	uint64_t duets[MAX_DUETS];	/* of each kind */
	uint64_t moved, huge, stores, faults, checked;
	char *buffer;			/* of BUFFER_HUGE huge pages */
	struct accomplice *accomplice;
};

extern __thread struct thread *self;
extern struct thread *threads;
extern unsigned int nr_threads, nr_mutators;
extern _Atomic bool stopping;
extern uint64_t start_ms;
extern unsigned int stop_after_s, hang_s;

/* report.c */
void violation(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
const char *slot_name(uint32_t slot);	/* one of a few static buffers */
const char *name_of(uint32_t what);
struct step *step_begin(const char *what, uint32_t a, uint32_t b, uint32_t n);
void step_end(struct step *step, int result);
void count_result(int err);
void skipped(void);
void print_trails(void);
void print_table(void);
void check_all_done(void);
void print_progress(void);
void beat(void);

/* main.c: each draw is a function of the seed, the thread and its op's number */
uint64_t draw(void);
uint32_t below(uint32_t n);
bool one_in(uint32_t n);

/* model.c */
extern struct area areas[NR_AREAS];
extern struct page *pages;
extern uint32_t area_slots, nr_slots, huge_slots;
extern uint32_t *held;
extern uint8_t *claimed;
extern pthread_mutex_t model_lock;
extern _Atomic uint32_t *counts;

void model_init(void);
struct area *area_of(uint32_t slot);
char *address(uint32_t slot);
bool range_ok(struct range r);
struct range whole(const struct area *area);
bool claim(const struct range *r, unsigned int nr);
void release(const struct range *r, unsigned int nr);
_Atomic uint32_t *counter(uint32_t what, unsigned int c);
uint32_t page_new(void);
void page_free(uint32_t what);
uint32_t pages_free(void);
bool is_page(uint32_t what);
struct place place_of(uint32_t what);
/* Where mutators are wanted; n is 0 for anywhere. */
extern _Atomic struct range hot;
void publish(uint32_t what, uint32_t now, uint32_t next);
void hide_range(struct range r);
void show_range(struct range r);
void await_accesses(struct range r);
uint32_t seek(uint32_t slot, bool empty);
struct range pick_range(bool empty);
struct range pick_registered(bool empty, bool registered);
uint32_t pick_length(void);

/* content.c */
void tally_read(uint32_t what, struct tally *t);
void content_fill(void *buffer, uint32_t what);
/* What memory holds by its first words; EMPTY if it is nothing of ours. */
uint32_t content_identify(const uint64_t *words);
/* The number of a word that is wrong, or -1 */
int content_differs(const uint64_t *words, uint32_t what, const struct tally *lo,
		    const struct tally *hi, uint64_t *expected);
unsigned int counter_word(uint32_t what, unsigned int c);
void content_must_be(uint32_t slot, uint32_t what, const char *when);
void content_compare(const uint64_t *words, uint32_t what, const struct tally *lo,
		     const struct tally *hi, const char *place, const char *when);

/* access.c */
extern const struct op mutator_ops[];
void access_init(void);
void spoil_page(void);
bool try_load(const uint64_t *p, uint64_t *value);
bool try_store(uint64_t *p, uint64_t value);
bool try_copy(void *to, const void *from);
/* Stores what is there already. */
bool touch(uint32_t slot);
bool mark_page(uint32_t slot);

/* area.c */
extern int uffds[NR_UFFDS];
void area_init(void);
void area_register(struct area *area, int uffd);
void area_make(struct area *area);
void area_close(struct area *area);
void area_reopen(struct area *area);
void area_move_away(struct area *area);
void range_make(struct range r);
void range_reserve(struct range r);
void range_register(struct range r, int uffd);
void range_unregister(struct range r, int uffd);
bool in_one_vma(uint32_t slot, uint32_t n);
void pagemap_range(const void *addr, size_t n, uint64_t *entries);
/* All that is claimed is where the model says, and nothing is elsewhere. */
void check_range(struct range r, const char *when);
void op_register(void);
void op_remake(void);
void op_remap(void);
void op_collect(void);

/* move.c */
struct move {
	uint32_t src, dst, n;
	int uffd;
	uint64_t mode;
};
uint32_t move_ioctl(const struct move *m, int *err);
uint32_t move_pages_checked(const struct move *m, int *err);
bool ranges_overlap(struct range a, struct range b);
bool pick_move(struct move *m);
void op_move(void);

void op_wrong(void);

extern const struct op mover_ops[];

/* huge.c */
void op_move_huge(void);

/* populate.c */
void op_copy(void);
void op_zero(void);
void op_write(void);
void op_read(void);
void op_fill(void);
void op_discard(void);
void op_lazy(void);
void discard(struct range r);
bool fill_up(struct range r);

/* change.c */
void protect_range(struct range r, int prot);
void op_protect(void);
void op_verify(void);

/* duet.c */
void accomplice_start(struct thread *t);
void op_duet(void);
void print_duets(void);
void check_duets(void);

/* pin.c */
void op_pin(void);
int pin_range(struct range r);	/* by this thread, until unpin(); 0 or -errno */
void unpin(void);
void op_hold(void);

/* quiet.c: no disturber and no child is at work */
void quiet_init(void);
struct patience {
	uint64_t end;
	unsigned int tries;
};
struct patience begin_trying(void);
bool try_again(struct patience *p);
bool quiet_begin(void);
void quiet_end(void);
void disturb_begin(void);
void disturb_end(void);
void insist(const struct move *m);
void op_probe(void);

/* evict.c */
pid_t start_sharing(int fd[2]);
void stop_sharing(pid_t pid, int fd[2]);
void op_evict(void);
void op_share(void);
void op_swap(void);

/* disturb.c */
extern const struct op disturber_ops[];
void disturb_init(void);
void disturb_end_all(void);
bool is_absent(const char *name);

/* family.c */
extern const struct op family_ops[];
void family_init(void);

/* final.c */
void final_before(void);
void final_check(void);
uint64_t times_mapped(uint64_t pfn);

#endif
