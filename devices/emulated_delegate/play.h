/* What the delegate plays while it works: the latency and the faults of another device. */
#ifndef EDGE_PLAY_H
#define EDGE_PLAY_H

#include "settings.h"
#include "tflite_abi.h"

/* Once an invocation of the graph, `number` from 1: wait, fail, or never come back. */
Status play_invocation(Context* context, const Settings* settings, long number);

/* After `count` operators were computed: wait as long as they take together. */
void play_operators(const Settings* settings, int count);

#endif
