/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as a person reads and writes them. */
#ifndef COMMON_NUMBER_H
#define COMMON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* 1234567 as "1,234,567"; OUT holds at least NUMBER_TEXT bytes and is returned. */
enum { NUMBER_TEXT = 27 };
const char *number_text(uint64_t v, char *out);
/* "" for 1, else "s". */
const char *number_plural(uint64_t n);

/* Digits and nothing else; false where they are no number from LEAST to MOST. */
bool number_parse(const char *text, unsigned long least, unsigned long most,
		  unsigned long *out);

#endif
