/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of one source, kept in memory until all are there: what one line says decides what
 * another means (a machine's addresses come after the flows that use them, both ends of a
 * connection from two lines), and their order must not matter.
 *
 * Strings, processes and ends are kept once, so a line takes about 200 bytes.
 */
#ifndef STORE_IMPORT_LINES_H
#define STORE_IMPORT_LINES_H

#include "common/addr.h"
#include "common/fact.h"
#include "store/amount.h"
#include "store/import.h"
#include "store/priv.h"

struct lines_machine {
	const char *id, *name, *os, *kernel, *arch, *site, *extra;
	uint32_t cores;
	uint64_t memory_bytes;
	bool sensor;
	struct addr *addrs; /* sorted */
	unsigned addrs_n;
};

struct lines_end {
	struct {
		const char *id;	  /* "": none */
		struct addr addr; /* :: for none */
	} key;
	int64_t machine;
	struct endpoint
		*endpoint; /* NULL where only the other end can tell: loopback without id */
	UT_hash_handle hh;
};

struct lines_process {
	struct process key; /* strings of the pool */
	int64_t id;
	UT_hash_handle hh;
};

struct lines_flow {
	struct lines_end *end[2];
	struct lines_process *process[2];
	struct endpoint *endpoint[2];
	uint8_t proto;
	uint16_t port;
	unsigned witnesses;
	unsigned claim; /* index in its conversation */
	struct amounts amounts;
	uint64_t live, pending;
	int64_t first, last;
	const char *extra;
};

struct lines_word;

struct lines {
	struct lines_word *words;
	struct lines_end *ends;
	struct lines_process *processes;
	struct lines_machine *machine;
	struct lines_flow *flow;
	size_t machine_n, machine_cap, flow_n, flow_cap;
};

/* 0, or -EINVAL with words for what cannot be. */
int lines_add_machine(struct lines *l, const struct import_machine *m, struct err *e);
int lines_add_flow(struct lines *l, const struct import_flow *f, struct err *e);
/* All ends or processes in an order that is theirs; the caller frees the array. */
struct lines_end **lines_sorted_ends(const struct lines *l, size_t *n);
struct lines_process **lines_sorted_processes(const struct lines *l, size_t *n);
void lines_fini(struct lines *l);

#endif
