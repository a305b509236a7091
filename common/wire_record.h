/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of one batch (wire.h), to the byte as docs/wire.md says.  Pure, as wire.h is.
 *
 * Every record has a kind and a length, so that unknown kinds, and fields added at a record's
 * end by a later minor version, are skipped.  Decoded strings are borrowed from the body.
 */
#ifndef COMMON_WIRE_RECORD_H
#define COMMON_WIRE_RECORD_H

#include "common/buf.h"
#include "common/cur.h"
#include "common/fact.h"

enum { WIRE_PROCESSES = 4096 }; /* process records in one batch */

/*
 * The records of one batch, written.  wire_writer_begin starts a body whose times are relative
 * to BASE_MS; the caller writes each process once and then names it by its index.  When
 * wire_writer_full says so the batch should be closed and another begun.
 */
struct wire_writer {
	struct buf body;
	uint64_t base_ms;
	uint32_t records;
	uint32_t processes;
};
void wire_writer_begin(struct wire_writer *w, uint64_t base_ms);
void wire_writer_fini(struct wire_writer *w);
bool wire_writer_full(const struct wire_writer *w);
/* The index under which the flows and listeners of this batch name P; 0 for NULL. */
uint32_t wire_write_process(struct wire_writer *w, const struct process *p);
/* F's process pointers are not looked at: CLIENT and SERVER are indexes, 0 for unknown. */
void wire_write_flow(struct wire_writer *w, const struct flow *f, uint32_t client,
		     uint32_t server);
void wire_write_listener(struct wire_writer *w, const struct listener *l, uint32_t process);
void wire_write_machine(struct wire_writer *w, const struct machine *m);
void wire_write_cover(struct wire_writer *w, const struct cover *c);
void wire_write_lost(struct wire_writer *w, const struct lost *l);
void wire_write_capture(struct wire_writer *w, const struct capture *c);
void wire_write_usage(struct wire_writer *w, const struct usage *u);
void wire_write_translation(struct wire_writer *w, const struct translation *t);

/* The records of one batch, read one by one. */
enum wire_kind {
	WIRE_R_PROCESS = 1, /* kept by the reader, never returned */
	WIRE_R_FLOW,
	WIRE_R_LISTENER,
	WIRE_R_MACHINE,
	WIRE_R_COVER,
	WIRE_R_LOST,
	WIRE_R_CAPTURE,
	WIRE_R_USAGE,
	WIRE_R_TRANSLATION,
};
struct wire_record {
	enum wire_kind kind;
	union {
		struct flow flow;
		struct listener listener;
		struct machine machine;
		struct cover cover;
		struct lost lost;
		struct capture capture;
		struct usage usage;
		struct translation translation;
	};
};
struct wire_reader {
	struct cur c;
	uint64_t base_ms;
	struct process *process; /* of this batch, index 1 is process[0] */
	uint32_t process_n;
};
void wire_reader_begin(struct wire_reader *r, struct cur body);
void wire_reader_fini(struct wire_reader *r);
/*
 * 1 with the next record in *OUT (borrowed until the reader ends), 0 at the end, -EPROTO for a
 * record that makes no sense, after which the rest of the batch cannot be read.
 */
int wire_reader_next(struct wire_reader *r, struct wire_record *out);

#endif
