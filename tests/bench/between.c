#include "bench.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
    pid_t pid;
    int to, from;
    char text[512];
    size_t used;
};

static struct worker start(const char *store, int number)
{
    char id[32];
    snprintf(id, sizeof(id), "bench-%d", number);
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        bench_die("no pipe");
    struct worker worker = {.pid = fork(), .to = in[1], .from = out[0]};
    if (worker.pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl("/proc/self/exe", "elect_bench", "--worker", store, id, (char *)NULL);
        _exit(127);
    }
    if (worker.pid < 0)
        bench_die("no process");
    close(in[0]);
    close(out[1]);
    return worker;
}

/* The time that goes with the worker's next "what"; other lines are passed over. */
static int64_t wait_for(struct worker *w, const char *what)
{
    for (;;) {
        char *end = memchr(w->text, '\n', w->used);
        if (end) {
            *end = '\0';
            char name[32];
            long long at_ns;
            bool found = sscanf(w->text, "%31s %lld", name, &at_ns) == 2 && strcmp(name, what) == 0;
            w->used -= (size_t)(end + 1 - w->text);
            memmove(w->text, end + 1, w->used);
            if (found)
                return at_ns;
            continue;
        }
        struct pollfd fd = {.fd = w->from, .events = POLLIN};
        ssize_t got =
            poll(&fd, 1, BENCH_PATIENCE_MS) == 1 ? read(w->from, w->text + w->used, sizeof(w->text) - w->used) : 0;
        if (got <= 0)
            bench_die("process %d did not say \"%s\"", (int)w->pid, what);
        w->used += (size_t)got;
    }
}

static void end(struct worker *w)
{
    close(w->to);
    close(w->from);
    waitpid(w->pid, NULL, 0);
}

static void hand_over(const char *store, int rounds, struct bench_result *result, bool by_kill)
{
    struct worker leader = start(store, 0);
    wait_for(&leader, "elected");
    for (int i = 0; i < rounds; i++) {
        struct worker follower = start(store, i + 1);
        wait_for(&follower, "sees");
        int64_t ended_at_ns = bench_now_ns();
        if (by_kill)
            kill(leader.pid, SIGKILL);
        else if (write(leader.to, "s", 1) == 1)
            ended_at_ns = wait_for(&leader, "stopped");
        bench_add(result, wait_for(&follower, "elected") - ended_at_ns);
        end(&leader);
        leader = follower;
    }
    kill(leader.pid, SIGKILL);
    end(&leader);
}

void bench_handover_between(const char *store, int rounds, struct bench_result *handover)
{
    hand_over(store, rounds, handover, false);
}

void bench_kill(const char *store, int rounds, struct bench_result *result)
{
    hand_over(store, rounds, result, true);
}
