/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs in the kernel and their maps cost, by the kernel's own account: of every
 * object that was added.  The kernel measures programs only while somebody asks it to, and all
 * of the host while it does; that takes as long again as a small program.  So one interval in
 * METER_ONE_IN is measured, from the third on, and taken for those after it.
 */
#ifndef SENSOR_METER_H
#define SENSOR_METER_H

#include "sensor/probe.h"

enum { METER_ONE_IN = 6, METER_OBJECTS = 4 };

struct bpf_object;
struct meter;

struct meter *meter_new(void);
/* Loaded already, and there until meter_free; at most METER_OBJECTS. */
void meter_add(struct meter *m, const struct bpf_object *object);
/* At the end of each interval. */
void meter_tick(struct meter *m);
/* Run times are 0 before, and where the kernel does not let us measure (CAP_SYS_ADMIN). */
void meter_cost(struct meter *m, struct probe_cost *out);
void meter_free(struct meter *m);

#endif
