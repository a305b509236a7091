/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/outlet.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "sensor/handover.h"
#include "sensor/show.h"

int outlet_batch(bool show, const struct courier *courier, const struct wire_writer *batch,
		 uint64_t start_ms, uint64_t end_ms, struct err *e)
{
	int rc = 0;

	if (show) {
		struct buf text = { 0 };

		show_batch(&text, batch);
		fwrite(text.p, 1, text.n, stdout);
		fflush(stdout);
		buf_fini(&text);
	}
	if (courier->pid)
		rc = handover_send(courier->out, batch, start_ms, end_ms, NULL);
	return rc ? err_sys(e, rc, "the sending process is gone") : 0;
}

void outlet_ready(int fd)
{
	static const char word[] = "ready\n";

	if (fd < 0)
		return;
	if (write(fd, word, sizeof(word) - 1) < 0)
		log_debug("nobody waits for us to be ready");
	close(fd);
}

int outlet_whole(const struct once *once, const char *path, struct err *e)
{
	char words[256];

	if (!once_degraded(once, words, sizeof(words)))
		return 0;
	return err_set(e, -EAGAIN, "%s is written, but the watch was not whole: %s", path,
		       words);
}
