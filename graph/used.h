/* SPDX-License-Identifier: Apache-2.0 */
/* What the disks of a machine hold, as far as anybody said. */
#ifndef GRAPH_USED_H
#define GRAPH_USED_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/model.h"

/* `disk_used_bytes`, else `used_gb` (10^9 bytes) of the keys that came with it; false: none.
 */
bool used_bytes(const struct graph_machine *m, uint64_t *out);

#endif
