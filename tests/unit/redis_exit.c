/* Programs that end without closing their client, at a moment when its thread may be in OpenSSL. Not a test of the
 * framework's: that uses OpenSSL itself, and so before the library does. */
#include <arpa/inet.h>
#include <elect/elect.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAMS = 60, STEP_US = 500 };

/* Opens a client to port, and ends. */
static void run_program(unsigned port, useconds_t after_us)
{
    char url[64];
    elect_client_t *client;
    elect_options_t *options = elect_options_new();
    snprintf(url, sizeof url, "rediss://127.0.0.1:%u", port);
    if (elect_options_set(options, "store", url) != ELECT_OK || elect_client_open(options, &client) != ELECT_OK)
        _exit(1);
    elect_options_free(options);
    usleep(after_us);
    exit(0);
}

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int failed = 0, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* where nobody says anything */
    if (bind(listener, (struct sockaddr *)&at, length) != 0 || listen(listener, PROGRAMS) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) != 0) {
        perror("listen");
        return 1;
    }
    for (int i = 0; i < PROGRAMS; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0)
            run_program(ntohs(at.sin_port), (useconds_t)(i * STEP_US));
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            printf("number %d ended with %x\n", i, (unsigned)status);
            failed++;
        }
    }
    close(listener);
    return failed ? 1 : 0;
}
