/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sensors send, written exactly once.
 *
 * The ledger has one row a (sensor, epoch) with the last committed sequence, written in the
 * same transaction as the facts.  A batch at or below it is already counted, one above the
 * next is a gap; so a lost acknowledgement, a kill or a restart on either side neither loses
 * nor doubles.
 *
 * Counting once (docs/store.md): both sides of a connection agree on a *conversation* (client
 * address, server address, protocol, service port; scope for loopback).  What one witness says
 * of one conversation is a *claim*; claims are paired to canonical *edges*, and of the claims
 * of one conversation only those of one authority a minute enter the levels hour, day, total.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "common/err.h"
#include "common/wire.h"
#include "store/store.h"

enum ledger_verdict {
	LEDGER_APPLIED, /* counted; to be acknowledged after store_commit */
	LEDGER_KNOWN,	/* was counted before; acknowledge again */
	LEDGER_GAP,	/* not the next one: the sensor must go back to ledger_resume */
};

/* How a batch came. */
struct ledger_from {
	uint64_t received_ms;
	bool greeted;	 /* the sensor has told its clock: */
	int64_t skew_ms; /* less ours, when it said HELLO (store/skew.h) */
};

/* The last committed sequence of this epoch, 0 for none. */
int ledger_resume(struct store *s, const char *sensor, uint64_t epoch, uint64_t *sequence,
		  struct err *e);

/*
 * Batches of SENSOR that were acknowledged are not here, and it has them no more: a gap from
 * its last word to UNTIL_MS, of nobody knows how many records.  *TOLD is false, and nothing is
 * written, when its last word lies in a gap already (a backup was put back, or it has said so
 * before).  In a transaction of its own, if the caller has none.
 */
int ledger_forgotten(struct store *s, const char *sensor, uint64_t until_ms, bool *told,
		     struct err *e);

/*
 * Applies one batch of SENSOR inside the caller's transaction.  A record that makes no sense
 * or that the sensor may not claim (its own end is no address of its machine) is not applied
 * but counted against the sensor (rejected, quarantined), and the sequence is committed all
 * the same.  Negative errno only when the database itself failed: then the caller rolls back.
 */
int ledger_apply(struct store *s, const char *sensor, const struct wire_batch *batch,
		 const struct ledger_from *from, enum ledger_verdict *out, struct err *e);

#endif
