/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the collector asks of the process that holds the authority's key, and what it answers:
 * one message of fixed size each.  Pure: no clock, no I/O.
 *
 * The signing request of a sensor is taken apart, and its proof of possession checked, by the
 * collector; the key's process sees a point of the curve and a name, and builds everything
 * else in the certificate itself.
 */
#ifndef COLLECTOR_AUTHORITY_ASK_H
#define COLLECTOR_AUTHORITY_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cert.h"

enum {
	AUTHORITY_SENSOR_S = 30 * 86400,     /* longest life of a sensor's certificate */
	AUTHORITY_COLLECTOR_S = 365 * 86400, /* and of the collector's */
	AUTHORITY_RATE = 50,		     /* certificates a second, in the long run, */
	AUTHORITY_BURST = 1000,		     /* and so many at once */
};

enum authority_what { AUTHORITY_FOR_SENSOR = 1, AUTHORITY_FOR_COLLECTOR };
enum authority_role { AUTHORITY_HOST = 1, AUTHORITY_MIRROR };

struct authority_ask {
	uint8_t what, role; /* role 0 for the collector */
	uint8_t point[CERT_POINT];
	char sensor[CERT_CN]; /* zeroes behind it; all zeroes for the collector */
	uint32_t seconds;
	uint32_t number; /* the asker's; comes back with the answer */
};

struct authority_answer {
	int32_t code; /* 0, -EINVAL, or -EAGAIN: too many, ask later */
	uint32_t number;
	uint32_t n;
	uint8_t der[CERT_DER];
};

/* ROLE as a word and back; NULL and 0 where there is none. */
const char *authority_role_word(uint8_t role);
uint8_t authority_role_of(const char *word);

/* Whether N bytes at P are a question that may be answered; *OUT is a copy if N is right. */
bool authority_ask_take(const void *p, size_t n, struct authority_ask *out);

/* Answers so far; {0} to begin with. */
struct authority_pace {
	uint64_t then_ms;
	uint64_t spent; /* thousandths of a certificate; falls with time */
};
/* Whether one more may be made now, which then counts. */
bool authority_pace_take(struct authority_pace *p, uint64_t now_ms);

#endif
