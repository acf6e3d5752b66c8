/* Loads and unloads the module many times, as programs with plugins do. */
#include "check.h"

int main(void)
{
    by_name *first = entry_point("_nss_roster_getpwnam_r");
    int error, descriptors = count_descriptors();
    CHECK(ask_for_alice(first, &error) == SUCCESS);
    for (int round = 0; round < 3000; round++) {
        void *module = dlopen("libnss_roster.so.2", round % 2 ? RTLD_NOW : RTLD_LAZY);
        CHECK(module);
        by_name *again = dlsym(module, "_nss_roster_getpwnam_r");
        CHECK(again == first && ask_for_alice(again, &error) == SUCCESS);
        CHECK(dlclose(module) == 0);
        /* It stays: another thread could be in it. */
        if (round % 100 == 0)
            CHECK(dlclose(dlopen("libnss_roster.so.2", RTLD_NOW)) == 0);
        CHECK(ask_for_alice(first, &error) == SUCCESS);
    }
    CHECK(count_mappings() == 1 && count_descriptors() == descriptors);
    return 0;
}
