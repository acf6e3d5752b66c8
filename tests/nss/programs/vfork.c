/* Looks up in vfork children, which share the parent's memory: what they map stays the parent's. */
#include "check.h"

int main(void)
{
    int descriptors = count_descriptors();
    by_name *getpwnam_of_ours = entry_point("_nss_roster_getpwnam_r");
    for (int round = 0; round < 200; round++) {
        volatile int status = 0;
        if (round % 3 == 2)
            replace_index();
        pid_t child = vfork();
        if (child == 0) {
            int error;
            status = ask_for_alice(getpwnam_of_ours, &error);
            _exit(0);
        }
        wait_for(child);
        CHECK(status == SUCCESS);
        if (round % 3 == 1)
            find_each();
        CHECK(count_mappings() == 1 && count_descriptors() == descriptors);
    }
    find_each();
    return 0;
}
