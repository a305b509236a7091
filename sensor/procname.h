/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short name of a process: pure, from what the kernel told.
 *
 * The last part of the executable's path without " (deleted)"; behind an interpreter the name
 * of the script, or of the module for -m; for busybox the applet; java stays java; a kernel
 * thread is its comm.  A title that the program gave itself (setproctitle) counts where an
 * interpreter shows no script.
 */
#ifndef SENSOR_PROCNAME_H
#define SENSOR_PROCNAME_H

#include <stdbool.h>
#include <stddef.h>

struct procname_in {
	const char *exe;  /* path or its last part, "" unknown */
	const char *comm; /* used where nothing else is known */
	const char *args; /* ARGS_LEN bytes, each argument with a NUL after it */
	size_t args_len;
	bool kthread;
};

/* OUT gets at most CAP - 1 bytes and a NUL; never empty unless all input is. */
void procname(const struct procname_in *in, char *out, size_t cap);
/* Whether an executable, by the last part of its path, runs scripts. */
bool procname_is_interpreter(const char *exe);

#endif
