/* Looks everything up on a stack of 16 KiB, through glibc, with a file that is not mapped yet. */
#include "check.h"

static void *thread(void *argument)
{
    find_each();
    find_shadow();
    return argument;
}

int main(void)
{
    pthread_attr_t small;
    pthread_t it;
    CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 16 * 1024) == 0);
    /* glibc loads modules on the stack of whoever comes first; that is its affair, not ours. */
    find_each();
    find_shadow();
    replace_index();
    CHECK(pthread_create(&it, &small, thread, NULL) == 0 && pthread_join(it, NULL) == 0);
    return 0;
}
