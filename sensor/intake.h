/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the probe tells in one interval, put where it belongs: processes to their names,
 * amounts to edges, opens to the capture rate, local ends to the machine's addresses,
 * listeners to a list.
 */
#ifndef SENSOR_INTAKE_H
#define SENSOR_INTAKE_H

#include <stdbool.h>
#include <sys/types.h>

#include "sensor/capture.h"
#include "sensor/edgetab.h"
#include "sensor/host.h"
#include "sensor/nat.h"
#include "sensor/netstat.h"
#include "sensor/output.h"
#include "sensor/owner.h"
#include "sensor/probe.h"

/* The connection of our own courier, which is no news; pid 0: there is none. */
struct own_link {
	pid_t courier;
	const char *host; /* borrowed */
	uint16_t port;
};

struct intake;

/* HOST is borrowed, and so is NAT, which fills TABLE; both NULL: translations are not seen. */
struct intake *intake_new(struct host *host, struct nat *nat, struct nattab *table,
			  const struct own_link *own);
void intake_free(struct intake *in);

struct probe_sink intake_sink(struct intake *in);
void intake_begin(struct intake *in, uint64_t boot_ms);
/* After the drain: reads the kernel's own counters. */
void intake_compare(struct intake *in);

/* The machine and its listeners changed since they were told last. */
bool intake_changed(struct intake *in);
void intake_describe(struct intake *in, const struct output *out);
/* Edges with news, and the capture rate; how many records that were. */
uint64_t intake_emit(struct intake *in, uint64_t start_ms, uint64_t end_ms,
		     const struct output *out);
/* Something told before was lost: all that is only told when it changes is told again. */
void intake_retell(struct intake *in);
void intake_tick(struct intake *in);

struct owner_table *intake_owners(struct intake *in);
struct edgetab *intake_edges(struct intake *in);
/* Bytes of payload that our own link sent so far, as the probe saw them. */
uint64_t intake_own_bytes(const struct intake *in);
/* Opens since the watch began: as seen, and as the kernel counted. */
void intake_opens(const struct intake *in, uint64_t *seen, uint64_t *kernel);

#endif
