// SPDX-License-Identifier: GPL-2.0
/* Every case there is, in the order in which they run. */
#include "bench.h"

#define CASES(X)		\
	X(move)			\
	X(copy)			\
	X(mremap)		\
	X(thp_whole)		\
	X(thp_pieces)		\
	X(swap)			\
	X(holes)		\
	X(holes_no_tables)	\
	X(mixed_holes)		\
	X(mixed_zero)		\
	X(mixed_shared)		\
	X(mixed_pinned)		\
	X(mlocked)		\
	X(fault_sigbus_move)	\
	X(fault_sigbus_copy)	\
	X(fault_thread_move)	\
	X(fault_thread_copy)	\
	X(scale_one)		\
	X(scale_many)		\
	X(churn)		\
	X(writer)		\
	X(against_nobody)	\
	X(against_reclaim)	\
	X(against_idle)		\
	X(base_copy)		\
	X(base_fault)		\
	X(base_fault_huge)	\
	X(base_cow_copied)	\
	X(base_cow_reused)	\
	X(base_cow_huge)	\
	X(base_fork)		\
	X(base_pageout)		\
	X(base_swapin)		\
	X(base_reclaim)		\
	X(base_idle)

#define DECLARE(name)	extern const struct bench_case name##_case;
#define POINTER(name)	&name##_case,

CASES(DECLARE)

const struct bench_case *const all_cases[] = { CASES(POINTER) NULL };
