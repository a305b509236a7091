/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the ledger share: one batch on its way in. */
#ifndef STORE_INTAKE_H
#define STORE_INTAKE_H

#include "common/err.h"
#include "common/fact.h"
#include "common/wire.h"
#include "store/count.h"
#include "store/ledger.h"
#include "store/sensor.h"

enum { INTAKE_MINUTE_MS = 60000 };

/* One batch on its way in. */
struct intake {
	struct store *s;
	struct sensor *sensor;
	int64_t received_ms, base_ms;
	int64_t skew_ms; /* what the sensor's clock is ahead of ours */
	int64_t flow_ms; /* of the flow that is being taken */
	struct cover *covers;
	size_t covers_n, covers_cap;
	struct lost *losses;
	size_t losses_n, losses_cap;
	int64_t *minutes; /* whose coverage this batch has changed */
	size_t minutes_n, minutes_cap;
	int64_t seen, quarantined, rejected, lost, overflow, unnamed, folded;
	struct lost late; /* what came too late, all of it */
	unsigned spoilt;  /* minutes */
	int64_t degraded; /* of the newest cover; -1: none was among them */
};

/* What became of a record: counted unless it says otherwise. */
enum fate { FATE_COUNTED, FATE_QUARANTINED, FATE_REJECTED, FATE_LATE };

/* Rows are kept by time, so a time out of a hat would make as many as anybody likes. */
bool intake_plausible(const struct intake *in, int64_t ms);
bool intake_in_time(const struct intake *in, uint64_t ms);

/* intake_watch.c */

bool intake_cover_sane(const struct cover *c);
/*
 * The sensor's clock, and what it says of its watch: coverage comes last in a batch and is
 * applied first, since then less has to change sides.
 */
int intake_watch(struct intake *in, const struct wire_batch *batch,
		 const struct ledger_from *from, struct err *e);
/* In which minute, and from when to when, F counts. */
void intake_times(const struct intake *in, const struct flow *f, struct count_report *r);
/*
 * Of a report in two of our minutes, which only a clock that is off can make, the part in the
 * second one, by time; a single connection stays whole.
 */
bool intake_split(const struct intake *in, const struct flow *f, struct count_report *r,
		  struct count_report *rest);

/* intake_flow.c */

int intake_flow(struct intake *in, const struct flow *f, enum fate *fate, struct err *e);
/* A client outside the estate becomes the network that it is in, if that is asked for. */
int intake_fold(struct intake *in, struct addr *client, struct err *e);
/* As dict_process, within the sensor's quota. */
int intake_process(struct intake *in, const struct process *p, int64_t *out, struct err *e);

#endif
