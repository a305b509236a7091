/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the collector: sends what is in the spool, frees what was committed, and
 * comes back by itself after every failure (0.2 s, doubling to 30 s, to 1 s where the
 * collector is this machine; with jitter, so that thousands of sensors do not return at once).
 *
 * What a collector may do to a sensor ends here: acknowledge, say where to go on, pause,
 * refuse.
 */
#ifndef SENSOR_LINK_H
#define SENSOR_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "sensor/identity.h"
#include "sensor/spool.h"

struct event_base;
struct proxy;
struct link;

enum link_state {
	LINK_DOWN,    /* not connected; the words say why */
	LINK_UP,      /* welcomed; the words name the collector's address */
	LINK_REFUSED, /* the collector does not take this sensor; asked again, but slowly */
};

struct link_config {
	const char *host; /* borrowed for the length of link_new, as are the other strings */
	uint16_t port;
	const char *dir;     /* where the identity is (identity.h); not read again later */
	const char *program; /* for HELLO, as "skein-sensor 0.1.0" */
	/*
	 * Called from the loop; neither may free the link.  `state` only when state or words
	 * change, `acked` whenever the spool got smaller.  Either may be NULL.
	 */
	void (*state)(enum link_state state, const char *words, void *ctx);
	void (*acked)(void *ctx);
	void *ctx;
	const struct proxy *proxy; /* on the way there; copied; NULL or without a host: none */
	/* About the certificate: it was renewed, or why it cannot be.  May be NULL. */
	void (*note)(bool good, const char *words, void *ctx);
};

struct link_stats {
	enum link_state state;
	uint64_t connects;	 /* welcomes */
	uint64_t batches, bytes; /* sent, those sent again included */
	uint32_t credit;
	int64_t clock_ms; /* the collector's clock less ours at the last welcome */
};

/*
 * Starts to connect once BASE runs; the program must ignore SIGPIPE.  NULL with words when
 * there is no usable identity.  SPOOL may be NULL: it is given then before BASE runs.
 */
struct link *link_new(struct event_base *base, const struct link_config *config,
		      struct spool *spool, struct err *e);
void link_give(struct link *l, struct spool *spool);
void link_free(struct link *l);

const struct identity *link_identity(const struct link *l);
/* Where a renewed certificate is kept, for confine.h; -1 where that cannot be. */
int link_folder(const struct link *l);
/* Something was added to the spool. */
void link_kick(struct link *l);
/* True when everything in the spool has been committed by the collector. */
bool link_drained(const struct link *l);
struct link_stats link_stats(const struct link *l);

#endif
