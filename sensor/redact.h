/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line without its secrets.  Pure.
 *
 * What is taken out: values of options, variables, headers, query parameters and properties
 * whose name speaks of a password, token, key or credential; passwords in URLs, JDBC and
 * libpq strings; the short options by which known programs take one; private keys in PEM,
 * JSON web tokens, keys of well-known services, and words of 20 characters or more that look
 * as if drawn by lot.  A secret becomes "***", or fewer where it is shorter itself, so nothing
 * grows.  When in doubt a word goes: a password that looks like an English word behind an
 * option that nobody knows is all that can stay.
 */
#ifndef SENSOR_REDACT_H
#define SENSOR_REDACT_H

#include <stddef.h>

enum { REDACT_MAX = 4096 }; /* bytes that are read, up to the last argument that fits */

/*
 * ARGS[0..N): each argument with a NUL after it; a last one without is taken to be cut off and
 * is left out, unless it is all there is (a title that a process gave itself).  OUT gets the
 * arguments with spaces between them: at most N and CAP - 1 bytes, and a NUL.
 */
void redact_args(const char *args, size_t n, char *out, size_t cap);

#endif
