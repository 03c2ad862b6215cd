// SPDX-License-Identifier: GPL-2.0
/*
 * The load: every mutator has a table of small trees in the heap. It chases
 * pointers through them, stores to them and replaces them with new ones. What
 * each object has to look like is known from a model outside of the heap:
 * the number of the tree, and for each object how often it was written to.
 *
 * The first quarter of each table is never replaced. Objects that were
 * written to link to the root of one of these trees: which one follows from
 * the counter, so that a store of a link that was lost is found, too.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

#define NODES_MIN	8u
#define NODES_MAX	24u
#define FANOUT		3u
#define HOT_SHARE	64u	/* this part of the table is hot */
#define HOT_STEPS	65536u	/* for so long */
#define COLD		512u	/* one access of so many goes anywhere */
#define REPORT_MAX	10u

struct tree {
	uint64_t serial;
	uint32_t nodes;
	uint32_t counter[NODES_MAX];
};

struct mutator {
	struct thread t;		/* first: self points to it */
	pthread_t thread;
	unsigned int index;
	uint64_t rng;
	uint64_t serial;
	size_t slots, permanent;
	struct object **roots;		/* one for each slot */
	struct tree *trees;		/* the model of each slot */
	struct object *scratch[NODES_MAX];	/* roots of a tree being made */
	unsigned int in_scratch;
	uint64_t objects;		/* reachable from roots[] */
	size_t hot, hot_left;
};

static struct mutator *mutators;
static pthread_barrier_t ready;
static bool settled;		/* permanent trees can be linked to */
static _Atomic unsigned int reports;

static uint64_t rnd(struct mutator *m)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return m->rng * 0x2545f4914f6cdd1du >> 16;
}

/* ---- what an object has to look like -------------------------------- */

static uint64_t node_id(const struct mutator *m, uint64_t serial,
			unsigned int node)
{
	return (uint64_t)m->index << 48 | serial << 5 | node;
}

static uint32_t tree_nodes(uint64_t serial)
{
	return NODES_MIN + (uint32_t)(mix(conf.seed, serial) %
				    (NODES_MAX - NODES_MIN + 1));
}

static unsigned int node_children(uint32_t nodes, unsigned int node)
{
	unsigned int first = node * FANOUT + 1;

	if (first >= nodes)
		return 0;
	return nodes - first < FANOUT ? nodes - first : FANOUT;
}

/* Sizes are 16 to 256 bytes; the smallest ones hold neither word nor link. */
static uint64_t node_head(const struct mutator *m, uint64_t serial,
			  uint32_t nodes, unsigned int node)
{
	uint64_t id = node_id(m, serial, node);
	unsigned int children = node_children(nodes, node);
	size_t least = GRANULE, size, links = 0;

	if (children)	/* counter, link to a permanent tree, children */
		least = sizeof(struct object) + (2 + children) * 8;
	least = (least + GRANULE - 1) / GRANULE * GRANULE;
	size = least + mix(id, conf.seed) % ((OBJECT_MAX - least) / GRANULE + 1)
	       * GRANULE;
	if (size > GRANULE)
		links = 1 + children;
	return make_head(size, (unsigned int)links, id);
}

static uint64_t payload(uint64_t head, size_t i)
{
	return mix(head ^ conf.seed, i);
}

/*
 * The permanent tree an object links to once it was written to. As with the
 * classes of a program, a few are far more popular than the rest.
 */
static struct object *far_target(uint64_t head, uint64_t counter)
{
	uint64_t h = mix(head, counter);
	const struct mutator *m;

	if (!counter)
		return NULL;
	m = &mutators[(h >> 40) % conf.mutators];
	if ((h >> 32) % COLD == 0)
		return m->roots[h % m->permanent];
	return m->roots[h % (m->permanent / HOT_SHARE + 1)];
}

static bool is_object(const struct object *o)
{
	size_t offset = (size_t)((const char *)o - heap.space);

	return offset < atomic_load(&heap.top) && offset % GRANULE == 0;
}

static const char *what_is_wrong(const struct mutator *m,
				 const struct tree *tree, unsigned int node,
				 const struct object *o)
{
	uint64_t head = node_head(m, tree->serial, tree->nodes, node);
	size_t i, words = head_size(head) / 8 - 2;
	struct object *far;

	if (!o)
		return "no link to it";
	if (!is_object(o))
		return "the link leaves the heap";
	if (o->head != head)
		return "another object, or none, is in its place";
	for (i = head_links(head) + 1; i < words; i++)
		if (o->word[i] != payload(head, i))
			return "wrong content";
	if (words && o->word[0] != tree->counter[node])
		return "a store to its counter is lost";
	if (words) {
		far = far_target(head, tree->counter[node]);
		if (object_link(o, 0) != far)
			return "its link to another tree is wrong";
	}
	for (i = 0; i < head_links(head); i++)
		if (object_link(o, i) &&
		    !is_object(object_link(o, i)))
			return "one of its links leaves the heap";
	if (o->sum != object_sum(o))
		return "wrong checksum";
	return NULL;
}

static void report(struct mutator *m, const struct tree *tree,
		   unsigned int node, const struct object *o, const char *why)
{
	m->t.stats.lost++;
	if (atomic_fetch_add(&reports, 1) >= REPORT_MAX)
		return;
	fprintf(stderr,
		"heap: LOST: mutator %u, tree %llu, object %u at %p, space at %p: %s\n",
		m->index, (unsigned long long)tree->serial, node,
		(const void *)o, (void *)heap.space, why);
}

/* Check one object; false if it is not what it should be. */
static bool check(struct mutator *m, const struct tree *tree,
		  unsigned int node, const struct object *o)
{
	const char *why = what_is_wrong(m, tree, node, o);

	m->t.stats.checked++;
	if (why)
		report(m, tree, node, o, why);
	return !why;
}

/* ---- making, reading, writing --------------------------------------- */

static void set_link(struct object *o, unsigned int i, struct object *to)
{
	o->word[1 + i] = (uintptr_t)to;
}

static struct object *new_node(struct mutator *m, uint64_t head)
{
	struct object *o = heap_alloc(&m->t, head_size(head));
	size_t i, words = head_size(head) / 8 - 2;

	if (!o)
		return NULL;
	o->head = head;
	for (i = head_links(head) + 1; i < words; i++)
		o->word[i] = payload(head, i);
	return o;
}

/* No safepoint in here: references in locals stay good. */
static void link_tree(struct mutator *m, struct tree *tree)
{
	unsigned int node, i;

	for (node = 0; node < tree->nodes; node++) {
		struct object *o = m->scratch[node];

		tree->counter[node] = 0;
		if (head_links(o->head)) {
			tree->counter[node] = settled;
			o->word[0] = settled;
			set_link(o, 0, far_target(o->head, settled));
		}
		for (i = 0; i < node_children(tree->nodes, node); i++)
			set_link(o, 1 + i, m->scratch[node * FANOUT + 1 + i]);
		o->sum = object_sum(o);
	}
}

/* Replace the tree in a slot. False: the run is over. */
static bool replace(struct mutator *m, size_t slot)
{
	struct tree *tree = &m->trees[slot];
	uint64_t serial = ++m->serial;
	uint32_t nodes = tree_nodes(serial);
	unsigned int node;

	for (node = 0; node < nodes; node++) {
		struct object *o;

		o = new_node(m, node_head(m, serial, nodes, node));
		if (!o)
			break;
		m->scratch[node] = o;
		m->in_scratch = node + 1;
	}
	if (node == nodes) {
		m->objects += nodes;
		m->objects -= tree->nodes;
		tree->serial = serial;
		tree->nodes = nodes;
		link_tree(m, tree);
		m->roots[slot] = m->scratch[0];
	}
	memset(m->scratch, 0, sizeof(m->scratch));
	m->in_scratch = 0;
	return node == nodes;
}

/* Chase pointers from the root to a leaf, with a look at each object. */
static void chase(struct mutator *m, size_t slot)
{
	const struct tree *tree = &m->trees[slot];
	struct object *o = m->roots[slot];
	unsigned int node = 0, children, i;

	while (check(m, tree, node, o)) {
		children = node_children(tree->nodes, node);
		if (!children)
			return;
		i = (unsigned int)(rnd(m) % children);
		o = object_link(o, 1 + i);
		node = node * FANOUT + 1 + i;
	}
}

static struct object *node_at(struct mutator *m, size_t slot, unsigned int node)
{
	struct object *parent;

	if (node == 0)
		return m->roots[slot];
	parent = node_at(m, slot, (node - 1) / FANOUT);
	if (!parent || !is_object(parent))
		return NULL;
	return object_link(parent, 1 + (node - 1) % FANOUT);
}

/* Ordinary stores into the heap. */
static void update(struct mutator *m, size_t slot)
{
	struct tree *tree = &m->trees[slot];
	unsigned int node = (unsigned int)(rnd(m) % tree->nodes);
	struct object *o = node_at(m, slot, node);

	if (!check(m, tree, node, o) || !head_links(o->head))
		return;
	tree->counter[node]++;
	o->word[0]++;
	set_link(o, 0, far_target(o->head, tree->counter[node]));
	o->sum = object_sum(o);
}

/* ---- a mutator's life ----------------------------------------------- */

/* Most steps go to a window of the table, which moves on now and then. */
static size_t pick_slot(struct mutator *m)
{
	uint64_t r = rnd(m);
	size_t window = m->slots / HOT_SHARE + 1;

	if (!m->hot_left--) {
		m->hot = r % m->slots;
		m->hot_left = HOT_STEPS;
	}
	if ((r >> 32) % COLD == 0)
		return r % m->slots;
	return (m->hot + r % window) % m->slots;
}

static bool step(struct mutator *m)
{
	size_t slot = pick_slot(m);
	unsigned int action = (unsigned int)(rnd(m) % 12);

	if (action < 7)
		chase(m, slot);
	else if (action < 11)
		update(m, slot);
	else if (slot >= m->permanent)
		return replace(m, slot);
	return true;
}

static void fill(struct mutator *m, size_t from, size_t to)
{
	for (; from < to; from++) {
		safepoint();
		if (!replace(m, from))
			die("the live objects do not fit in the heap");
	}
}

static void *mutate(void *arg)
{
	struct mutator *m = arg;

	thread_init(&m->t);
	fill(m, 0, m->permanent);
	m->t.tlab = m->t.tlab_end = NULL;	/* what follows may die */
	/* All permanent trees are there once everybody has come so far. */
	if (pthread_barrier_wait(&ready) == PTHREAD_BARRIER_SERIAL_THREAD)
		settled = true;
	pthread_barrier_wait(&ready);
	fill(m, m->permanent, m->slots);

	while (!atomic_load_explicit(&world_finished, memory_order_relaxed)) {
		safepoint();
		if (!step(m))
			break;
	}
	world_leave();
	return NULL;
}

/* ---- what the collector asks for ------------------------------------ */

static size_t tree_bytes(const struct mutator *m, uint64_t serial)
{
	uint32_t nodes = tree_nodes(serial), node;
	size_t bytes = 0;

	for (node = 0; node < nodes; node++)
		bytes += head_size(node_head(m, serial, nodes, node));
	return bytes;
}

/* So many that their trees make up the live share on average. */
static size_t count_slots(const struct mutator *m)
{
	uint64_t bytes = 0, serial, samples = 2000;

	for (serial = 1; serial <= samples; serial++)
		bytes += tree_bytes(m, serial);
	return heap.size / 100 * conf.live / conf.mutators /
	       (bytes / samples);
}

static void mutator_init(struct mutator *m, unsigned int index)
{
	m->index = index;
	m->rng = mix(mix(conf.seed, 0x6a09e667f3bcc909u), index) | 1;
	m->slots = count_slots(m);
	m->permanent = m->slots / 4;
	m->roots = calloc(m->slots, sizeof(*m->roots));
	m->trees = calloc(m->slots, sizeof(*m->trees));
	if (!m->roots || !m->trees)
		die("no memory for the mutators");
	if (!m->permanent)
		die("the heap is too small for so many mutators");
}

void mutators_start(void)
{
	unsigned int i;

	mutators = calloc(conf.mutators, sizeof(*mutators));
	if (!mutators)
		die("no memory for the mutators");
	pthread_barrier_init(&ready, NULL, conf.mutators);
	for (i = 0; i < conf.mutators; i++) {
		mutator_init(&mutators[i], i);
		world_join();
	}
	for (i = 0; i < conf.mutators; i++)
		if (pthread_create(&mutators[i].thread, NULL, mutate,
				   &mutators[i]))
			die("cannot start a mutator");
}

void mutators_join(void)
{
	unsigned int i;

	for (i = 0; i < conf.mutators; i++)
		pthread_join(mutators[i].thread, NULL);
}

void mutators_stats(struct stats *sum)
{
	unsigned int i;

	for (i = 0; i < conf.mutators; i++)
		stats_add(sum, &mutators[i].t.stats);
}

/* What follows needs the world stopped. */

void mutators_retire(void)
{
	unsigned int i;

	for (i = 0; i < conf.mutators; i++)
		mutators[i].t.tlab = mutators[i].t.tlab_end = NULL;
}

void mutators_roots(void (*visit)(struct object **root))
{
	unsigned int i;
	size_t slot;

	for (i = 0; i < conf.mutators; i++) {
		struct mutator *m = &mutators[i];

		for (slot = 0; slot < m->slots; slot++)
			visit(&m->roots[slot]);
		for (slot = 0; slot < NODES_MAX; slot++)
			visit(&m->scratch[slot]);
	}
}

uint64_t mutators_objects(void)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < conf.mutators; i++)
		n += mutators[i].objects + mutators[i].in_scratch;
	return n;
}

/* Every object of a tree; those behind a broken one count as lost, too. */
static void verify_tree(struct mutator *m, size_t slot)
{
	const struct tree *tree = &m->trees[slot];
	struct object *at[NODES_MAX] = { m->roots[slot] };
	unsigned int node, i;

	for (node = 0; node < tree->nodes; node++) {
		if (!check(m, tree, node, at[node]))
			continue;
		for (i = 0; i < node_children(tree->nodes, node); i++)
			at[node * FANOUT + 1 + i] =
				object_link(at[node], 1 + i);
	}
}

static void verify_own(void)
{
	struct mutator *m = (struct mutator *)self;
	size_t slot;

	for (slot = 0; slot < m->slots; slot++)
		verify_tree(m, slot);
	heartbeat();
}

/* Each mutator checks what is its own. */
void mutators_verify(void)
{
	world_stop();
	world_run(verify_own);
	world_resume();
}
