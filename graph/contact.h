/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph as the grouper sees it: one contact for each (client, server, port, protocol) of
 * two known machines between which a connection ever succeeded, in compact arrays.
 *
 * Processes are numbers of their names (0: unknown); of several at one end the first by name
 * counts.  A "service" is a (server, port, protocol), a "fan" a (client, port, protocol).
 */
#ifndef GRAPH_CONTACT_H
#define GRAPH_CONTACT_H

#include "graph/model.h"
#include "graph/portbook.h"

struct contact {
	unsigned client, server; /* machines */
	unsigned service, fan;
	unsigned client_process, server_process;
	uint16_t port;
	uint8_t proto;
	uint8_t class; /* enum port_class; learnt agent ports are PORT_INFRA */
	float steady;  /* 1: a steady service, .3: a burst, .05: hardly ever */
	float log_n;   /* log10 of the successful connections */
	bool agent;    /* a port that nearly every machine serves to a few: learnt */
};

struct contacts {
	const struct graph *g;
	unsigned machine_n;
	struct contact *contact; /* by client, server, port, protocol */
	unsigned contact_n;
	unsigned *by_service; /* contacts of service S: [service[S], service[S + 1]) of it */
	unsigned *service;
	unsigned *by_fan;
	unsigned *fan;
	unsigned *by_machine; /* contacts of machine M, as either end */
	unsigned *machine;
	unsigned service_n, fan_n, process_n;
	const char **process; /* names by number, borrowed from the graph */
};

struct contacts *contacts_new(const struct graph *g);
void contacts_free(struct contacts *c);

#endif
