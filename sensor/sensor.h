/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One running sensor: probe, owners, edges, spool and the link to the collector on one loop.
 */
#ifndef SENSOR_SENSOR_H
#define SENSOR_SENSOR_H

#include <stdint.h>

#include "common/err.h"
#include "sensor/probe.h"

struct sensor_config {
	const struct probe *probe;
	struct probe_config limits;
	const char *host; /* the collector */
	uint16_t port;
	const char *dir;      /* where enrolment left its files */
	unsigned interval_ms; /* divides a minute */
	int ready_fd;	      /* gets "ready\n" when the probe is attached; -1: nobody waits */
};

/*
 * Watches until SIGTERM or SIGINT, then sends what it has and waits (up to 15 s) until it is
 * acknowledged.  0; -EAGAIN when something was left unacknowledged at the end; another
 * negative errno when it could not start.  Words in all cases but 0.
 */
int sensor_run(const struct sensor_config *config, struct err *e);

#endif
