/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fact.h"

const char *const witness_word[WITNESS_COUNT] = {
	"none", "client", "server", "mirror", "netflow", "import",
};
