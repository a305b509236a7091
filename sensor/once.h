/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output that adds a whole watch up and writes it as one file of the exchange format
 * (docs/exchange.md): the machine, then one line an edge.  The two ends of a connection inside
 * this machine become one edge, by the rules of counting once (common/pair.h); the client's
 * end counts.
 */
#ifndef SENSOR_ONCE_H
#define SENSOR_ONCE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "sensor/output.h"

struct once;

struct once *once_new(void);
void once_free(struct once *o);
struct output once_output(struct once *o);

void once_print(struct once *o, struct buf *out);
/* By rename; into what is no regular file (a pipe, a device), "-" is standard output. */
int once_write(struct once *o, const char *path, struct err *e);
/* The watch missed something, by its own account: WORDS says what. */
bool once_degraded(const struct once *o, char *words, size_t cap);

#endif
