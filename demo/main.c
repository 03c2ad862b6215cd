// SPDX-License-Identifier: GPL-2.0
/* Options; one child process for each mode; watching over it. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "heap.h"

#define HANG_SECONDS	120u

enum { EXIT_LOST = 1, EXIT_NO_MOVE = 2, EXIT_USAGE = 64 };

struct result *result;
static bool run_move = true, run_copy = true;

/* ---- also for the signal handler ------------------------------------ */

static void put(const char *s)
{
	if (write(STDERR_FILENO, s, strlen(s)) < 0)
		_exit(EXIT_LOST);
}

void die(const char *what)
{
	put("heap: ");
	put(what);
	put("\n");
	_exit(EXIT_LOST);
}

void die_errno(const char *what, int error)
{
	const char *name = strerrorname_np(error);

	put("heap: ");
	put(what);
	put(": ");
	put(name ? name : "unknown errno");
	put("\n");
	_exit(EXIT_LOST);
}

void heartbeat(void)
{
	atomic_fetch_add_explicit(&result->beat, 1, memory_order_relaxed);
}

/* ---- one mode, in its own process ----------------------------------- */

static void max_of(double *max, double v)
{
	if (v > *max)
		*max = v;
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static void count_cycle(const struct cycle *c)
{
	struct result *r = result;

	r->cycles++;
	r->mark_ms += c->mark_ms;
	r->stop_ms += c->stop_ms;
	r->pause_ms += c->pause_ms;
	r->compact_ms += c->compact_ms;
	max_of(&r->stop_max_ms, c->stop_ms);
	max_of(&r->pause_max_ms, c->pause_ms);
	max_of(&r->compact_max_ms, c->compact_ms);
}

static void print_cycle(const struct cycle *c, uint64_t faults)
{
	printf("%s %2u/%u: %.1f MiB live, %zu of %zu pages dense; marked in %.2f ms; pause %.3f ms; compacted in %.2f ms, %llu faults; %llu objects lost\n",
	       conf.move ? "MOVE" : "COPY", result->cycles, conf.cycles,
	       (double)heap.live_bytes / MIB, c->dense, heap.live_end,
	       c->mark_ms, c->pause_ms, c->compact_ms,
	       (unsigned long long)faults,
	       (unsigned long long)result->stats.lost);
}

/* Collect once, then check everything. */
static void cycle(struct thread *t)
{
	uint64_t faults = result->stats.faults;
	int64_t shootdowns = tlb_shootdowns();
	long minflt = minor_faults();
	struct cycle c;

	collect(t, &c, conf.share && result->cycles % 2 == 0);
	result->minflt += (uint64_t)(minor_faults() - minflt);
	if (shootdowns < 0)
		result->shootdowns = -1;
	else
		result->shootdowns += tlb_shootdowns() - shootdowns;
	count_cycle(&c);

	mutators_verify();
	result->stats = (struct stats){ 0 };
	stats_add(&result->stats, &t->stats);
	world_stop();
	mutators_stats(&result->stats);
	world_resume();
	print_cycle(&c, result->stats.faults - faults);
}

/* Two thirds of what is not live may fill up before a cycle starts. */
static size_t trigger(void)
{
	return heap.size / 300 * (conf.live + 200);
}

static int run(void)
{
	static struct thread collector;
	struct rusage usage;

	heap_init();
	thread_init(&collector);
	heap.uffd = uffd_open();
	if (conf.move)
		uffd_probe_move();
	fault_init();
	mutators_start();

	while (result->cycles < conf.cycles && !result->stats.lost) {
		world_wait_top(trigger());
		cycle(&collector);
	}
	world_finish();
	mutators_join();
	result->stats = (struct stats){ 0 };
	stats_add(&result->stats, &collector.stats);
	mutators_stats(&result->stats);
	getrusage(RUSAGE_SELF, &usage);
	result->rss_kib = usage.ru_maxrss;
	return result->stats.lost ? EXIT_LOST : 0;
}

/* ---- the parent ----------------------------------------------------- */

/* Wait for the child, as long as anything goes on in it. */
static int watch(pid_t pid)
{
	struct timespec tick = { 0, 50000000 };
	uint64_t beat = 0, last = now_ns();
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		uint64_t now = atomic_load(&result->beat);

		if (now != beat)
			last = now_ns();
		beat = now;
		if (now_ns() - last > HANG_SECONDS * 1000000000ull) {
			fprintf(stderr, "heap: nothing has happened for %u s; giving up\n",
				HANG_SECONDS);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		nanosleep(&tick, NULL);
	}
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "heap: %s mode: killed by signal %d (%s)\n",
			conf.move ? "MOVE" : "COPY", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
		return EXIT_LOST;
	}
	return WEXITSTATUS(status);
}

/* Shared with the child, which fills it in. */
static struct result *new_result(void)
{
	void *p = mmap(NULL, sizeof(struct result), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die_errno("mmap", errno);
	return p;
}

static int run_mode(bool move, struct result **r)
{
	pid_t pid;

	result = *r = new_result();
	conf.move = move;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die_errno("fork", errno);
	if (pid == 0)
		exit(run());
	return watch(pid);
}

static int run_modes(void)
{
	struct result *move = NULL, *copy = NULL;
	int status = 0;

	if (run_move)
		status = run_mode(true, &move);
	if (run_copy && !status)
		status = run_mode(false, &copy);
	if ((!move || move->cycles) && (!copy || copy->cycles))
		print_table(move, copy);
	if (status)
		printf("FAILED: see the messages above\n");
	else
		printf("OK: no object lost, no store lost\n");
	return status;
}

/* ---- options -------------------------------------------------------- */

static const char usage_text[] =
"usage: heap [options]\n"
"A concurrent compacting heap on userfaultfd: UFFDIO_MOVE against UFFDIO_COPY.\n"
"\n"
"  --mode=MODE      move, copy, or both one after the other (default: both)\n"
"  --heap=MIB       size of the heap, 8 to 2048 (default: 96)\n"
"  --mutators=N     threads that use the heap, 1 to 64 (default: 2)\n"
"  --cycles=N       collections in each mode, 1 to 100000 (default: 5)\n"
"  --live=PERCENT   share of the heap that is alive, 10 to 80 (default: 50)\n"
"  --seed=N         for what the mutators do (default: 1)\n"
"  --quick          a short check: heap 16, cycles 3, --share\n"
"  --thp            ask for transparent huge pages in the heap\n"
"  --share          fork a child in every other cycle, so that pages are shared\n"
"  --help           this text\n"
"\n"
"Exit: 0 all objects were there, 1 something is wrong, 2 the kernel has no\n"
"UFFDIO_MOVE, 64 bad options.\n";

static void usage_error(const char *what, const char *value)
{
	fprintf(stderr, "heap: %s%s%s; see heap --help\n", what,
		value ? ": " : "", value ? value : "");
	exit(EXIT_USAGE);
}

static uint64_t number(const char *name, const char *s, uint64_t min,
		       uint64_t max)
{
	char what[80], *end;
	uint64_t n;

	snprintf(what, sizeof(what), "--%s wants a number from %llu to %llu",
		 name, (unsigned long long)min, (unsigned long long)max);
	errno = 0;
	n = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || n < min || n > max)
		usage_error(what, s);
	return n;
}

static void set_mode(const char *s)
{
	run_move = !strcmp(s, "move") || !strcmp(s, "both");
	run_copy = !strcmp(s, "copy") || !strcmp(s, "both");
	if (!run_move && !run_copy)
		usage_error("--mode wants move, copy or both", s);
}

static const struct option options[] = {
	{ "mode", required_argument, NULL, 'm' },
	{ "heap", required_argument, NULL, 'h' },
	{ "mutators", required_argument, NULL, 'n' },
	{ "cycles", required_argument, NULL, 'c' },
	{ "live", required_argument, NULL, 'l' },
	{ "seed", required_argument, NULL, 's' },
	{ "quick", no_argument, NULL, 'q' },
	{ "thp", no_argument, NULL, 't' },
	{ "share", no_argument, NULL, 'f' },
	{ "help", no_argument, NULL, '?' + 128 },
	{ NULL, 0, NULL, 0 },
};

static void set_option(int c)
{
	switch (c) {
	case 'm':
		set_mode(optarg);
		break;
	case 'h':
		conf.heap_mib = number("heap", optarg, 8, 2048);
		break;
	case 'n':
		conf.mutators = (unsigned int)number("mutators", optarg, 1, 64);
		break;
	case 'c':
		conf.cycles = (unsigned int)number("cycles", optarg, 1, 100000);
		break;
	case 'l':
		conf.live = (unsigned int)number("live", optarg, 10, 80);
		break;
	case 's':
		conf.seed = number("seed", optarg, 0, UINT64_MAX);
		break;
	case 't':
		conf.thp = true;
		break;
	case 'f':
		conf.share = true;
		break;
	case '?' + 128:
		fputs(usage_text, stdout);
		exit(0);
	default:
		exit(EXIT_USAGE);	/* getopt has said why */
	}
}

static void parse(int argc, char **argv)
{
	bool quick = false;
	int c;

	conf = (struct config){ .live = 50, .seed = 1 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'q')
			quick = true;
		else
			set_option(c);
	}
	conf.share |= quick;
	if (optind < argc)
		usage_error("no such argument", argv[optind]);
	if (!conf.heap_mib)
		conf.heap_mib = quick ? 16 : 96;
	if (!conf.mutators)
		conf.mutators = 2;
	if (!conf.cycles)
		conf.cycles = quick ? 3 : 5;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (run_move && !uffd_has_move()) {
		fprintf(stderr,
			"heap: this kernel has no UFFDIO_MOVE. Run `make demo` to see it on the patched\n"
			"kernel, use Linux 6.8 or later, or try --mode=copy, which works here.\n");
		return EXIT_NO_MOVE;
	}
	printf("heap of %zu MiB, %u %% of it alive, %u mutators, pages of %ld bytes, seed %llu%s%s\n",
	       conf.heap_mib, conf.live, conf.mutators, sysconf(_SC_PAGESIZE),
	       (unsigned long long)conf.seed, conf.thp ? ", huge pages" : "",
	       conf.share ? ", shared with a child in every other cycle" : "");
	return run_modes();
}
