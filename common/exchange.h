/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exchange format, one JSON object a line (docs/exchange.md): machine and flow lines,
 * written and read.  Pure: no file, no store.
 *
 * Keys have a fixed order; one that is unknown is absent, but for `client`, `server` and the
 * processes, which are null then.  Keys that the format does not have are kept in `extra`.
 */
#ifndef COMMON_EXCHANGE_H
#define COMMON_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fact.h"
#include "common/json.h"

/* The largest integer that every reader of JSON keeps exactly (RFC 8259 section 6). */
#define EXCHANGE_MAX (1ull << 53)

struct exchange_machine {
	const char *id;				      /* never "" */
	const char *name, *os, *kernel, *arch, *site; /* "": unknown */
	const char *const *ips;
	size_t ips_n;
	bool sensor;
	uint64_t cores, memory_bytes; /* 0: unknown */
	int64_t first, last;	      /* Unix seconds, 0: unknown */
	const char *extra;	      /* JSON object of further keys, or "" */
};

/* How whole a sensor's watch of its machine was, by its own account. */
struct exchange_watch {
	uint64_t opens_seen,
		opens_kernel; /* of those that the kernel counted; 0: not compared */
	uint64_t lost, overflow, unnamed;
	uint32_t degraded; /* bits of enum degraded */
	int64_t skew_ms;   /* its clock less the collector's; told beyond EXCHANGE_SKEW_MS */
};
enum { EXCHANGE_SKEW_MS = 5000 };

struct exchange_end {
	const char *id;	  /* "": no known machine */
	const char *name; /* of the machine; "": unknown */
	const char *ip;	  /* "": unknown */
	struct process process;
};

struct exchange_flow {
	struct exchange_end client, server;
	uint8_t proto; /* PROTO_TCP or PROTO_UDP */
	uint16_t port;
	struct counters c;
	uint64_t failed; /* of any kind; at least counters_failed(&c) */
	uint64_t live, pending;
	int64_t first, last; /* Unix seconds, 0: unknown */
	unsigned witnesses;  /* bits 1 << enum witness */
	bool guess;
	const char *server_seen; /* the server's ends as clients addressed them, "IP:PORT ...";
				    NULL: as it is */
	const char *extra;
};

/* One object, without a newline behind it. */
void exchange_write_machine(struct buf *out, const struct exchange_machine *m);
void exchange_write_flow(struct buf *out, const struct exchange_flow *f);
/*
 * The keys PREFIX + "exe", "unit", "user", "container", "app" of what is known; for other
 * lines.
 */
void exchange_write_process(struct json *j, const char *prefix, const struct process *p);
/* The keys of EXTRA, a JSON object or "", into the object that J has open. */
void exchange_write_extra(struct json *j, const char *extra);
/* The same without keys for which SKIP is true. */
typedef bool exchange_skip_fn(const void *ctx, const char *key);
void exchange_write_some(struct json *j, const char *extra, exchange_skip_fn *skip,
			 const void *ctx);
/* "opens_seen" and so on, what is not zero; and whether KEY is one of them. */
void exchange_write_watch(struct json *j, const struct exchange_watch *w);
bool exchange_is_watch_key(const void *ctx, const char *key);
/* Whether KEY is one that every machine line has or may have, and no further one. */
bool exchange_is_machine_key(const void *ctx, const char *key);

enum exchange_kind { EXCHANGE_MACHINE, EXCHANGE_FLOW, EXCHANGE_OTHER };

struct exchange_reader;
struct exchange_reader *exchange_reader_new(void);
void exchange_reader_free(struct exchange_reader *r);

/*
 * Reads one line: an enum exchange_kind, or -EINVAL with words for a person.  A line of a
 * type that is neither machine nor flow is EXCHANGE_OTHER.  Checked are types, ranges and
 * addresses; a flow has an id or an address at both ends and a port.
 */
int exchange_read(struct exchange_reader *r, const char *line, size_t n, struct err *e);
/* What the last call read, borrowed until the next one. */
const struct exchange_machine *exchange_machine(const struct exchange_reader *r);
const struct exchange_flow *exchange_flow(const struct exchange_reader *r);

#endif
