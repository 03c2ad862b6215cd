// SPDX-License-Identifier: GPL-2.0
/* A protection that forbids moving, and looking at everything closely. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "stress.h"

void protect_range(struct range r, int prot)
{
	if (mprotect(address(r.slot), r.n * page_size, prot))
		violation("mprotect of %s, %u pages: %m", slot_name(r.slot), r.n);
}

static void look_at(struct range r, const char *when)
{
	uint64_t word;
	uint32_t i;

	check_range(r, when);
	for (i = 0; i < r.n; i++) {
		uint32_t slot = r.slot + i;

		if (is_page(held[slot]) && one_in(4) && !mark_page(slot))
			violation("%s: %s cannot be written", when, slot_name(slot));
		if (held[slot] != EMPTY)
			content_must_be(slot, held[slot], when);
		else if (area_of(slot)->uffd >= 0 && one_in(16) &&
			 try_load((uint64_t *)address(slot), &word))
			violation("%s: %s is empty and registered, but can be read: %#llx",
				  when, slot_name(slot), (unsigned long long)word);
	}
	beat();
}

/* Those who store get SIGSEGV for a while, and then go on. */
void op_protect(void)
{
	struct range r[2], ro;
	struct step *step;
	struct move m;
	int err;

	pick_move(&m);
	r[0] = (struct range){ m.src, m.n };
	r[1] = (struct range){ m.dst, m.n };
	if (!claim(r, 2))
		return;
	step = step_begin("mprotect", m.src, m.dst, m.n);
	ro = r[below(2)];
	protect_range(ro, PROT_READ);
	if (move_ioctl(&m, &err) || err != EINVAL)
		violation("UFFDIO_MOVE of %s to %s, %u pages, where one is read-only: errno %d, not EINVAL",
			  slot_name(m.src), slot_name(m.dst), m.n, err);
	check_range(r[0], "source that was read-only");
	check_range(r[1], "destination that was read-only");
	protect_range(ro, PROT_READ | PROT_WRITE);
	step_end(step, err);
	count_result(err);
	release(r, 2);
}

void op_verify(void)
{
	struct range r = pick_range(false);
	struct step *step;

	if (!claim(&r, 1))
		return;
	step = step_begin("verify", r.slot, NOWHERE, r.n);
	look_at(r, "looked at");
	step_end(step, 0);
	count_result(0);
	release(&r, 1);
}
