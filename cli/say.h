/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command says to the person: lines on standard error that begin with "skein: ".
 * Control characters in them are escaped, since names and paths come from strangers.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With --quiet only say() itself is heard; hints, counts and progress are not. */
extern bool say_quiet;

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As say, but not said with --quiet. */
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* 1234567 as "1,234,567"; OUT holds at least SAY_NUMBER bytes and is returned. */
enum { SAY_NUMBER = 27 };
const char *say_number(uint64_t v, char *out);
/* "" for 1, else "s". */
const char *say_plural(uint64_t n);

#endif
