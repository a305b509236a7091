/* SPDX-License-Identifier: Apache-2.0 */
/* What all sessions of one collector share.  One thread, one loop. */
#ifndef COLLECTOR_HUB_H
#define COLLECTOR_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <openssl/types.h>

#include "collector/authority.h"
#include "collector/stats.h"
#include "store/store.h"

struct event_base;
struct commit;
struct porch;
struct session;
struct unzip;

enum {
	HUB_STRANGERS = 1024,	     /* let in from the porch, and no HELLO yet */
	HUB_STRANGERS_SOURCE = 256,  /* of them from one address */
	HUB_INPUT_BYTES = 256 << 20, /* unfinished frames of all sessions together */
	HUB_QUEUE_BYTES = 256 << 20, /* decoded batches that wait for a commit */
	HUB_CREDIT = 8,		     /* batches of one sensor that may be unacknowledged */
};

struct hub {
	struct event_base *base;
	struct store *store;
	struct authority *authority;
	SSL_CTX *tls;
	uint32_t life_s;     /* of a sensor's certificate; as long again it may be renewed */
	int64_t revoked;     /* enrol_revoked's mark */
	struct porch *porch; /* NULL: nobody is let in any more */
	struct commit *commit;
	struct unzip *unzip; /* of all sessions */
	LIST_HEAD(session_list, session) sessions;
	struct session *by_sensor; /* uthash: the live ones */
	unsigned sessions_n, live_n, strangers_n;
	size_t input_bytes;
	bool draining;
	/* Those that wait for room in the commit queue, who has done so longest first. */
	TAILQ_HEAD(session_turns, session) waiting;
	struct stats *stats;
	uint64_t log_since_ms; /* lines that strangers can cause: so many in a while */
	unsigned log_lines;
	/* Called when there are fewer sessions or strangers than before. */
	void (*fewer)(struct hub *hub);
	/* Called when the database is found damaged: the collector ends, to begin anew. */
	void (*broken)(struct hub *hub, const struct err *why);
	/* Called after a commit: there may be room in its queue again. */
	void (*room)(struct hub *hub);
};

#endif
