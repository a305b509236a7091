/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections as lines: the table of `--connections tsv`, with its header line, or JSON lines
 * (docs/connections.md).
 */
#ifndef SENSOR_MIRROR_CONNECTIONS_H
#define SENSOR_MIRROR_CONNECTIONS_H

#include "common/buf.h"
#include "sensor/mirror/flowtab.h"
#include "sensor/mirror/sniff.h"

extern const char connections_header[]; /* with its line end */
void connections_tsv(struct buf *b, const struct flow_over *f);
void connections_json(struct buf *b, const struct flow_over *f);

#endif
