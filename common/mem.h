/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is always there: these end the process (exit 70, one line) when the system has
 * none left.  Sizes that come from outside are checked against a constant before they get
 * here.
 */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stddef.h>

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
/*
 * N bytes of zeroes for a table that is read all over: memory is taken as it is touched, in
 * huge pages where the system has them.  Given back by pages_free with the same N.
 */
void *xpages(size_t n);
void pages_free(void *p, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for at least one more element in the array P of N elements, CAP allocated. */
#define MEM_GROW(p, n, cap)                                                                   \
	do {                                                                                  \
		if ((n) >= (cap)) {                                                           \
			(cap) = (cap) ? (cap)*2 : 16;                                         \
			(p) = xreallocarray((p), (cap), sizeof(*(p)));                        \
		}                                                                             \
	} while (0)

#endif
