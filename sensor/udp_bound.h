/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of UDP that wait for questions, from walks over all open files: pure.
 *
 * Resolvers bind a socket to a chance port for every question that they ask; what one walk
 * finds and the one before did not is left out, but for the first walk.  Of several processes
 * that hold one socket the oldest is named.
 *
 *     udp_bound_add*  udp_bound_turn  udp_bound_list*
 */
#ifndef SENSOR_UDP_BOUND_H
#define SENSOR_UDP_BOUND_H

#include <stddef.h>

#include "bpf/event.h"

enum { UDP_BOUND = 8192 }; /* sockets of a walk; what comes after is counted */

struct udp_bound;

struct udp_bound *udp_bound_new(void);
void udp_bound_free(struct udp_bound *t);

void udp_bound_add(struct udp_bound *t, const struct listening *l);
/* The walk has ended; returns how many sockets of it found no room. */
size_t udp_bound_turn(struct udp_bound *t);
/* Those that wait, by address; borrowed until the next turn. */
const struct listening *udp_bound_list(const struct udp_bound *t, size_t *n);

#endif
