/* SPDX-License-Identifier: Apache-2.0 */
/* `--read FILE... --connections tsv|json`: captures in, one line per connection out. */
#ifndef SENSOR_READFILES_H
#define SENSOR_READFILES_H

#include <stdbool.h>
#include <stdint.h>

enum readfiles_format { READFILES_TSV, READFILES_JSON };

struct readfiles_config {
	const char *const *path; /* "-" is standard input; they share one table */
	unsigned n;
	enum readfiles_format format;
	bool names; /* what servers are called, instead of connections */
	uint32_t max_connections;
};

/*
 * The exit status: 0; 1 when a file was damaged (what was good is printed) or standard output
 * could not be written; 3 when nothing could be opened; 4 when some of the files could not, or
 * the table was too small.
 */
int readfiles_run(const struct readfiles_config *config);

#endif
