/* Looks up with 0, 1 and 2 closed from the start, then with no descriptor left. */
#include "check.h"

int main(void)
{
    /* Where complaints go. */
    int complaints = fcntl(2, F_DUPFD_CLOEXEC, 100);
    CHECK(complaints >= 100 && close(0) == 0 && close(1) == 0 && close(2) == 0);
    find_each();
    find_shadow();
    CHECK(count_users() == 5);
    replace_index();
    find_each();
    CHECK(fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0);
    CHECK(dup2(complaints, 2) == 2);

    by_name *getpwnam_of_ours = entry_point("_nss_roster_getpwnam_r");
    int error = 0, last = -1, next;
    while ((next = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        last = next;
    CHECK(errno == EMFILE);
    CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS && error == 0);
    CHECK(close(last) == 0);
    CHECK(close(last - 1) == 0);
    replace_index();
    while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
        ;
    /* What is mapped is known to be old. */
    CHECK(ask_for_alice(getpwnam_of_ours, &error) == UNAVAILABLE && error == EMFILE);
    CHECK(close(last) == 0);
    CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS);
    CHECK(open("/dev/null", O_RDONLY) == last && open("/dev/null", O_RDONLY) < 0);
    CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS);
    return 0;
}
