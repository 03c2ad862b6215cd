/* SPDX-License-Identifier: GPL-2.0 */
/* Two at the same slots at the same time: the mover, and its accomplice. */
#ifndef DUET_H
#define DUET_H

#include "stress.h"

#define MOST		1024
#define SIDES		3		/* source, destination, a third range */

struct duet {
	const struct duet_kind *kind;
	struct move m;
	struct range side[SIDES];
	unsigned int nr_sides;
	uint32_t from, n;		/* the part that the accomplice is about */
	unsigned int delay, head_start;	/* of the accomplice */
	uint32_t done;			/* pages that the move says it moved */
	int err;
	uint32_t fresh[MOST];		/* what is brought in from outside, */
	bool brought[MOST];		/* and whether it is there now */
	uint32_t was[SIDES][MOST];
	uint32_t dead[SIDES * MOST];
	uint32_t nr_dead;
	bool idle;			/* it could not do what it is for */
};

struct duet_kind {
	const char *name;
	void (*act)(struct duet *d);
	bool third, registered_src;
	bool discards, copies;
	/* Nobody else moves or discards: what the move says is so. */
	bool exact;
	/* The mapping changes, too: of the destination, where nobody must be then. */
	bool refuses, remaps;
	/* It concerns both areas as a whole: nobody else is in there meanwhile. */
	bool whole;
};

extern const struct duet_kind duet_kinds[];
extern const unsigned int nr_duet_kinds;

#endif
