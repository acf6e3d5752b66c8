/* Watches how initgroups_dyn makes the caller's array larger, and lets each of its attempts fail.
   The user "many" is in 10,000 groups, from 20000 on. */
#include "check.h"

enum { GROUPS = 10000, FIRST = 20000 };

static int watching, calls, failing;
static size_t sizes[64];

/* In the place of libc's. */
void *realloc(void *old, size_t size)
{
    static void *(*real)(void *, size_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "realloc");
    if (watching) {
        CHECK(calls < 64);
        sizes[calls++] = size;
        if (calls == failing) {
            errno = ENOMEM;
            return NULL;
        }
    }
    return real(old, size);
}

typedef int initgroups_dyn(const char *, gid_t, long *, long *, gid_t **, long, int *);

int main(void)
{
    initgroups_dyn *of_ours = entry_point("_nss_roster_initgroups_dyn");
    int most = 0;
    for (int fail = 0; fail == 0 || fail <= most; fail++) {
        for (long room = 1; room < 100000; room *= 7) {
            long start = 1, size = room;
            gid_t *groups = malloc(room * sizeof *groups);
            int error = 0;
            groups[0] = 77;
            failing = fail;
            calls = 0;
            watching = 1;
            int status = of_ours("many", 0, &start, &size, &groups, -1, &error);
            watching = 0;
            CHECK(groups[0] == 77 && size >= room && start <= size);
            /* At least twice as large each time: a number of copies that the number of groups bounds. */
            for (int at = 0; at < calls; at++)
                CHECK(sizes[at] >= 2 * (at ? sizes[at - 1] : room * sizeof *groups));
            if (calls && calls == failing) {
                CHECK(status == TRY_AGAIN && error == ENOMEM);
                CHECK((size_t)size * sizeof *groups == (calls > 1 ? sizes[calls - 2] : room * sizeof *groups));
            } else {
                CHECK(status == SUCCESS && error == 0 && start == GROUPS + 1);
                CHECK(calls == 0 || (size_t)size * sizeof *groups == sizes[calls - 1]);
                CHECK(size < room + 4 * GROUPS);
            }
            for (long at = 1; at < start; at++)
                CHECK(groups[at] == FIRST + (gid_t)at - 1);
            if (fail == 0 && calls > most)
                most = calls;
            free(groups);
        }
    }
    CHECK(most > 5 && most < 20);
    return 0;
}
