/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tests/estate/fit.py; docs/grouping.md says from what. */
#include "graph/merge.h"
#include "graph/shared.h"

const struct merge_model merge_model_first = {
	.bias = 2.9795,
	.weight = {
		0.58563, /* share-max */
		1.4146, /* share-min */
		0.2662, /* outside */
		-3.4937, /* weight */
		-2.0062, /* steady */
		-0.046202, /* rarity */
		-2.3441, /* web */
		-0.25808, /* size-min */
		0.10031, /* size-max */
		0, /* net */
		0, /* os */
		0, /* site */
		7.4928, /* words */
		-5.6321, /* words-differ */
		5.8377, /* contacts */
		0, /* local */
		0.2025, /* rate */
		3.9464, /* strongest */
		0.56805, /* share-size */
		-1.066, /* exclusive */
		9.5322, /* triangles */
		6.8463, /* app-same */
		-2.3956, /* app-differ */
		2.3854, /* owner-same */
		-2.368, /* owner-differ */
	},
};

const struct merge_model merge_model_next = {
	.bias = 0.11642,
	.weight = {
		0.53744, /* share-max */
		1.1918, /* share-min */
		0.28599, /* outside */
		-1.7459, /* weight */
		-1.8742, /* steady */
		-0.67876, /* rarity */
		-0.40547, /* web */
		-1.005, /* size-min */
		0.057821, /* size-max */
		0.66972, /* net */
		1.5731, /* os */
		0.54618, /* site */
		6.7148, /* words */
		-5.7896, /* words-differ */
		4.3138, /* contacts */
		1.0839, /* local */
		0.32797, /* rate */
		1.725, /* strongest */
		0.56825, /* share-size */
		-1.0856, /* exclusive */
		7.8306, /* triangles */
		6.9322, /* app-same */
		-2.2502, /* app-differ */
		2.0813, /* owner-same */
		-2.512, /* owner-differ */
	},
};

const struct shared_model shared_model_first = {
	.bias = -13.354,
	.weight = {
		-5.4272, /* in-breadth */
		4.3857, /* out-breadth */
		4.1735, /* in-top */
		2.2529, /* out-top */
		-3.7493, /* top */
		-4.1417, /* home */
		2.9593, /* in-machines */
		-4.419, /* out-machines */
		7.225, /* port-in */
		0.71726, /* port-out */
		-0.92186, /* port-in-infra */
		-0.61225, /* port-out-infra */
		-0.81103, /* infra-in */
		1.0933, /* infra-out */
		-0.16289, /* both-ways */
		-0.18057, /* calls-none */
		3.7145, /* called-by-none */
		-0.93001, /* web */
		-1.408, /* data */
		0, /* net-mix */
		0, /* os-mix */
		0.16654, /* home-size */
		8.2158, /* wide */
		0.23357, /* in-top-breadth */
		1.8417, /* sink */
		3.2472, /* data-breadth */
		-0.088565, /* ties */
	},
};

const struct shared_model shared_model_next = {
	.bias = -18.172,
	.weight = {
		-4.5169, /* in-breadth */
		5.1978, /* out-breadth */
		3.8049, /* in-top */
		4.9542, /* out-top */
		-2.1203, /* top */
		-4.7011, /* home */
		2.4103, /* in-machines */
		-3.7931, /* out-machines */
		5.836, /* port-in */
		0.86981, /* port-out */
		-0.82859, /* port-in-infra */
		-1.0671, /* port-out-infra */
		-0.76962, /* infra-in */
		2.6611, /* infra-out */
		0.52257, /* both-ways */
		3.4335, /* calls-none */
		3.9856, /* called-by-none */
		-0.66139, /* web */
		0.020545, /* data */
		-0.076068, /* net-mix */
		0.037286, /* os-mix */
		-1.44, /* home-size */
		0.79457, /* wide */
		0.11845, /* in-top-breadth */
		2.3947, /* sink */
		1.7807, /* data-breadth */
		0.21735, /* ties */
	},
};
