/* Looks up while the process ends: in atexit handlers, a destructor, a destructor of a thread's key.
   With the argument "first", not before. */
#include "check.h"

static int handled;

static void at_exit(void)
{
    find_each();
    find_shadow();
    CHECK(count_users() == 5);
    handled++;
}

static void at_thread_exit(void *value)
{
    (void)value;
    at_exit();
}

static void *thread(void *key)
{
    CHECK(pthread_setspecific(*(pthread_key_t *)key, key) == 0);
    return NULL;
}

__attribute__((destructor)) static void destructor(void)
{
    at_exit();
    CHECK(handled == 4);
    dprintf(1, "handled\n");
}

int main(int count, char **arguments)
{
    (void)arguments;
    pthread_key_t key;
    pthread_t it;
    if (count == 1)
        find_each();
    CHECK(atexit(at_exit) == 0 && atexit(at_exit) == 0);
    CHECK(pthread_key_create(&key, at_thread_exit) == 0);
    CHECK(pthread_create(&it, NULL, thread, &key) == 0 && pthread_join(it, NULL) == 0);
    return 0;
}
