// SPDX-License-Identifier: GPL-2.0
/*
 * The userfaultfd, and the ioctls that fill a page. What to do on each
 * errno is decided here and nowhere else. Async-signal-safe from place_move()
 * on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "heap.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#ifndef UFFDIO_MOVE		/* headers older than the ioctl */
#define _UFFDIO_MOVE			(0x05)
#define UFFD_FEATURE_MOVE		(1 << 16)
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES ((__u64)1 << 1)

struct uffdio_move {
	__u64 dst;
	__u64 src;
	__u64 len;
	__u64 mode;
	__s64 move;
};

#define UFFDIO_MOVE _IOWR(UFFDIO, _UFFDIO_MOVE, struct uffdio_move)
#endif

/* @features: asked for on the way in, what there is on the way out. */
static int open_context(uint64_t *features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = *features };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	*features = api.features;
	return fd;
}

/* A context of its own tells what there is: asking ends its set-up. */
bool uffd_has_move(void)
{
	uint64_t features = 0;
	int fd = open_context(&features);

	if (fd < 0)
		die_errno("userfaultfd", errno);
	close(fd);
	return features & UFFD_FEATURE_MOVE;
}

int uffd_open(void)
{
	uint64_t features = UFFD_FEATURE_SIGBUS;
	int fd = open_context(&features);

	if (fd < 0)
		die_errno("userfaultfd with SIGBUS", errno);
	return fd;
}

static void register_range(void *start, size_t len)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)start, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(heap.uffd, UFFDIO_REGISTER, &reg))
		die_errno("UFFDIO_REGISTER", errno);
}

void uffd_register(void)
{
	register_range(heap.space, heap.size);
}

void uffd_unregister(void)
{
	struct uffdio_range range = {
		.start = (uintptr_t)heap.space, .len = heap.size,
	};

	if (ioctl(heap.uffd, UFFDIO_UNREGISTER, &range))
		die_errno("UFFDIO_UNREGISTER", errno);
}

/* Move one page from a hole, on the context which never asked for MOVE. */
void uffd_probe_move(void)
{
	char *p = mmap(NULL, 2 * heap.page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_move mv = { .mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES };

	if (p == MAP_FAILED)
		die_errno("mmap", errno);
	register_range(p, heap.page);
	mv.dst = (uintptr_t)p;
	mv.src = (uintptr_t)p + heap.page;
	mv.len = heap.page;
	if (ioctl(heap.uffd, UFFDIO_MOVE, &mv))
		die_errno("UFFDIO_MOVE of a hole", errno);
	if (mv.move != (int64_t)heap.page)
		die("UFFDIO_MOVE of a hole did not report one page");
	munmap(p, 2 * heap.page);
}

static const char * const call_name[NR_CALLS] = {
	"UFFDIO_MOVE", "UFFDIO_COPY", "UFFDIO_COPY of a new page",
};

/*
 * The ioctl failed: how many bytes to go on by, or -1 to give up because the
 * range was unregistered meanwhile. @done is what the kernel reported.
 */
static int64_t react(struct thread *t, int call, int error, int64_t done)
{
	uint64_t *count = t->stats.errors[call];

	switch (error) {
	case EAGAIN:
		if (done > 0) {
			count[OUT_SHORT]++;
			t->stats.pages[call] += (uint64_t)done / heap.page;
			return done;
		}
		count[OUT_AGAIN]++;
		return 0;
	case EEXIST:
		count[OUT_EXIST]++;
		return (int64_t)heap.page;
	case ENOENT:
		/* MOVE: no page at the source, so it was mapped already. */
		count[OUT_NOENT]++;
		if (call == CALL_MOVE)
			return (int64_t)heap.page;
		if (t->late)
			return -1;
		break;
	case EINVAL:
		count[OUT_INVAL]++;
		if (t->late)
			return -1;
		break;
	}
	die_errno(call_name[call], error);
}

/* Map @n pages of the moving space by taking them from @src. */
void place_move(struct thread *t, size_t page, char *src, size_t n)
{
	uintptr_t dst = (uintptr_t)page_at(page);
	uint64_t left = n * heap.page;

	while (left) {
		struct uffdio_move mv = {
			.dst = dst, .src = (uintptr_t)src, .len = left,
		};
		int64_t done;

		t->stats.calls[CALL_MOVE]++;
		if (!ioctl(heap.uffd, UFFDIO_MOVE, &mv)) {
			if (mv.move != (int64_t)left)
				die("UFFDIO_MOVE: success, but not all moved");
			t->stats.pages[CALL_MOVE] += left / heap.page;
			return;
		}
		if (errno == EBUSY) {
			t->stats.errors[CALL_MOVE][OUT_BUSY]++;
			place_copy(t, (dst - (uintptr_t)heap.space) / heap.page,
				   src);
			drop_pages(src, heap.page);
			done = (int64_t)heap.page;
		} else {
			done = react(t, CALL_MOVE, errno, mv.move);
		}
		if (done < 0)
			return;
		dst += (uint64_t)done;
		src += done;
		left -= (uint64_t)done;
	}
}

/* Copies @n pages for calls that count as CALL_COPY or CALL_NEW. */
static void copy_pages(struct thread *t, int call, size_t page,
		       const char *src, size_t n)
{
	uintptr_t dst = (uintptr_t)page_at(page);
	uint64_t left = n * heap.page;

	while (left) {
		struct uffdio_copy copy = {
			.dst = dst, .src = (uintptr_t)src, .len = left,
		};
		int64_t done;

		t->stats.calls[call]++;
		if (!ioctl(heap.uffd, UFFDIO_COPY, &copy)) {
			t->stats.pages[call] += left / heap.page;
			return;
		}
		done = react(t, call, errno, copy.copy);
		if (done < 0)
			return;
		dst += (uint64_t)done;
		src += done;
		left -= (uint64_t)done;
	}
}

void place_copy(struct thread *t, size_t page, const char *src)
{
	copy_pages(t, CALL_COPY, page, src, 1);
}

/*
 * Zeroes, copied. UFFDIO_ZEROPAGE would do with less memory, were it not that
 * these pages are about to be written to: each would fault again, and flush
 * the zero page from all TLBs.
 */
void place_new(struct thread *t, size_t page, size_t n)
{
	copy_pages(t, CALL_NEW, page, heap.zeroes, n);
}

void drop_pages(char *start, size_t bytes)
{
	if (bytes && madvise(start, bytes, MADV_DONTNEED))
		die_errno("MADV_DONTNEED", errno);
}
