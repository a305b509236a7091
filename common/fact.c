/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fact.h"

const char *const witness_word[WITNESS_COUNT] = {
	"none", "client", "server", "mirror", "netflow", "import", "translation",
};

const char *const usage_word[USAGE_METRICS] = {
	"none",
	"cpu",
	"memory",
	"disk_read_ops",
	"disk_write_ops",
	"disk_read_bytes",
	"disk_write_bytes",
	"nic_rx_bytes",
	"nic_tx_bytes",
};

const char *const degraded_word[DEGRADED_WORDS] = {
	"poll",
	"reader_off",
	"probes_off",
	"no_udp",
	"no_translations",
	"translations_lost",
	"packets_dropped",
	"bytes_unseen",
	"one_sided",
	"sampled",
	"datagrams_missed",
};
