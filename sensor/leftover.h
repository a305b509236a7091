/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of Skein is in the kernel: programs, maps and links, pinned files, mounts.  After the
 * last sensor of a machine has ended there is nothing (`--self-check-clean`).
 *
 * libbpf calls a map of an object's variables by the object, "conn_bpf.bss", and ties it to
 * each of its programs: that tells them from those of others that have the same names.
 */
#ifndef SENSOR_LEFTOVER_H
#define SENSOR_LEFTOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

enum leftover_kind {
	LEFTOVER_PROGRAM,
	LEFTOVER_MAP,
	LEFTOVER_LINK,
	LEFTOVER_PIN,
	LEFTOVER_MOUNT,
	LEFTOVER_KINDS
};

struct leftover {
	enum leftover_kind kind;
	uint32_t id;	/* of programs, maps and links */
	pid_t holder;	/* a process that has it open; 0: none that can be seen */
	char name[128]; /* of a link: that of its program; a path */
};
struct leftovers {
	struct leftover *list; /* by kind, then id */
	size_t n, cap;
};

/* 0; -EPERM with words without CAP_SYS_ADMIN, or another errno.  Free in all cases. */
int leftover_find(struct leftovers *out, struct err *e);
/* What this process holds, whatever its name. */
void leftover_own(struct leftovers *out);
/*
 * How many of ALL the kernel still has; it frees them a moment after the last descriptor, and
 * is given so long.  -EPERM where it cannot be told.
 */
int leftover_still(const struct leftovers *all);
void leftover_free(struct leftovers *l);

/* The same as checks on standard output, one a kind: 0 clean, 1 something is left, 3 unknown.
 */
int leftover_report(bool json);

#endif
