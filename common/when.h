/* SPDX-License-Identifier: Apache-2.0 */
/* Times as a person writes and reads them, in the zone of the process, which is set once. */
#ifndef COMMON_WHEN_H
#define COMMON_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* "Europe/Amsterdam", "UTC", "local", "+02:00"; NULL is UTC. */
int when_zone(const char *name, struct err *e);

/*
 * 2026-11-23, 2026-11-23T07:20[:00][Z|+02:00], Unix seconds, or 30m, 24h, 7d, 2w (with or
 * without "ago") before NOW.
 */
int when_parse(const char *text, int64_t now, int64_t *out, struct err *e);

/*
 * "90", "30m", "7d" as seconds, and what is behind it in *REST; false if it is no such
 * thing.
 */
bool when_span(const char *text, int64_t *seconds, const char **rest);

/* "2026-11-23 07:20:05", "" for 0 (unknown); OUT holds WHEN_TEXT bytes and is returned. */
enum { WHEN_TEXT = 32 };
const char *when_text(int64_t seconds, char *out);

#endif
