/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent with a request: JSON objects whose members are words, numbers and flags. */
#ifndef COLLECTOR_API_BODY_H
#define COLLECTOR_API_BODY_H

#include "common/json.h"

enum { BODY_FIELDS = 24 };

struct body {
	struct {
		char *key, *text; /* a number's or word's text, or the string */
		enum json_kind kind;
	} field[BODY_FIELDS];
	unsigned n;
};

/* A member that is an array or object: reads it, or says false. */
typedef bool body_nested_fn(const char *key, struct json_in *in, void *ctx);
/* Reads one object; NESTED may be NULL.  False: it is none, or has too many members. */
bool body_read(struct body *b, struct json_in *in, body_nested_fn *nested, void *ctx);
void body_free(struct body *b);

/* "" where there is none. */
const char *body_text(const struct body *b, const char *key);
bool body_has(const struct body *b, const char *key);
/* True for the word true alone. */
bool body_flag(const struct body *b, const char *key);
/* False: it is there and is no whole number up to MAX; *OUT stays where it is not there. */
bool body_number(const struct body *b, const char *key, uint64_t max, uint64_t *out);

#endif
