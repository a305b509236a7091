/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command says to the person: lines on standard error that begin with "skein: ".
 * Control characters in them are escaped, since names and paths come from strangers.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stdbool.h>

/* With --quiet only say() itself is heard; hints, counts and progress are not. */
extern bool say_quiet;

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As say, but not said with --quiet. */
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
