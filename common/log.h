/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines of the daemons: standard error, one line each, lower case, no full stop.
 *
 * Where standard error is the journal ($JOURNAL_STREAM is set) a line begins with the
 * syslog priority <N> that the journal reads.  Control characters in what is logged are
 * replaced, since names and reasons come from strangers.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERR_ };

/* PROGRAM is borrowed for ever; lines below LEVEL are dropped. */
void log_open(const char *program, enum log_level level);
void log_set_level(enum log_level level);
/* "debug", "info", "warn" or "err"; -EINVAL for anything else. */
int log_level_parse(const char *word, enum log_level *out);

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_debug(...) log_line(LOG_DEBUG_, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO_, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN_, __VA_ARGS__)
#define log_err(...) log_line(LOG_ERR_, __VA_ARGS__)

#endif
