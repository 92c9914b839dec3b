/* Latency and faults. */
#include "play.h"

#include <time.h>

/* Sleeps: the processor is free meanwhile, as it is while an accelerator works. */
static void wait_us(long long microseconds) {
  struct timespec until;
  if (microseconds <= 0) return;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += (time_t)(microseconds / 1000000);
  until.tv_nsec += (long)(microseconds % 1000000 * 1000);
  if (until.tv_nsec >= 1000000000) {
    until.tv_nsec -= 1000000000;
    until.tv_sec += 1;
  }
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {
  }
}

static void hang(void) {
  for (;;) wait_us(1000000);
}

Status play_invocation(Context* context, const Settings* settings, long number) {
  bool due = number >= settings->fault_at;
  if (settings->fault == FAULT_HANG && due) hang();
  if (settings->fault == FAULT_INVOKE && due) {
    context->report_error(context, "fail=invoke:%ld asks for it\n", settings->fault_at);
    return STATUS_ERROR;
  }
  wait_us(settings->latency_us);
  return STATUS_OK;
}

void play_operators(const Settings* settings, int count) {
  wait_us((long long)count * settings->latency_us_per_op);
}
