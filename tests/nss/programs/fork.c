/* Forks while other threads are in the middle of lookups, in a program that uses glibc alone. */
#include "check.h"
#include <stdatomic.h>

static atomic_int enough;

static void *looking_up(void *argument)
{
    while (!atomic_load(&enough))
        find_each();
    return argument;
}

int main(void)
{
    pthread_t threads[3];
    for (int at = 0; at < 3; at++)
        CHECK(pthread_create(&threads[at], NULL, looking_up, NULL) == 0);
    for (int round = 0; round < 200; round++) {
        if (round % 4 == 0)
            replace_index();
        pid_t child = fork();
        if (child == 0) {
            alarm(30);
            find_each();
            find_shadow();
            find_each();
            _exit(0);
        }
        wait_for(child);
    }
    atomic_store(&enough, 1);
    for (int at = 0; at < 3; at++)
        CHECK(pthread_join(threads[at], NULL) == 0);
    CHECK(count_users() == 5);
    return 0;
}
