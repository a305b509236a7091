/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows of routers and switches over UDP, seen from the collector: a process of its own reads
 * the datagrams (flowreader.h), since they come from anybody, and hands over finished batches,
 * which are committed as those of sensors are.
 *
 * Nothing of it is authenticated.  What an exporter tells is stored as told by the sensor
 * "flow:ADDRESS" with the role flow, which the ledger believes about nothing but flows.
 */
#ifndef COLLECTOR_FLOWPORT_H
#define COLLECTOR_FLOWPORT_H

#include "collector/hub.h"
#include "collector/nursery.h"
#include "common/addr.h"
#include "common/err.h"

enum {
	FLOWPORT_LISTEN = 16,
	FLOWPORT_EXPORTERS = 256,
	FLOWPORT_MESSAGE = 128 << 10, /* between the two processes */
};

struct flowport_config {
	struct flowport_address {
		char host[256]; /* "" for any */
		uint16_t port;
	} listen[FLOWPORT_LISTEN];
	unsigned listen_n; /* 0: no flows are taken */
	struct addr_net exporter[FLOWPORT_EXPORTERS];
	unsigned exporter_n; /* nobody else is listened to */
};

/* What the collector answers to a batch, whom it wants to hear, and how it ends the reader. */
enum flowport_word { FLOWPORT_COMMITTED, FLOWPORT_AGAIN, FLOWPORT_END, FLOWPORT_ALLOW };
struct flowport_answer {
	uint32_t word; /* enum flowport_word */
	uint64_t epoch, sequence;
};
/* The first that a reader hears; again when it changes. */
struct flowport_allow {
	uint32_t word; /* FLOWPORT_ALLOW */
	uint32_t exporter_n;
	struct addr_net exporter[FLOWPORT_EXPORTERS];
};

struct flowport;

/*
 * Binds the addresses of C, which the reader, one of N, will read.  *OUT is NULL where C has
 * no address.  STATS has to stay.
 */
int flowport_new(struct flowport **out, struct nursery *n, const struct flowport_config *c,
		 struct stats *stats, struct err *e);
/* Starts the reader; NULL is fine, here and below. */
int flowport_start(struct flowport *p, struct err *e);
/* From now on batches go into HUB's commits. */
void flowport_attach(struct flowport *p, struct hub *hub);
/* Now and then: starts the reader again when it has ended by itself. */
void flowport_sweep(struct flowport *p);
/* The exporters of C are heard from now on; nothing else of it is looked at. */
void flowport_reload(struct flowport *p, const struct flowport_config *c);
/* The reader tells all it has; then DONE is called, once, with HUB. */
void flowport_drain(struct flowport *p, void (*done)(struct hub *hub));
void flowport_free(struct flowport *p);

#endif
