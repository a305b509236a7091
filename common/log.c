/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/utf8.h"

static const char *log_program = "skein";
static enum log_level log_least = LOG_INFO_;
static bool log_journal;

static const char *const level_word[] = { "debug", "info", "warn", "err" };
static const int level_syslog[] = { 7, 6, 4, 3 };

void log_open(const char *program, enum log_level level)
{
	log_program = program;
	log_least = level;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(enum log_level level)
{
	log_least = level;
}

int log_level_parse(const char *word, enum log_level *out)
{
	for (int i = LOG_DEBUG_; i <= LOG_ERR_; i++) {
		if (strcmp(word, level_word[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static const char *prefix_of(enum log_level level)
{
	if (level == LOG_ERR_)
		return "err: ";
	return level == LOG_WARN_ ? "warn: " : "";
}

/* What strangers say is in it: nothing that moves a terminal, and UTF-8 alone. */
static void clean(char *line)
{
	size_t n = strlen(line), step;

	for (size_t i = 0; i < n; i += step) {
		uint32_t cp;

		step = utf8_next(line + i, n - i, &cp);
		if (!step || utf8_control(cp))
			memset(line + i, '?', step ? step : 1);
		step += !step;
	}
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	if (level < log_least)
		return;
	if (log_journal)
		n = snprintf(line, sizeof(line), "<%d>", level_syslog[level]);
	else
		n = snprintf(line, sizeof(line), "%s: %s", log_program, prefix_of(level));
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	clean(line);
	fprintf(stderr, "%s\n", line);
}
