/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is the client of a UDP edge, and what its service port is: pure.
 *
 * The programs in the kernel leave out a port that is one of a client's many (bpf/ports.h);
 * then the other one is the service.  Where both may be services (NTP between servers, syslog
 * from 514 to 514, RADIUS proxies) whoever began is the client.  What was decided once stays,
 * so that an edge never turns around between two intervals: both ends may begin at times.
 * Where nobody was seen to begin, the lower port is the service, and of equal ports the lower
 * address serves: both ends of an edge decide alike.
 */
#ifndef SENSOR_UDP_SIDE_H
#define SENSOR_UDP_SIDE_H

#include "bpf/event.h"

enum { UDP_SIDES = 4096 }; /* what is remembered; beyond, only ports and addresses decide */

struct udp_sides;

struct udp_sides *udp_sides_new(void);
void udp_sides_free(struct udp_sides *t);

/* EDGE_CLIENT or EDGE_SERVER, and the port.  K's own address should be known by now. */
enum edge_dir udp_side(struct udp_sides *t, const struct udp_key *k, const struct udp_val *v,
		       __u16 *port);
/* Once an interval: those that were not asked for in a day of intervals are forgotten. */
void udp_sides_tick(struct udp_sides *t);

/*
 * The edge as every other one is told of.  BYTES: the kernel tells of amounts.  An exchange is
 * counted where it was seen to begin.
 */
void udp_edge(struct udp_sides *t, const struct udp_key *k, const struct udp_val *v,
	      _Bool bytes, struct edge_key *key, struct edge_val *val);

#endif
