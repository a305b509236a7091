/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a doctor says: one line a check, and below it what mends it.
 *
 *	ok    kernel        6.1.0-18-amd64
 *	warn  rights        without CAP_NET_ADMIN: ...
 *	      run it with sudo, or ...
 *
 * or the same as a JSON array.  Each is written as soon as it is known.
 */
#ifndef COMMON_CHECK_H
#define COMMON_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "common/buf.h"

enum check_status {
	CHECK_OK,
	CHECK_WARN, /* it goes on, and something is missing */
	CHECK_FAIL,
};

/* Strings may come from strangers: they are escaped where they are written, not before. */
struct check {
	enum check_status status;
	char name[96];
	char found[512];
	char mend[512]; /* what to do; "" where it is ok */
};

/* Each line takes the place of what was there before. */
void check_found(struct check *c, enum check_status status, const char *name, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
void check_mend(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds words to what was found, "; " before them; the worse of both states stays. */
void check_also(struct check *c, enum check_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct check_report {
	FILE *out;
	bool json, color;
	unsigned n;
	enum check_status worst;
};

/* Colour is for a terminal, and not where $NO_COLOR is set. */
struct check_report check_begin(FILE *out, bool json);
/* Writes and flushes. */
void check_say(struct check_report *r, const struct check *c);
/* The bytes that check_say would write for C, and the end behind it if LAST. */
void check_write(struct buf *out, const struct check_report *r, const struct check *c,
		 bool last);
/* The exit status: 0, or 1 when a check failed. */
int check_end(struct check_report *r);

#endif
