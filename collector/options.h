/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skein-collector's options: those of the configuration file, then those of the command line,
 * one table for both.  A new option is a row in options.c and a field of what it sets.
 */
#ifndef COLLECTOR_OPTIONS_H
#define COLLECTOR_OPTIONS_H

#include <stdbool.h>

#include "collector/relay.h"
#include "collector/server.h"
#include "common/log.h"

enum { OPTIONS_RELAYS = 64 };

struct options {
	struct server_config server; /* its strings are this struct's */
	char host[256], http_host[256], to[256];
	bool is_relay;
	struct relay_config relay; /* listens where the server would */
	struct proxy proxy;
	const char *login; /* the file of the proxy's */
	struct addr_net relays[OPTIONS_RELAYS], estate[OPTIONS_RELAYS];
	enum log_level level;
	char **kept; /* strings of the file and the command line */
	unsigned kept_n, kept_cap;
};

/*
 * O is set, whatever it was, and is to be freed in all cases.  0 to go on, else the exit
 * status + 1: what was wrong, or the help, has been said.  May be called again on another
 * struct with the same ARGV, for what the file says by now.
 */
int options_parse(struct options *o, int argc, char **argv);
void options_free(struct options *o);
/* Says what is wrong and how to find out; the exit status. */
int options_usage(const char *what, const char *about);

/* "30m", "24h", "7d", "90s" from 1 s to MAX_S; -EINVAL for anything else. */
int options_seconds(const char *text, uint32_t max_s, uint32_t *seconds);

#endif
