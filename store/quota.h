/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much that is new one sensor may bring in an hour: a sensor that was taken over, or is
 * broken, could else fill the dictionary with addresses, ports and names of its own making.
 * What is beyond it is counted all the same, on the other end 0.0.0.0, port 0, and under the
 * process "other", and the sensor's `folded` says how often.  A machine beyond it is
 * quarantined.
 *
 * A mirror, or an exporter, sees a whole network at once and so has more.
 */
#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum quota_kind { QUOTA_EDGES, QUOTA_NAMES, QUOTA_KINDS };

enum {
	QUOTA_HOST_EDGES = 10000, /* claims, listeners, gaps */
	QUOTA_HOST_NAMES = 1000,  /* of processes, machines, devices */
	QUOTA_WIDE_EDGES = 1000000,
	QUOTA_WIDE_NAMES = 20000,
};

struct quota {
	int64_t hour; /* since 1970, by the collector's clock */
	int64_t used[QUOTA_KINDS];
};

/* Another hour begins anew: also one that is past, since a clock that leapt may come back. */
void quota_turn(struct quota *q, int64_t now_ms);
bool quota_left(const struct quota *q, bool host, enum quota_kind kind);
void quota_spend(struct quota *q, enum quota_kind kind);

#endif
