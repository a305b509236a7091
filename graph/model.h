/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection graph in memory: machines, the processes on them, and edges between
 * processes.
 *
 * Arrays are in a fixed order (machines by name and id; processes by machine, name, ip; edges
 * by machines, port and processes), so that the same facts give the same graph, byte for byte,
 * in whatever order they came.  An address that is no known machine is a machine here too,
 * with `known` false and its address as the name.  The model owns all its strings; graph_free
 * releases everything.  No string in it is NULL.
 */
#ifndef GRAPH_MODEL_H
#define GRAPH_MODEL_H

#include "common/fact.h"
#include "store/query.h"

struct graph_machine {
	char *id;   /* "" for an unknown address */
	char *name; /* host name, else id, else address */
	char *os, *site;
	char *extra; /* further keys of an imported line as a JSON object, or "" */
	char **ips;
	unsigned ips_n;
	uint32_t cores;	       /* 0: unknown */
	uint64_t memory_bytes; /* 0: unknown */
	bool known, sensor;
};

/*
 * A process on a machine.  One that speaks from several addresses is one process, unless these
 * addresses must belong to different network namespaces (graph/netns.h): then it is several,
 * told apart by `ip`.
 */
struct graph_process {
	unsigned machine; /* index */
	char *name;	  /* "" : unknown */
	char *ip;	  /* one of its addresses, "" : none known */
	char *unit, *container, *exe;
};

/* One for each (client, server, proto, port). */
struct graph_edge {
	unsigned client, server; /* indexes of processes */
	uint8_t proto;
	uint16_t port; /* 0: many high ones of the server (graph/dynamic.h) */
	struct counters c;
	uint64_t live, pending;
	int64_t first, last;
	unsigned witnesses;
	bool guess;
};

/* One for each (process, proto, port). */
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
	int64_t first, last;  /* of all edges, 0: none */
	int64_t since, until; /* the window asked for, 0: open */
	struct health health;
};

/*
 * NULL with words in *E.  F may narrow machine, port, process and time; where it names one of
 * the first three, machines that no edge touches are left out, but for the one it names.
 */
struct graph *graph_load(struct store *s, const struct filter *f, struct err *e);
void graph_free(struct graph *g);
/* What one machine owns; not the struct itself. */
void graph_free_machine(struct graph_machine *m);

/* The index of the machine that WORD names (id, name, then address); -1 for none. */
int graph_find_machine(const struct graph *g, const char *word);

/* Adds what B counted to A; the sum knows bytes only if both do. */
void graph_add_counters(struct counters *a, const struct counters *b);

#endif
