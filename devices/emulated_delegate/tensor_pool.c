#include "tensor_pool.h"

enum { HEADROOM = 16 }; /* tensors: what the runtime promises to each operator */

/* The runtime's function gets no more than its context, so the pool waits for it here. */
static _Thread_local TensorPool* in_use;

static Status take_from_pool(Context* context, int count, int* first_new) {
  TensorPool* pool = in_use;
  if (pool->end - pool->next < count) return pool->add_tensors(context, count, first_new);
  if (first_new) *first_new = pool->next;
  pool->next += count;
  return STATUS_OK;
}

static Status fill(Context* context, TensorPool* pool) {
  int first = 0;
  if (pool->end - pool->next >= HEADROOM) return STATUS_OK;
  if (context->add_tensors(context, HEADROOM, &first) != STATUS_OK) return STATUS_ERROR;
  if (first != pool->end) pool->next = first; /* a range has to be in one piece */
  pool->end = first + HEADROOM;
  return STATUS_OK;
}

Status prepare_with_room(Context* context, const Registration* registration, Node* node,
                         TensorPool* pool) {
  if (!registration->prepare) return STATUS_OK;
  if (fill(context, pool) != STATUS_OK) return STATUS_ERROR;
  pool->add_tensors = context->add_tensors;
  in_use = pool;
  context->add_tensors = take_from_pool;
  Status status = registration->prepare(context, node);
  context->add_tensors = pool->add_tensors;
  in_use = NULL;
  return status;
}
