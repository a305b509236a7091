/* SPDX-License-Identifier: Apache-2.0 */
/* What reading a capture costs any program that does it by libpcap: frames and bytes, counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <pcap/pcap.h>

int main(int argc, char **argv)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const unsigned char *data;
	uint64_t frames = 0, bytes = 0;
	pcap_t *p;
	int rc;

	if (argc != 2)
		return 2;
	p = pcap_open_offline(argv[1], why);
	if (!p) {
		fprintf(stderr, "mirror_floor: %s\n", why);
		return 3;
	}
	while ((rc = pcap_next_ex(p, &head, &data)) == 1) {
		frames++;
		bytes += head->caplen;
	}
	pcap_close(p);
	printf("%" PRIu64 "\t%" PRIu64 "\n", frames, bytes);
	return rc != PCAP_ERROR_BREAK;
}
