/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users, from this host's passwd file alone: a directory service may be slow, down,
 * or reached over the very network that is watched.  Of a container's own users it is the
 * host's name for the number, as ps(1) shows it.
 *
 * The file is read again when it has changed.  Bounded: USERNAMES accounts of it.
 */
#ifndef SENSOR_USERNAMES_H
#define SENSOR_USERNAMES_H

#include <stddef.h>
#include <stdint.h>

enum { USERNAMES = 16384 };

struct usernames;

/* PATH is borrowed and lives as long as what is returned. */
struct usernames *usernames_new(const char *path);
void usernames_free(struct usernames *u);
/* Looks whether the file has changed: one stat(2). */
void usernames_refresh(struct usernames *u);
/* The name of the first account with this number, or the number. */
void usernames_put(const struct usernames *u, uint32_t uid, char *out, size_t cap);

#endif
