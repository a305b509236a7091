/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON object as a person reads it on a terminal: a line a key, lists below each other,
 * bytes in the units that people use, nothing that could steer a terminal.
 */
#ifndef CLI_CARD_H
#define CLI_CARD_H

#include <stddef.h>

#include "common/buf.h"

/* Appends the object at P[0..N); what is no JSON ends it. */
void card_write(struct buf *out, const char *p, size_t n);

#endif
