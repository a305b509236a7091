/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums by edge in user space, as bpf/conn.bpf.c keeps them in the kernel: pure.
 */
#ifndef SENSOR_EDGESUM_H
#define SENSOR_EDGESUM_H

#include "bpf/event.h"
#include "sensor/diag.h"
#include "sensor/probe.h"

struct edgesum;

/* At most CAP edges between two calls of edgesum_tell. */
struct edgesum *edgesum_new(unsigned cap);
void edgesum_free(struct edgesum *s);

void edgesum_open(struct edgesum *s, const struct edge_key *key, uint16_t client_port,
		  uint64_t start_ns, uint64_t now_ns);
void edgesum_failure(struct edgesum *s, const struct edge_key *key, enum diag_fate fate,
		     uint64_t now_ns);
void edgesum_bytes(struct edgesum *s, const struct edge_key *key, uint64_t tx, uint64_t rx,
		   uint64_t now_ns);
/* D: of the end, for round trips and retransmissions; NULL if there was no notice of it. */
void edgesum_close(struct edgesum *s, const struct edge_key *key, const struct diag *d,
		   uint64_t now_ns);

/* Tells SINK's `closed` everything, and begins anew. */
void edgesum_tell(struct edgesum *s, const struct probe_sink *sink);
/* What found no room since the last call. */
uint64_t edgesum_dropped(struct edgesum *s);

#endif
