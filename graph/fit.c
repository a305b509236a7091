/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tests/estate/fit.py; docs/grouping.md says from what. */
#include "graph/merge.h"
#include "graph/shared.h"

const struct merge_model merge_model_first = {
	.bias = 2.8222,
	.weight = {
		0.58185, /* share-max */
		1.3497, /* share-min */
		0.26459, /* outside */
		-2.9148, /* weight */
		-2.5994, /* steady */
		-0.67859, /* rarity */
		-2.3201, /* web */
		-0.26597, /* size-min */
		0.047681, /* size-max */
		0, /* net */
		0, /* os */
		0, /* site */
		7.6368, /* words */
		-5.6316, /* words-differ */
		5.8555, /* contacts */
		0, /* local */
		0.19886, /* rate */
		4.0557, /* strongest */
		0.62957, /* share-size */
		-0.93716, /* exclusive */
		9.4559, /* triangles */
		5.6246, /* app-same */
		-2.5196, /* app-differ */
		0.64864, /* owner-same */
		0.51778, /* owner-differ */
		-2, /* env-differ */
	},
};

const struct merge_model merge_model_next = {
	.bias = 0.31202,
	.weight = {
		0.55063, /* share-max */
		1.2246, /* share-min */
		0.26959, /* outside */
		-2.1314, /* weight */
		-1.515, /* steady */
		-0.31778, /* rarity */
		-0.37862, /* web */
		-1.2037, /* size-min */
		0.04382, /* size-max */
		0.63809, /* net */
		1.6048, /* os */
		0.53028, /* site */
		7.4474, /* words */
		-5.993, /* words-differ */
		4.4053, /* contacts */
		1.1017, /* local */
		0.30153, /* rate */
		1.7815, /* strongest */
		0.39262, /* share-size */
		-1.1805, /* exclusive */
		7.8509, /* triangles */
		5.6224, /* app-same */
		-2.8902, /* app-differ */
		0.28546, /* owner-same */
		0.43693, /* owner-differ */
		-2, /* env-differ */
	},
};

const struct shared_model shared_model_first = {
	.bias = -13.256,
	.weight = {
		-5.7933, /* in-breadth */
		3.9314, /* out-breadth */
		2.6973, /* in-top */
		2.614, /* out-top */
		-3.7844, /* top */
		-3.5953, /* home */
		3.1712, /* in-machines */
		-4.2479, /* out-machines */
		7.0755, /* port-in */
		1.2605, /* port-out */
		-1.1205, /* port-in-infra */
		-1.4945, /* port-out-infra */
		-0.85449, /* infra-in */
		1.1562, /* infra-out */
		-0.071485, /* both-ways */
		0.41188, /* calls-none */
		3.3221, /* called-by-none */
		-0.88133, /* web */
		-0.74073, /* data */
		0, /* net-mix */
		0, /* os-mix */
		0.19262, /* home-size */
		8.1211, /* wide */
		1.5797, /* in-top-breadth */
		1.5967, /* sink */
		2.5745, /* data-breadth */
		-0.18423, /* ties */
	},
};

const struct shared_model shared_model_next = {
	.bias = -18.836,
	.weight = {
		-3.8541, /* in-breadth */
		5.0006, /* out-breadth */
		3.8386, /* in-top */
		5.2808, /* out-top */
		-2.5289, /* top */
		-4.4449, /* home */
		2.2573, /* in-machines */
		-3.6383, /* out-machines */
		5.848, /* port-in */
		1.1089, /* port-out */
		-0.91136, /* port-in-infra */
		-1.5462, /* port-out-infra */
		-0.73659, /* infra-in */
		2.8404, /* infra-out */
		-0.14338, /* both-ways */
		3.7193, /* calls-none */
		4.2636, /* called-by-none */
		-0.79213, /* web */
		-0.4133, /* data */
		-0.097747, /* net-mix */
		0.063339, /* os-mix */
		-1.3349, /* home-size */
		0.15001, /* wide */
		0.741, /* in-top-breadth */
		2.1159, /* sink */
		2.0701, /* data-breadth */
		0.14776, /* ties */
	},
};
