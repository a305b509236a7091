/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of each exporter and domain; the one that was silent longest goes first.
 */
#ifndef COLLECTOR_FLOWS_EXPORTER_H
#define COLLECTOR_FLOWS_EXPORTER_H

#include <uthash.h>

#include "collector/flows/foreign.h"
#include "collector/flows/rates.h"
#include "collector/flows/sequence.h"
#include "collector/flows/template.h"
#include "collector/flows/waiting.h"

struct exporter_key {
	struct addr addr;
	struct addr agent; /* sFlow's own, which a relay keeps; else zeroes */
	uint32_t kind, domain;
};

struct exporter {
	struct exporter_key key;
	uint64_t first_ms, last_ms;
	uint64_t datagrams, flows, missed;
	uint32_t sampling; /* of the last flow */
	bool has_skew;
	int64_t skew_ms;
	uint64_t boot_ms; /* when its sysUpTime was 0, by its clock; 0: not told */
	struct export_head head;
	struct sequence sequence;
	struct templates templates;
	struct rates rates;
	struct waiting waiting;
	UT_hash_handle hh;
};

struct exporters {
	struct exporter *all; /* silent longest first */
	unsigned cap;
	struct budget budget;
};

/* NULL: one too many.  What one that had to go was still waiting for is added to LOST. */
struct exporter *exporters_touch(struct exporters *t, const struct exporter_key *key,
				 uint64_t now_ms, uint64_t *lost);
void exporters_forget(struct exporters *t);

#endif
