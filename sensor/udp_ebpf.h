/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP part of the eBPF probe: bpf/udp.bpf.c, attached to the root of cgroup v2.  It has no
 * ring of its own and shares the tables of processes with the TCP part.
 *
 *     udp_flip(u);  (the TCP part changes its maps: that waits for all programs)  udp_drain(u)
 */
#ifndef SENSOR_UDP_EBPF_H
#define SENSOR_UDP_EBPF_H

#include "sensor/probe.h"

struct bpf_object;
struct udp_part;

/* Descriptors of the TCP part's maps of these names (bpf/who.h). */
struct udp_shared {
	int processes, announced, drops;
	bool no_prealloc; /* maps take memory as they need it */
};

/* NULL with words. */
struct udp_part *udp_open(const struct probe_config *config, const struct udp_shared *shared,
			  const struct probe_sink *sink, struct err *e);
void udp_close(struct udp_part *u);
/* Programs are gone from the kernel, what they counted can still be drained. */
void udp_detach(struct udp_part *u);

/* From now on the other map is written to. */
void udp_flip(struct udp_part *u);
/*
 * Tells the sink what is in the first, once no program uses it any more.  UNPLACED is raised
 * by edges whose own address could not be found.  Negative errno.
 */
int udp_drain(struct udp_part *u, uint64_t *unplaced);

/* A record of that size has come by the ring. */
void udp_place(struct udp_part *u, const struct udp_place *place);

/*
 * Tells the sink who waits for datagrams, as of the last look at all open files, which is a
 * minute ago or less (more on hosts with very many files).  DROPPED is raised by what found no
 * room.  Negative errno.
 */
int udp_listeners(struct udp_part *u, uint64_t *dropped);

const struct bpf_object *udp_object(const struct udp_part *u);

#endif
