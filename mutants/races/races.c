// SPDX-License-Identifier: GPL-2.0
/*
 * Races that are a few instructions wide, each held open by a window of the
 * kernel: somebody stops there, and the test does what comes in between.
 *
 *	races [PATTERN...]
 *
 * The selftests are in here, too. Windows are those of mutants/0001 and 0002.
 */
#include "uffd-unit-tests.c"

#define WINDOWS		"/sys/kernel/debug/windows"
#define KPF_LOCKED	0

/* So long a window stays open for what the other one cannot wait for. */
#define SHORT_MS	500
/* And so long for what closes it: if it takes longer, nothing was raced. */
#define LONG_MS		18000
/* What the other one does meanwhile, and cannot be seen doing. */
#define MEANWHILE_MS	50

/* === Windows === */

static bool set_window(const char *name, unsigned int ms)
{
	char line[64];

	snprintf(line, sizeof(line), "%s %u", name, ms * 1000);
	return write_text(WINDOWS, line);
}

/*
 * Somebody in a window may hold the mmap_lock, even with a writer waiting for
 * it: nothing here allocates memory, nor does anything between hold() and
 * let_go().
 */
static bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	close(fd);
	text[len < 0 ? 0 : len] = '\0';
	return len > 0;
}

static bool window_is(const char *name, const char *state)
{
	static char all[4096];
	char line[64];

	snprintf(line, sizeof(line), "%s %s\n", name, state);
	return read_file(WINDOWS, all, sizeof(all)) && strstr(all, line);
}

static const char *held[8];
static unsigned int nr_held;

/* A test that has failed does not wait for its windows to close. */
static void let_all_go(int sig)
{
	while (nr_held)
		set_window(held[--nr_held], 0);
}

static void hold_for(struct __test_metadata *_metadata, const char *name,
		     unsigned int ms)
{
	if (access(WINDOWS, W_OK))
		SKIP_TEST("this kernel has no windows");
	signal(SIGABRT, let_all_go);
	if (nr_held < sizeof(held) / sizeof(held[0]))
		held[nr_held++] = name;
	ASSERT_TRUE(set_window(name, ms)) TH_LOG("%s: %m", name);
}

/* Who comes there next is held until let_go(). */
static void hold(struct __test_metadata *_metadata, const char *name)
{
	hold_for(_metadata, name, LONG_MS);
}

static void wait_held(struct __test_metadata *_metadata, const char *name)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (!window_is(name, "open") && now_ms() < end)
		sched_yield();
	ASSERT_TRUE(window_is(name, "open")) TH_LOG("nobody came to %s", name);
}

static void let_go(struct __test_metadata *_metadata, const char *name)
{
	ASSERT_TRUE(set_window(name, 0)) TH_LOG("%s closed too early", name);
}

/* === Threads === */

struct actor {
	pthread_t thread;
	void (*act)(struct actor *actor);
	int uffd;
	char *dst, *src;
	size_t len;
	__u64 mode;
	int node, tid;
	struct outcome out;
	atomic_bool go, done;
};

/* The test has the first CPU to itself, whoever is held on the others. */
static void stay_on(bool first)
{
	cpu_set_t set;
	int cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
		if (first == !cpu)
			CPU_SET(cpu, &set);
	}
	sched_setaffinity(0, sizeof(set), &set);
}

static void *run_actor(void *arg)
{
	struct actor *actor = arg;

	stay_on(false);
	actor->tid = gettid();
	while (!actor->go)
		usleep(100);
	actor->act(actor);
	actor->done = true;
	return NULL;
}

/* All that are going to act, before anybody is held: that takes locks. */
static void summon(struct __test_metadata *_metadata, struct actor *actor,
		   void (*act)(struct actor *))
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 3)
		SKIP_TEST("needs three CPUs");
	stay_on(true);
	actor->act = act;
	ASSERT_EQ(0, pthread_create(&actor->thread, NULL, run_actor, actor));
	while (!actor->tid)
		sched_yield();
}

static void start(struct actor *actor, void *src, size_t len)
{
	actor->src = src;
	actor->len = len;
	actor->go = true;
}

/* As long as it takes, if it ends at all. */
static void join(struct __test_metadata *_metadata, struct actor *actor)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (!actor->done && now_ms() < end)
		sleep_ms(1);
	ASSERT_TRUE(atomic_load(&actor->done));
	ASSERT_EQ(0, pthread_join(actor->thread, NULL));
}

static void act_move(struct actor *actor)
{
	actor->out = move(actor->uffd, actor->dst, actor->src, actor->len,
			  actor->mode);
}

static void act_read(struct actor *actor)
{
	signal_of_read(actor->src);
}

static void act_discard(struct actor *actor)
{
	madvise(actor->src, actor->len, MADV_DONTNEED);
}

static void act_page_out(struct actor *actor)
{
	madvise(actor->src, actor->len, MADV_PAGEOUT);
}

static void act_unmap(struct actor *actor)
{
	munmap(actor->src, actor->len);
}

static void act_migrate(struct actor *actor)
{
	void *page = actor->src;
	int status;

	syscall(__NR_move_pages, 0, 1UL, &page, &actor->node, &status,
		MPOL_MF_MOVE);
}

/*
 * Idle tracking has no frames beyond the last 64 that are aligned. Gives the
 * first page of src, which is registered, another one until it has one of those;
 * the old ones are kept.
 */
static void need_walks(struct __test_metadata *_metadata, struct area *a)
{
	void *kept;

	need_idle_tracking(_metadata);
	while (!set_idle(a->page[0].pfn)) {
		kept = mremap(a->src, page_size, page_size,
			      MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
		ASSERT_NE(MAP_FAILED, kept);
		ASSERT_EQ(0, place(a->uffd, a->src, kept));
		a->page[0].pfn = pfn_of(a->src);
	}
}

/* A walk of the rmap, with the folio locked. */
static void act_set_idle(struct actor *actor)
{
	set_idle(pfn_of(actor->src));
}

static void start_move(struct actor *actor, struct area *a, size_t from,
		       size_t to)
{
	actor->uffd = a->uffd;
	actor->dst = dst_page(a, from);
	start(actor, src_page(a, from), (to - from) * page_size);
}

/* Not to be interrupted: it waits for a lock. */
static bool is_asleep(struct actor *actor)
{
	char path[64], text[256], *name_end;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", actor->tid);
	if (!read_file(path, text, sizeof(text)))
		return false;
	name_end = strrchr(text, ')');
	return name_end && name_end[2] == 'D';
}

static void wait_asleep(struct __test_metadata *_metadata, struct actor *actor)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (!is_asleep(actor) && now_ms() < end)
		sched_yield();
	ASSERT_TRUE(is_asleep(actor));
}

/* === Pins === */

static void act_pin_fast(struct actor *actor)
{
	struct gup_args gup = {
		.addr = (uintptr_t)actor->src,
		.size = page_size,
		.nr_pages_per_call = 1,
		.gup_flags = 1,		/* FOLL_WRITE */
	};
	int fd = open(GUP_TEST, O_RDWR | O_CLOEXEC);

	actor->out.err = ioctl(fd, PIN_FAST, &gup) ? errno : 0;
	close(fd);
}

/* Who moves, and who pins the first page meanwhile */
struct late_pin {
	struct actor mover, pinner;
};

/*
 * GUP-fast, which takes no lock, pins the page while a move has its locks and is
 * about to take it.
 */
static void pin_late(struct __test_metadata *_metadata, struct late_pin *late,
		     struct area *a, const char *window)
{
	*late = (struct late_pin){ .mover.mode = HOLES };
	summon(_metadata, &late->mover, act_move);
	summon(_metadata, &late->pinner, act_pin_fast);
	hold(_metadata, window);
	hold(_metadata, "pinned");
	start_move(&late->mover, a, 0, a->nr);
	wait_held(_metadata, window);
	start(&late->pinner, a->src, page_size);
	wait_held(_metadata, "pinned");
	let_go(_metadata, window);
	join(_metadata, &late->mover);
}

static void unpin_late(struct __test_metadata *_metadata,
		       struct late_pin *late)
{
	let_go(_metadata, "pinned");
	join(_metadata, &late->pinner);
	ASSERT_EQ(0, late->pinner.out.err);
}

/* The pin is still there, so the page has to be, too, and all behind it. */
static void check_pinned_late(struct __test_metadata *_metadata,
			      struct area *a, const char *window)
{
	struct late_pin late;

	pin_late(_metadata, &late, a, window);
	check_stayed(_metadata, a, 0, a->nr);
	ASSERT_EQ(EBUSY, late.mover.out.err);
	unpin_late(_metadata, &late);
	ASSERT_MOVED(a->len, move_all(a, HOLES));
	check_moved(_metadata, a, 0, a->nr);
}

TEST_F_TIMEOUT(pins, taken_at_the_last_moment, TIMEOUT)
{
	check_pinned_late(_metadata, &self->a, variant->huge ?
			  "before_huge_clear" : "before_clear");
}

TEST_F_TIMEOUT(state, zero_page_and_hole_behind_a_late_pin, TIMEOUT)
{
	struct area *a = &self->a;

	zero_src(_metadata, a, 1);
	drop_src(_metadata, a, 2);
	check_pinned_late(_metadata, a, "before_clear");
}

TEST_F_TIMEOUT(cached, hole_behind_a_late_pin, TIMEOUT)
{
	struct area *a = &self->a;

	fill_page(src_page(a, 0), a->page[0].id);
	a->page[0].pfn = pfn_of(a->src);
	a->page[0].slot = 0;
	drop_src(_metadata, a, 1);
	check_pinned_late(_metadata, a, "before_clear");
}

/* Behind the pinned page is one that has to be split, and is not. */
TEST_F_TIMEOUT(thp, mapped_by_ptes_behind_a_late_pin, TIMEOUT)
{
	struct area *a = &self->a;
	struct late_pin late;

	map_by_ptes(_metadata, self);
	drop_src(_metadata, a, 0);
	a->page[0] = new_page(_metadata, a->src, ID_FIRST);
	pin_late(_metadata, &late, a, "before_clear");
	ASSERT_EQ(EBUSY, late.mover.out.err);
	ASSERT_TRUE(kpageflag(a->page[1].pfn, KPF_THP));
	check_thp_pages(_metadata, self, false);
	unpin_late(_metadata, &late);
	/* It can be split: nobody has held on to it. */
	check_thp_moves(_metadata, self);
}

/* === Base pages === */

FIXTURE(race) {
	struct area a;
	struct io_uring ring;
};

#define RACE_PAGES	8

FIXTURE_SETUP(race)
{
	make_area(_metadata, &self->a, UFFD_FEATURE_SIGBUS, RACE_PAGES);
	ASSERT_REGISTERED(self->a.uffd, self->a.src, self->a.len);
	open_ring(_metadata, &self->ring);
	drain_lru();
}

FIXTURE_TEARDOWN(race)
{
	ring_close(&self->ring);
	free(self->a.page);
	close(self->a.uffd);
}

/* Both find the place empty, if the first one's lock doesn't keep the other out. */
TEST_F_TIMEOUT(race, two_to_one_place, TIMEOUT)
{
	struct area *a = &self->a;
	char *other = map_anon(_metadata, arena + 12 * pmd_size, page_size);
	struct actor mover = { };
	struct page page = new_page(_metadata, other, 5000);

	summon(_metadata, &mover, act_move);
	hold_for(_metadata, "taken", SHORT_MS);
	start_move(&mover, a, 0, 1);
	wait_held(_metadata, "taken");
	ASSERT_FAILED(EEXIST, move(a->uffd, a->dst, other, page_size, 0));
	join(_metadata, &mover);
	ASSERT_EQ(0, mover.out.err);
	check_moved(_metadata, a, 0, 1);
	check_page(_metadata, other, page);
}

/* One has a lock that the other wants next. */
TEST_F_TIMEOUT(race, opposite_directions, TIMEOUT)
{
	struct area *a = &self->a;
	struct actor mover = { };

	ASSERT_MOVED(page_size, move_pages_of(a, 1, 2, 0));
	summon(_metadata, &mover, act_move);
	hold_for(_metadata, "one_ptl", SHORT_MS);
	start_move(&mover, a, 0, 1);
	wait_held(_metadata, "one_ptl");
	ASSERT_MOVED(page_size, move(a->uffd, src_page(a, 1), dst_page(a, 1),
				     page_size, 0));
	join(_metadata, &mover);
	ASSERT_EQ(0, mover.out.err);
	check_moved(_metadata, a, 0, 1);
	check_stayed(_metadata, a, 1, 2);
}

/* Taken, pinned, to be put back: not a hole that could be passed over. */
TEST_F_TIMEOUT(race, taken_page_is_no_hole, TIMEOUT)
{
	char *far = map_anon(_metadata, arena + 12 * pmd_size, page_size);
	struct area *a = &self->a;
	struct actor mover = { };

	ASSERT_REGISTERED(a->uffd, far, page_size);
	pin_src(_metadata, a, &self->ring, 0, 1);
	summon(_metadata, &mover, act_move);
	hold_for(_metadata, "taken", SHORT_MS);
	start_move(&mover, a, 0, 1);
	wait_held(_metadata, "taken");
	ASSERT_FAILED(EBUSY, move(a->uffd, far, a->src, page_size, HOLES));
	join(_metadata, &mover);
	ASSERT_EQ(EBUSY, mover.out.err);
	check_stayed(_metadata, a, 0, 1);
}

/* A page has come there before the locks were taken. */
TEST_F_TIMEOUT(race, dst_is_filled, TIMEOUT)
{
	char *data = mmap(NULL, page_size, RW, ANON, -1, 0);
	struct area *a = &self->a;
	struct actor mover = { };

	fill_page(data, 5000);
	summon(_metadata, &mover, act_move);
	hold(_metadata, "before_ptls");
	start_move(&mover, a, 0, 1);
	wait_held(_metadata, "before_ptls");
	ASSERT_EQ(0, place(a->uffd, a->dst, data));
	let_go(_metadata, "before_ptls");
	join(_metadata, &mover);
	ASSERT_EQ(EEXIST, mover.out.err);
	ASSERT_TRUE(page_is(a->dst, 5000));
	check_page(_metadata, a->src, a->page[0]);
	check_stayed(_metadata, a, 1, a->nr);
}

/* The source has not even a page table, and the destination has a page. */
TEST_F_TIMEOUT(race, hole_onto_page, TIMEOUT)
{
	char *hole = map_anon(_metadata, arena + 12 * pmd_size, page_size);
	struct area *a = &self->a;

	ASSERT_MOVED(page_size, move_pages_of(a, 0, 1, 0));
	ASSERT_FAILED(EEXIST, move(a->uffd, a->dst, hole, page_size, HOLES));
	check_moved(_metadata, a, 0, 1);
}

/* The source has a page table, with nothing in it. */
TEST_F_TIMEOUT(race, empty_table_needs_none, TIMEOUT)
{
	char *src = map_anon(_metadata, arena + 12 * pmd_size, page_size);
	char *dst = map_anon(_metadata, arena + 14 * pmd_size, page_size);
	struct area *a = &self->a;
	long before;

	*src = 1;
	ASSERT_EQ(0, madvise(src, page_size, MADV_DONTNEED));
	ASSERT_REGISTERED(a->uffd, dst, page_size);
	before = proc_status("VmPTE");
	ASSERT_MOVED(page_size, move(a->uffd, dst, src, page_size, HOLES));
	ASSERT_EQ(before, proc_status("VmPTE"));
}

/* A huge page comes where a page table was about to be. */
TEST_F_TIMEOUT(race, table_becomes_huge, TIMEOUT)
{
	char *dst = arena + 12 * pmd_size;
	struct area *a = &self->a;
	struct actor mover = { };
	size_t i;

	need_small_huge_pages(_metadata);
	advise_huge(_metadata, dst, pmd_size);
	/* Nobody is asked about what is missing there. */
	if (try_register(a->uffd, dst, pmd_size, UFFDIO_REGISTER_MODE_WP, NULL))
		SKIP_TEST("no write-protection by userfaultfd");
	summon(_metadata, &mover, act_move);
	hold(_metadata, "before_pte_alloc");
	mover.uffd = a->uffd;
	mover.dst = dst;
	start(&mover, a->src, page_size);
	wait_held(_metadata, "before_pte_alloc");
	dst[page_size] = 1;
	ASSERT_TRUE(kpageflag(pfn_of(dst), KPF_THP));
	let_go(_metadata, "before_pte_alloc");
	join(_metadata, &mover);
	ASSERT_EQ(EEXIST, mover.out.err);
	check_page(_metadata, a->src, a->page[0]);
	ASSERT_EQ(1, dst[page_size]);
	dst[page_size] = 0;
	for (i = 0; i < pmd_size / page_size; i++)
		ASSERT_TRUE(page_is_zero(dst + i * page_size));
}

/* A move waits for another, who is held up at the first page, and then is done. */
static void move_after(struct __test_metadata *_metadata, struct area *a,
		       struct actor *other, void (*act)(struct actor *actor),
		       const char *window)
{
	struct actor mover = { };

	summon(_metadata, &mover, act_move);
	summon(_metadata, other, act);
	drain_lru();
	hold(_metadata, window);
	start(other, a->src, page_size);
	wait_held(_metadata, window);
	start_move(&mover, a, 0, a->nr);
	wait_asleep(_metadata, &mover);
	let_go(_metadata, window);
	join(_metadata, &mover);
	join(_metadata, other);
	ASSERT_EQ(0, mover.out.err);
}

/* Somebody who walks the rmap has the folio locked: it is waited for. */
static void move_when_unlocked(struct __test_metadata *_metadata,
			       struct area *a)
{
	struct actor walker = { };

	move_after(_metadata, a, &walker, act_set_idle, "idle_locked");
	check_moved(_metadata, a, 0, a->nr);
}

/* And nothing is left behind. */
TEST_F_TIMEOUT(race, locked_is_waited_for, TIMEOUT)
{
	struct area *a = &self->a;
	int node[2], from;

	need_walks(_metadata, a);
	if (!two_nodes(node))
		SKIP_TEST("one memory node");
	from = node_of(a->src);
	move_when_unlocked(_metadata, a);
	/* With one reference too many a page does not migrate. */
	drain_lru();
	ASSERT_EQ(a->nr, migrate_pages_to(a->dst, a->nr, node[from == node[0]]));
}

/*
 * The page that was waited for is discarded meanwhile. While the next one is
 * waited for, nobody needs its lock any more.
 */
TEST_F_TIMEOUT(race, locked_and_discarded, TIMEOUT)
{
	struct actor mover = { .mode = HOLES }, walker = { }, migrator = { };
	struct area *a = &self->a;
	uint64_t pfn;
	int node[2];

	need_walks(_metadata, a);
	pfn = a->page[0].pfn;
	if (!two_nodes(node))
		SKIP_TEST("one memory node");
	migrator.node = node[node_of(a->src) == node[0]];
	summon(_metadata, &mover, act_move);
	summon(_metadata, &walker, act_set_idle);
	summon(_metadata, &migrator, act_migrate);
	drain_lru();
	/* First it waits for all CPUs. */
	hold(_metadata, "before_migrating");
	start(&migrator, src_page(a, 1), page_size);
	wait_held(_metadata, "before_migrating");
	hold(_metadata, "idle_locked");
	start(&walker, a->src, page_size);
	wait_held(_metadata, "idle_locked");
	hold(_metadata, "folio_waited_for");
	start_move(&mover, a, 0, 2);
	wait_asleep(_metadata, &mover);
	let_go(_metadata, "idle_locked");
	wait_held(_metadata, "folio_waited_for");
	hold(_metadata, "migrating");
	let_go(_metadata, "before_migrating");
	wait_held(_metadata, "migrating");
	ASSERT_EQ(0, madvise(a->src, page_size, MADV_DONTNEED));
	ASSERT_TRUE(kpageflag(pfn, KPF_LOCKED));
	let_go(_metadata, "folio_waited_for");
	wait_asleep(_metadata, &mover);
	ASSERT_FALSE(kpageflag(pfn, KPF_LOCKED));
	let_go(_metadata, "migrating");
	join(_metadata, &mover);
	join(_metadata, &walker);
	join(_metadata, &migrator);
	ASSERT_EQ(0, mover.out.err);
	ASSERT_TRUE(is_hole(a->dst));
	ASSERT_TRUE(page_is(dst_page(a, 1), a->page[1].id));
}

/* A writer waits for the mmap_lock before the first page has moved. */
TEST_F_TIMEOUT(race, locked_and_contended, TIMEOUT)
{
	char *far = map_anon(_metadata, arena + 12 * pmd_size, page_size);
	struct actor mover = { }, walker = { }, unmapper = { };
	struct area *a = &self->a;

	need_walks(_metadata, a);
	summon(_metadata, &mover, act_move);
	summon(_metadata, &walker, act_set_idle);
	summon(_metadata, &unmapper, act_unmap);
	is_asleep(&unmapper);
	drain_lru();
	hold(_metadata, "idle_locked");
	hold(_metadata, "after_step");
	start(&walker, a->src, page_size);
	wait_held(_metadata, "idle_locked");
	start_move(&mover, a, 0, a->nr);
	wait_held(_metadata, "after_step");
	start(&unmapper, far, page_size);
	wait_asleep(_metadata, &unmapper);
	let_go(_metadata, "after_step");
	sleep_ms(MEANWHILE_MS);
	let_go(_metadata, "idle_locked");
	join(_metadata, &mover);
	join(_metadata, &walker);
	join(_metadata, &unmapper);
	ASSERT_EQ(0, mover.out.err);
	check_moved(_metadata, a, 0, a->nr);
}

/*
 * The next page is locked, and a writer waits for the mmap_lock, which is dropped
 * before that page is waited for; and nothing is left behind. The window keeps
 * the move from taking the lock again: readers may overtake writers.
 */
TEST_F_TIMEOUT(race, locked_next_and_contended, TIMEOUT)
{
	char *far = map_anon(_metadata, arena + 12 * pmd_size, page_size);
	struct actor mover = { }, migrator = { }, unmapper = { };
	struct area *a = &self->a;
	int node[2];

	if (!two_nodes(node))
		SKIP_TEST("one memory node");
	migrator.node = node[node_of(src_page(a, 1)) == node[0]];
	summon(_metadata, &mover, act_move);
	summon(_metadata, &migrator, act_migrate);
	summon(_metadata, &unmapper, act_unmap);
	is_asleep(&unmapper);
	drain_lru();
	hold(_metadata, "before_migrating");
	start(&migrator, src_page(a, 1), page_size);
	wait_held(_metadata, "before_migrating");
	hold(_metadata, "after_step");
	start_move(&mover, a, 0, a->nr);
	wait_held(_metadata, "after_step");
	ASSERT_TRUE(is_hole(a->src));
	start(&unmapper, far, page_size);
	wait_asleep(_metadata, &unmapper);
	hold(_metadata, "unlocked");
	let_go(_metadata, "after_step");
	wait_held(_metadata, "unlocked");
	join(_metadata, &unmapper);
	let_go(_metadata, "unlocked");
	/* It has been locked all the time. */
	let_go(_metadata, "before_migrating");
	join(_metadata, &mover);
	join(_metadata, &migrator);
	ASSERT_EQ(0, mover.out.err);
	for (size_t i = 0; i < a->nr; i++)
		ASSERT_TRUE(page_is(dst_page(a, i), a->page[i].id));
	drain_lru();
	ASSERT_EQ(a->nr, migrate_pages_to(a->dst, a->nr, node[0]));
	ASSERT_EQ(a->nr, migrate_pages_to(a->dst, a->nr, node[1]));
}

/* There is a migration entry: what it stands for moves once it has migrated. */
static void move_when_migrated(struct __test_metadata *_metadata,
			       struct area *a)
{
	struct actor migrator = { };
	int node[2];

	if (!two_nodes(node))
		SKIP_TEST("one memory node");
	migrator.node = node[node_of(a->src) == node[0]];
	move_after(_metadata, a, &migrator, act_migrate, "migrating");
	ASSERT_EQ(migrator.node, node_of(a->dst));
	ASSERT_TRUE(is_hole(a->src));
	ASSERT_TRUE(page_is(a->dst, a->page[0].id));
}

/* What is on its way to other memory is in the way all the same. */
TEST_F_TIMEOUT(race, dst_is_migrating, TIMEOUT)
{
	struct actor migrator = { };
	struct area *a = &self->a;
	int node[2];

	if (!two_nodes(node))
		SKIP_TEST("one memory node");
	ASSERT_EQ(0, place(a->uffd, a->dst, src_page(a, 1)));
	migrator.node = node[node_of(a->dst) == node[0]];
	summon(_metadata, &migrator, act_migrate);
	drain_lru();
	hold(_metadata, "migrating");
	start(&migrator, a->dst, page_size);
	wait_held(_metadata, "migrating");
	ASSERT_FALSE(is_present(a->dst));
	ASSERT_FAILED(EEXIST, move_pages_of(a, 0, 1, 0));
	let_go(_metadata, "migrating");
	join(_metadata, &migrator);
	ASSERT_EQ(migrator.node, node_of(a->dst));
	ASSERT_TRUE(page_is(a->dst, a->page[1].id));
	ASSERT_TRUE(page_is(a->src, a->page[0].id));
}

TEST_F_TIMEOUT(race, migration_is_waited_for, TIMEOUT)
{
	move_when_migrated(_metadata, &self->a);
}

/* More than a CPU keeps for itself before it gives them back. */
#define SLOTS_GIVEN_BACK	200

/* The page is written to, and its slot is free for others, while one looks. */
TEST_F_TIMEOUT(race, slot_is_given_back, TIMEOUT)
{
	struct area *a = &self->a;
	struct actor mover = { };
	size_t i;

	need_swap(_metadata);
	free(a->page);
	set_size(_metadata, a, SLOTS_GIVEN_BACK);
	a->src = map_anon(_metadata, a->src, a->len);
	fill_src(_metadata, a);
	swap_out_for_good(_metadata, a);
	summon(_metadata, &mover, act_move);
	hold(_metadata, "before_ptls");
	start_move(&mover, a, 0, 1);
	wait_held(_metadata, "before_ptls");
	for (i = 0; i < a->nr; i++)
		fill_page(src_page(a, i), 5000 + i);
	let_go(_metadata, "before_ptls");
	join(_metadata, &mover);
	ASSERT_EQ(0, mover.out.err);
	ASSERT_TRUE(is_hole(a->src));
	ASSERT_TRUE(is_present(a->dst));
	ASSERT_TRUE(page_is(a->dst, 5000));
}

/* A swap-in from zram, of which only a flag is to be seen. */
static void start_swap_in(struct __test_metadata *_metadata, struct area *a,
			  struct actor *reader)
{
	need_swap(_metadata);
	swap_out_for_good(_metadata, a);
	summon(_metadata, reader, act_read);
	hold(_metadata, "swapping_in");
	start(reader, a->src, 1);
	wait_held(_metadata, "swapping_in");
}

/* For as long as it takes, on a busy machine. */
static void act_move_stubbornly(struct actor *actor)
{
	do {
		act_move(actor);
	} while (actor->out.err == EBUSY);
}

/* The page moves when it is there: nobody has to read it again. */
TEST_F_TIMEOUT(race, swap_in_is_waited_for, TIMEOUT)
{
	struct actor mover = { }, reader = { };
	struct area *a = &self->a;

	summon(_metadata, &mover, act_move_stubbornly);
	start_swap_in(_metadata, a, &reader);
	hold(_metadata, "before_ptls");
	start_move(&mover, a, 0, 1);
	wait_held(_metadata, "before_ptls");
	let_go(_metadata, "before_ptls");
	sleep_ms(MEANWHILE_MS);
	let_go(_metadata, "swapping_in");
	join(_metadata, &mover);
	join(_metadata, &reader);
	ASSERT_EQ(0, mover.out.err);
	ASSERT_TRUE(is_present(a->dst));
	ASSERT_TRUE(page_is(a->dst, a->page[0].id));
}

/* But not for ever: then the entry moves, and the reader finds none. */
TEST_F_TIMEOUT(race, wait_for_swap_in_ends, TIMEOUT)
{
	struct area *a = &self->a;
	struct actor reader = { };

	start_swap_in(_metadata, a, &reader);
	ASSERT_MOVED(page_size, move_pages_of(a, 0, 1, 0));
	ASSERT_TRUE(is_hole(a->src));
	let_go(_metadata, "swapping_in");
	join(_metadata, &reader);
	ASSERT_TRUE(is_hole(a->src));
	ASSERT_TRUE(page_is(a->dst, a->page[0].id));
}

static void wait_for_write(struct __test_metadata *_metadata, struct area *a,
			   size_t k)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (kpageflag(a->page[k].pfn, KPF_WRITEBACK) && now_ms() < end)
		sleep_ms(1);
	ASSERT_FALSE(kpageflag(a->page[k].pfn, KPF_WRITEBACK));
	ASSERT_TRUE(kpageflag(a->page[k].pfn, KPF_SWAPCACHE));
}

/* Memory failure takes it out of the swap cache before it is locked. */
TEST_F_TIMEOUT(slow_swap, leaves_the_cache, TIMEOUT)
{
	struct area *a = &self->a;
	struct actor mover = { };
	uint64_t pfn = a->page[0].pfn;
	char text[32];

	if (access("/sys/kernel/debug/hwpoison/corrupt-pfn", W_OK))
		SKIP_TEST("memory failure cannot be injected");
	swap_out(_metadata, a, 0, a->nr);
	wait_for_write(_metadata, a, 0);
	summon(_metadata, &mover, act_move);
	/* Its CPU is not going to have any to give to the LRU lists. */
	drain_lru();
	hold(_metadata, "swap_folio_found");
	start_move(&mover, a, 0, 1);
	wait_held(_metadata, "swap_folio_found");
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)pfn);
	/* It says EBUSY, since the mover has a reference. */
	write_text("/sys/kernel/debug/hwpoison/corrupt-pfn", text);
	ASSERT_TRUE(kpageflag(pfn, KPF_HWPOISON));
	ASSERT_FALSE(kpageflag(pfn, KPF_SWAPCACHE));
	let_go(_metadata, "swap_folio_found");
	join(_metadata, &mover);
	ASSERT_EQ(0, mover.out.err);
	ASSERT_FALSE(kpageflag(pfn, KPF_LOCKED));
	ASSERT_TRUE(page_is(a->dst, a->page[0].id));
	write_text("/sys/kernel/debug/hwpoison/unpoison-pfn", text);
}

/* === TLBs that reclaim has left for later === */

static struct {
	volatile uint64_t *addr;
	atomic_bool stop;
	atomic_ulong value, loads;
} gazer;

static void skip_load(int sig)
{
	siglongjmp(nothing_there, 1);
}

/* Loads, and does nothing else that would change what its CPU's TLB has. */
static void act_gaze(struct actor *actor)
{
	if (sigsetjmp(nothing_there, 1)) {
		gazer.value = 0;
		gazer.loads++;
	}
	while (!gazer.stop) {
		gazer.value = *gazer.addr;
		gazer.loads++;
	}
}

static void wait_for_loads(struct __test_metadata *_metadata)
{
	unsigned long now = gazer.loads;
	uint64_t end = now_ms() + PATIENCE_MS;

	while (gazer.loads < now + 3 && now_ms() < end)
		sched_yield();
	ASSERT_LT(now + 2, atomic_load(&gazer.loads));
}

static void start_gazer(struct __test_metadata *_metadata, struct actor *actor,
			void *addr)
{
	struct sigaction act = { .sa_handler = skip_load };

	ASSERT_EQ(0, sigaction(SIGBUS, &act, NULL));
	gazer.addr = addr;
	summon(_metadata, actor, act_gaze);
	start(actor, addr, 1);
	wait_for_loads(_metadata);
}

/* Stores ever greater numbers, until there is no page. */
static void act_store(struct actor *actor)
{
	volatile uint64_t *to = (uint64_t *)actor->src;
	uint64_t value = 0;

	if (sigsetjmp(nothing_there, 1))
		return;
	while (!gazer.stop) {
		*to = ++value;
		gazer.loads++;
	}
}

static void start_writer(struct __test_metadata *_metadata,
			 struct actor *actor, void *addr)
{
	struct sigaction act = { .sa_handler = skip_load };

	ASSERT_EQ(0, sigaction(SIGBUS, &act, NULL));
	summon(_metadata, actor, act_store);
	start(actor, addr, page_size);
	wait_for_loads(_metadata);
}

/* Until somebody stores, or has had time enough to run, on a busy machine too. */
static void let_store(unsigned long stores)
{
	uint64_t end = now_ms() + SHORT_MS;

	while (gazer.loads == stores && now_ms() < end)
		sleep_ms(1);
}

/* It is at dst, and nobody gets to it by another way any more. */
static struct outcome check_no_late_store(struct __test_metadata *_metadata,
					  struct area *a, size_t nr)
{
	volatile uint64_t *dst = (uint64_t *)a->dst;
	struct actor mover = { }, writer = { };
	uint64_t seen;

	summon(_metadata, &mover, act_move);
	start_writer(_metadata, &writer, a->src);
	hold(_metadata, "put");
	start_move(&mover, a, 0, nr);
	wait_held(_metadata, "put");
	seen = *dst;
	let_store(gazer.loads);
	ASSERT_EQ(seen, *dst);
	let_go(_metadata, "put");
	join(_metadata, &mover);
	join(_metadata, &writer);
	ASSERT_EQ(seen, *dst);
	return mover.out;
}

/* More than once: the writer's CPU may have lost its translation by itself. */
TEST_F_TIMEOUT(race, no_store_once_it_is_at_dst, TIMEOUT)
{
	struct area *a = &self->a;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_MOVED(page_size, check_no_late_store(_metadata, a, 1));
		ASSERT_MOVED(page_size, move(a->uffd, a->src, a->dst, page_size,
					     0));
	}
}

/* The run ends with a page that was looked at, and did not move. */
TEST_F_TIMEOUT(race, no_store_before_a_page_that_stays, TIMEOUT)
{
	struct area *a = &self->a;
	int i;

	share_page(_metadata, a, 1);
	for (i = 0; i < 5; i++) {
		ASSERT_SHORT(page_size, check_no_late_store(_metadata, a, 2));
		ASSERT_MOVED(page_size, move(a->uffd, a->src, a->dst, page_size,
					     0));
	}
	end_holder(a->relative);
}

/* Who takes dst's page away, and where it is before its flush. */
struct taker {
	void (*act)(struct actor *actor);
	const char *window;
};

/*
 * The flush for @len bytes of dst is still due. Whether the other thread's TLB has
 * them yet: any interruption may have emptied that.
 */
static bool take_dst(struct __test_metadata *_metadata, struct area *a,
		     size_t len, const struct taker *by, struct actor *taker,
		     struct actor *reader)
{
	uint64_t old = *(uint64_t *)a->dst;

	ASSERT_REGISTERED(a->uffd, a->dst, a->len);
	summon(_metadata, taker, by->act);
	start_gazer(_metadata, reader, a->dst);
	ASSERT_EQ(old, atomic_load(&gazer.value));
	hold(_metadata, by->window);
	start(taker, a->dst, len);
	wait_held(_metadata, by->window);
	ASSERT_TRUE(is_hole(a->dst));
	wait_for_loads(_metadata);
	return gazer.value == old;
}

/* dst's page is lazily freed, then discarded; src's is swapped out meanwhile. */
static bool discard_dst(struct __test_metadata *_metadata, struct area *a,
			const struct taker *by, struct actor *taker,
			struct actor *reader)
{
	struct area freed = { .src = a->dst, .len = page_size };

	swap_out_for_good(_metadata, a);
	remap_dst(_metadata, a);
	fill_page(a->dst, 5000);
	free_lazily(_metadata, &freed);
	return take_dst(_metadata, a, page_size, by, taker, reader);
}

static void end_discard(struct __test_metadata *_metadata,
			const struct taker *by, struct actor *taker,
			struct actor *reader)
{
	let_go(_metadata, by->window);
	gazer.stop = true;
	join(_metadata, reader);
	join(_metadata, taker);
	gazer.stop = false;
}

typedef bool discard_fn(struct __test_metadata *_metadata, struct area *a,
			const struct taker *by, struct actor *taker,
			struct actor *reader);

/* So often that an interruption has not flushed what the move forgot each time. */
#define TAKEN_ROUNDS	5

/*
 * The first @nr pages move there. A thread that has loaded from dst all along must
 * notice.
 */
static void check_taken(struct __test_metadata *_metadata, struct area *a,
			size_t nr, discard_fn *discard, const struct taker *by)
{
	struct area back = { .uffd = a->uffd, .src = a->dst, .dst = a->src };
	struct actor taker, reader;
	int round, tries = 0;
	uint64_t seen;

	ASSERT_REGISTERED(a->uffd, a->src, a->len);
	for (round = 0; round < TAKEN_ROUNDS; round++) {
		if (round)
			ASSERT_MOVED(nr * page_size,
				     move_pages_of(&back, 0, nr, 0));
		while (true) {
			taker = reader = (struct actor){ };
			if (discard(_metadata, a, by, &taker, &reader))
				break;
			end_discard(_metadata, by, &taker, &reader);
			ASSERT_GT(50, ++tries);
		}
		ASSERT_MOVED(nr * page_size, move_pages_of(a, 0, nr, 0));
		wait_for_loads(_metadata);
		seen = gazer.value;
		ASSERT_TRUE(page_is(a->dst, a->page[0].id));
		ASSERT_EQ(*(uint64_t *)a->dst, seen);
		end_discard(_metadata, by, &taker, &reader);
	}
	TH_LOG("%d tries in vain", tries);
}

/* A swap entry, for which nothing else is flushed. */
static void check_discarded(struct __test_metadata *_metadata, struct area *a,
			    const struct taker *by)
{
	need_swap(_metadata);
	check_taken(_metadata, a, 1, discard_dst, by);
}

TEST_F_TIMEOUT(race, discarded_page_is_not_seen_after, TIMEOUT)
{
	const struct taker reclaim = { act_page_out, "before_unmap_flush" };

	check_discarded(_metadata, &self->a, &reclaim);
}

TEST_F_TIMEOUT(race, page_dropped_by_another_is_not_seen_after, TIMEOUT)
{
	const struct taker discard = { act_discard, "discarded" };

	check_discarded(_metadata, &self->a, &discard);
}

/* === Threads that are about to wait for a page === */

static void act_wait(struct actor *actor)
{
	read_from(actor->src);
}

/* One that has found dst empty, and has not yet gone to sleep over it. */
static void start_waiter(struct __test_metadata *_metadata,
			 struct actor *waiter, char *addr)
{
	summon(_metadata, waiter, act_wait);
	hold(_metadata, "before_must_wait");
	start(waiter, addr, 1);
	wait_held(_metadata, "before_must_wait");
}

/* The page is there by then, but taken for a moment. It is put back. */
TEST_F_TIMEOUT(waiting, page_that_is_put_back, TIMEOUT)
{
	struct area *a = &self->a, back = *a;
	struct actor mover = { }, waiter = { };
	struct io_uring ring;

	open_ring(_metadata, &ring);
	ASSERT_REGISTERED(a->uffd, a->src, a->len);
	summon(_metadata, &mover, act_move);
	start_waiter(_metadata, &waiter, a->dst);
	ASSERT_MOVED(page_size,
		     move_pages_of(a, 0, 1, UFFDIO_MOVE_MODE_DONTWAKE));
	back.src = a->dst;
	back.dst = a->src;
	pin_src(_metadata, &back, &ring, 0, 1);
	hold(_metadata, "taken");
	start_move(&mover, &back, 0, 1);
	wait_held(_metadata, "taken");
	let_go(_metadata, "before_must_wait");
	sleep_ms(MEANWHILE_MS);
	let_go(_metadata, "taken");
	join(_metadata, &mover);
	ASSERT_EQ(EBUSY, mover.out.err);
	join(_metadata, &waiter);
	ring_close(&ring);
}

/* The huge zero page is there by then, but being split. */
TEST_F_TIMEOUT(waiting, zero_page_that_is_split, TIMEOUT)
{
	struct area *a = &self->a;
	struct actor discarder = { }, waiter = { };

	need_small_huge_pages(_metadata);
	a->src = arena + 10 * pmd_size;
	a->dst = arena + 12 * pmd_size;
	advise_huge(_metadata, a->src, pmd_size);
	advise_huge(_metadata, a->dst, pmd_size);
	ASSERT_REGISTERED(a->uffd, a->dst, pmd_size);
	read_from(a->src);
	check_huge(_metadata, a->src, 1, KPF_ZERO_PAGE);
	ASSERT_EQ(0, prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	summon(_metadata, &discarder, act_discard);
	start_waiter(_metadata, &waiter, dst_page(a, 1));
	ASSERT_MOVED(pmd_size, move(a->uffd, a->dst, a->src, pmd_size,
				    UFFDIO_MOVE_MODE_DONTWAKE));
	hold(_metadata, "huge_zero_split");
	start(&discarder, dst_page(a, 2), page_size);
	wait_held(_metadata, "huge_zero_split");
	let_go(_metadata, "before_must_wait");
	sleep_ms(MEANWHILE_MS);
	let_go(_metadata, "huge_zero_split");
	join(_metadata, &discarder);
	join(_metadata, &waiter);
}

/* Who waits for what has not moved is not woken, to ask for it once more. */
TEST_F_TIMEOUT(waiting, asks_once, TIMEOUT)
{
	struct area *a = &self->a;
	struct pollfd p = { .fd = a->uffd, .events = POLLIN };
	struct toucher t = { };

	drop_src(_metadata, a, 2);
	start_toucher(_metadata, a->uffd, &t, dst_page(a, 3));
	ASSERT_SHORT(2 * page_size, move_all(a, 0));
	ASSERT_EQ(0, poll(&p, 1, SHORT_MS));
	ASSERT_EQ(0, place(a->uffd, dst_page(a, 3), NULL));
	check_woken(_metadata, &t);
}

/* === Vmas that go away === */

/* Two page tables on either side, a page in each. */
static void spread_area(struct __test_metadata *_metadata, struct area *a)
{
	free(a->page);
	set_size(_metadata, a, 2 * pmd_size / page_size);
	a->src = map_anon(_metadata, arena + 4 * pmd_size, a->len);
	a->dst = map_anon(_metadata, arena + 8 * pmd_size, a->len);
	ASSERT_REGISTERED(a->uffd, a->dst, a->len);
	a->page[0] = new_page(_metadata, a->src, ID_FIRST);
	a->page[a->nr / 2] = new_page(_metadata, src_page(a, a->nr / 2),
				      ID_FIRST + 1);
}

/* The second half of src or dst is unmapped when the first one has moved. */
static void check_cut_short(struct __test_metadata *_metadata, struct area *a,
			    char *half)
{
	struct actor mover = { .mode = HOLES }, unmapper = { };

	summon(_metadata, &mover, act_move);
	summon(_metadata, &unmapper, act_unmap);
	is_asleep(&unmapper);
	hold(_metadata, "unlocked");
	hold(_metadata, "after_step");
	start_move(&mover, a, 0, a->nr);
	wait_held(_metadata, "after_step");
	start(&unmapper, half, pmd_size);
	wait_asleep(_metadata, &unmapper);
	let_go(_metadata, "after_step");
	/* Or it might get the lock again at once. */
	wait_held(_metadata, "unlocked");
	join(_metadata, &unmapper);
	let_go(_metadata, "unlocked");
	join(_metadata, &mover);
	ASSERT_EQ(EAGAIN, mover.out.err);
	ASSERT_LT(0, mover.out.move);
	ASSERT_GE((__s64)pmd_size, mover.out.move);
	check_moved(_metadata, a, 0, 1);
}

TEST_F_TIMEOUT(race, src_is_unmapped, TIMEOUT)
{
	struct area *a = &self->a;

	spread_area(_metadata, a);
	check_cut_short(_metadata, a, a->src + pmd_size);
	ASSERT_FAILED(ENOENT, move_pages_of(a, a->nr / 2, a->nr, HOLES));
}

TEST_F_TIMEOUT(race, dst_is_unmapped, TIMEOUT)
{
	struct area *a = &self->a;

	spread_area(_metadata, a);
	check_cut_short(_metadata, a, a->dst + pmd_size);
	ASSERT_FAILED(ENOENT, move_pages_of(a, a->nr / 2, a->nr, HOLES));
	check_page(_metadata, src_page(a, a->nr / 2), a->page[a->nr / 2]);
}

/* === Processes that end === */

enum end { KILLED, EXITS, EXECS };

FIXTURE(end) {
	struct area *a;		/* shared, for the frame to be known */
	int ready[2], execed[2];
};

FIXTURE_VARIANT(end) {
	enum end how;
};

FIXTURE_VARIANT_ADD(end, killed) { .how = KILLED };
FIXTURE_VARIANT_ADD(end, exits) { .how = EXITS };
FIXTURE_VARIANT_ADD(end, execs) { .how = EXECS };

FIXTURE_SETUP(end)
{
	need_move(_metadata);
	self->a = map_at(_metadata, mmap(NULL, page_size, RW, ANON, -1, 0),
			 page_size, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	ASSERT_EQ(0, pipe(self->ready));
	ASSERT_EQ(0, pipe(self->execed));
}

FIXTURE_TEARDOWN(end)
{
}

/* Its move gets a folio lock it has waited for, and then the process ends. */
static void live_and_end(struct __test_metadata *_metadata,
			 FIXTURE_DATA(end) *self, enum end how)
{
	struct actor mover = { }, walker = { };
	struct area *a = self->a;
	char number[16];

	make_area(_metadata, a, UFFD_FEATURE_SIGBUS, 1);
	ASSERT_REGISTERED(a->uffd, a->src, a->len);
	need_walks(_metadata, a);
	self->a->relative = a->page[0].pfn;
	summon(_metadata, &mover, act_move);
	summon(_metadata, &walker, act_set_idle);
	drain_lru();
	hold(_metadata, "idle_locked");
	hold(_metadata, "folio_waited_for");
	start(&walker, a->src, page_size);
	wait_held(_metadata, "idle_locked");
	start_move(&mover, a, 0, 1);
	wait_asleep(_metadata, &mover);
	let_go(_metadata, "idle_locked");
	wait_held(_metadata, "folio_waited_for");
	ASSERT_EQ(1, write(self->ready[1], "+", 1));
	snprintf(number, sizeof(number), "%d", self->execed[1]);
	if (how == EXITS)
		_exit(0);
	if (how == EXECS)
		execl("/proc/self/exe", "races", SLEEP, number, NULL);
	for (;;)
		pause();
}

TEST_F_TIMEOUT(end, leaves_no_folio_locked, TIMEOUT)
{
	pid_t pid;
	char c;

	need_idle_tracking(_metadata);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		live_and_end(_metadata, self, variant->how);
		_exit(1);
	}
	ASSERT_TRUE(wait_readable(self->ready[0]));
	ASSERT_EQ(1, read(self->ready[0], &c, 1));
	if (variant->how == KILLED)
		kill(pid, SIGKILL);
	/* Until the others of its process are told to end. */
	sleep_ms(4 * MEANWHILE_MS);
	let_go(_metadata, "folio_waited_for");
	if (variant->how == EXECS) {
		ASSERT_TRUE(wait_readable(self->execed[0]));
		kill(pid, SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_FALSE(kpageflag(self->a->relative, KPF_LOCKED));
}

/* === KSM === */

/*
 * KSM has found the second of two twins, but not locked it, when that moves to
 * another address of the same VMA. Whatever it does then: the page is found by
 * its rmap afterwards.
 */
TEST_F_TIMEOUT(race, ksm_page_moves, TIMEOUT)
{
	const char *ksm = "/sys/kernel/mm/ksm/run";
	struct area *a = &self->a;
	char *twin = src_page(a, 1), *to = src_page(a, a->nr);

	need_swap(_metadata);
	if (read_long(ksm) != 0)
		SKIP_TEST("no KSM, or it is running");
	map_anon(_metadata, a->src, a->len + page_size);
	fill_page(a->src, 5000);
	fill_page(twin, 5000);
	ASSERT_REGISTERED(a->uffd, a->src, a->len + page_size);
	ASSERT_EQ(0, madvise(a->src, a->len + page_size, MADV_MERGEABLE));
	hold(_metadata, "before_ksm_lock");
	ASSERT_TRUE(write_text(ksm, "1"));
	wait_held(_metadata, "before_ksm_lock");
	ASSERT_MOVED(page_size, move(a->uffd, to, twin, page_size, 0));
	let_go(_metadata, "before_ksm_lock");
	ASSERT_TRUE(write_text(ksm, "0"));
	ASSERT_TRUE(page_out(to, 1));
	ASSERT_TRUE(page_is(to, 5000));
	ASSERT_TRUE(page_is(a->src, 5000));
	ASSERT_TRUE(is_hole(twin));
}

/* === The list of active pages === */

#define KPF_ACTIVE	6

/* Access by GUP, and more than once, makes a page active. */
static void activate(struct __test_metadata *_metadata, char *addr, size_t nr)
{
	static char sink[RACE_PAGES << 16];
	struct iovec from = { addr, nr * page_size };
	struct iovec to = { sink, nr * page_size };
	size_t i;

	ASSERT_LE(to.iov_len, sizeof(sink));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ((ssize_t)to.iov_len,
			  process_vm_readv(getpid(), &to, 1, &from, 1, 0));
		drain_lru();
	}
	for (i = 0; i < nr; i++)
		ASSERT_TRUE(kpageflag(pfn_of(addr + i * page_size),
				      KPF_ACTIVE));
}

/* Whether its pages were used is asked without the folio lock, in 6.1. */
TEST_F_TIMEOUT(race, active_pages_are_aged, TIMEOUT)
{
	struct area *a = &self->a;
	long before;
	int tries;

	need_swap(_metadata);
	enter_cgroup(_metadata);
	a->src = map_anon(_metadata, a->src, a->len);
	fill_src(_metadata, a);
	ASSERT_MOVED(a->len, move_all(a, 0));
	activate(_metadata, a->dst, a->nr);
	before = vmstat("pgdeactivate");
	for (tries = 0; tries < 50 && vmstat("pgdeactivate") == before; tries++)
		write_text(OWN_CGROUP "/memory.reclaim", "64K");
	ASSERT_LT(before, vmstat("pgdeactivate"));
	ASSERT_TRUE(page_is(a->dst, a->page[0].id));
}

/* === Huge pages === */

FIXTURE(huge_race) {
	struct area a;
};

FIXTURE_SETUP(huge_race)
{
	make_huge_area(_metadata, &self->a);
	drain_lru();
}

FIXTURE_TEARDOWN(huge_race)
{
	free(self->a.page);
	close(self->a.uffd);
}

/* A page is put into dst while the move is held: it gets as far as that page. */
static void fill_while_held(struct __test_metadata *_metadata, struct area *a,
			    const char *window)
{
	char *data = mmap(NULL, page_size, RW, ANON, -1, 0);
	struct actor mover = { };

	fill_page(data, 5000);
	summon(_metadata, &mover, act_move);
	hold(_metadata, window);
	start_move(&mover, a, 0, a->nr);
	wait_held(_metadata, window);
	ASSERT_EQ(0, place(a->uffd, dst_page(a, 7), data));
	let_go(_metadata, window);
	join(_metadata, &mover);
	ASSERT_EQ(EAGAIN, mover.out.err);
	ASSERT_EQ((__s64)(7 * page_size), mover.out.move);
	ASSERT_TRUE(page_is(dst_page(a, 7), 5000));
	check_moved(_metadata, a, 0, 7);
	check_stayed(_metadata, a, 8, a->nr);
}

/* Whether there is anything at dst was looked at without its lock. */
TEST_F_TIMEOUT(huge_race, dst_is_filled, TIMEOUT)
{
	fill_while_held(_metadata, &self->a, "before_huge_lock");
}

/* An empty page table was to be freed, and is not empty any more. */
TEST_F_TIMEOUT(huge_race, table_is_filled, TIMEOUT)
{
	struct area *a = &self->a;

	leave_empty_tables(_metadata, a->uffd, a->dst, a->len);
	fill_while_held(_metadata, a, "unlocked");
}

/* All of src is given back while the move is held: it finds a hole. */
static void discard_while_held(struct __test_metadata *_metadata,
			       struct area *a, const char *window)
{
	struct actor mover = { };

	summon(_metadata, &mover, act_move);
	hold(_metadata, window);
	start_move(&mover, a, 0, a->nr);
	wait_held(_metadata, window);
	ASSERT_EQ(0, madvise(a->src, a->len, MADV_DONTNEED));
	let_go(_metadata, window);
	join(_metadata, &mover);
	ASSERT_FAILED(ENOENT, mover.out);
	ASSERT_EQ(a->nr, count_pages(a->dst, a->nr, is_hole));
}

/* And so was the huge page. */
TEST_F_TIMEOUT(huge_race, src_is_discarded, TIMEOUT)
{
	discard_while_held(_metadata, &self->a, "before_huge_lock");
}

/* Taken, pinned, to be put back: it is not gone before it is discarded. */
TEST_F_TIMEOUT(huge_race, pinned_is_discarded, TIMEOUT)
{
	struct actor mover = { }, discarder = { };
	struct area *a = &self->a;
	struct io_uring ring;

	open_ring(_metadata, &ring);
	pin_src(_metadata, a, &ring, 0, 1);
	summon(_metadata, &mover, act_move);
	summon(_metadata, &discarder, act_discard);
	hold_for(_metadata, "huge_taken", SHORT_MS);
	start_move(&mover, a, 0, a->nr);
	wait_held(_metadata, "huge_taken");
	start(&discarder, a->src, a->len);
	join(_metadata, &mover);
	join(_metadata, &discarder);
	ASSERT_EQ(EBUSY, mover.out.err);
	ASSERT_EQ(a->nr, count_pages(a->src, a->nr, is_hole));
	ring_close(&ring);
}

/* By the time the lock is taken there is a migration entry. */
TEST_F_TIMEOUT(huge_race, src_migrates, TIMEOUT)
{
	struct actor mover = { }, migrator = { };
	struct area *a = &self->a;
	int node[2], from;

	if (!two_nodes(node))
		SKIP_TEST("one memory node");
	from = node_of(a->src);
	summon(_metadata, &mover, act_move);
	summon(_metadata, &migrator, act_migrate);
	migrator.node = node[from == node[0]];
	/* First it waits for all CPUs. */
	hold(_metadata, "before_migrating");
	start(&migrator, a->src, page_size);
	wait_held(_metadata, "before_migrating");
	hold(_metadata, "before_huge_lock");
	start_move(&mover, a, 0, a->nr);
	wait_held(_metadata, "before_huge_lock");
	hold(_metadata, "migrating");
	let_go(_metadata, "before_migrating");
	wait_held(_metadata, "migrating");
	let_go(_metadata, "before_huge_lock");
	sleep_ms(MEANWHILE_MS);
	let_go(_metadata, "migrating");
	join(_metadata, &mover);
	join(_metadata, &migrator);
	ASSERT_EQ(0, mover.out.err);
	ASSERT_EQ(migrator.node, node_of(a->dst));
	ASSERT_EQ(a->len, smaps(a->dst, "AnonHugePages"));
	ASSERT_TRUE(page_is(a->dst, a->page[0].id));
}

TEST_F_TIMEOUT(huge_race, migration_is_waited_for, TIMEOUT)
{
	struct area *a = &self->a;

	move_when_migrated(_metadata, a);
	ASSERT_EQ(a->len, smaps(a->dst, "AnonHugePages"));
}

/* What is stored there once it has moved does not show wherever it is, too. */
TEST_F_TIMEOUT(huge_race, zero_page_is_not_written, TIMEOUT)
{
	char *other = arena + 12 * pmd_size;
	struct area *a = &self->a;
	uint64_t zero;

	advise_huge(_metadata, a->src, a->len);
	advise_huge(_metadata, other, pmd_size);
	read_from(a->src);
	read_from(other);
	check_huge(_metadata, a->src, 1, KPF_ZERO_PAGE);
	zero = pfn_of(a->src);
	ASSERT_EQ(zero, pfn_of(other));
	ASSERT_MOVED(a->len, move_all(a, 0));
	ASSERT_EQ(zero, pfn_of(a->dst));
	fill_page(a->dst, 5000);
	ASSERT_NE(zero, pfn_of(a->dst));
	ASSERT_TRUE(page_is(a->dst, 5000));
	ASSERT_TRUE(page_is_zero(other));
}

/* A pmd that is none while the huge zero page is split is no hole. */
TEST_F_TIMEOUT(huge_race, split_zero_page_is_no_hole, TIMEOUT)
{
	struct actor discarder = { };
	struct area *a = &self->a;

	advise_huge(_metadata, a->src, a->len);
	read_from(a->src);
	check_huge(_metadata, a->src, 1, KPF_ZERO_PAGE);
	summon(_metadata, &discarder, act_discard);
	hold_for(_metadata, "huge_zero_split", SHORT_MS);
	start(&discarder, src_page(a, 2), page_size);
	wait_held(_metadata, "huge_zero_split");
	ASSERT_MOVED(page_size, move_pages_of(a, 0, 1, HOLES));
	ASSERT_TRUE(is_present(a->dst));
	ASSERT_TRUE(is_hole(a->src));
	join(_metadata, &discarder);
}

/* A page table instead of the huge entry; the folio stays large. */
static void protect_first_page(struct __test_metadata *_metadata,
			       struct area *a)
{
	protect(_metadata, a->src, page_size, PROT_READ);
	protect(_metadata, a->src, page_size, RW);
	ASSERT_EQ(0, smaps(a->src, "AnonHugePages"));
}

/* === Many who move parts of one huge page === */

#define MOVERS	8

/* Each finds it locked by another, who splits it, and needs it for himself. */
TEST_F_TIMEOUT(huge_race, all_movers_get_through, TIMEOUT)
{
	struct actor mover[MOVERS] = { };
	struct area *a = &self->a;
	size_t i, part = a->nr / MOVERS;
	long failed = vmstat("thp_split_page_failed");

	protect_first_page(_metadata, a);
	for (i = 0; i < MOVERS; i++)
		summon(_metadata, &mover[i], act_move);
	hold(_metadata, "split_locked");
	start_move(&mover[0], a, 0, part);
	wait_held(_metadata, "split_locked");
	for (i = 1; i < MOVERS; i++)
		start_move(&mover[i], a, i * part, (i + 1) * part);
	for (i = 1; i < MOVERS; i++)
		wait_asleep(_metadata, &mover[i]);
	let_go(_metadata, "split_locked");
	for (i = 0; i < MOVERS; i++) {
		join(_metadata, &mover[i]);
		ASSERT_EQ(0, mover[i].out.err) TH_LOG("mover %zu", i);
	}
	/* None of those who waited was in the way. */
	ASSERT_EQ(failed, vmstat("thp_split_page_failed"));
	check_moved(_metadata, a, 0, a->nr);
}

/* All of it is given back before it is split: a hole is not busy. */
TEST_F_TIMEOUT(huge_race, given_back_is_not_busy, TIMEOUT)
{
	protect_first_page(_metadata, &self->a);
	discard_while_held(_metadata, &self->a, "split_locked");
}

/* Each of its pages is found at its own place in the rmap. */
TEST_F_TIMEOUT(huge_race, mapped_by_ptes_swaps_after, TIMEOUT)
{
	struct area *a = &self->a;

	need_swap(_metadata);
	protect_first_page(_metadata, a);
	ASSERT_MOVED(a->len, move_all(a, 0));
	check_moved(_metadata, a, 0, a->nr);
	check_pages_out(_metadata, a);
}

/* The huge page moves as one then. */
TEST_F_TIMEOUT(huge_race, locked_is_waited_for, TIMEOUT)
{
	struct area *a = &self->a;

	need_idle_tracking(_metadata);
	move_when_unlocked(_metadata, a);
	ASSERT_EQ(a->len, smaps(a->dst, "AnonHugePages"));
}

/* It was not locked when the move began; and nothing is left behind. */
TEST_F_TIMEOUT(huge_race, locked_when_table_is_freed, TIMEOUT)
{
	struct actor mover = { }, walker = { };
	struct area *a = &self->a;
	int node[2];

	need_idle_tracking(_metadata);
	if (!two_nodes(node))
		SKIP_TEST("one memory node");
	leave_empty_tables(_metadata, a->uffd, a->dst, a->len);
	summon(_metadata, &mover, act_move);
	summon(_metadata, &walker, act_set_idle);
	hold(_metadata, "unlocked");
	start_move(&mover, a, 0, a->nr);
	wait_held(_metadata, "unlocked");
	hold(_metadata, "idle_locked");
	start(&walker, a->src, page_size);
	wait_held(_metadata, "idle_locked");
	let_go(_metadata, "unlocked");
	wait_asleep(_metadata, &mover);
	let_go(_metadata, "idle_locked");
	join(_metadata, &mover);
	join(_metadata, &walker);
	ASSERT_EQ(0, mover.out.err);
	check_moved(_metadata, a, 0, a->nr);
	ASSERT_EQ(a->len, smaps(a->dst, "AnonHugePages"));
	drain_lru();
	ASSERT_EQ(1, migrate_pages_to(a->dst, 1, node[0]));
	ASSERT_EQ(1, migrate_pages_to(a->dst, 1, node[1]));
}

/* Nobody gets to it by src any more, with what his TLB had. */
TEST_F_TIMEOUT(huge_race, no_store_once_it_is_at_dst, TIMEOUT)
{
	struct area *a = &self->a;
	volatile uint64_t *dst = (uint64_t *)a->dst;
	uint64_t seen;
	int i;

	ASSERT_REGISTERED(a->uffd, a->src, a->len);
	for (i = 0; i < 5; i++) {
		struct actor writer = { };

		start_writer(_metadata, &writer, a->src);
		ASSERT_MOVED(a->len, move_all(a, 0));
		ASSERT_EQ(a->len, smaps(a->dst, "AnonHugePages"));
		seen = *dst;
		let_store(gazer.loads);
		ASSERT_EQ(seen, *dst);
		join(_metadata, &writer);
		ASSERT_EQ(seen, *dst);
		ASSERT_MOVED(a->len, move(a->uffd, a->src, a->dst, a->len, 0));
	}
}

/* dst's huge page is discarded. */
static bool discard_huge_dst(struct __test_metadata *_metadata, struct area *a,
			     const struct taker *by, struct actor *taker,
			     struct actor *reader)
{
	ASSERT_EQ(0, munmap(a->dst, a->len));
	advise_huge(_metadata, a->dst, a->len);
	*(uint64_t *)a->dst = 5000;
	check_huge(_metadata, a->dst, 1, KPF_THP);
	return take_dst(_metadata, a, a->len, by, taker, reader);
}

#define FLUSH_CEILING	"/sys/kernel/debug/x86/tlb_single_page_flush_ceiling"

TEST_F_TIMEOUT(huge_race, page_dropped_by_another_is_not_seen_after, TIMEOUT)
{
	const struct taker discard = { act_discard, "discarded" };
	struct area *a = &self->a;

	/* So many pages of src make x86 flush all there is. */
	if (!access(FLUSH_CEILING, W_OK))
		ASSERT_TRUE(write_text(FLUSH_CEILING, "1024"));
	check_taken(_metadata, a, a->nr, discard_huge_dst, &discard);
	ASSERT_EQ(a->len, smaps(a->dst, "AnonHugePages"));
	check_moved(_metadata, a, 0, a->nr);
}

/* While others keep it from being split, a move does not try for ever. */
TEST_F_TIMEOUT(huge_race, split_gives_up, TIMEOUT)
{
	struct area *a = &self->a;
	int held[2];

	protect_first_page(_metadata, a);
	ASSERT_TRUE(hold_in_pipe(held, a->src, 1));
	ASSERT_FAILED(EBUSY, move_all(a, 0));
	release(held);
	ASSERT_MOVED(a->len, move_all(a, 0));
	check_moved(_metadata, a, 0, a->nr);
}

#define MANY	40

/* More reasons to stop than a move has tries for one page. */
TEST_F_TIMEOUT(huge_race, many_are_split, TIMEOUT)
{
	size_t i, len = MANY * pmd_size;
	char *at = mmap(NULL, 2 * len + 3 * pmd_size, PROT_NONE,
			ANON | MAP_NORESERVE, -1, 0);
	struct area *a = &self->a;
	char *src, *dst;

	ASSERT_NE(MAP_FAILED, (void *)at);
	src = (char *)(((uintptr_t)at + pmd_size - 1) & -pmd_size);
	/* Not in step, so that none can move as it is. */
	dst = src + len + pmd_size + page_size;
	advise_huge(_metadata, src, len);
	for (i = 0; i < MANY; i++)
		*(uint64_t *)(src + i * pmd_size) = 5000 + i;
	check_huge(_metadata, src, MANY, KPF_THP);
	map_anon(_metadata, dst, len);
	ASSERT_REGISTERED(a->uffd, dst, len);
	ASSERT_MOVED(len, move(a->uffd, dst, src, len, 0));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(5000 + i, *(uint64_t *)(dst + i * pmd_size));
}
