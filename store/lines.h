/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the store as exchange lines: one JSON object each, without a newline behind it. */
#ifndef STORE_LINES_H
#define STORE_LINES_H

#include "common/buf.h"
#include "store/query.h"

/*
 * All that is known of one machine: lines_machine with `capture` (opens by namespace, and the
 * worst hour), `usage` (how busy it was) and `services` (what listens on it), read from S.
 * Negative errno with words.
 */
int lines_machine_whole(struct buf *out, const struct machine_row *m, struct store *s,
			struct err *e);
void lines_machine(struct buf *out, const struct machine_row *m);
void lines_edge(struct buf *out, const struct edge_row *e);
void lines_listener(struct buf *out, const struct listener_row *l);

#endif
