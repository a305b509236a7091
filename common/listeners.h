/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who was seen to accept a handshake: addresses and ports that are servers for certain, in a
 * bounded table.  Where it is full the one that was confirmed longest ago goes.
 */
#ifndef COMMON_LISTENERS_H
#define COMMON_LISTENERS_H

#include <stdbool.h>

#include "common/addr.h"

enum { LISTENERS_MAX = 65536 };

struct listeners;
struct listeners *listeners_new(uint64_t seed);
void listeners_free(struct listeners *l);
void listeners_learn(struct listeners *l, const struct addr *a, uint16_t port);
bool listeners_has(const struct listeners *l, const struct addr *a, uint16_t port);

/*
 * Which of two ports is rather a service's: -1 the first, 1 the second, 0 neither.  A port
 * below 1024, then one with a well-known service, then one that no system picks for clients
 * (below 32768, where the other is not).
 */
int port_rule(uint16_t a, uint16_t b);

#endif
