/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/utf8.h"

bool say_quiet;

static void say_line(const char *fmt, va_list ap)
{
	char words[2048];
	struct buf line = { 0 };

	vsnprintf(words, sizeof(words), fmt, ap);
	buf_str(&line, "skein: ");
	utf8_show(&line, words, strlen(words));
	buf_str(&line, "\n");
	fflush(stdout);
	fwrite(line.p, 1, line.n, stderr);
	buf_fini(&line);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_line(fmt, ap);
	va_end(ap);
}

void say_note(const char *fmt, ...)
{
	va_list ap;

	if (say_quiet)
		return;
	va_start(ap, fmt);
	say_line(fmt, ap);
	va_end(ap);
}
