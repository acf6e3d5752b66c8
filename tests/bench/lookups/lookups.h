/* What the parts of the measuring program share. */

#ifndef LOOKUPS_H
#define LOOKUPS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds of a clock that only moves on; reading it is no system call. */
uint64_t now(void);

/* Says what is wrong, with errno if it is not 0, and ends the process. */
void give_up(const char *what, const char *of) __attribute__((noreturn));

/* accounts.c: whom to ask for, in random order. */

struct account {
    char name[32];
    uid_t uid;
};

struct accounts {
    struct account *list;
    size_t count;
};

struct wanted {
    struct accounts present; /* have an entry */
    struct accounts missing; /* have none */
    struct accounts members; /* are in twenty groups beside their own */
    size_t population;       /* how many accounts there are */
};

/* Reads the lists in `folder`, at most `limit` lines of each. */
struct wanted read_accounts(const char *folder, size_t limit);

/* view.c: the system as one source shows it. */

/* From here on this process and its children see the files in `view` in place of those in /etc. */
void enter_view(const char *view);

/* operations.c: what is measured. */

enum operation {
    HIT_BY_NAME,
    HIT_BY_UID,
    MISS_BY_NAME,
    MISS_BY_UID,
    INITGROUPS,
    FIRST_CALL,
    WHOLE_ID,
    ENUMERATION,
    OPERATIONS
};

extern const char *const OPERATION_NAMES[OPERATIONS];

/* The operation of this name; gives up if there is none. */
enum operation operation_named(const char *name);

/* What `carry_out` gives when the answer was not the right one. */
#define WRONG UINT64_MAX

/* Carries an operation out for the account at `which` (taken modulo their number) and checks the
 * answer. Gives the nanoseconds that it took, including one reading of the clock, or WRONG, and has then
 * said why. `any` accepts every entry, as the module that answers a constant needs. */
uint64_t carry_out(enum operation operation, const struct wanted *wanted, size_t which, int any);

/* The time that the first lookup of this process takes, on standard output. */
int first_call(const char *name);

/* enumeration.c */

/* Walks through `count` users and prints the nanoseconds that it took. */
int enumerate(size_t count);

/* Walks through `count` users and prints by how much the process grew meanwhile, in KiB: its own
 * memory at most, then the pages of files that it shares. */
int enumerate_for_memory(size_t count);

/* turns.c */

/* Measures all sources side by side; `arguments` are those of the command line. */
int measure(char **arguments);

#endif
