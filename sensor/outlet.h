/* SPDX-License-Identifier: Apache-2.0 */
/* What the watch of a host and that of a mirror do alike with what they have to tell. */
#ifndef SENSOR_OUTLET_H
#define SENSOR_OUTLET_H

#include <stdbool.h>

#include "common/err.h"
#include "common/wire_record.h"
#include "sensor/courier.h"
#include "sensor/once.h"

/*
 * A whole batch: on standard output, if SHOW, and to the courier, if there is one.  Negative
 * errno with words where that one is gone.
 */
int outlet_batch(bool show, const struct courier *courier, const struct wire_writer *batch,
		 uint64_t start_ms, uint64_t end_ms, struct err *e);
/* Tells who waits at FD (-1: nobody) that the watch has begun, and closes it. */
void outlet_ready(int fd);
/* 0 where the watch that PATH is of was whole; -EAGAIN with words of what it was not. */
int outlet_whole(const struct once *once, const char *path, struct err *e);

#endif
