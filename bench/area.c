// SPDX-License-Identifier: GPL-2.0
/* Memory to measure with. Every area starts at a huge page's boundary. */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Between two areas there is always something else, so that they never merge. */
char *map_area(size_t pages, int advice)
{
	size_t len = pages * page_size;
	char *reserve = mmap(NULL, len + 2 * pmd_size, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *start, *end;

	if (reserve == MAP_FAILED)
		die("mmap");
	start = (char *)(((uintptr_t)reserve + 2 * page_size + pmd_size - 1) & -pmd_size);
	end = reserve + len + 2 * pmd_size;
	if (munmap(reserve, start - page_size - reserve) ||
	    munmap(start + len, end - start - len) ||
	    mprotect(start, len, PROT_READ | PROT_WRITE) ||
	    madvise(start, len, advice))
		die("map_area");
	return start;
}

void unmap_area(char *start, size_t pages)
{
	if (munmap(start - page_size, (pages + 1) * page_size))
		die("munmap");
}

/*
 * Each page is different, and the same in each boot, wherever it is: zram takes
 * another number of instructions for other bytes.
 */
void fill(char *start, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		*(uint64_t *)(start + i * page_size) = i + 1;
}

/* Mapped huge: a page of it has no page table entry of its own. */
bool all_huge(char *start, size_t pages)
{
	return smaps(start, "AnonHugePages") == (long)(pages * page_size);
}

int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		die("userfaultfd");
	return uffd;
}

void register_area(int uffd, char *start, size_t pages)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)start, pages * page_size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		die("UFFDIO_REGISTER");
}

void move_range(int uffd, char *dst, char *src, size_t len, uint64_t mode)
{
	struct uffdio_move move;
	size_t done = 0;

	do {
		move = (struct uffdio_move) {
			.dst = (uintptr_t)dst + done,
			.src = (uintptr_t)src + done,
			.len = len - done,
			.mode = mode,
		};
		if (!ioctl(uffd, UFFDIO_MOVE, &move))
			return;
		if (errno != EAGAIN)
			die("UFFDIO_MOVE");
		done += move.move > 0 ? move.move : 0;
	} while (done < len);
}

void copy_range(int uffd, char *dst, char *src, size_t len, uint64_t mode)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)dst,
		.src = (uintptr_t)src,
		.len = len,
		.mode = mode,
	};

	if (ioctl(uffd, UFFDIO_COPY, &copy))
		die("UFFDIO_COPY");
}
