/* An external TFLite delegate that stands in for an accelerator where there is none.
 *
 * It takes the operators that it is told to, computes them with the runtime's own built-in code,
 * adds the latency that it is told to add, and fails where it is told to fail. See settings.h for
 * its options. It takes no graph with dynamic shapes, as most accelerators do not.
 */
#include <stdlib.h>

#include "kernel.h"
#include "settings.h"
#include "tflite_abi.h"

#define EXPORTED __attribute__((visibility("default")))

enum { MESSAGE_SIZE = 256 };

static bool fits(const Context* context, const IntArray* tensors) {
  for (int i = 0; i < tensors->size; ++i) {
    if (tensors->data[i] == NO_TENSOR) continue;
    const Tensor* tensor = &context->tensors[tensors->data[i]];
    if (tensor->allocation_type == ALLOCATION_DYNAMIC || tensor->is_variable) return false;
    if (tensor->type == TYPE_STRING || tensor->type == TYPE_RESOURCE) return false;
    if (tensor->type == TYPE_VARIANT) return false;
  }
  return true;
}

static bool can_take(const Context* context, const Emulated* emulated, const Node* node,
                     const Registration* registration) {
  return operators_contain(&emulated->settings.operators, registration->builtin_code) &&
         registration->invoke && !registration->registration_external &&
         fits(context, node->inputs) && fits(context, node->outputs);
}

/* Nodes stand in one array, each before its registration, so their distance tells the sizes. */
static bool layout_is_known(Context* context, int index) {
  Node *node = NULL, *next = NULL;
  Registration *registration = NULL, *following = NULL;
  if (context->get_node_and_registration(context, index, &node, &registration) != STATUS_OK ||
      context->get_node_and_registration(context, index + 1, &next, &following) != STATUS_OK) {
    return false;
  }
  return (char*)registration - (char*)node == sizeof(Node) &&
         (char*)next - (char*)registration == sizeof(Registration);
}

static Status prepare(Context* context, Delegate* delegate) {
  Emulated* emulated = (Emulated*)delegate;
  IntArray* plan = NULL;
  emulated->kernels = 0;
  if (context->get_execution_plan(context, &plan) != STATUS_OK) return STATUS_ERROR;
  if (plan->size > 1 && plan->data[1] == plan->data[0] + 1 &&
      !layout_is_known(context, plan->data[0])) {
    context->report_error(context, "the structures of this runtime are other ones than 2.14's\n");
    return STATUS_ERROR;
  }
  IntArray* taken = malloc(sizeof(IntArray) + (size_t)plan->size * sizeof(int));
  if (!taken) {
    context->report_error(context, "out of memory\n");
    return STATUS_ERROR;
  }
  taken->size = 0;
  for (int i = 0; i < plan->size; ++i) {
    Node* node = NULL;
    Registration* registration = NULL;
    if (context->get_node_and_registration(context, plan->data[i], &node, &registration) ==
            STATUS_OK &&
        can_take(context, emulated, node, registration)) {
      taken->data[taken->size++] = plan->data[i];
    }
  }
  Status status = context->replace_node_subsets(context, kernel_registration(), taken, delegate);
  free(taken);
  return status;
}

static Delegate* refuse(void (*report_error)(const char*), const char* reason) {
  if (report_error) report_error(reason);
  return NULL;
}

/* The plugin interface of an external delegate. */
EXPORTED Delegate* tflite_plugin_create_delegate(char** keys, char** values, size_t count,
                                                 void (*report_error)(const char*)) {
  char reason[MESSAGE_SIZE];
  Settings settings;
  if (!settings_read(keys, values, count, &settings, reason, sizeof reason)) {
    return refuse(report_error, reason);
  }
  if (settings.fault == FAULT_CREATE) return refuse(report_error, "fail=create asks for it");
  Emulated* emulated = calloc(1, sizeof *emulated);
  if (!emulated) return refuse(report_error, "out of memory");
  emulated->settings = settings;
  emulated->delegate.data = emulated;
  emulated->delegate.prepare = prepare;
  return &emulated->delegate;
}

EXPORTED void tflite_plugin_destroy_delegate(Delegate* delegate) { free(delegate); }
