/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `--mirror IFACE...`: packets of one or several interfaces, followed by threads and told as
 * edges, interval by interval, to an output.  And `--read FILE... --collector`, which tells
 * the edges of captures with their own times.
 *
 * This process opens the rings and then gives up every right (confine_parser); the courier
 * (courier.h) speaks to the network.
 */
#ifndef SENSOR_MIRRORWATCH_H
#define SENSOR_MIRRORWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

enum { MIRROR_INTERFACES = 16, MIRROR_THREADS = 32, MIRROR_RING_MB = 64 };

struct proxy;

struct mirror_config {
	const char *const *interface;
	unsigned interfaces;
	const char *const *path; /* captures instead */
	unsigned paths;
	unsigned threads;	   /* each with a table of connections of its own */
	uint32_t ring_mb;	   /* of each interface, all threads together */
	const char *filter;	   /* or NULL */
	uint32_t max_connections;  /* of all threads together */
	const char *host;	   /* the collector; "": nobody is told */
	const struct proxy *proxy; /* on the way there; NULL or without a host: none */
	uint16_t port;
	const char *dir;
	unsigned interval_ms;
	int ready_fd;
	bool show;
	const char *once;
	unsigned for_ms;
};

/* As watch_run. */
int mirror_run(const struct mirror_config *config, struct err *e);

#endif
