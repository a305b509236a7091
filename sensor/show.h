/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent, in clear: the very bytes of a batch read back and written as one JSON object a
 * record, so that a server's owner can see all of it.  Pure.
 */
#ifndef SENSOR_SHOW_H
#define SENSOR_SHOW_H

#include "common/buf.h"
#include "common/wire_record.h"

/* Appends a line for each record of W. */
void show_batch(struct buf *out, const struct wire_writer *w);

#endif
