/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a person to read: paragraphs that are broken at PAGE_WIDTH columns.  Control
 * characters are escaped, since names come from strangers.
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdio.h>

enum { PAGE_WIDTH = 80 };

/*
 * One paragraph on OUT, all of its lines INDENT columns in, those after the first HANG more.
 * A word longer than a line is broken.
 */
void page_say(FILE *out, unsigned indent, unsigned hang, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "0.4 %", "12 %", "<0.1 %" of a share from 0 to 1; OUT holds PAGE_SHARE bytes. */
enum { PAGE_SHARE = 16 };
const char *page_share(double share, char *out);
/* "0.042", "1.5", "37": three digits that count. OUT holds PAGE_REAL bytes. */
enum { PAGE_REAL = 32 };
const char *page_real(double v, char *out);

#endif
