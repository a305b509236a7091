/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 from strangers.  Overlong forms, surrogates and code points past U+10FFFF are
 * invalid; each byte that begins nothing valid counts as one U+FFFD.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/*
 * The code point that P[0..N) begins with, N > 0, in *CP: the number of its bytes, or 0
 * where there is none (then one byte is bad).
 */
size_t utf8_next(const char *p, size_t n, uint32_t *cp);
bool utf8_valid(const char *p, size_t n);
void utf8_put(struct buf *b, uint32_t cp);
/* P[0..N) with U+FFFD for what is invalid. */
void utf8_clean(struct buf *b, const char *p, size_t n);
/* For people: also without control characters, which become "\n", "\x1b" or "\u009b". */
void utf8_show(struct buf *b, const char *p, size_t n);
/*
 * Moves terminals or hides text: C0, DEL, C1, line separators and the bidirectional
 * overrides.
 */
bool utf8_control(uint32_t cp);
/* Columns of a terminal that CP takes; LC_CTYPE should be a UTF-8 one. */
unsigned utf8_width(uint32_t cp);

#endif
