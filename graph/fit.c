/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tests/estate/fit.py; docs/grouping.md says from what. */
#include "graph/merge.h"
#include "graph/shared.h"

const struct merge_model merge_model_first = {
	.bias = 2.8897,
	.weight = {
		0.63326, /* share-max */
		1.4966, /* share-min */
		0.32272, /* outside */
		-2.6659, /* weight */
		-2.6252, /* steady */
		-1.0524, /* rarity */
		-2.2435, /* web */
		-0.098531, /* size-min */
		0.030801, /* size-max */
		0, /* net */
		0, /* os */
		0, /* site */
		7.2511, /* words */
		-5.3335, /* words-differ */
		5.6156, /* contacts */
		0, /* local */
		0.18005, /* rate */
		3.5484, /* strongest */
		0.75687, /* share-size */
		-0.87952, /* exclusive */
		9.7985, /* triangles */
		5.5383, /* app-same */
		-2.3941, /* app-differ */
		2.4109, /* owner-same */
		-2.4236, /* owner-differ */
	},
};

const struct merge_model merge_model_next = {
	.bias = 0.1649,
	.weight = {
		0.63583, /* share-max */
		1.3073, /* share-min */
		0.23301, /* outside */
		-1.9672, /* weight */
		-1.8087, /* steady */
		-0.46608, /* rarity */
		-0.44345, /* web */
		-0.54031, /* size-min */
		0.030962, /* size-max */
		0.87106, /* net */
		1.4191, /* os */
		0.67756, /* site */
		5.961, /* words */
		-5.1167, /* words-differ */
		4.4021, /* contacts */
		1.0392, /* local */
		0.35166, /* rate */
		1.5994, /* strongest */
		0.69696, /* share-size */
		-1.2508, /* exclusive */
		8.3248, /* triangles */
		7.3277, /* app-same */
		-2.9962, /* app-differ */
		2.2511, /* owner-same */
		-2.3118, /* owner-differ */
	},
};

const struct shared_model shared_model_first = {
	.bias = -11.15,
	.weight = {
		-4.017, /* in-breadth */
		0.82543, /* out-breadth */
		1.0348, /* in-top */
		0.98218, /* out-top */
		-3.8007, /* top */
		-3.6731, /* home */
		2.5949, /* in-machines */
		-1.5087, /* out-machines */
		5.8269, /* port-in */
		0.34228, /* port-out */
		-1.4727, /* port-in-infra */
		-1.2965, /* port-out-infra */
		-0.29412, /* infra-in */
		1.962, /* infra-out */
		-1.5221, /* both-ways */
		-0.66114, /* calls-none */
		2.7871, /* called-by-none */
		-0.65805, /* web */
		-0.24896, /* data */
		0, /* net-mix */
		0, /* os-mix */
		0.16867, /* home-size */
		7.2818, /* wide */
		2.822, /* in-top-breadth */
		-0.91449, /* sink */
		1.9804, /* data-breadth */
		-0.29465, /* ties */
	},
};

const struct shared_model shared_model_next = {
	.bias = -15.765,
	.weight = {
		-1.7334, /* in-breadth */
		1.1176, /* out-breadth */
		2.9954, /* in-top */
		2.0216, /* out-top */
		-2.4237, /* top */
		-4.1593, /* home */
		1.3201, /* in-machines */
		-1.2733, /* out-machines */
		5.0382, /* port-in */
		1.45, /* port-out */
		-0.83214, /* port-in-infra */
		-1.4728, /* port-out-infra */
		-0.07989, /* infra-in */
		2.8192, /* infra-out */
		-0.59356, /* both-ways */
		1.3387, /* calls-none */
		3.3642, /* called-by-none */
		-0.65804, /* web */
		-0.75279, /* data */
		-0.40174, /* net-mix */
		0.17011, /* os-mix */
		-2.0148, /* home-size */
		0.73062, /* wide */
		0.37654, /* in-top-breadth */
		-0.68763, /* sink */
		2.442, /* data-breadth */
		-0.097906, /* ties */
	},
};
