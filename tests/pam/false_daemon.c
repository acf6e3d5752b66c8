/*
 * In the daemon's place on /run/roster/auth: false_daemon MODE [CODE]. `verdict` answers every call with
 * the verdict CODE, `mute` never answers, `drip` answers a byte a second, `garbage` says what is no
 * message, `hang-up` says nothing and goes. Built and used by the end-to-end suites.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void serve(int line, const char *mode, const char *code)
{
    char said[65536];
    ssize_t length;
    do
        length = read(line, said, sizeof said);
    while (length > 0 && said[length - 1] != 0);
    if (strcmp(mode, "verdict") == 0) {
        char reply[256];
        int size = snprintf(reply, sizeof reply, "{\"parameters\":{\"verdict\":{\"code\":\"%s\"}}}", code);
        if (write(line, reply, (size_t)size + 1) < 0)
            perror("write");
    } else if (strcmp(mode, "garbage") == 0) {
        if (write(line, "\xff\xfe{[[[", 7) < 0)
            perror("write");
    } else if (strcmp(mode, "drip") == 0) {
        while (write(line, "{", 1) == 1)
            sleep(1);
    } else if (strcmp(mode, "mute") == 0) {
        while (read(line, said, sizeof said) > 0)
            ;
    }
    close(line);
}

int main(int count, char **words)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/roster/auth" };
    int door = socket(AF_UNIX, SOCK_STREAM, 0);
    if (count < 2)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    unlink(address.sun_path);
    if (bind(door, (struct sockaddr *)&address, sizeof address) != 0 || listen(door, 16) != 0)
        return 1;
    chmod(address.sun_path, 0666);
    for (int line; (line = accept(door, NULL, NULL)) >= 0;)
        serve(line, words[1], count > 2 ? words[2] : "");
    return 1;
}
