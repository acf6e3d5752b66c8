/* Cancels threads in the middle of lookups while the index is replaced, as the argument says:
   "deferred" (nothing may be left behind) or "asynchronous" (right answers must go on). */
#include "check.h"
#include <stdatomic.h>

static by_name *getpwnam_of_ours;
static int asynchronous;
static atomic_int begun, enough;

static void *looking_up(void *argument)
{
    int error, old;
    if (asynchronous)
        CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old) == 0);
    for (;;) {
        /* Not through glibc, which leaves its own socket to nscd behind when it is cancelled. */
        CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS);
        atomic_fetch_add(&begun, 1);
        pthread_testcancel();
    }
    return argument;
}

static void *replacing(void *argument)
{
    while (!atomic_load(&enough)) {
        replace_index();
        usleep(200);
    }
    return argument;
}

int main(int count, char **arguments)
{
    asynchronous = count > 1 && strcmp(arguments[1], "asynchronous") == 0;
    getpwnam_of_ours = entry_point("_nss_roster_getpwnam_r");
    find_each();
    int descriptors = count_descriptors();
    pthread_t replacer, it;
    CHECK(pthread_create(&replacer, NULL, replacing, NULL) == 0);
    for (int round = 0; round < 400; round++) {
        void *result;
        atomic_store(&begun, 0);
        CHECK(pthread_create(&it, NULL, looking_up, NULL) == 0);
        while (atomic_load(&begun) == 0)
            usleep(50);
        usleep(round % 7 * 10);
        CHECK(pthread_cancel(it) == 0 && pthread_join(it, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
    }
    atomic_store(&enough, 1);
    CHECK(pthread_join(replacer, NULL) == 0);
    find_each();
    if (!asynchronous) {
        CHECK(count_mappings() == 1);
        CHECK(count_descriptors() == descriptors);
    }
    for (int round = 0; round < 40; round++) {
        replace_index();
        find_each();
    }
    return 0;
}
