/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection graph in memory: machines, the processes on them, and edges between processes.
 *
 * Arrays sorted by the order of the queries, so that the same facts give the same graph, byte
 * for byte.  An address that is no known machine is a machine here too, with `known` false and
 * its address as the name.  The model owns all its strings; graph_free releases everything.
 */
#ifndef GRAPH_MODEL_H
#define GRAPH_MODEL_H

#include "common/fact.h"
#include "store/query.h"

struct graph_machine {
	char *id;   /* "" for an unknown address */
	char *name; /* host name, else id, else address */
	char *os;
	char **ips;
	unsigned ips_n;
	bool known, sensor;
};

/*
 * A process on a machine, at one local address where that matters: the processes of one machine
 * that speak from different addresses (network namespaces, containers) are told apart by `ip`.
 */
struct graph_process {
	unsigned machine; /* index */
	char *name;	  /* "" : unknown */
	char *ip;
	char *unit, *container, *exe;
};

struct graph_edge {
	unsigned client, server; /* indexes of processes */
	uint8_t proto;
	uint16_t port;
	struct counters c;
	uint64_t live, pending;
	int64_t first, last;
	unsigned witnesses;
	bool guess;
};

struct graph_listener {
	unsigned process;
	uint8_t proto;
	uint16_t port;
};

struct graph {
	struct graph_machine *machine;
	struct graph_process *process;
	struct graph_edge *edge;
	struct graph_listener *listener;
	unsigned machine_n, process_n, edge_n, listener_n;
	int64_t first, last; /* of all edges, 0: none */
	int64_t since, until; /* the window asked for, 0: open */
	struct health health;
};

/* NULL with words in *E.  F may narrow machine, port, process and time. */
struct graph *graph_load(struct store *s, const struct filter *f, struct err *e);
void graph_free(struct graph *g);

/* The index of the machine that WORD names (id, name, then address); -1 for none. */
int graph_find_machine(const struct graph *g, const char *word);

#endif
