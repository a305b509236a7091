/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person brings as exchange lines (docs/exchange.md), written in one transaction a
 * source.
 *
 *     struct import *im = import_begin(store, "flows.jsonl", sha256, &e);
 *     import_machine(im, ...); import_flow(im, ...);
 *     import_commit(im, &e);          or import_abort(im)
 *
 * The same bytes are counted once: import_begin answers -EALREADY for a source whose hash was
 * committed before.  A flow's machine ids win over its addresses.
 */
#ifndef STORE_IMPORT_H
#define STORE_IMPORT_H

#include "common/fact.h"
#include "store/store.h"

struct import;

struct import_machine {
	const char *id, *name, *os, *kernel, *arch, *site; /* "" unknown; the id is not */
	const char *const *ips;
	unsigned ips_n;
	bool sensor;
	uint32_t cores;
	uint64_t memory_bytes;
	const char *extra; /* JSON object of the other keys, or "" */
};

struct import_flow {
	const char *client_id, *server_id; /* machine ids, "" for none */
	const char *client_ip, *server_ip; /* text, "" for none; one of id and ip is there */
	struct process client, server;	   /* name "": unknown */
	uint8_t proto;
	uint16_t port;
	struct counters c;
	uint64_t live, pending;
	int64_t first, last; /* Unix seconds */
	unsigned witnesses;  /* bits as in query.h; import is added */
	const char *extra;   /* JSON object of the other keys, or "" */
};

struct import *import_begin(struct store *s, const char *name, const uint8_t sha256[32],
			    struct err *e);
/* 0, or negative errno: -EINVAL (words say what) leaves the import usable, others do not. */
int import_machine(struct import *im, const struct import_machine *m, struct err *e);
int import_flow(struct import *im, const struct import_flow *f, struct err *e);
/*
 * Writes all of it, in the one transaction that an import takes, whether the order of its
 * lines was this or another.  This and import_abort free IM; until then lines are in memory.
 */
int import_commit(struct import *im, struct err *e);
void import_abort(struct import *im);

#endif
