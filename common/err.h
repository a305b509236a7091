/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error that a person will read: a code and words that grow as it rises.
 *
 * The leaf says what it saw (err_set), each caller may say what it was doing (err_wrap), and
 * the program prints the whole once, at the top: "spool /var/lib/skein: open: No space left".
 * A struct err is a value; nothing is allocated or freed.  Every function that takes one
 * accepts NULL for "not interested".
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

struct err {
	int code; /* negative errno, 0 for none */
	char msg[512];
};

/* Fills E and returns CODE, so that a caller can write `return err_set(e, -EINVAL, ...)`. */
int err_set(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set, with ": " and the system's words for CODE appended. */
int err_sys(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "WORDS: " before the message and returns the code that E holds already. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
