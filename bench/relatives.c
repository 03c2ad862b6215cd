// SPDX-License-Identifier: GPL-2.0
/*
 * Forked relatives move pages while their parent forks: whatever a move locks
 * in the anon_vma tree that they all share shows in both numbers.
 *
 *	relatives [MOVERS [PAGES_PER_IOCTL [SECONDS]]]		(4 16 3)
 *
 * Each mover owns 256 pages and moves them to and fro. The parent forks a child
 * that exits, waits for it, and sleeps for 20 ms. Prints pages moved in a
 * second, all movers together, and the time that a fork and exit take.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGES		256
#define MAX_MOVERS	64

struct shared {
	atomic_int stop;
	atomic_long moved[MAX_MOVERS];
};

static size_t page_size;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *map_pages(size_t nr, int flags)
{
	void *p = mmap(NULL, nr * page_size, PROT_READ | PROT_WRITE,
		       flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void register_pages(int uffd, char *start)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)start, PAGES * page_size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		die("UFFDIO_REGISTER");
}

static void move_all(int uffd, char *dst, char *src, size_t step)
{
	size_t done = 0, len = PAGES * page_size;

	while (done < len) {
		struct uffdio_move move = {
			.dst = (uintptr_t)dst + done,
			.src = (uintptr_t)src + done,
			.len = step < len - done ? step : len - done,
		};

		if (ioctl(uffd, UFFDIO_MOVE, &move) && errno != EAGAIN)
			die("UFFDIO_MOVE");
		if (move.move > 0)
			done += move.move;
	}
}

static void mover(struct shared *shared, int id, char *src, size_t batch)
{
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API };
	char *dst = map_pages(PAGES, MAP_PRIVATE), *swap;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		die("userfaultfd");
	/* Copies of its own, in the vma that it shares the anon_vma root of. */
	memset(src, id, PAGES * page_size);
	register_pages(uffd, src);
	register_pages(uffd, dst);
	while (!atomic_load(&shared->stop)) {
		move_all(uffd, dst, src, batch * page_size);
		atomic_fetch_add(&shared->moved[id], PAGES);
		swap = src;
		src = dst;
		dst = swap;
	}
	exit(0);
}

static double fork_and_exit(void)
{
	double begin = now();
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return now() - begin;
}

int main(int argc, char **argv)
{
	int nr = argc > 1 ? atoi(argv[1]) : 4, batch = argc > 2 ? atoi(argv[2]) : 16;
	double secs = argc > 3 ? atof(argv[3]) : 3, begin, took, sum = 0, max = 0;
	struct shared *shared;
	long moved = 0, forks = 0;
	int i, status, failed = 0;
	char *area;

	page_size = sysconf(_SC_PAGESIZE);
	if (nr < 1 || nr > MAX_MOVERS || batch < 1 || batch > PAGES || secs <= 0) {
		fprintf(stderr, "usage: relatives [MOVERS [PAGES_PER_IOCTL [SECONDS]]], at most %d and %d\n",
			MAX_MOVERS, PAGES);
		return 64;
	}
	shared = map_pages(1, MAP_SHARED);
	area = map_pages(nr * PAGES, MAP_PRIVATE);
	madvise(area, nr * PAGES * page_size, MADV_NOHUGEPAGE);
	memset(area, 1, nr * PAGES * page_size);
	for (i = 0; i < nr; i++) {
		if (!fork())
			mover(shared, i, area + i * PAGES * page_size, batch);
	}
	for (begin = now(); now() - begin < secs; forks++) {
		took = fork_and_exit();
		sum += took;
		max = took > max ? took : max;
		usleep(20000);
	}
	took = now() - begin;
	atomic_store(&shared->stop, 1);
	for (i = 0; i < nr; i++) {
		wait(&status);
		failed |= status;
		moved += atomic_load(&shared->moved[i]);
	}
	printf("%d movers, %d pages an ioctl: %.0f pages/s, fork and exit %.2f ms mean, %.2f ms max of %ld\n",
	       nr, batch, moved / took, sum / forks * 1e3, max * 1e3, forks);
	return failed ? 1 : 0;
}
