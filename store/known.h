/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionary as a query needs it: read once, in memory, found by number.  An address
 * belongs to the machine that holds its lease, or held it last.
 */
#ifndef STORE_KNOWN_H
#define STORE_KNOWN_H

#include "common/addr.h"
#include "common/err.h"
#include "common/fact.h"
#include "store/priv.h"

struct known_machine {
	int64_t id;
	char *ident, *name; /* name: what it calls itself, else ident */
	char *os, *kernel, *arch, *site, *extra;
	uint32_t cores;
	uint64_t memory;
	bool sensor;
	int64_t first_ms, last_ms;
	uint64_t opens_seen, opens_kernel, lost, overflow, unnamed;
	uint32_t degraded;
	int64_t skew_ms;
};
struct known_endpoint {
	int64_t id;
	struct addr addr;
	char ip[ADDR_TEXT];		     /* "" for no address */
	const struct known_machine *machine; /* NULL: none */
};
struct known_process {
	int64_t id;
	char *name, *unit, *container;
};
struct known_detail {
	int64_t endpoint, process;
	char *exe, *user, *app;
};

struct known {
	struct known_machine *machine;
	struct known_endpoint *endpoint;
	struct known_process *process;
	struct known_detail *detail;
	size_t machine_n, endpoint_n, process_n, detail_n;
};

/* All of it, or the machines and processes alone; the caller calls known_fini in any case. */
int known_load(struct store *s, bool addresses, struct known *k, struct err *e);
void known_fini(struct known *k);

/* NULL for a number that is not there. */
const struct known_machine *known_machine(const struct known *k, int64_t id);
const struct known_endpoint *known_endpoint(const struct known *k, int64_t id);
const struct known_process *known_find_process(const struct known *k, int64_t id);
/* The process as it is known at that address; of 0 all is "". */
struct process known_process(const struct known *k, int64_t id, int64_t endpoint);

#endif
