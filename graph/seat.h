/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes in waves, as they stand for the moment: what it costs, what a move would gain, and
 * moves until nothing gains any more.  For graph/pack.c alone.
 */
#ifndef GRAPH_SEAT_H
#define GRAPH_SEAT_H

#include <stdbool.h>

#include "graph/pack.h"

struct seat;

/* Fixed nodes sit in their waves, the others nowhere (wave 0).  Q is borrowed. */
struct seat *seat_new(const struct pack *q);
void seat_free(struct seat *s);

unsigned seat_wave(const struct seat *s, unsigned v);
unsigned seat_highest(const struct seat *s);
/* Whether there is room for SIZE machines; what is larger than a wave needs an empty one. */
bool seat_room(const struct seat *s, unsigned wave, unsigned size, uint64_t bytes);
/* Whether the ranks of V's family allow it there. */
bool seat_allowed(const struct seat *s, unsigned v, unsigned wave);
void seat_put(struct seat *s, unsigned v, unsigned wave); /* 0: takes it out */
/* What V costs in that wave, with all others where they are. */
double seat_cost(const struct seat *s, unsigned v, unsigned wave);
double seat_total(const struct seat *s);
/* Moves and swaps, so many tries, then every single move that gains. */
void seat_better(struct seat *s, unsigned tries);
/* Closes gaps that no fixed node keeps open; neighbours that fit into one become one. */
void seat_close(struct seat *s);

#endif
