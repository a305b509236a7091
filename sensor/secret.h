/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sensor/redact.c takes for secret: names, words by their looks, options of programs.
 * Pure tables and predicates.
 */
#ifndef SENSOR_SECRET_H
#define SENSOR_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct secret_name {
	bool secret; /* what has this name is one */
	bool exact;  /* and the name says nothing else: "password", "api-key" */
	bool header; /* of HTTP: its value goes on to the end */
	bool path;   /* PWD: a value that begins with a slash is a folder */
	bool flag;   /* as an option it takes no value: "--no-password", "--ask-pass" */
};

/* NAME[0..N), with dashes before it or not, in any case. */
struct secret_name secret_name(const char *name, size_t n);

/* Characters that words are made of, as secret_word sees them. */
bool secret_word_char(char c);
/*
 * The length of a secret at the beginning of S[0..N), where a word begins: one with the prefix
 * of a service's keys, a JSON web token, or 20 characters or more that look random.  0: none.
 * PATH: it stands in a path, and ends at a slash.
 */
size_t secret_word(const char *s, size_t n, bool path);
/* "Bearer", "Basic": the next word is secret. */
bool secret_scheme(const char *s, size_t n);

/* What of an option's value is secret: all, or what stands behind a character. */
enum secret_part {
	PART_NONE,
	PART_ALL,
	PART_COLON,
	PART_PERCENT,
	PART_COMMA,
	PART_EQUALS,
	PART_SLASH, /* up to "@" */
};
struct secret_tool;

/* The program that the word S[0..N), a path or its last part, runs; NULL: none of those. */
const struct secret_tool *secret_tool(const char *s, size_t n);
/*
 * What OPTION[0..N) of the program means: the part of the next word that is secret is
 * returned; for one that has its value with it that is *ATTACHED, and the value is at *AT.
 */
enum secret_part secret_option(const struct secret_tool *tool, const char *option, size_t n,
			       size_t *at, enum secret_part *attached);
/* What of each word that is no option. */
enum secret_part secret_positional(const struct secret_tool *tool);

#endif
