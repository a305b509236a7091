/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as a person reads them. */
#ifndef COMMON_NUMBER_H
#define COMMON_NUMBER_H

#include <stdint.h>

/* 1234567 as "1,234,567"; OUT holds at least NUMBER_TEXT bytes and is returned. */
enum { NUMBER_TEXT = 27 };
const char *number_text(uint64_t v, char *out);
/* "" for 1, else "s". */
const char *number_plural(uint64_t n);

#endif
