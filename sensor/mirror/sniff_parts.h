/* SPDX-License-Identifier: Apache-2.0 */
/* What the parsers of sniff.h share. */
#ifndef SENSOR_MIRROR_SNIFF_PARTS_H
#define SENSOR_MIRROR_SNIFF_PARTS_H

#include "sensor/mirror/sniff.h"

/* N bytes as a name, in lower case; false where one of them has no place in any. */
bool sniff_name(const uint8_t *p, size_t n, char *name);

#endif
