/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded lines (common/exchange.h) as a sensor would tell them that sees them now.  Pure:
 * the lines are shown twice, first to learn from all of them, then to be told one by one.
 *
 * A flow line becomes one flow record with all amounts of the line, in the minute of its
 * `last`; all times move by the same amount.  What a record has no place for (extra keys,
 * `guess`, names of machines without an id) is left out.
 *
 * A sensor of role mirror tells everything.  Where a line names an end by its id alone, or by
 * a loopback or link-local address, which means nothing on a mirror, the first address that
 * the machine lists stands for it.  A sensor of role host tells of one machine, the first that
 * the lines say had a sensor, or the only one: of the rest it has nothing to tell.
 */
#ifndef SENSOR_RETELL_H
#define SENSOR_RETELL_H

#include "common/exchange.h"

enum { RETELL_MACHINES = 262144 }; /* whose addresses are kept */

struct retell;

struct retell *retell_new(bool host);
void retell_free(struct retell *r);

/* The first time. */
void retell_learn_machine(struct retell *r, const struct exchange_machine *m);
void retell_learn_flow(struct retell *r, const struct exchange_flow *f);

/* Some line can only be told by who has seen all of them. */
bool retell_needs_all(const struct retell *r);

/* By how much times move, so that the newest that was learnt is NOW_MS; then it is set. */
int64_t retell_shift(const struct retell *r, uint64_t now_ms);
void retell_set_shift(struct retell *r, int64_t shift_ms);

/*
 * The second time: 1 with *OUT, whose strings are borrowed from the line; 0 where this sensor
 * has nothing to tell of it; -EINVAL with words for a line that cannot be told.
 */
int retell_machine(struct retell *r, const struct exchange_machine *m, struct machine *out,
		   struct err *e);
int retell_flow(struct retell *r, const struct exchange_flow *f, struct flow *out,
		struct err *e);

#endif
