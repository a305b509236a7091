/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of inventory_read that have a file of their own. */
#ifndef SENSOR_INVENTORY_PARTS_H
#define SENSOR_INVENTORY_PARTS_H

#include "sensor/inventory.h"

/* Each fills its list, sorted, and sets TRUNCATED where that is full. */
void inventory_disks(const struct inventory_rim *rim, struct inventory *inv);
void inventory_nics(const struct inventory_rim *rim, struct inventory *inv);
void inventory_mounts(const struct inventory_rim *rim, struct inventory *inv);

#endif
