/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process that faces the network asks of those that have the database, and what they
 * tell: one packet each way, over a socket between two of our processes.  Pure.
 *
 * A body that is longer than ASK_INLINE comes as a file, whose descriptor travels with the
 * packet (SCM_RIGHTS).
 */
#ifndef COLLECTOR_ASK_H
#define COLLECTOR_ASK_H

#include "collector/http_head.h"
#include "common/buf.h"

enum {
	ASK_INLINE = 64 << 10,
	ASK_PACKET = HTTP_HEAD_MAX + HTTP_BODY_MAX + 1024,
	TELL_PACKET = ASK_INLINE + 4096,
};

/* Strings and body are borrowed from the packet. */
struct ask {
	uint32_t id;
	enum http_method method;
	bool open;	  /* reading needs no token */
	const char *path; /* as it came */
	const char *query;
	const char *token; /* of "Bearer", or "" */
	const char *etag;  /* If-None-Match, or "" */
	const char *peer;  /* address of who asks */
	const uint8_t *body;
	size_t body_n;
};

enum tell_type { TELL_JSON, TELL_METRICS, TELL_DATABASE, TELL_TYPES };

struct tell {
	uint32_t id;
	int status;
	enum tell_type type;
	const char *etag;    /* without quotes, or "" */
	const char *allow;   /* methods, with 405, or "" */
	unsigned retry_s;    /* Retry-After, 0: none */
	uint64_t length;     /* of the body */
	const uint8_t *body; /* NULL: it comes as a file */
};

void ask_write(const struct ask *a, struct buf *out);
/* False for a packet that ask_write does not write. */
bool ask_read(const void *p, size_t n, struct ask *out);
void tell_write(const struct tell *t, struct buf *out);
bool tell_read(const void *p, size_t n, struct tell *out);

/* The document of an error: {"version":1,"error":{"status":404,"message":"..."}}. */
void tell_error(struct buf *out, int status, const char *words);

#endif
