/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files of /proc, /sys and /etc below a ROOT ("" for the machine itself, a folder for
 * tests).  What is not there, not readable or longer than its buffer is no error: it is
 * unknown, or cut.  Paths and link targets longer than SYS_PATH are unknown.
 */
#ifndef SENSOR_SYSFILE_H
#define SENSOR_SYSFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SYS_PATH = 512,
	SYS_NAME = 64,	  /* names of devices, with their NUL; longer ones are passed over */
	SYS_LIST = 4096,  /* names of one folder; more are left out, and that is told */
	SYS_TEXT = 65536, /* of a table as a whole */
};

/* The file as a string in OUT, cut to CAP - 1 bytes; its length, 0 where there is none. */
size_t sys_text(char *out, size_t cap, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Its first line without white space around it; false, and "", where nothing is left. */
bool sys_line(char *out, size_t cap, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The decimal number that the file begins with. */
bool sys_u64(uint64_t *out, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Where a symbolic link points to, to the letter. */
bool sys_link(char *out, size_t cap, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Something has this name, be it a link that leads nowhere. */
bool sys_exists(const char *root, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Names in a folder but . and .., sorted by bytes. */
struct sys_list {
	char (*name)[SYS_NAME];
	unsigned n;
	bool more; /* than SYS_LIST, or longer than a name may be */
};
struct sys_list sys_list(const char *root, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void sys_list_free(struct sys_list *l);

/* The last part of a path; the path itself where it has none. */
const char *sys_base(const char *path);
/* Without white space at both ends, in its own place. */
char *sys_trim(char *s);
/* Unsigned decimal at S, up to the first other character; false without a digit. */
bool sys_number(const char *s, uint64_t *out);
/* SRC in DST, cut to CAP - 1 bytes. */
void sys_copy(char *dst, size_t cap, const char *src);

#endif
