/* SPDX-License-Identifier: Apache-2.0 */
/* What the three parsers of sniff.h share. */
#ifndef SENSOR_MIRROR_SNIFF_PARTS_H
#define SENSOR_MIRROR_SNIFF_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The letter in lower case, or 0 where no name has it. */
char sniff_letter(uint8_t c);
/*
 * N bytes as a name, by the rules of sniff.h and without the dot that may end it; NAME has
 * room for SNIFF_NAME and a NUL.  False for what is too long, has no letter or digit, or
 * anything that is not allowed; NAME then holds nothing of use.
 */
bool sniff_name(const uint8_t *p, size_t n, char *name);

#endif
