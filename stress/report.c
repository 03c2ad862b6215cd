// SPDX-License-Identifier: GPL-2.0
/* What is said: progress, the table, and what went wrong. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

static const char * const result_name[NR_RESULTS] = {
	"ok", "short", "EAGAIN", "EBUSY", "EEXIST", "ENOENT", "EINVAL",
	"EFAULT", "other", "skipped",
};

static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;

void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "stress: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(NULL);
	_exit(2);
}

/* Called where a signal may have come at any place; there is no way back. */
void violation(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The first one counts; the others end with it. */
	pthread_mutex_lock(&report_lock);
	printf("VIOLATION by %s %u in %s %llu after %.1f s, SEED=%#llx\n  %s\n",
	       self->role, self->index, self->ops[self->op].name,
	       (unsigned long long)self->op_number, (now_ms() - start_ms) / 1e3,
	       (unsigned long long)seed, text);
	print_trails();
	fflush(stdout);
	_exit(1);
}

const char *slot_name(uint32_t slot)
{
	static __thread char text[4][80];
	static __thread unsigned int next;
	char *s = text[next++ % 4];

	if (slot >= nr_slots) {
		snprintf(s, sizeof(text[0]), "nowhere");
	} else {
		struct area *area = area_of(slot);

		snprintf(s, sizeof(text[0]), "slot %u.%u (%p%s%s, %s)",
			 area->number, slot % area_slots, (void *)address(slot),
			 area->huge ? ", huge" : "",
			 area->mergeable ? ", mergeable" : "",
			 area->uffd < 0 ? "not registered" : "registered");
	}
	return s;
}

const char *name_of(uint32_t what)
{
	static __thread char text[4][32];
	static __thread unsigned int next;
	char *s = text[next++ % 4];

	if (what == EMPTY)
		return "nothing";
	if (what == BLANK)
		return "zeroes";
	if (is_page(what))
		snprintf(s, sizeof(text[0]), "page %u", what - FIRST_PAGE);
	else
		snprintf(s, sizeof(text[0]), "twin %u", what - FIRST_TWIN);
	return s;
}

void beat(void)
{
	atomic_store(&self->beat, now_ms());
}

struct step *step_begin(const char *what, uint32_t a, uint32_t b, uint32_t n)
{
	struct step *step = &self->step[self->steps++ % NR_STEPS];

	*step = (struct step){ what, self->op_number, a, b, n, -1 };
	beat();
	return step;
}

void step_end(struct step *step, int result)
{
	step->result = result;
	beat();
}

static enum result result_of(int err)
{
	switch (err) {
	case 0: return DONE;
	case EAGAIN: return AGAIN;
	case EBUSY: return BUSY;
	case EEXIST: return EXIST;
	case ENOENT: return NOENT;
	case EINVAL: return INVAL;
	case EFAULT: return FAULT;
	case -1: return SHORT;
	default: return OTHER;
	}
}

/* -1: part of it was done */
void count_result(int err)
{
	self->result[self->op][result_of(err)]++;
}

void skipped(void)
{
	self->result[self->op][SKIPPED]++;
}

static void print_step(const struct step *s)
{
	printf("    %llu %s", (unsigned long long)s->number, s->what);
	if (s->n) {
		printf(" %u.%u", s->a / area_slots, s->a % area_slots);
		if (s->b != NOWHERE)
			printf(" -> %u.%u", s->b / area_slots, s->b % area_slots);
		printf(" x %u", s->n);
	}
	if (s->result < 0)
		printf(": under way\n");
	else if (s->result)
		printf(": %s\n", strerror(s->result));
	else
		printf(": done\n");
}

void print_trails(void)
{
	unsigned int i, j;

	for (i = 0; i < nr_threads; i++) {
		struct thread *t = &threads[i];
		unsigned int from = t->steps > NR_STEPS ? t->steps - NR_STEPS : 0;

		if (t->ended)
			continue;
		printf("  %s %u: %s %llu, %.1f s ago; before that\n", t->role,
		       t->index, t->ops[t->op].name,
		       (unsigned long long)t->op_number,
		       (now_ms() - atomic_load(&t->beat)) / 1e3);
		for (j = from; j < t->steps; j++)
			print_step(&t->step[j % NR_STEPS]);
	}
}

static uint64_t sum(size_t offset)
{
	uint64_t total = 0;
	unsigned int i;

	for (i = 0; i < nr_threads; i++)
		total += *(uint64_t *)((char *)&threads[i] + offset);
	return total;
}

#define SUM(field) ((unsigned long long)sum(offsetof(struct thread, field)))

void print_progress(void)
{
	printf("%4llu s: %llu pages moved, %llu times huge ones, %llu stores, %llu faults, %llu pages checked, %u of %u in use, %ld huge pages\n",
	       (unsigned long long)(now_ms() - start_ms) / 1000, SUM(moved),
	       SUM(huge), SUM(stores), SUM(faults), SUM(checked), NR_PAGES - pages_free(),
	       NR_PAGES, meminfo("AnonHugePages") / (long)pmd_size);
	fflush(stdout);
}

/* An operation, of all threads that have that role */
struct totals {
	uint64_t ran, ms, result[NR_RESULTS];
};

static struct totals add_up(const char *role, unsigned int op)
{
	struct totals t = { 0 };
	unsigned int i, r;

	for (i = 0; i < nr_threads; i++) {
		if (threads[i].role != role)
			continue;
		t.ran += threads[i].ran[op];
		t.ms += threads[i].ms[op];
		for (r = 0; r < NR_RESULTS; r++)
			t.result[r] += threads[i].result[op][r];
	}
	return t;
}

static void each_operation(void (*act)(const char *role, const char *name,
				       const struct totals *t))
{
	const char *role = NULL;
	unsigned int i, op;

	for (i = 0; i < nr_threads; i++) {
		if (threads[i].role == role)
			continue;
		role = threads[i].role;
		for (op = 0; threads[i].ops[op].name; op++) {
			struct totals t = add_up(role, op);

			act(role, threads[i].ops[op].name, &t);
		}
	}
}

static void print_row(const char *role, const char *name, const struct totals *t)
{
	unsigned int r;

	printf("%-10s %-16s %9llu %7.1f ", role, name,
	       (unsigned long long)t->ran, t->ms / 1e3);
	for (r = 0; r < NR_RESULTS; r++) {
		if (t->result[r])
			printf(" %s %llu", result_name[r],
			       (unsigned long long)t->result[r]);
	}
	printf("\n");
}

/* What the others refuse is what these are for. */
static bool is_refused(const char *name)
{
	return !strcmp(name, "move_wrong") || !strcmp(name, "mprotect");
}

static void check_done(const char *role, const char *name, const struct totals *t)
{
	bool done = t->result[DONE] || t->result[SHORT] ||
		    (is_refused(name) && t->result[INVAL]);

	if (!done && !is_absent(name))
		violation("in all this time no %s did %s", role, name);
}

/* A disturbance that fails each time is none. For runs that are long enough. */
void check_all_done(void)
{
	each_operation(check_done);
	check_duets();
}

void print_table(void)
{
	printf("\n%-10s %-16s %9s %7s  results\n", "", "operation", "times",
	       "seconds");
	each_operation(print_row);
	printf("\n");
	print_duets();
	print_progress();
}
