/* Counts executed guest instructions by kind. A plugin for qemu's TCG, API version 1.
 *
 * Arguments: kinds=FILE, one "mask value" (hexadecimal) a line: an instruction word is of the
 * first kind for which (word & mask) == value. out=FILE, where counts go.
 * The guest marks a point with syscall(0x5eed, tag). Each mark appends a line: tag, all
 * instructions, blocks, and those of each kind, since the mark before.
 *
 * Exact for one guest thread. The prototypes are those of qemu's documentation "QEMU TCG
 * Plugins", declared here because no distribution packages the header.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define MOST_KINDS 512
#define MARK 0x5eed
#define INLINE_ADD_U64 0

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t plugin_id;
typedef void (*on_translation)(plugin_id, struct qemu_plugin_tb *);
typedef void (*on_syscall)(plugin_id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                           uint64_t a8);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, on_translation);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, on_syscall);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int operation, void *where,
                                              uint64_t what);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);

EXPORT int qemu_plugin_version = 1;

enum { ALL, BLOCKS, FIRST_KIND };
static uint32_t masks[MOST_KINDS], values[MOST_KINDS];
static int kinds;
static uint64_t counts[FIRST_KIND + MOST_KINDS], at_last_mark[FIRST_KIND + MOST_KINDS];
static FILE *out;

/* The place in `counts` of an instruction's kind; -1 where it is of none. */
static int place_of(const struct qemu_plugin_insn *instruction)
{
    uint32_t word;
    if (qemu_plugin_insn_size(instruction) != sizeof word)
        return -1;
    memcpy(&word, qemu_plugin_insn_data(instruction), sizeof word);
    for (int kind = 0; kind < kinds; kind++)
        if ((word & masks[kind]) == values[kind])
            return FIRST_KIND + kind;
    return -1;
}

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
    uint64_t in_block[FIRST_KIND + MOST_KINDS] = {0};
    size_t length = qemu_plugin_tb_n_insns(block);
    in_block[ALL] = length;
    in_block[BLOCKS] = 1;
    for (size_t i = 0; i < length; i++) {
        int place = place_of(qemu_plugin_tb_get_insn(block, i));
        if (place >= 0)
            in_block[place]++;
    }
    for (int place = 0; place < FIRST_KIND + kinds; place++)
        if (in_block[place])
            qemu_plugin_register_vcpu_tb_exec_inline(block, INLINE_ADD_U64, &counts[place],
                                                     in_block[place]);
}

static void called(plugin_id id, unsigned vcpu, int64_t number, uint64_t tag, uint64_t a2,
                   uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    if (number != MARK)
        return;
    fprintf(out, "%" PRIu64, tag);
    for (int place = 0; place < FIRST_KIND + kinds; place++) {
        fprintf(out, " %" PRIu64, counts[place] - at_last_mark[place]);
        at_last_mark[place] = counts[place];
    }
    fputc('\n', out);
    fflush(out);
}

static int read_kinds(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    while (kinds < MOST_KINDS &&
           fscanf(file, "%" SCNx32 " %" SCNx32, &masks[kinds], &values[kinds]) == 2)
        kinds++;
    fclose(file);
    return kinds;
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "kinds=", 6) && read_kinds(argv[i] + 6) < 1)
            return -1;
        if (!strncmp(argv[i], "out=", 4))
            out = fopen(argv[i] + 4, "w");
    }
    if (!kinds || !out)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
