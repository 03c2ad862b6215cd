// SPDX-License-Identifier: GPL-2.0
/*
 * A QEMU plugin: how often each block of guest code is executed between two
 * addresses, those of start() and stop() in bench.
 *
 *	-plugin count.so,start=ADDRESS,stop=ADDRESS,out=FILE
 *
 * Writes a line for each block: its address, its instructions, how often. A block
 * that faults is counted as a whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-plugin-1.h"

#define BUCKETS		(1 << 16)

struct block {
	struct block *next;
	uint64_t address, insns;
	uint64_t executed;	/* QEMU's code adds to it */
	uint64_t counted;
};

int qemu_plugin_version = 1;

static struct block *buckets[BUCKETS];
static uint64_t start_address, stop_address;
static const char *out_path;

static struct block *find_block(uint64_t address, uint64_t insns)
{
	struct block **head = &buckets[(address ^ address >> 16) % BUCKETS], *b;

	for (b = *head; b; b = b->next) {
		if (b->address == address && b->insns == insns)
			return b;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->address = address;
	b->insns = insns;
	b->next = *head;
	*head = b;
	return b;
}

static void for_each_block(void (*visit)(struct block *b, void *data), void *data)
{
	struct block *b;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (b = buckets[i]; b; b = b->next)
			visit(b, data);
	}
}

static void forget(struct block *b, void *data)
{
	b->executed = 0;
}

static void count(struct block *b, void *data)
{
	b->counted += b->executed;
}

static void print(struct block *b, void *data)
{
	if (b->counted)
		fprintf(data, "%016" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
			b->address, b->insns, b->counted);
}

static void at_start(unsigned int cpu, void *data)
{
	for_each_block(forget, NULL);
}

static void at_stop(unsigned int cpu, void *data)
{
	for_each_block(count, NULL);
}

static void at_exit(qemu_plugin_id_t id, void *data)
{
	FILE *out = fopen(out_path, "w");

	if (!out) {
		perror(out_path);
		return;
	}
	for_each_block(print, out);
	fclose(out);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
	struct block *b = find_block(address, qemu_plugin_tb_n_insns(tb));

	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64,
						 &b->executed, 1);
	if (address == start_address)
		qemu_plugin_register_vcpu_insn_exec_cb(first, at_start,
						       QEMU_PLUGIN_CB_NO_REGS, NULL);
	if (address == stop_address)
		qemu_plugin_register_vcpu_insn_exec_cb(first, at_stop,
						       QEMU_PLUGIN_CB_NO_REGS, NULL);
}

static const char *value_of(const char *arg, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(arg, name, len) && arg[len] == '=' ? arg + len + 1 : NULL;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	const char *value;
	int i;

	for (i = 0; i < argc; i++) {
		if ((value = value_of(argv[i], "start")))
			start_address = strtoull(value, NULL, 16);
		else if ((value = value_of(argv[i], "stop")))
			stop_address = strtoull(value, NULL, 16);
		else if ((value = value_of(argv[i], "out")))
			out_path = strdup(value);
	}
	if (!start_address || !stop_address || !out_path) {
		fprintf(stderr, "count.so: start=, stop= and out= are needed\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
