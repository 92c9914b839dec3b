/* A delegate that takes what was compiled for the Edge TPU, as libedgetpu does.
 *
 * It computes the mean of each channel of a float frame (1, H, W, C), which is the operator's
 * answer (1, C).
 */
#include <stdlib.h>
#include <string.h>

#include "tflite_abi.h"

/* Of enum TfLiteDelegateFlags. */
enum { ALLOW_DYNAMIC_TENSORS = 1 };

static const char* OPERATOR = "edgetpu-custom-op";

static void* init(Context* context, const char* buffer, size_t length) {
  (void)context, (void)buffer, (void)length;
  return NULL;
}

static void release(Context* context, void* data) { (void)context, (void)data; }

static Status prepare_kernel(Context* context, Node* node) {
  (void)context, (void)node;
  return STATUS_OK;
}

static Status invoke(Context* context, Node* node) {
  const Tensor* frame = &context->tensors[node->inputs->data[0]];
  const Tensor* answer = &context->tensors[node->outputs->data[0]];
  const int pixels = frame->dims->data[1] * frame->dims->data[2];
  const int channels = frame->dims->data[3];
  for (int channel = 0; channel < channels; ++channel) {
    double sum = 0;
    for (int i = 0; i < pixels; ++i) sum += ((float*)frame->data)[i * channels + channel];
    ((float*)answer->data)[channel] = (float)(sum / pixels);
  }
  return STATUS_OK;
}

static Status prepare(Context* context, Delegate* delegate) {
  IntArray* plan = NULL;
  if (context->get_execution_plan(context, &plan) != STATUS_OK) return STATUS_ERROR;
  IntArray* taken = malloc(sizeof(IntArray) + (size_t)plan->size * sizeof(int));
  taken->size = 0;
  for (int i = 0; i < plan->size; ++i) {
    Node* node = NULL;
    Registration* code = NULL;
    if (context->get_node_and_registration(context, plan->data[i], &node, &code) == STATUS_OK &&
        code->custom_name && !strcmp(code->custom_name, OPERATOR)) {
      taken->data[taken->size++] = plan->data[i];
    }
  }
  Registration kernel = {
      .init = init, .free = release, .prepare = prepare_kernel, .invoke = invoke,
      .custom_name = "EdgeTpuDelegateForCustomOp", .version = 1};
  Status status = context->replace_node_subsets(context, kernel, taken, delegate);
  free(taken);
  return status;
}

Delegate* tflite_plugin_create_delegate(char** keys, char** values, size_t count,
                                        void (*report_error)(const char*)) {
  (void)keys, (void)values, (void)count, (void)report_error;
  Delegate* delegate = calloc(1, sizeof *delegate);
  delegate->prepare = prepare;
  delegate->flags = ALLOW_DYNAMIC_TENSORS; /* else the runtime prepares the operator first */
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate* delegate) { free(delegate); }
