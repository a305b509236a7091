/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, written into a buffer as it goes, and read value by value without a tree.
 *
 *	struct json j = json_to(&buf);
 *	json_open(&j, '{');
 *	json_key(&j, "name"), json_string(&j, name);
 *	json_close(&j, '}');
 *
 * What is written is always valid UTF-8 without raw control characters, whatever the strings
 * held: invalid bytes become U+FFFD; C0, DEL, C1 and what utf8_control names become \u
 * escapes.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { JSON_DEPTH = 32 }; /* nesting that is written and read */

struct json {
	struct buf *out;
	uint64_t more; /* bit N: depth N has an element already */
	unsigned depth;
	bool keyed; /* a key was written, its value comes next */
};

struct json json_to(struct buf *out);
void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_key(struct json *j, const char *key);
void json_string(struct json *j, const char *s);
void json_chars(struct json *j, const char *p, size_t n);
void json_uint(struct json *j, uint64_t v);
void json_int(struct json *j, int64_t v);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
/* A key and its value. */
void json_member_string(struct json *j, const char *key, const char *s);
void json_member_uint(struct json *j, const char *key, uint64_t v);
void json_member_bool(struct json *j, const char *key, bool v);
/* TEXT is JSON already, on one line. */
void json_raw(struct json *j, const char *text, size_t n);

/*
 * Reading.  RFC 8259, with two things borne: a NUL or half a surrogate pair in a string
 * reads as U+FFFD, and invalid UTF-8 too.  Numbers keep their text, so that no digit is
 * lost.
 */
enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json_in {
	const char *p, *end;
	const char *why; /* NULL, or what was wrong at P */
};

static inline struct json_in json_from(const char *p, size_t n)
{
	return (struct json_in){ .p = p, .end = p + n };
}
/* The kind of the next value, which stays unread; -1 where none begins. */
int json_peek(struct json_in *in);
/*
 * Steps into an array or object: true, then for each element json_more, which is false at
 * the end and when something was wrong.  In an object json_read_key follows each json_more.
 */
bool json_enter(struct json_in *in, char bracket);
bool json_more(struct json_in *in, char bracket, bool *first);
bool json_read_key(struct json_in *in, struct buf *key);
/* The string is appended to OUT, without a NUL behind it. */
bool json_read_string(struct json_in *in, struct buf *out);
/* The number's text, [*P, *P + *N). */
bool json_read_number(struct json_in *in, const char **p, size_t *n);
/* null, true, false, which json_peek has seen. */
bool json_read_word(struct json_in *in);
/* Any value, written again in the one form that this writer has (numbers to the letter). */
bool json_copy(struct json_in *in, struct json *out);
/* True if nothing but white space is left. */
bool json_at_end(struct json_in *in);

/* A number's text as an integer: 1e3 and 5.0 are, 1.5 is not.  0, -EINVAL or -ERANGE. */
int json_number_uint(const char *p, size_t n, uint64_t *out);
/* The same, what is behind the point cut off: for times. */
int json_number_floor(const char *p, size_t n, uint64_t *out);

#endif
