// SPDX-License-Identifier: GPL-2.0
/* Starts the threads, watches them, and says how it ended. */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress.h"

__thread struct thread *self;
struct thread *threads;
unsigned int nr_threads, nr_mutators;
_Atomic bool stopping;
uint64_t start_ms;
unsigned int stop_after_s = 60, hang_s = 60;
static unsigned int spoil_after_s;

#define LONG_S		300
#define TICK_MS	100

static struct thread main_thread;
static const struct op main_ops[] = { { "the end", 1, NULL }, { } };

uint64_t draw(void)
{
	return self->rng = mix(self->rng);
}

uint32_t below(uint32_t n)
{
	return (draw() >> 32) * n >> 32;
}

bool one_in(uint32_t n)
{
	return !below(n);
}

static unsigned int pick_op(const struct op *ops)
{
	unsigned int total = 0, i, at;

	for (i = 0; ops[i].name; i++)
		total += ops[i].weight;
	at = below(total);
	for (i = 0; at >= ops[i].weight; i++)
		at -= ops[i].weight;
	return i;
}

static void *thread_main(void *arg)
{
	uint64_t begin;

	self = arg;
	self->tid = (int)syscall(SYS_gettid);
	/* They have no end of work to do, the others have to get on with theirs. */
	if (self->ops == mutator_ops && setpriority(PRIO_PROCESS, self->tid, 10))
		die("setpriority: %m");
	while (!atomic_load(&stopping)) {
		self->op_number++;
		self->rng = mix(seed ^ mix((uint64_t)self->number << 48 ^
					   self->op_number));
		self->op = pick_op(self->ops);
		self->ran[self->op]++;
		begin = now_ms();
		self->ops[self->op].run();
		beat();
		self->ms[self->op] += now_ms() - begin;
	}
	return NULL;
}

static void add_threads(const char *role, const struct op *ops, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct thread *t = &threads[nr_threads];

		t->role = role;
		t->ops = ops;
		t->number = nr_threads++;
		t->index = i;
		atomic_store(&t->hazard, ((struct place){ NOWHERE, NOWHERE }));
		atomic_store(&t->beat, now_ms());
		t->buffer = mmap(NULL, BUFFER_HUGE * pmd_size,
				 PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (t->buffer == MAP_FAILED)
			die("no memory: %m");
	}
}

static void start_threads(void)
{
	unsigned int i;

	for (i = 0; i < nr_threads; i++) {
		if (threads[i].ops == mover_ops)
			accomplice_start(&threads[i]);
	}
	for (i = 0; i < nr_threads; i++) {
		if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]))
			die("cannot start a thread");
	}
}

static void print_file(const char *name, int tid)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		printf("    %s: %s%s", name, line, strchr(line, '\n') ? "" : "\n");
	if (f)
		fclose(f);
}

/* Blocked tasks go to the console as well, with their stacks. */
static void hung(const struct thread *t)
{
	unsigned int i;

	printf("HANG: %s %u has made no progress for %u s, SEED=%#llx\n",
	       t->role, t->index, hang_s, (unsigned long long)seed);
	for (i = 0; i < nr_threads; i++) {
		printf("  %s %u, task %d\n", threads[i].role, threads[i].index,
		       threads[i].tid);
		print_file("wchan", threads[i].tid);
		print_file("syscall", threads[i].tid);
		print_file("stack", threads[i].tid);
	}
	print_trails();
	fflush(stdout);
	write_text("/proc/sysrq-trigger", "w");
	_exit(3);
}

/*
 * A machine that stands still for a while is not a thread that does: what counts
 * is how often the main thread has looked in vain.
 */
static void watch(void)
{
	unsigned int i;

	sleep_ms(TICK_MS);
	for (i = 0; i < nr_threads; i++) {
		struct thread *t = &threads[i];
		uint64_t last = atomic_load(&t->beat);

		t->missed = last == t->seen ? t->missed + 1 : 0;
		t->seen = last;
		if (!t->ended && t->missed > hang_s * 1000 / TICK_MS)
			hung(t);
	}
}

static void run(void)
{
	uint64_t end = start_ms + stop_after_s * 1000ULL;
	unsigned int i;
	uint64_t said = start_ms;

	while (now_ms() < end) {
		watch();
		if (spoil_after_s && now_ms() > start_ms + spoil_after_s * 1000ULL) {
			/* One may be discarded before anybody has looked. */
			spoil_after_s++;
			spoil_page();
		}
		if (now_ms() < said + 5000)
			continue;
		said = now_ms();
		print_progress();
	}
	atomic_store(&stopping, true);
	for (i = 0; i < nr_threads; i++) {
		while (pthread_tryjoin_np(threads[i].id, NULL))
			watch();
		threads[i].ended = true;
	}
}

static void usage(void)
{
	fprintf(stderr, "usage: stress [-s SEED] [-t SECONDS] [-h SECONDS] [-x SECONDS]\n"
		"  -t  how long threads go on\n"
		"  -h  how long one may make no progress\n"
		"  -x  when to begin to spoil a page each second: it must be found\n");
	exit(2);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (!*text || *end) {
		fprintf(stderr, "stress: '%s' is not a number\n", text);
		usage();
	}
	return n;
}

static void parse(int argc, char **argv)
{
	int c;

	/* What a child becomes that execs */
	if (argc == 2 && !strcmp(argv[1], "--exit"))
		exit(0);
	while ((c = getopt(argc, argv, "s:t:h:x:")) >= 0) {
		switch (c) {
		case 's':
			seed = number(optarg);
			break;
		case 't':
			stop_after_s = number(optarg);
			break;
		case 'x':
			spoil_after_s = number(optarg);
			break;
		case 'h':
			hang_s = number(optarg);
			break;
		default:
			usage();
		}
	}
	if (optind != argc || !stop_after_s || !hang_s)
		usage();
}

int main(int argc, char **argv)
{
	mm_util_init();
	parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	threads = calloc(MAX_THREADS, sizeof(*threads));
	main_thread.role = "main";
	main_thread.ops = main_ops;
	self = &main_thread;
	start_ms = now_ms();
	printf("stress: SEED=%#llx, %u s\n", (unsigned long long)seed, stop_after_s);
	model_init();
	area_init();
	access_init();
	quiet_init();
	disturb_init();
	family_init();
	final_before();
	nr_mutators = 3;
	add_threads("mover", mover_ops, 3);
	add_threads("mutator", mutator_ops, nr_mutators);
	add_threads("disturber", disturber_ops, 2);
	add_threads("family", family_ops, 1);
	start_ms = now_ms();
	start_threads();
	run();
	print_table();
	disturb_end_all();
	final_check();
	if (stop_after_s >= LONG_S)
		check_all_done();
	printf("PASS: no page was lost, doubled or changed, and no store was lost; SEED=%#llx\n",
	       (unsigned long long)seed);
	return 0;
}
