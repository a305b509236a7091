/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client under any name: connects to $TARGET:$PORT, sends a byte and ends at once.
 *
 * With $WAIT it first prints "ready" and waits for a line, with $STAY it stays connected until
 * its input ends.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char line[64];

	if (!getenv("TARGET") || !getenv("PORT") ||
	    inet_pton(AF_INET, getenv("TARGET"), &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons((unsigned short)atoi(getenv("PORT")));
	if (getenv("WAIT") && (puts("ready") < 0 || fflush(stdout) || !fgets(line, 64, stdin)))
		return 3;
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    write(fd, "x", 1) != 1)
		return 4;
	if (getenv("STAY"))
		while (fgets(line, sizeof(line), stdin))
			;
	return 0;
}
