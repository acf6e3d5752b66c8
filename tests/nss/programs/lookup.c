/* Looks everything up: a program of any build. With the argument "setuid" it must be one that is. */
#include "check.h"
#include <sys/auxv.h>

int main(int count, char **arguments)
{
    int descriptors = count_descriptors();
    if (count > 1 && strcmp(arguments[1], "setuid") == 0)
        CHECK(getauxval(AT_SECURE) && geteuid() == 0 && getuid() == 65534);
    find_each();
    find_shadow();
    CHECK(count_users() == 5);
    replace_index();
    find_each();
    CHECK(count_users() == 5);
    CHECK(count_descriptors() == descriptors);
    return 0;
}
