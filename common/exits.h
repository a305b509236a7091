/* SPDX-License-Identifier: Apache-2.0 */
/* Exit status of every program, as docs/design.md lists them. */
#ifndef COMMON_EXITS_H
#define COMMON_EXITS_H

enum exits {
	EXITS_OK = 0,
	EXITS_NONE = 1,	     /* nothing found, a check failed, or an input was damaged */
	EXITS_USAGE = 2,     /* the command line is wrong */
	EXITS_UNREACHED = 3, /* cannot reach the collector or open a file */
	EXITS_PARTIAL = 4,   /* done in part; standard error says what is missing */
};

#endif
