/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sensor and collector say to each other, to the byte: docs/wire.md.
 *
 * Pure: bytes in, structs out, and the other way round; no clock, no I/O, and nothing in here
 * allocates in proportion to what a frame claims.  Decoded strings are borrowed from the
 * frame.
 *
 * A frame is a length (u32, of what follows), a type, flags and a body.  Unknown types that
 * carry WIRE_OPTIONAL are skipped, others end the connection.  What is in a batch:
 * wire_record.h.
 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include "common/buf.h"
#include "common/cur.h"

enum {
	WIRE_FRAME_MAX = 1 << 20,	     /* type, flags and body */
	WIRE_BODY_MAX = WIRE_FRAME_MAX - 64, /* records of one batch */
	WIRE_RATIO_MAX = 100,		     /* a compressed body, to what it decodes to */
	WIRE_OPTIONAL = 1,		     /* flag: skip this frame if you do not know it */
	WIRE_HEAD = 6,			     /* length, type, flags */
};

enum wire_type {
	WIRE_HELLO = 1, /* sensor: who I am and where I think we are */
	WIRE_WELCOME,	/* collector: where we really are, and how much may be in flight */
	WIRE_BATCH,	/* sensor: records under one (epoch, sequence) */
	WIRE_ACK,	/* collector: everything up to here is committed */
	WIRE_ERROR,	/* either, before it closes */
	WIRE_ENROLL,	/* sensor without a certificate: token and signing request */
	WIRE_CERT,	/* collector: the certificate */
	WIRE_RENEW,	/* sensor: a signing request for its next certificate (minor 1) */
};

/* What HELLO and WELCOME offer; what both have is used. */
enum wire_capability {
	WIRE_CAN_ZSTD = 1,  /* batches may be WIRE_ZSTD */
	WIRE_CAN_RENEW = 2, /* RENEW is answered by CERT within the session */
	WIRE_IS_TEST = 4,   /* of a HELLO: from beside the sensor, whose copy it is not */
	WIRE_HAS_PLACE = 8, /* of a HELLO: it says what was acknowledged and is kept */
	/* What these programs offer. */
	WIRE_CAPABILITIES = WIRE_CAN_ZSTD | WIRE_CAN_RENEW,
};

enum wire_error_code {
	WIRE_E_PROTOCOL = 1, /* a frame that makes no sense */
	WIRE_E_VERSION,	     /* no version in common */
	WIRE_E_REFUSED,	     /* token or certificate not accepted */
	WIRE_E_BUSY,	     /* come back later */
	WIRE_E_DUPLICATE,    /* this identity is connected already */
	WIRE_E_INTERNAL,
};

struct wire_frame {
	uint8_t type, flags;
	struct cur body;
};
/*
 * The first frame in P[0..N): 1 with *OUT and the bytes it USED, 0 if more bytes are needed,
 * -EPROTO if its length is impossible.
 */
int wire_frame_next(const uint8_t *p, size_t n, struct wire_frame *out, size_t *used);
/* Returns a mark for wire_frame_end, which fills in the length. */
size_t wire_frame_begin(struct buf *b, enum wire_type type, uint8_t flags);
void wire_frame_end(struct buf *b, size_t mark);

struct wire_hello {
	uint16_t minor;
	uint64_t capabilities;
	uint64_t boot;	/* random, one a start of the sensor */
	uint64_t epoch; /* random, one a spool */
	uint64_t clock_ms;
	const char *program; /* "skein-sensor 0.1.0" */
	/* With WIRE_HAS_PLACE, else 0: the last of this epoch that it was acknowledged, and
	 * the first that it still has, or will have. */
	uint64_t acked, kept;
};
struct wire_welcome {
	uint16_t minor;
	uint64_t capabilities;
	uint64_t epoch;	   /* as in HELLO */
	uint64_t sequence; /* last one committed in this epoch, 0 for none */
	uint32_t credit;   /* batches that may be unacknowledged; 0 is pause */
	uint64_t clock_ms;
	const char *program;
};
struct wire_ack {
	uint64_t epoch, sequence;
	uint32_t credit;
};
struct wire_error {
	uint16_t code;
	const char *reason;
};
struct wire_enroll {
	const char *token;
	const char *request; /* PEM certificate signing request */
	const char *host;    /* host name, for people */
};
struct wire_cert {
	const char *sensor;	 /* the identity that the certificate names */
	const char *certificate; /* PEM */
	const char *authority;	 /* PEM */
};
struct wire_renew {
	const char *request; /* PEM certificate signing request for a new key */
};
enum wire_encoding { WIRE_PLAIN = 0, WIRE_ZSTD = 1 };
struct wire_batch {
	uint64_t epoch, sequence;
	uint32_t records;
	uint8_t encoding;
	uint32_t raw_length; /* of the records when decoded, at most WIRE_BODY_MAX */
	struct cur body;     /* encoded */
};

void wire_put_hello(struct buf *b, const struct wire_hello *m);
void wire_put_welcome(struct buf *b, const struct wire_welcome *m);
void wire_put_ack(struct buf *b, const struct wire_ack *m);
void wire_put_error(struct buf *b, const struct wire_error *m);
void wire_put_enroll(struct buf *b, const struct wire_enroll *m);
void wire_put_cert(struct buf *b, const struct wire_cert *m);
void wire_put_renew(struct buf *b, const struct wire_renew *m);
/* M's body is taken from BODY[0..N). */
void wire_put_batch(struct buf *b, const struct wire_batch *m, const void *body, size_t n);

/* 0, or -EPROTO for a body that is not one. */
int wire_get_hello(struct cur body, struct wire_hello *out);
int wire_get_welcome(struct cur body, struct wire_welcome *out);
int wire_get_ack(struct cur body, struct wire_ack *out);
int wire_get_error(struct cur body, struct wire_error *out);
int wire_get_enroll(struct cur body, struct wire_enroll *out);
int wire_get_cert(struct cur body, struct wire_cert *out);
int wire_get_renew(struct cur body, struct wire_renew *out);
/* Looks at the envelope alone: a body that is not plain is zip.h's, and then still unread. */
int wire_get_batch(struct cur body, struct wire_batch *out);

#endif
