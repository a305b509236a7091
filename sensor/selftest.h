/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `--self-test`: whether a sensor can do its work here, one check a line, each with what mends
 * it.  Nothing is changed: programs are attached for a moment, the collector is greeted and
 * gets no record.  Ends within SELFTEST_S seconds, whatever does not answer.
 */
#ifndef SENSOR_SELFTEST_H
#define SENSOR_SELFTEST_H

#include <stdbool.h>

#include "sensor/watch.h"

enum { SELFTEST_S = 14 };

struct selftest_config {
	const struct watch_config *watch; /* as the options say */
	const char *config;		  /* the file that was read, or NULL */
	const char *config_words;	  /* what is wrong with it, or NULL */
	bool json;
};

/* The exit status: 0, or 1 when a check failed. */
int selftest_run(const struct selftest_config *config);

#endif
