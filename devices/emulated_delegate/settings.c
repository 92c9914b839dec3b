#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char KNOWN[] = "ops, latency_us, latency_us_per_op, fail";
static const long LONGEST_US = 60000000; /* a minute: more is a slip of the pen */

typedef struct {
  char* text;
  size_t size;
} Message;

static bool refuse_operator(Message message, const char* name, int length) {
  snprintf(message.text, message.size,
           "ops: unknown operator '%.*s' (write CONV_2D+ADD, all or none)", length, name);
  return false;
}

static bool refuse(Message message, const char* key, const char* value, const char* expected) {
  snprintf(message.text, message.size, "%s=%s is not understood (write %s)", key, value, expected);
  return false;
}

static bool whole_number(const char* text, long lowest, long highest, long* number) {
  char* end = NULL;
  if (text[0] < '0' || text[0] > '9') return false;
  errno = 0;
  *number = strtol(text, &end, 10);
  return errno == 0 && *end == '\0' && *number >= lowest && *number <= highest;
}

static bool read_fault(const char* value, Settings* settings) {
  static const struct {
    const char* name;
    Fault fault;
    bool numbered;
  } FAULTS[] = {
      {"create", FAULT_CREATE, false},
      {"prepare", FAULT_PREPARE, false},
      {"invoke:", FAULT_INVOKE, true},
      {"hang:", FAULT_HANG, true},
  };
  for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; ++i) {
    size_t length = strlen(FAULTS[i].name);
    if (strncmp(value, FAULTS[i].name, length) != 0) continue;
    settings->fault = FAULTS[i].fault;
    if (!FAULTS[i].numbered) return value[length] == '\0';
    return whole_number(value + length, 1, 1000000000, &settings->fault_at);
  }
  return false;
}

static bool read_one(const char* key, const char* value, Settings* settings, Message message) {
  static const char MICROSECONDS[] = "microseconds, 0 to 60000000";
  if (strcmp(key, "ops") == 0) {
    const char* unknown = NULL;
    int length = 0;
    return operators_parse(value, &settings->operators, &unknown, &length) ||
           refuse_operator(message, unknown, length);
  }
  if (strcmp(key, "latency_us") == 0) {
    return whole_number(value, 0, LONGEST_US, &settings->latency_us) ||
           refuse(message, key, value, MICROSECONDS);
  }
  if (strcmp(key, "latency_us_per_op") == 0) {
    return whole_number(value, 0, LONGEST_US, &settings->latency_us_per_op) ||
           refuse(message, key, value, MICROSECONDS);
  }
  if (strcmp(key, "fail") == 0) {
    return read_fault(value, settings) ||
           refuse(message, key, value, "create, prepare, invoke:N or hang:N, N from 1");
  }
  snprintf(message.text, message.size, "unknown option '%s' (known: %s)", key, KNOWN);
  return false;
}

bool settings_read(char** keys, char** values, size_t count, Settings* settings, char* text,
                   size_t size) {
  Message message = {text, size};
  const char* unknown = NULL;
  int length = 0;
  memset(settings, 0, sizeof *settings);
  operators_parse("all", &settings->operators, &unknown, &length);
  for (size_t i = 0; i < count; ++i) {
    if (!read_one(keys[i], values[i], settings, message)) return false;
  }
  return true;
}
