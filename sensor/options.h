/* SPDX-License-Identifier: Apache-2.0 */
/* skein-sensor's options: those of the configuration file, then those of the command line. */
#ifndef SENSOR_OPTIONS_H
#define SENSOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/log.h"
#include "common/proxy.h"
#include "sensor/mirrorwatch.h"
#include "sensor/readfiles.h"
#include "sensor/watch.h"

struct config;

struct args {
	struct watch_config watch;
	char host[256];
	bool collector;
	struct proxy proxy;
	const char *proxy_text; /* as told on the command line, or NULL */
	const char *login;	/* file with its user and password, or NULL */
	const char *token;
	bool force, once, self_test, clean, json;
	enum { MODE_HOST, MODE_MIRROR, MODE_READ } mode;
	struct readfiles_config read;
	struct mirror_config mirror;
	const char **files; /* captures or interfaces; in argv */
	size_t files_n, files_cap;
	bool lines; /* --connections or --names */
	enum log_level level;
	struct config *config; /* or NULL */
	const char *path;      /* of it, or NULL */
	bool told;	       /* a collector stands in it */
	bool testing;	       /* what is wrong with it is for the self-test to say */
};

extern const char options_dir[]; /* nobody named another */
/* What is wrong with the configuration; said by whoever goes on or not. */
extern struct err options_bad_config;

/*
 * A is set, whatever it was, and is to be freed in all cases; ARGV is borrowed.  0 to go on,
 * else the exit status + 1: what was wrong has been said, or is in options_bad_config.  May be
 * called again, for what the file says by now.
 */
int options_parse(struct args *a, int argc, char **argv);
void options_free(struct args *a);
/* Says what is wrong and how to find out; the exit status. */
int options_usage(const char *what, const char *about);

#endif
