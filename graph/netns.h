/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses of one machine cannot share a network namespace.
 *
 * Nobody tells the graph about namespaces, but traffic inside a machine does: the kernel gives
 * a connection to an address of the same namespace that very address as its source.  So two
 * ends on one machine with different addresses stand in different namespaces; and two sources
 * that reach the same foreign address, or two addresses that offer the same port to another
 * namespace, are taken to be different as well.  All other addresses (a second interface, IPv4
 * beside IPv6) stay together.
 *
 * A "class" is what might be one process: same machine, name, unit and container.
 */
#ifndef GRAPH_NETNS_H
#define GRAPH_NETNS_H

#include <stdbool.h>
#include <stdint.h>

struct netns_spot {
	unsigned class;
	unsigned ip; /* equal numbers are equal texts */
	bool v6;
	bool nowhere; /* loopback, link-local or no address: says nothing about a namespace */
	unsigned group; /* out: spots of one class and group are one process */
};

/* A connection inside one machine. */
struct netns_edge {
	unsigned client, server; /* spots */
	uint16_t port;
};

/* SPOT must be sorted by class; within one, the order decides which group is number 0. */
void netns_split(struct netns_spot *spot, unsigned spot_n, const struct netns_edge *edge,
		 unsigned edge_n);

#endif
